"""Which sources of which releases are read, and how: targets whose sources cannot differ are one set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.errors import NothingToDoError
from scripts.facts.deepspeed_releases import Patch
from scripts.facts.facts import Facts
from scripts.facts.portability_rows import Dialect, ForeignWord
from scripts.plan.matrix import Matrix
from scripts.plan.ops import choose_ops, patches_for
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class SourceSet:
    """The sources of a release as the ops of some Windows targets are compiled from them."""

    target: Target  # the first of them
    dialect: Dialect
    patches: tuple[Patch, ...]
    ops: tuple[str, ...]
    arches: str
    words: tuple[ForeignWord, ...]

    @property
    def label(self) -> str:
        """Which set this is, `0.19.8 cuda c++20`."""
        return f"{self.target.deepspeed} {self.target.accelerator} {self.dialect.standard}"

    @property
    def tree(self) -> tuple[object, ...]:
        """What decides how the source tree looks."""
        return (self.target.deepspeed, tuple(patch.id for patch in self.patches), self.dialect.drops_or)


def source_sets(targets: Iterable[Target], facts: Facts, matrix: Matrix) -> tuple[SourceSet, ...]:
    """The distinct sets of the Windows targets among these; raises NothingToDoError when there are none."""
    found: dict[tuple[object, ...], SourceSet] = {}
    for target in targets:
        if target.system == "windows":
            one = _set_of(target, facts, matrix)
            words = tuple(word.id for word in one.words)
            found.setdefault((one.tree, target.accelerator, one.dialect.standard, one.arches, words), one)
    if not found:
        raise NothingToDoError("no Windows target was selected; cl compiles for no other")
    return tuple(found.values())


def _set_of(target: Target, facts: Facts, matrix: Matrix) -> SourceSet:
    context = {**matrix.context_of(target, facts), "source-kind": "sdist"}
    wanted = None if matrix.ops == "all" else tuple(matrix.ops)
    return SourceSet(
        target=target,
        dialect=next(row for row in facts.dialects if row.when.holds(context)),
        patches=patches_for(facts.patches, context),
        ops=tuple(op.name for op in choose_ops(facts.ops, target, wanted).chosen),
        arches=matrix.arches.get(target.cuda) or "",
        words=tuple(word for word in facts.foreign_words if word.when.holds(context)),
    )
