"""Builds that fail in a way that was put in: the small DeepSpeed, and what is changed around it for each."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench.faults.build_runs import Clone, Run, start
from bench.faults.small_build import Workshop, note_source
from scripts.dirs import CACHE_VARIABLE, OUTPUT_VARIABLE
from scripts.plan.target import Target
from tests.toolchain.stand_in import make_toolkit
from tests.wheel_build.factories import GXX, Page, serving, tar_bytes, write_tree
from tests.wheel_build.stub_deepspeed import TARGET, TORCH, make_members

SECONDS = 900.0  # on a busy machine
CUDA = replace(TARGET, cuda="cu130")
NVCC = """#!/bin/sh
case " $* " in *" --version "*) cat <<'END'
nvcc: NVIDIA (R) Cuda compiler driver
Cuda compilation tools, release 13.0, V13.0.48
END
exit 0 ;; esac
echo "nvcc fatal   : Unsupported gpu architecture 'compute_60'" >&2
exit 1
"""
CUDA_TORCH = {**TORCH, "torch/version.py": "__version__ = '2.13.0+cu130'\ncuda = '13.0'\ngit_version = 'abc'\n"}
CUDA_SETUP = """
from setuptools.command.build_ext import build_ext

class with_nvcc(build_ext):
    def build_extensions(self):
        self.compiler.src_extensions.append(".cu")
        nvcc = os.path.join(os.environ["CUDA_HOME"], "bin", "nvcc")
        self.compiler.set_executable("compiler_so", [nvcc, "-gencode=arch=compute_60,code=sm_60"])
        self.compiler.set_executable("compiler_so_cxx", [nvcc, "-gencode=arch=compute_60,code=sm_60"])
        super().build_extensions()

"""
KILLED = f"""#!/bin/sh
case " $* " in *" -c "*cpu_adam*) exec {GXX} -B"FRONT/" "$@" ;; esac
exec {GXX} "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where one failure happens, in the failing build and in the repetition alike."""

    words: tuple[str, ...]
    target: Target = TARGET
    variables: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None  # another than the workshop's
    disk: str = ""  # how large the cache's is

    @contextmanager
    def begin(self, clone: Clone, folder: Path, workshop: Workshop) -> Iterator[Place]:
        """A checkout of its own with an empty cache, which has the source."""
        root, cache = folder / "clone", folder / "cache"
        shutil.copytree(clone.root, root)
        cache.mkdir()
        variables = {**clone.variables, "PATH": path_of(workshop), **self.variables}
        with self._disk(cache, root):
            note_source(self.source or workshop.source, cache / "sources")
            yield Place(clone=replace(clone, root=root, variables=variables), folder=folder)

    @contextmanager
    def _disk(self, cache: Path, root: Path) -> Iterator[None]:
        """A small disk for the cache, of which the checkout believes that it has room."""
        if not self.disk:
            yield
            return
        costs = root / "scripts" / "data" / "costs.yaml"
        costs.write_text(re.sub(r"(what: \w+, bytes: )\d+", r"\g<1>1000", costs.read_text()))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.disk}", "none", str(cache)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root mounts a disk")
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(cache)], check=True)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A checkout, its cache and its output."""

    clone: Clone
    folder: Path

    @property
    def output(self) -> Path:
        """Where logs and wheels go."""
        return self.folder / "out"

    def invoke(self, *words: str, variables: Mapping[str, str] | None = None) -> Run:
        """What an `invoke` of the checkout does."""
        folders = {CACHE_VARIABLE: str(self.folder / "cache"), OUTPUT_VARIABLE: str(self.output)}
        given = {**self.clone.variables, **folders, **(variables or {})}
        return start([str(self.clone.python), "-m", "invoke", *words], self.clone.root, given, str(self.folder)).end(
            SECONDS
        )


def path_of(workshop: Workshop) -> str:
    return f"{workshop.folder / 'bin'}:{workshop.python.parent}:/usr/local/bin:/usr/bin:/bin"


def build_words(target: Target = TARGET, ops: str = "fused_adam,cpu_adam", source: str = "sdist") -> tuple[str, ...]:
    return ("--id", target.id, "--ops", ops, "--verify", "audit", "--source", source, "--jobs", "2")


def another_source(workshop: Workshop, folder: Path, changes: Mapping[str, str | None], **members: str) -> Path:
    """The small DeepSpeed with other files; None leaves one out."""
    files: dict[str, str | None] = {**make_members("fused_adam", "cpu_adam"), **TORCH, **members, **changes}
    path = folder / workshop.source.name
    kept = {f"deepspeed-{TARGET.deepspeed}/{name}": text for name, text in files.items() if text is not None}
    path.write_bytes(tar_bytes(kept))
    return path


def missing_header(workshop: Workshop, folder: Path) -> Scene:
    text = make_members("fused_adam", "cpu_adam")["csrc/cpu_adam.cpp"]
    changed = {"csrc/cpu_adam.cpp": f"#include <oneapi/ccl.hpp>\n{text}"}
    return Scene(words=build_words(), source=another_source(workshop, folder, changed))


def killed_compiler(workshop: Workshop, folder: Path) -> Scene:
    """The driver of g++ is the real one; the compiler that it starts for one op is killed."""
    front = folder / "front"
    write_tree(front, {"cc1plus": "#!/bin/sh\nkill -9 $$\n"})
    write_tree(folder / "bin", dict.fromkeys(("g++", "gcc"), KILLED.replace("FRONT", str(front))))
    for program in (front / "cc1plus", folder / "bin" / "g++", folder / "bin" / "gcc"):
        program.chmod(0o755)
    path = f"{folder / 'bin'}:{workshop.python.parent}:/usr/local/bin:/usr/bin:/bin"
    return Scene(words=build_words(), variables={"PATH": path})


def full_disk(workshop: Workshop, folder: Path) -> Scene:
    return Scene(words=build_words(), disk="100k")


def wrong_torch(workshop: Workshop, folder: Path) -> Scene:
    other = {**TORCH, "torch/version.py": "__version__ = '2.12.0+cpu'\ncuda = None\ngit_version = 'abc'\n"}
    return Scene(words=build_words(), variables={"PYTHONPATH": str(write_tree(folder / "packages", other))})


def unsupported_architecture(workshop: Workshop, folder: Path) -> Scene:
    """An nvcc that has forgotten the architecture which setup.py asks for."""
    toolkit = make_toolkit(folder / "cuda", full="13.0.48")
    (toolkit / "bin" / "nvcc").write_text(NVCC)
    members = make_members("fused_adam")
    before, _, rest = members["setup.py"].partition("\nops = ")
    setup = f"{before}\n{CUDA_SETUP}\nops = {rest}".replace("csrc/fused_adam.cpp", "csrc/fused_adam.cu")
    setup = setup.replace('"bdist_wheel": bdist_wheel', '"bdist_wheel": bdist_wheel, "build_ext": with_nvcc')
    changed = {
        "setup.py": setup,
        "csrc/fused_adam.cu": members["csrc/fused_adam.cpp"],
        "csrc/fused_adam.cpp": None,
        "csrc/cpu_adam.cpp": None,
        **CUDA_TORCH,
    }
    packages = write_tree(folder / "packages", CUDA_TORCH)
    return Scene(
        words=(*build_words(CUDA, "fused_adam"), "--toolkit", str(toolkit)),
        target=CUDA,
        variables={"PYTHONPATH": str(packages)},
        source=another_source(workshop, folder, changed),
    )


def wrong_toolkit(workshop: Workshop, folder: Path) -> Scene:
    toolkit = make_toolkit(folder / "cuda", full="12.4.131")
    return Scene(words=(*build_words(CUDA, "fused_adam"), "--toolkit", str(toolkit)), target=CUDA)


@contextmanager
def interrupted_download(workshop: Workshop, folder: Path) -> Iterator[Scene]:
    """A mirror of the tag's archive that breaks off in the middle, each time."""
    page = Page(body=workshop.source.read_bytes() * 100, sent=10_000)
    with serving({"/tag.tar.gz": page}) as site:
        variables = {"DEEPSPEED_WHEELS_TAG_ARCHIVE": f"{site.url}/tag.tar.gz"}
        yield Scene(words=build_words(source="tag"), variables=variables)


FAILURES: Mapping[str, tuple[Callable[[Workshop, Path], object], str, str]] = {  # how, cause, step
    "missing header": (missing_header, "oneccl-headers-missing", "compile"),
    "killed compiler": (killed_compiler, "out-of-memory", "compile"),
    "full disk": (full_disk, "disk-full", ""),
    "wrong torch": (wrong_torch, "op-load-version-mismatch", "environment"),
    "interrupted download": (interrupted_download, "network-failure", "source"),
    "unsupported architecture": (unsupported_architecture, "unsupported-gpu-arch", "compile"),
    "wrong toolkit": (wrong_toolkit, "cuda-torch-mismatch", ""),
}


@contextmanager
def scene_of(name: str, workshop: Workshop, folder: Path) -> Iterator[Scene]:
    """The scene of one failure."""
    folder.mkdir()
    made = FAILURES[name][0](workshop, folder)
    with nullcontext(made) if isinstance(made, Scene) else made as scene:  # type: ignore[attr-defined]
        assert isinstance(scene, Scene)
        yield scene
