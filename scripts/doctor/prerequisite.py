"""`Prerequisite`: one prerequisite as it was found, with what comes of it and one line that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from scripts.facts.finding_rows import FindingRow
from scripts.plan.context import Context
from scripts.shell import WINDOWS, shell_line

State = Literal["ok", "wrong", "missing", "unknown"]
BAD: tuple[State, ...] = ("wrong", "missing")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a check found."""

    state: State
    found: str
    words: tuple[str, ...] = ()  # the command that mends it, where one does
    values: Mapping[str, str] = field(default_factory=dict)  # for the names in the row's line


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """One row of the answer."""

    id: str
    what: str
    state: State
    found: str
    consequence: str = ""  # empty when all is well
    fix: str = ""  # one line; empty when all is well
    words: tuple[str, ...] = ()  # the command that `--fix` runs; empty where a person has to do it

    @property
    def is_bad(self) -> bool:
        """Whether something has to be done."""
        return self.state in BAD

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "words": list(self.words)}


def ok(found: str) -> Seen:
    """All is well."""
    return Seen(state="ok", found=found)


def prerequisites_of(
    checks: Mapping[str, Callable[[], Seen]], rows: Iterable[FindingRow], system: str, context: Context
) -> Iterator[Prerequisite]:
    """Each row that has a line for this system, as its check found it."""
    for row in rows:
        if system in row.fix:
            needed = row.when.holds(context)
            yield _finding(row, checks[row.id]() if needed else ok("does not matter here"), system)


def _finding(row: FindingRow, seen: Seen, system: str) -> Prerequisite:
    if seen.state == "ok":
        return Prerequisite(id=row.id, what=row.what, state="ok", found=seen.found)
    line = shell_line(seen.words, windows=WINDOWS) if seen.words else ""
    fix = row.fix[system].format_map({"line": line, **seen.values})
    return Prerequisite(
        id=row.id,
        what=row.what,
        state=seen.state,
        found=seen.found,
        consequence=row.consequence,
        fix=fix,
        words=seen.words,
    )
