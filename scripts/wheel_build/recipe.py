"""The captured commands of upstream's build as values: which units an op compiles and how it is linked.

`inside/upstream.py` writes them down inside the build environment; from here on it is a `Recipe`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from scripts.errors import CompileError

SOURCE_SUFFIXES = (".cpp", ".cc", ".c", ".cu")
OBJECT_SUFFIXES = (".o", ".obj")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One translation unit: its source (below the source tree), its object file and the command that makes it."""

    source: str
    object: Path
    argv: tuple[str, ...]
    plain: tuple[str, ...] = ()  # the command to fall back on, where `argv` has a header that may not serve

    @property
    def step(self) -> str:
        """Which compiler runs: "nvcc", or "compile" for the host compiler; as rows of flags.yaml name them."""
        return "nvcc" if PureWindowsPath(self.argv[0]).stem.lower() == "nvcc" else "compile"

    def to(self, new: Path, argv: Iterable[str] | None = None) -> Unit:
        """The same unit written to another object file, with other arguments when given."""
        words, plain = (
            tuple(word.replace(str(self.object), str(new)) for word in command)
            for command in (self.argv if argv is None else argv, self.plain)
        )
        return replace(self, object=new, argv=words, plain=plain)


@dataclass(frozen=True, kw_only=True)
class OpRecipe:
    """How one op is made: its units, the link command, and the binary's path in the wheel."""

    op: str
    module: str
    file: str  # path in the wheel, forward slashes
    units: tuple[Unit, ...]
    link: tuple[str, ...]
    binary: Path
    import_library: Path | None = None  # what MSVC's linker writes beside the binary; nobody needs it

    def in_directory(self, directory: Path) -> OpRecipe:
        """The op with everything that it writes in this directory."""
        units, link = [], list(self.link)
        for index, unit in enumerate(self.units):
            new = directory / f"{index:02d}-{Path(unit.source).stem}{unit.object.suffix}"
            units.append(unit.to(new))
            link = [word.replace(str(unit.object), str(new)) for word in link]
        binary = directory / self.binary.name
        link = [word.replace(str(self.binary), str(binary)) for word in link]
        if self.import_library:
            link = [word.replace(str(self.import_library), str(directory / self.import_library.name)) for word in link]
        return replace(self, units=tuple(units), link=tuple(link), binary=binary)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every op's recipe, and the identity of the torch and Python that they were captured with."""

    version: str
    ops: tuple[OpRecipe, ...]
    torch: Mapping[str, Any]
    python: Mapping[str, Any]
    setuptools: str

    @property
    def compile_commands(self) -> list[tuple[str, ...]]:
        """The command of every unit."""
        return [unit.argv for op in self.ops for unit in op.units]


def read_recipe(path: Path, chosen: Iterable[str], op_of_module: Mapping[str, str]) -> Recipe:
    """The recipe that `inside/upstream.py` wrote to `path`: the chosen ops, and what upstream adds to them by itself.

    (From 0.19.5 on it adds pin_memory to async_io.) Raises CompileError when a module belongs to no op of
    `op_of_module`, or a chosen op was left out by upstream's own check.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    entries = {entry["module"]: entry for entry in document["extensions"]}
    if unknown := sorted(entries.keys() - op_of_module.keys()):
        raise CompileError(f"upstream builds {', '.join(unknown)}, which the op catalogue does not know; add a row")
    captured = {op: entries[module] for module, op in op_of_module.items() if module in entries}
    if missing := sorted(set(chosen) - captured.keys()):
        raise CompileError(f"upstream's own check left out {', '.join(missing)}; the log holds its warning")
    ops = tuple(_op(op, entry) for op, entry in captured.items())
    return Recipe(
        version=document["version"],
        ops=ops,
        torch=document["torch"],
        python=document["python"],
        setuptools=document["setuptools"],
    )


def _op(op: str, entry: Mapping[str, Any]) -> OpRecipe:
    commands = [tuple(argv) for argv in entry["commands"]]
    units = tuple(_unit(argv) for argv in commands if _source_of(argv))
    links = [argv for argv in commands if not _source_of(argv)]
    if not units or len(links) != 1:
        raise CompileError(f"{op}: expected compile commands and one link command, captured {len(commands)} commands")
    file = str(entry["file"]).replace("\\", "/")
    return OpRecipe(
        op=op,
        module=entry["module"],
        file=file,
        units=units,
        link=links[0],
        binary=_binary_of(links[0], file),
        import_library=next((Path(word[8:]) for word in links[0] if word.startswith("/IMPLIB:")), None),
    )


def _unit(argv: tuple[str, ...]) -> Unit:
    source = _source_of(argv)
    output = next(word for word in argv if word.endswith(OBJECT_SUFFIXES))
    return Unit(source=source or "", object=Path(output.removeprefix("/Fo")), argv=argv)


def _source_of(argv: Iterable[str]) -> str | None:
    words = (word.removeprefix("/Tp").removeprefix("/Tc") for word in argv)
    return next((word for word in words if word.endswith(SOURCE_SUFFIXES)), None)


def _binary_of(link: tuple[str, ...], file: str) -> Path:
    name = file.rsplit("/", 1)[-1]
    word = next(word for word in link if word.endswith(name))
    return Path(word.removeprefix("/OUT:"))
