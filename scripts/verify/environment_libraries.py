"""`EnvironmentLibraries`: where the libraries that an op is loaded with lie, in an environment that has its torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.verify.binaries import UNSOUND
from scripts.verify.elf_exports import ElfExports
from scripts.verify.pe_exports import PeExports

SYSTEM = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
ORIGIN = ("$ORIGIN", "${ORIGIN}")
GLOBAL = "libtorch_global_deps.so"  # torch loads it so that everybody finds its symbols


@dataclass(frozen=True, kw_only=True)
class EnvironmentLibraries:
    """The folders of an environment in which libraries lie, and its Python."""

    system: str  # "linux"; of this machine, or of what Wine makes of it
    program: Path
    torch: Path  # the package
    packages: Path  # site-packages

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Where torch and what it requires have their libraries."""
        found = sorted(
            path for kind in ("lib", "bin") for path in (self.packages / "nvidia").glob(f"*/{kind}") if path.is_dir()
        )
        return (self.torch / "lib", *found, self.program.parent)

    @cached_property
    def _opened(self) -> dict[Path, ElfExports | None]:
        return {}

    def opened(self, path: Path) -> ElfExports | None:
        """What the library offers; None for one that cannot be read."""
        if path not in self._opened:
            try:
                self._opened[path] = ElfExports(path)
            except (OSError, *UNSOUND):
                self._opened[path] = None
        return self._opened[path]

    def dll(self, name: str) -> PeExports | None:
        """What the DLL of this name offers, whatever case it is written in; None for one that is not there."""
        wanted = name.lower()
        for folder in self.folders:
            for path in folder.glob("*.dll") if folder.is_dir() else ():
                if path.name.lower() == wanted:
                    try:
                        return PeExports(path)
                    except (OSError, *UNSOUND):
                        return None
        return None

    def found(self, name: str, run_paths: tuple[str, ...] = (), origin: Path | None = None) -> Path | None:
        """The file of the library of this name, for somebody with these run paths who lies in the folder `origin`."""
        given = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        places = (*_expanded(run_paths, origin), *self.folders, *map(Path, filter(None, given)), *map(Path, SYSTEM))
        return next((place / name for place in places if (place / name).is_file()), None)

    def loaded_with(self, needed: tuple[str, ...], run_paths: tuple[str, ...], origin: Path) -> LoadedTogether:
        """All that is loaded with something that needs these, with Python itself and what torch loads for everybody."""
        everybody = self.torch / "lib" / GLOBAL
        libraries: dict[str, ElfExports] = {}
        absent: set[str] = set()
        waiting: list[tuple[str, Path | None]] = [(self.program.name, self.program)]
        waiting += [(GLOBAL, everybody)] if everybody.is_file() else []
        waiting += [(name, self.found(name, run_paths, origin)) for name in needed]
        while waiting:
            name, path = waiting.pop(0)
            if name in libraries or name in absent:
                continue
            exports = self.opened(path.resolve()) if path else None
            if path is None or exports is None:
                absent.add(name)
                continue
            libraries[name] = exports
            waiting += [(each, self.found(each, exports.run_paths, path.parent)) for each in exports.needed]
        return LoadedTogether(libraries=libraries, absent=frozenset(absent))


@dataclass(frozen=True, kw_only=True)
class LoadedTogether:
    """The libraries that are loaded together, by name, and the names of those that are not here."""

    libraries: dict[str, ElfExports]
    absent: frozenset[str]


def _expanded(run_paths: tuple[str, ...], origin: Path | None) -> Iterator[Path]:
    for path in run_paths:
        for word in ORIGIN:
            path = path.replace(word, str(origin or ""))
        yield Path(path)
