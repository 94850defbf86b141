"""The front end of nvcc for Linux, out of NVIDIA's wheels: it reads a kernel to its end and generates nothing.

No nvcc.exe can read one here, because Microsoft's headers are missing; this one reads with GCC's. What it says of the
language, of torch's headers and of CUDA's is true of Windows, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.locks import locked

PINS = {
    "nvidia-cuda-nvcc==13.0.88": "56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03",
    "nvidia-cuda-crt==13.0.88": "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
    "nvidia-nvvm==13.0.88": "c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0",
    "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    "nvidia-cuda-cccl==13.0.85": "e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649",
}
# As torch's build extension has them for every kernel.
OPTIONS = (
    *("-D__CUDA_NO_HALF_OPERATORS__", "-D__CUDA_NO_HALF_CONVERSIONS__", "-D__CUDA_NO_BFLOAT16_CONVERSIONS__"),
    *("-D__CUDA_NO_HALF2_OPERATORS__", "--expt-relaxed-constexpr", "-DTORCH_API_INCLUDE_EXTENSION_H"),
    *("-DTORCH_EXTENSION_NAME=op", "-DUSE_CUDA", "-allow-unsupported-compiler"),
)


@dataclass(frozen=True, kw_only=True)
class KernelFrontEnd:
    """The compiler, and where its temporary files may lie."""

    nvcc: Path

    def read(self, source: Path, standard: str, options: Sequence[str], folder: Path, arch: str = "80") -> str:
        """What it says against a kernel; empty where it has nothing.

        nvcc tells the lines that it would run; those up to its front end are run.
        """
        words = ["--dryrun", "--keep", "--keep-dir", str(folder), f"-std={standard}", *OPTIONS, *options]
        words += [f"-I{sysconfig.get_path('include')}", f"-gencode=arch=compute_{arch},code=compute_{arch}"]
        told = subprocess.run(
            [self.nvcc, *words, "-c", source, "-o", folder / "kernel.o"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert told.returncode == 0, told.stderr
        lines = [line.removeprefix("#$ ") for line in told.stderr.splitlines() if line.startswith("#$ ")]
        last = next(number for number, line in enumerate(lines) if "cudafe++" in line)
        script = "\n".join(["set -e", *(_assigned(line) for line in lines[: last + 1])])
        ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=folder)
        return ended.stderr if ended.returncode else ""


def _assigned(line: str) -> str:
    """A line of the dry run as bash reads it: it writes a variable's value without quotes."""
    name, equals, value = line.partition("=")
    return f"export {name}='{value}'" if equals and name.isidentifier() else line


def kernel_front_end(cache: Path) -> KernelFrontEnd:
    """The front end, fetched once: 100 MB by pip, checked by their digests."""
    folder = cache / "nvcc-13.0.88"
    with locked(folder, "NVIDIA's compiler is being fetched"):
        if not (folder / "whole").is_file():
            lines = [f"{pin} --hash=sha256:{digest}\n" for pin, digest in PINS.items()]
            (cache / "nvcc-13.0.88.txt").write_text("".join(lines), encoding="utf-8")
            argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]
            argv += [
                "--only-binary",
                ":all:",
                "--upgrade",
                "--target",
                str(folder),
                "-r",
                str(cache / "nvcc-13.0.88.txt"),
            ]
            subprocess.run(
                argv, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
            )
            (folder / "whole").touch()
    return KernelFrontEnd(nvcc=folder / "nvidia" / "cu13" / "bin" / "nvcc")
