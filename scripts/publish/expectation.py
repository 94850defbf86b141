"""`Expectation`: what the plan of this checkout says of a wheel, for manifests that somebody else wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scripts.facts.facts import Facts
from scripts.plan.matrix import Matrix
from scripts.plan.notes import LEVELS, for_users, note_of
from scripts.plan.ops import choose_ops
from scripts.plan.target import Target
from scripts.verify.check import Report
from scripts.wheel.record import WheelRecord

OPTIONS = r"(?: --[a-z-]+(?: [\w.,:/+-]+)?)*"  # of a command that people may paste: nothing a shell reads as its own


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a manifest of one target must repeat."""

    target: Target
    ops: tuple[str, ...]
    left_out: Mapping[str, str]
    arches: tuple[str, ...]
    cpu_level: str
    notes: Mapping[str, str]  # every one that a manifest may show to users

    def misses(self, record: WheelRecord) -> Iterator[str]:
        """What the manifest says otherwise."""
        for what, said, wanted in (
            ("target.id", record.target.id, self.target.id),
            ("ops", sorted(record.ops), sorted(self.ops)),
            ("left_out", dict(record.left_out), dict(self.left_out)),
            ("arches", record.arches, self.arches),
            ("cpu_level", record.cpu_level, self.cpu_level),
        ):
            if said != wanted:
                yield f"{what} is {said!r} in its manifest, and {wanted!r} in the plan"
        for name, text in record.notes.items():
            if self.notes.get(name) != text:
                yield f"note {name!r} of its manifest has another text than rules.yaml"

    def is_repeat(self, line: object) -> bool:
        """Whether this is a line that builds the target, and nothing beside."""
        words = f"invoke build --id {re.escape(self.target.id)}{OPTIONS}"
        return isinstance(line, str) and re.fullmatch(words, line) is not None


def expectation_of(target: Target, facts: Facts, matrix: Matrix) -> Expectation:
    """What is expected of the target's wheel."""
    selection = choose_ops(facts.ops, target, None if matrix.ops == "all" else tuple(matrix.ops))
    rules = (note_of(rule) for rule in facts.rules if rule.level in LEVELS)
    return Expectation(
        target=target,
        ops=tuple(choice.name for choice in selection.chosen),
        left_out=selection.left_out,
        arches=tuple(matrix.arches[target.cuda].split(";")) if target.cuda in matrix.arches else (),
        cpu_level=matrix.cpu_level,
        notes={note.id: str(note) for note in for_users(rules)},
    )


def unreported(record: WheelRecord, audit: Report) -> tuple[str, ...]:
    """The checks of an audit that the manifest's report lacks, or answers otherwise than the audit made here.

    What is skipped here may have been answered where there was an environment for it.
    """
    told = record.verification
    answers = {} if told is None else dict.fromkeys(told.passed, True) | dict.fromkeys(told.skipped, None)
    said = {check.name: answers.get(check.name, "") for check in audit.checks}
    possible = {check.name: (check.passed,) if check.passed is not None else (None, True) for check in audit.checks}
    return tuple(name for name, answer in said.items() if answer not in possible[name])
