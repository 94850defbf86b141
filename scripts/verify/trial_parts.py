"""The parts of the trial on a GPU: those of parts.yaml that one GPU can run, each in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from scripts.facts.load import load_facts


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the trial."""

    group: str
    name: str
    program: str  # a module of DeepSpeed's after "-m ", else a file of `suite/` without its ending
    seconds: float = 300.0

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program: the part's name, for the programs that hold several."""
        return (self.name,) if self.program.startswith("trial/") else ()


@cache
def trial_parts() -> tuple[Part, ...]:
    """The parts, those of one group together."""
    rows = [row for row in load_facts().verification_parts.values() if row.where != "cpu" and row.threads == 1]
    groups = list(dict.fromkeys(row.group for row in rows))
    rows.sort(key=lambda row: groups.index(row.group))
    return tuple(Part(group=row.group, name=row.name, program=row.program, seconds=row.seconds) for row in rows)
