"""deepspeed.yaml: DeepSpeed's releases, its ops and the patches its source needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated

from packaging.specifiers import SpecifierSet

from scripts.facts.condition import When
from scripts.schema.annotations import RowName, RowVersion, Source, VersionText
from scripts.schema.readers import Problems, below, choice, digest, pattern, text

FILE = "deepspeed.yaml"
SYSTEMS = ("windows", "linux")


def edit_text(value: object, where: str, problems: Problems) -> str:
    """A text that names what to change; empty would change nothing."""
    found = text(value, where, problems)
    if not found:
        problems.add(where, "is empty; name the text to change")
    return found


@dataclass(frozen=True, kw_only=True)
class DeepSpeedRelease:
    """One DeepSpeed release."""

    version: RowVersion
    date: date
    sdist_sha256: Annotated[str, digest] | None
    cuda_minors: tuple[VersionText, ...]  # toolkit minors of 11.x and 12.x whose mismatch with torch's is tolerated
    source: Source


@dataclass(frozen=True, kw_only=True)
class OpSupport:
    """What an op takes for one accelerator in a range of releases: where it can be built, and where not and why."""

    versions: SpecifierSet
    kind: Annotated[str, choice("cuda", "cpu", "cpp")]  # "cuda" has .cu files
    seconds: Mapping[str, float]  # system -> recorded or estimated compile seconds of one core
    why_not: Mapping[str, str] = field(default_factory=dict)  # system -> reason; absent when the op can be built there
    default: bool = True  # built when the selection is "all"; off carries its reason in `note`
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # package manager -> packages
    header: str | None  # system header that must be found, "libaio.h"
    packages: tuple[str, ...] = ()  # requirements that it is compiled with, and imported beside
    after: tuple[str, ...] = ()  # ops whose module DeepSpeed loads before its own, for their symbols
    run_paths: tuple[str, ...] = ()  # where the libraries of these packages lie, seen from the module
    min_sm: int | None
    note: str | None
    source: Source


@dataclass(frozen=True, kw_only=True)
class Op:
    """One of DeepSpeed's ops: its name, its build variable, and a row of support per accelerator and range."""

    name: RowName  # "cpu_adam"
    variable: str  # "DS_BUILD_CPU_ADAM"
    module: str
    cuda: tuple[OpSupport, ...] = ()  # at most one of which holds a version
    cpu: tuple[OpSupport, ...] = ()

    @property
    def support(self) -> Mapping[str, tuple[OpSupport, ...]]:
        """The rows by accelerator."""
        return {"cuda": self.cuda, "cpu": self.cpu}

    def support_for(self, accelerator: str, deepspeed: str) -> OpSupport | None:
        """The row that holds for this accelerator and DeepSpeed version; None when the op does not exist there."""
        rows = self.support.get(accelerator, ())
        return next((row for row in rows if row.versions.contains(deepspeed, prereleases=True)), None)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of one file: `replace` (every occurrence, must occur), `regex`, or `write` (the new content)."""

    file: str  # path below the source tree, forward slashes; a glob for several
    replace: Annotated[str, edit_text] | None = None
    regex: Annotated[str, pattern] | None = None
    write: str | None = None
    by: str = ""

    def touches(self, name: str) -> bool:
        """Whether it changes the file of this name, as the glob of a path does: `**/` is any folder, or none."""
        anywhere, path = self.file.startswith("**/"), PurePosixPath(name)
        pattern = self.file.removeprefix("**/")
        return path.match(pattern) and (anywhere or len(path.parts) == pattern.count("/") + 1)

    def changed(self, before: str) -> str:
        """The text of a file as it is afterwards."""
        if self.write is not None:
            return self.write
        return before.replace(self.replace, self.by) if self.replace else re.sub(self.regex or "(?!)", self.by, before)


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A small change to the source of some releases, with the condition that makes it needed."""

    id: str  # "P5"
    title: str
    when: When
    edits: tuple[Edit, ...]
    reason: str
    source: Source


def check_ops(ops: Mapping[str, Op], releases: Mapping[str, DeepSpeedRelease], problems: Problems) -> None:
    """Adds every contradiction between the rows of an op to `problems`."""
    for op in ops.values():
        for accelerator, rows in op.support.items():
            where = below(below(f"{FILE}: ops", op.name), accelerator)
            _check_ranges(rows, releases, where, problems)
            for index, row in enumerate(rows):
                _check_row(row, below(where, index), problems)


def check_patches(patches: tuple[Patch, ...], problems: Problems) -> None:
    """Adds every patch that does not say what to do to `problems`."""
    for index, patch in enumerate(patches):
        where = below(f"{FILE}: patches", index)
        for number, edit in enumerate(patch.edits):
            if sum(value is not None for value in (edit.replace, edit.regex, edit.write)) != 1:
                problems.add(
                    below(f"{where}.edits", number), "holds not one of `replace`, `regex` and `write`; keep one"
                )
        if not patch.edits:
            problems.add(f"{where}.edits", "is empty; name at least one edit")


def _check_ranges(
    rows: tuple[OpSupport, ...], releases: Mapping[str, DeepSpeedRelease], where: str, problems: Problems
) -> None:
    for release in releases:
        if sum(row.versions.contains(release, prereleases=True) for row in rows) > 1:
            problems.add(where, f"two rows hold for {release}; make their ranges end where the next begins")
    for index, row in enumerate(rows):
        if releases and not any(row.versions.contains(release, prereleases=True) for release in releases):
            problems.add(below(where, index), f"{str(row.versions)!r} holds for no release; correct the range")


def _check_row(row: OpSupport, where: str, problems: Problems) -> None:
    for name, keys in (("seconds", row.seconds), ("why_not", row.why_not)):
        for key in keys:
            if key not in SYSTEMS:
                problems.add(f"{where}.{name}", f"{key!r} is not a system; write one of {', '.join(SYSTEMS)}")
    for system in SYSTEMS:
        if (system in row.seconds) == (system in row.why_not):
            problems.add(where, f"{system} needs either its seconds or the reason why_not, and not both")
    if not row.default and not row.note:
        problems.add(where, "is off without a reason; say why in `note`")
