"""`level_of`: which manylinux level compiled modules have, from what they ask of the system (PEP 600).

The libraries that torch brings are no part of it, as for `auditwheel repair --exclude`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version

from scripts.facts.manylinux_policies import ManylinuxPolicy
from scripts.facts.shared_libraries import Library
from scripts.plan.context import Context
from scripts.verify.binary import Binary
from scripts.versions import LINUX, manylinux_tag

LOADERS = re.compile(r"ld-linux.*|ld64\.so\.[12]")  # the dynamic linker itself
# the sets of symbols that the system's libraries have, and where each stands in `SystemNeeds`
SETS = {"GLIBC": "glibc", "GLIBCXX": "libstdcxx", "GCC": "libgcc"}


WORDS = {"glibc": "glibc", "libstdcxx": "GLIBCXX", "libgcc": "GCC"}


@dataclass(frozen=True, kw_only=True)
class SystemNeeds:
    """The newest version of each set of symbols that modules ask for; None where they ask for none."""

    glibc: str | None = None  # "2.34"
    libstdcxx: str | None = None  # of GLIBCXX, "3.4.29"
    libgcc: str | None = None  # of GCC, "7.0.0"

    def __str__(self) -> str:
        words = (f"{WORDS[name]} {version}" for name, version in self.as_document().items())
        return ", ".join(words) or "nothing of the system"

    def as_document(self) -> dict[str, str]:
        """What they ask for, by name."""
        found = {"glibc": self.glibc, "libstdcxx": self.libstdcxx, "libgcc": self.libgcc}
        return {name: version for name, version in found.items() if version}


@dataclass(frozen=True, kw_only=True)
class LinuxLevel:
    """The oldest manylinux level whose every system loads the modules; None when there is no such level, and why."""

    glibc: str | None  # "2.34"
    reasons: tuple[str, ...] = ()  # what the next older level lacks, or why there is none

    @property
    def tag(self) -> str:
        """The platform tag of a wheel that holds them."""
        return manylinux_tag(self.glibc) if self.glibc else LINUX


def level_of(binaries: Sequence[Binary], policies: Sequence[ManylinuxPolicy], elsewhere: frozenset[str]) -> LinuxLevel:
    """The level of the modules; `elsewhere` are libraries that torch brings."""
    reasons: tuple[str, ...] = ()
    for count in range(1, len(policies) + 1):
        lacking = tuple(_lacking(binaries, policies[:count], elsewhere))
        if not lacking:
            return LinuxLevel(glibc=policies[count - 1].glibc, reasons=reasons)
        reasons = lacking
    return LinuxLevel(glibc=None, reasons=reasons)


def libraries_of_torch(rows: Iterable[Library], context: Context) -> frozenset[str]:
    """The libraries that the torch of a wheel brings, so that no system has to; `context` is of its target."""
    return frozenset(name for row in rows if row.installed and row.when.holds(context) for name in row.names)


def needs_of(binaries: Iterable[Binary]) -> SystemNeeds:
    """The newest versions that the modules ask for, whatever level that is."""
    newest: dict[str, Version] = {}
    for name in (version for binary in binaries for _, version in binary.versions):
        kind, _, text = name.partition("_")
        try:
            version = Version(text)
        except InvalidVersion:  # GLIBC_ABI_DT_RELR has no number
            continue
        if kind in SETS:
            newest[SETS[kind]] = max(version, newest.get(SETS[kind], version))
    return SystemNeeds(**{kind: str(version) for kind, version in newest.items()})


def lacking_at(binary: Binary, glibc: str, policies: Sequence[ManylinuxPolicy], elsewhere: frozenset[str]) -> list[str]:
    """What systems of the level lack that the module asks for. A level between two rows is the older one's."""
    held = [policy for policy in policies if Version(policy.glibc) <= Version(glibc)]
    return list(_lacking_for(binary, held, elsewhere))


def _lacking(
    binaries: Iterable[Binary], policies: Sequence[ManylinuxPolicy], elsewhere: frozenset[str]
) -> Iterator[str]:
    for binary in binaries:
        for what in _lacking_for(binary, policies, elsewhere):
            yield f"{PurePosixPath(binary.member).name} asks for {what}"


def _lacking_for(binary: Binary, policies: Sequence[ManylinuxPolicy], elsewhere: frozenset[str]) -> Iterator[str]:
    libraries = {name for policy in policies for name in policy.libraries}
    versions: dict[str, set[str]] = {}
    for policy in policies:
        for kind, texts in policy.versions.items():
            versions.setdefault(kind, set()).update(texts)
    for library in binary.needed:
        if library not in libraries | elsewhere and not LOADERS.fullmatch(library):
            yield library
    for library, name in sorted(binary.versions):
        kind, _, text = name.partition("_")
        if library not in elsewhere and kind in versions and text not in versions[kind]:
            yield f"{name} of {library}"
    if policies:
        yield from sorted(binary.undefined & {*policies[-1].hidden})
