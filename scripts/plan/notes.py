"""What to know of a target that works: the rules of level `warn` and `fix` that hold for it, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.facts.facts import Facts
from scripts.facts.rules import Rule
from scripts.plan.context import Context

LEVELS = ("warn", "fix")


@dataclass(frozen=True, kw_only=True)
class Note:
    """One rule that holds for a target without refusing it."""

    id: str
    level: str  # "warn": it works, but know this; "fix": it works because of what `hint` says
    audience: str  # "user": whoever installs the wheel; "builder": whoever builds it
    text: str
    hint: str | None
    source: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.text} {self.hint}" if self.hint else self.text


def note_of(rule: Rule) -> Note:
    """The rule as it is shown to people."""
    return Note(
        id=rule.id,
        level=rule.level,
        audience=rule.audience,
        text=rule.reason,
        hint=rule.hint,
        source=rule.source,
    )


def notes_for(facts: Facts, context: Context) -> tuple[Note, ...]:
    """The notes whose condition holds for `context`, in the order of the rules.

    A rule that asks for a name which the context lacks does not hold: a plan knows no toolkit, a build does.
    """
    return tuple(note_of(rule) for rule in facts.rules if rule.level in LEVELS and rule.when.holds(context))


def for_users(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The notes that concern whoever installs the wheel."""
    return tuple(note for note in notes if note.audience == "user")
