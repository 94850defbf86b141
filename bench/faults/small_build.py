"""A whole `invoke build` that takes seconds: the tests' small DeepSpeed, and stand-ins for uv, torch and a slow g++.

Real are `invoke`, nox, the processes they start, every file they write, and g++ behind its stand-in. A clone is a copy
of this checkout whose data pin the small DeepSpeed's digest.
"""

from __future__ import annotations

import compileall
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.faults.build_runs import HANG, Clone
from scripts.command import Command, check, run
from scripts.dirs import CHECKOUT
from scripts.facts.load import load_facts
from scripts.fetch.installer import environment_python
from scripts.files import sha256_of
from scripts.stamp import write_record
from tests.wheel_build.factories import GXX, tar_bytes
from tests.wheel_build.stub_deepspeed import TARGET, TORCH, make_installer, make_members

OPS = ("fused_adam", "cpu_adam", "cpu_lion")
UNITS = 2
COPIED = ("scripts", "tasks.py", "noxfile.py", "matrix.yaml")
WORDS = ("--id", TARGET.id, "--ops", ",".join(OPS), "--verify", "audit", "--source", "sdist", "--jobs", "2")
COMPILERS = ("g++", "gcc")  # the second compiles C++, too, where setuptools takes the C compiler for it
COMPILER = f"""case " $* " in
*" -c "*) if [ -e "${HANG}" ]; then sleep 900; else sleep 0.2; fi ;;
esac
exec {GXX} "$@"
"""
NOWHERE = "http://127.0.0.1:9/{variant}"  # instead of torch's index: refused at once


def make_clone(root: Path) -> Path:
    """A copy of this checkout, as far as a build needs it."""
    for entry in COPIED:
        (root / entry).parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / entry).is_dir():
            shutil.copytree(CHECKOUT / entry, root / entry, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(CHECKOUT / entry, root / entry)
    compileall.compile_dir(root / "scripts", quiet=1)  # so that the first build takes no longer than the next
    return root


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What small builds share: a Python with a stand-in uv beside it, a slow g++, and the source of a DeepSpeed."""

    folder: Path
    python: Path
    source: Path

    def clone(self, name: str) -> Clone:
        """A copy of this checkout that takes the small DeepSpeed for the real one."""
        root = make_clone(self.folder / "clones" / name)
        pinned = load_facts().deepspeed[TARGET.deepspeed].sdist_sha256 or ""
        _change(root / "scripts" / "data" / "deepspeed.yaml", pinned, sha256_of(self.source))
        _change(root / "matrix.yaml", r"(?<=torch_index: )\S+", NOWHERE)
        programs = {"PATH": f"{self.folder / 'bin'}:{self.python.parent}:/usr/local/bin:/usr/bin:/bin"}
        return Clone(root=root, python=self.python, words=WORDS, variables=programs)


def make_workshop(folder: Path) -> Workshop:
    """The workshop, in a folder of its own."""
    python = _make_environment(folder / "environment")
    make_installer(folder).rename(python.with_name("uv"))
    for name in COMPILERS:
        _write_program(folder / "bin" / name, COMPILER)
    source = folder / f"deepspeed-{TARGET.deepspeed}.tar.gz"
    files = {**make_members(*OPS, units=UNITS), **TORCH}
    source.write_bytes(tar_bytes({f"deepspeed-{TARGET.deepspeed}/{name}": text for name, text in files.items()}))
    return Workshop(folder=folder, python=python, source=source)


def _make_environment(folder: Path) -> Path:
    """An environment with the packages of this one: what lies beside its Python is the workshop's own."""
    create = Command(argv=(sys.executable, "-m", "venv", "--without-pip", str(folder)))
    check(create, run(create))
    (packages,) = folder.glob("lib/python*/site-packages")
    found = [path for path in sys.path if path.endswith("-packages")]
    (packages / "borrowed.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in found))
    return environment_python(folder)


def _write_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)


def _change(file: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, file.read_text(encoding="utf-8"))
    assert count == 1, (file, pattern)
    file.write_text(text, encoding="utf-8")


def note_source(source: Path, directory: Path) -> None:
    """The source among the downloads of a cache, as if it had been downloaded."""
    directory.mkdir(parents=True)
    shutil.copyfile(source, directory / source.name)
    note = {"file": source.name, "url": "sdist of the default index", "sha256": sha256_of(source)}
    write_record(directory / f"deepspeed-{TARGET.deepspeed}-sdist.json", note)
