"""Whether each symbol that an op asks for is where it is going to be looked for: in torch, Python, CUDA, the system."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from scripts.facts.facts import Facts
from scripts.verify.binary import Binary
from scripts.verify.check import Verdict, verdict
from scripts.verify.elf_exports import UNVERSIONED
from scripts.verify.environment_libraries import EnvironmentLibraries, LoadedTogether
from scripts.verify.modules import Modules, brought_libraries, op_of
from scripts.wheel.content import UNREADABLE, BuildInfo

WITHOUT = "no environment with its torch is at hand: 'invoke verify --level load' makes one"
SHOWN = 3  # symbols of an op


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """What looking up the symbols of one op gave."""

    member: str
    missing: tuple[str, ...] = ()  # symbols
    absent: tuple[str, ...] = ()  # libraries in which they may be, and which are not here
    found: int = 0

    @property
    def op(self) -> str:
        """The module's file name."""
        return PurePosixPath(self.member).name

    @property
    def told(self) -> str:
        """The op and the symbols that nobody has."""
        more = f" and {len(self.missing) - SHOWN} more" if len(self.missing) > SHOWN else ""
        return f"{self.op}: nothing there has {', '.join(self.missing[:SHOWN])}{more}"


def check_symbols(facts: Facts, libraries: EnvironmentLibraries | None, modules: Modules) -> Verdict:
    """Each symbol that a module takes from elsewhere is in a library that is loaded with it, in its version.

    Torch, Python, CUDA and the system are looked through, so it takes an environment: from level `load` on.
    """
    info, readable = modules.content.build_info(), [binary for binary in modules.binaries if not binary.fault]
    if info is None:
        return False, UNREADABLE
    if not readable:
        return None, "no compiled modules that can be read"
    if libraries is None:
        return None, WITHOUT
    if libraries.system != modules.content.system:
        return None, f"the environment is of {libraries.system.title()}, the wheel is not"
    if libraries.system == "linux":
        looked = [_linux(binary, readable, libraries, facts, info) for binary in readable]
    else:
        brought = brought_libraries(facts, modules, info)
        looked = [_windows(binary, libraries, brought) for binary in readable]
    faults = [each.told for each in looked if each.missing and not each.absent]
    unknown = [f"{each.op}: {', '.join(each.absent)} is not here" for each in looked if each.missing and each.absent]
    count = sum(each.found for each in looked)
    if unknown and not faults:
        return None, f"{count} symbols are there; not all could be looked up: {'; '.join(unknown)}"
    return verdict(faults, f"{count} symbols of {len(looked)} modules, each where it is looked for")


# ---------------------------------------------------------------- Linux


def _linux(
    binary: Binary, all_of_them: list[Binary], libraries: EnvironmentLibraries, facts: Facts, info: BuildInfo
) -> Lookup:
    folder = libraries.packages / posixpath.dirname(binary.member)
    loaded = libraries.loaded_with(binary.needed, binary.run_paths, folder)
    versions = dict(binary.symbol_versions)
    beside = _beside(binary, all_of_them, facts, info)
    missing = [
        f"{name}{'@' if name in versions else ''}{versions.get(name, '')}"
        for name in sorted(binary.undefined)
        if not _offered(name, versions.get(name, UNVERSIONED), loaded) and name not in beside
    ]
    missing += [f"{version} of {name}" for name, version in sorted(binary.versions) if _lacks(name, version, loaded)]
    return Lookup(
        member=binary.member,
        missing=tuple(missing),
        absent=tuple(sorted(loaded.absent)),
        found=len(binary.undefined) - len(missing),
    )


def _offered(name: str, version: str, loaded: LoadedTogether) -> bool:
    """A library without versions has a symbol in every one, as the dynamic linker sees it."""
    for library in loaded.libraries.values():
        there = library.versions_of(name)
        if there and (version == UNVERSIONED or version in there or there == {UNVERSIONED}):
            return True
    return False


def _lacks(library: str, version: str, loaded: LoadedTogether) -> bool:
    exports = loaded.libraries.get(library)
    return exports is not None and bool(exports.versions) and version not in exports.versions


def _beside(binary: Binary, all_of_them: list[Binary], facts: Facts, info: BuildInfo) -> frozenset[str]:
    """What the ops offer that DeepSpeed loads before this one, for everybody."""
    row = facts.ops.get(op_of(binary, info) or "")
    support = row.support_for(info.accelerator, info.version.partition("+")[0]) if row else None
    before = support.after if support else ()
    return frozenset(name for other in all_of_them if op_of(other, info) in before for name in other.defined)


# ---------------------------------------------------------------- Windows


def _windows(binary: Binary, libraries: EnvironmentLibraries, brought: Callable[[str], bool]) -> Lookup:
    """What Windows and its C++ runtime bring is not looked up: it is the same on every machine, and not here."""
    missing: list[str] = []
    absent: list[str] = []
    by_library: dict[str, list[str]] = {}
    for library, name in sorted(binary.imported):
        by_library.setdefault(library, []).append(name)
    for library, names in by_library.items():
        exports = libraries.dll(library)
        if exports is None:
            if brought(library):
                absent.append(library)
                missing += names
            continue
        missing += [f"{name} of {library}" for name in names if not exports.has(name)]
    count = len(binary.imported) - len(missing)
    return Lookup(member=binary.member, missing=tuple(missing), absent=tuple(absent), found=count)
