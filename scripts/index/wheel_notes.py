"""`with_notes`: wheels with what is known by now of wheels like them, which may be more than when they were built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from scripts.facts.facts import Facts
from scripts.plan.context import context_of
from scripts.plan.notes import for_users, notes_for
from scripts.plan.target import Target
from scripts.wheel.record import WheelRecord

LACKS = (
    "This wheel lacks the op {op}, which other wheels like it have: DeepSpeed compiles it when it is first used, and"
    " fails where no compiler is."
)


def with_notes(records: Iterable[WheelRecord], facts: Facts) -> tuple[WheelRecord, ...]:
    """The records with the notes of their manifests and those that hold by the facts of now, whose text wins."""
    return tuple(replace(record, notes={**record.notes, **known_notes(record, facts)}) for record in records)


def known_notes(record: WheelRecord, facts: Facts) -> Mapping[str, str]:
    """What a user should know of a wheel, by id; rules say nothing of a torch or CUDA that the facts no longer hold."""
    lacks = {f"lacks-{op}": LACKS.format(op=op) for op in record.lacks}
    if not _is_known(record.target, facts):
        return lacks
    context = context_of(record.target, facts, ";".join(record.arches) or None)
    return {**lacks, **{note.id: str(note) for note in for_users(notes_for(facts, context))}}


def _is_known(target: Target, facts: Facts) -> bool:
    return target.torch_minor in facts.torch and (target.cuda_version is None or target.cuda_version in facts.cuda)
