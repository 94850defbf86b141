"""What is read once: a source with the headers that it reaches and the words that it is compiled with."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.command import Command, check, run
from scripts.errors import SourceError
from scripts.facts.facts import Facts
from scripts.facts.portability_rows import Dialect
from scripts.portability.source_sets import SourceSet
from scripts.wheel_build.flags import edit_flags
from scripts.wheel_build.headers import reach

PROGRAM = Path(__file__).parent / "inside" / "op_sources.py"
PRECOMPILED = "torch/extension.h"
COMPILED = (".cpp", ".cc", ".c")  # by cl; the rest is nvcc's
CODE = ("*.h", "*.hpp", "*.cuh", "*.cpp", "*.cu")
# #if A or B: below C++20 cl takes "or" for a name and drops the rest of the line, with warning C4067
OR = re.compile(rb"^([ \t]*#[ \t]*(?:if|elif)\b(?:\\\r?\n|[^\n])*?)[ \t]+(?:or|and)\b(?:\\\r?\n|[^\n])*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class SourceUnit:
    """One source of one op, in a tree."""

    of: SourceSet
    op: str
    source: Path
    root: Path
    options: tuple[str, ...]  # -I and -D
    upstream: tuple[str, ...]  # the words that reach cl or nvcc, upstream's own and ours
    files: tuple[Path, ...]  # itself and the headers of the tree that it reaches
    precompiled: bool  # whether it includes what is precompiled

    @property
    def name(self) -> str:
        """The source, below the tree."""
        return self.source.relative_to(self.root).as_posix()

    @property
    def dialect(self) -> Dialect:
        """How it is read."""
        return self.of.dialect

    @property
    def is_compiled_by_cl(self) -> bool:
        """Whether cl, and not nvcc, compiles it."""
        return self.source.suffix in COMPILED

    def key(self, identity: str) -> str:
        """The same for units that cannot be told apart by a front end of this identity."""
        files = [(path.relative_to(self.root).as_posix(), _digest(path)) for path in self.files]
        options = [word.replace(str(self.root), "") for word in self.options]
        dialect = (*self.dialect.options, self.dialect.torch)
        text = json.dumps([identity, dialect, self.of.target.accelerator, self.name, options, files])
        return hashlib.sha256(text.encode()).hexdigest()


def read_as_cl(root: Path, dialect: Dialect) -> None:
    """Take out of the tree's conditions what cl drops in this dialect."""
    for pattern in CODE if dialect.drops_or else ():
        for path in (*root.glob(f"csrc/**/{pattern}"), *root.glob(f"deepspeed/inference/**/{pattern}")):
            before = path.read_bytes()
            after = OR.sub(rb"\1", before)
            if after != before:
                path.write_bytes(after)


def units_of(one: SourceSet, root: Path, facts: Facts, cpu_flags: tuple[str, ...]) -> tuple[SourceUnit, ...]:
    """The units of a set whose tree lies in `root`, those of nvcc among them.

    Raises SourceError when upstream's builder of one of the ops does not say what it is made from.
    """
    described = _ask_builders(one, root, cpu_flags)
    return tuple(unit for op in one.ops for unit in _units_of_op(one, op, described.get(op, {}), root, facts))


def _ask_builders(one: SourceSet, root: Path, cpu_flags: tuple[str, ...]) -> Mapping[str, Any]:
    target = one.target
    words = (target.accelerator, target.torch, target.cuda_version or "", ",".join(cpu_flags))
    output = root / ".op-sources.json"
    command = Command(
        argv=(sys.executable, str(PROGRAM), *words, str(output)), cwd=root, env={"TORCH_CUDA_ARCH_LIST": one.arches}
    )
    check(command, run(command))
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def _units_of_op(
    one: SourceSet, op: str, described: Mapping[str, Any], root: Path, facts: Facts
) -> Iterator[SourceUnit]:
    if "sources" not in described:
        reason = described.get("error", "upstream has no builder of that name")
        raise SourceError(f"{one.label}: {op} cannot be read: {reason}")
    by_cl, by_nvcc = (
        edit_flags((step, *described[options]), facts.flags, step=step, system="windows", directories={}, cpu=())[1:]
        for step, options in (("compile", "options"), ("nvcc", "nvcc_options"))
    )
    folders = [(root / folder).resolve() for folder in described["include_dirs"]]
    for name in described["sources"]:
        source = (root / name).resolve()
        reached = reach(source, folders, root)
        upstream = by_cl if source.suffix in COMPILED else by_nvcc
        options = (*(f"-I{folder}" for folder in folders), *(word for word in upstream if word[:2] in ("-D", "-U")))
        yield SourceUnit(
            of=one,
            op=op,
            source=source,
            root=root,
            options=options,
            upstream=upstream,
            files=reached.files,
            precompiled=PRECOMPILED in reached.outside,
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
