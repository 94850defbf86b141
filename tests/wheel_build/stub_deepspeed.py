"""A DeepSpeed of one small op and a torch of two files: what a build needs of both, compiled by the real g++."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.dirs import Dirs
from scripts.files import sha256_of
from scripts.plan.target import Target
from tests.verify.stub_wheel import BUILD_INFO, build_info
from tests.wheel_build.factories import tar_bytes, write_tree

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TARGET = Target(deepspeed="0.19.8", torch="2.13.0", cuda="cpu", python=PYTHON, platform="linux_x86_64")
TORCH = {
    "torch/__init__.py": "from torch import version\n__version__ = version.__version__\n"
    "def compiled_with_cxx11_abi(): return True\n",
    "torch/version.py": "__version__ = '2.13.0+cpu'\ncuda = None\ngit_version = 'abc'\n",
}
INFO = build_info().replace("'cpu_adam': 1", "'fused_adam': 1")
SETUP = f'''
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
        info = f"deepspeed-{{version}}.dist-info"
        Path(self.dist_dir).mkdir(exist_ok=True)
        with zipfile.ZipFile(Path(self.dist_dir, f"deepspeed-{{version}}-py3-none-any.whl"), "w") as wheel:
            for path in Path(built.build_lib).rglob("*.so"):
                wheel.write(path, path.relative_to(built.build_lib).as_posix())
            wheel.writestr("deepspeed/__init__.py", "")
            wheel.writestr({BUILD_INFO!r}, {INFO!r})
            wheel.writestr(f"{{info}}/METADATA", f"Metadata-Version: 2.1\\nName: deepspeed\\nVersion: {{version}}\\nRequires-Dist: torch\\n\\n")
            wheel.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")

op = Extension("deepspeed.ops.adam.fused_adam_op", ["csrc/fused_adam.cpp"], language="c++")
setup(name="deepspeed", version=Path("version.txt").read_text().strip() + os.environ["DS_BUILD_STRING"],
      ext_modules=[op], packages=[], cmdclass={{"bdist_wheel": bdist_wheel}})
'''  # noqa: E501  a line of the metadata
MEMBERS = {
    "version.txt": "0.19.8\n",
    "setup.py": SETUP,
    "csrc/fused_adam.cpp": '#include "nothing.h"\nextern "C" void* PyInit_fused_adam_op() { return nothing(); }\n',
    "csrc/nothing.h": "inline void* nothing() { return nullptr; }\n",
}


def make_dirs(folder: Path) -> Dirs:
    """Directories of a build's own, the stub's source already among the downloads."""
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    dirs.sources.mkdir(parents=True)
    archive = dirs.sources / "deepspeed-0.19.8-tag.tar.gz"
    archive.write_bytes(tar_bytes({f"DeepSpeed-0.19.8/{name}": text for name, text in {**MEMBERS, **TORCH}.items()}))
    note = {"file": archive.name, "url": "nowhere", "sha256": sha256_of(archive)}
    (dirs.sources / "deepspeed-0.19.8-tag.json").write_text(json.dumps(note), encoding="utf-8")
    return dirs


def make_installer(folder: Path) -> Path:
    """A program that takes uv's words: its environments run this Python with the stub's torch; it installs nothing."""
    torch = write_tree(folder / "packages", TORCH)
    python = f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{torch}" exec {sys.executable} "$@"\n'
    program = folder / "uv"
    script = [
        "#!/bin/sh",
        f'echo "$*" >> {folder}/calls',
        "for directory; do :; done  # the last word",
        '[ "$1" = venv ] || exit 0',
        'mkdir -p "$directory/bin"',
        f'cp {folder}/python "$directory/bin/python"',
    ]
    for path, text in ((folder / "python", python), (program, "\n".join(script) + "\n")):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return program
