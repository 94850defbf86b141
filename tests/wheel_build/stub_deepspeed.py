"""A DeepSpeed of small ops and a torch of two files: what a build needs of both, compiled by the real g++."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.dirs import Dirs
from scripts.facts.load import load_facts
from scripts.files import sha256_of
from scripts.plan.target import Target
from scripts.stamp import write_record
from tests.verify.stub_wheel import BUILD_INFO, build_info
from tests.wheel_build.factories import tar_bytes, write_tree

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TARGET = Target(deepspeed="0.19.8", torch="2.13.0", cuda="cpu", python=PYTHON, platform="linux_x86_64")
TORCH = {
    "torch/__init__.py": "from torch import version\n__version__ = version.__version__\n"
    "def compiled_with_cxx11_abi(): return True\n",
    "torch/version.py": "__version__ = '2.13.0+cpu'\ncuda = None\ngit_version = 'abc'\n",
}
SETUP = '''
import os, zipfile
from pathlib import Path
from setuptools import Command, Extension, setup

class bdist_wheel(Command):
    """What the package wheel adds to setuptools, as far as a wheel of one op needs it."""
    user_options = [("dist-dir=", None, "where the wheel goes")]
    def initialize_options(self): self.dist_dir = None
    def finalize_options(self): pass
    def run(self):
        self.run_command("build_ext")
        built = self.get_finalized_command("build_ext")
        version = self.distribution.metadata.version
        info = f"deepspeed-{version}.dist-info"
        Path(self.dist_dir).mkdir(exist_ok=True)
        with zipfile.ZipFile(Path(self.dist_dir, f"deepspeed-{version}-py3-none-any.whl"), "w") as wheel:
            for path in Path(built.build_lib).rglob("*.so"):
                wheel.write(path, path.relative_to(built.build_lib).as_posix())
            wheel.writestr("deepspeed/__init__.py", "")
            wheel.writestr(BUILD_INFO, INFO)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: deepspeed\\nVersion: {version}\\nRequires-Dist: torch\\n\\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")

ops = [Extension(module, sources, language="c++") for module, sources in OPS.items()]
setup(name="deepspeed", version=Path("version.txt").read_text().strip() + os.environ["DS_BUILD_STRING"],
      ext_modules=ops, packages=[], cmdclass={"bdist_wheel": bdist_wheel})
'''  # noqa: E501  a line of the metadata
MODULES = {
    op: f"deepspeed.ops.{op.split('_')[1]}.{op}_op" for op in ("fused_adam", "cpu_adam", "cpu_lion", "cpu_adagrad")
}
# A unit: one function, and what the CPU optimizers promise, vector code of level avx2.
SOURCE = """#include "nothing.h"
extern "C" void* {name}() {{ return nothing(); }}
extern "C" void {name}_step() {{ asm(".rept 16\\n vfmadd231ps %ymm2, %ymm1, %ymm0\\n .endr"); }}
"""
# What Python imports: a module with nothing in it.
MODULE = """#include <Python.h>
static PyModuleDef module_of_nothing = {PyModuleDef_HEAD_INIT, "nothing"};
static void* nothing() { return PyModule_Create(&module_of_nothing); }
"""


def make_members(*ops: str, units: int = 1) -> dict[str, str]:
    """The sources of a DeepSpeed with these ops, each compiled from as many files."""
    files = {op: [f"csrc/{op}{number or ''}.cpp" for number in range(units)] for op in ops}
    info = build_info().replace("'cpu_adam': 1", ", ".join(f"{op!r}: 1" for op in ops))
    told = {"BUILD_INFO": BUILD_INFO, "INFO": info, "OPS": {MODULES[op]: sources for op, sources in files.items()}}
    sources = {
        source: SOURCE.format(name=name)
        for op, paths in files.items()
        for source, name in zip(paths, [f"PyInit_{op}_op", *(f"{op}_{n}" for n in range(1, units))], strict=True)
    }
    return {
        "version.txt": "0.19.8\n",
        "deepspeed/__init__.py": "",
        "setup.py": "".join(f"{name} = {value!r}\n" for name, value in told.items()) + SETUP,
        **sources,
        "csrc/aio/common/deepspeed_aio_types.cpp": "const int c_io_queue_depth = 8;\n",
        "csrc/nothing.h": MODULE,
    }


MEMBERS = make_members("fused_adam")


def make_dirs(folder: Path) -> Dirs:
    """Directories of a build's own, the stub's source already among the downloads."""
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    dirs.sources.mkdir(parents=True)
    archive = dirs.sources / "deepspeed-0.19.8-tag.tar.gz"
    archive.write_bytes(tar_bytes({f"DeepSpeed-0.19.8/{name}": text for name, text in {**MEMBERS, **TORCH}.items()}))
    note = {"file": archive.name, "url": "nowhere", "sha256": sha256_of(archive)}
    note["sdist"] = load_facts().deepspeed["0.19.8"].sdist_sha256 or ""  # as if it had been compared with that
    write_record(dirs.sources / "deepspeed-0.19.8-tag.json", note)
    return dirs


def make_installer(folder: Path) -> Path:
    """A program that takes uv's words: its environments run this Python with the stub's torch; it installs nothing."""
    torch = write_tree(folder / "packages", TORCH)
    python = f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{torch}" exec {sys.executable} "$@"\n'
    program = folder / "uv"
    script = [
        "#!/bin/sh",
        f'echo "$*" >> {folder}/calls',
        """[ "$1" = self ] && echo '{"version": "0.7.0"}'  # what nox asks for""",
        "for directory; do :; done  # the last word",
        '[ "$1" = venv ] || exit 0',
        'mkdir -p "$directory/bin"',
        f'cp {folder}/python "$directory/bin/python"',
    ]
    for path, text in ((folder / "python", python), (program, "\n".join(script) + "\n")):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return program
