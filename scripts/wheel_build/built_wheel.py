"""A wheel that was made, and everything it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.plan.notes import Note
from scripts.toolchain.compilers import Toolchain, found_context
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.recipe import Recipe
from scripts.wheel_build.source import SourceTree


@dataclass(frozen=True, kw_only=True)
class BuiltWheel:
    """A wheel that was made, and everything it was made from."""

    plan: BuildPlan
    wheel: Path
    toolchain: Toolchain
    tree: SourceTree
    recipe: Recipe
    ops: tuple[BuiltOp, ...]
    seconds: Mapping[str, float]  # step -> wall seconds

    @property
    def left_out(self) -> dict[str, str]:
        """Why each op is not in the wheel; upstream may have added one that was not asked for."""
        built = {op.op for op in self.ops}
        return {op: reason for op, reason in self.plan.ops.left_out.items() if op not in built}

    @property
    def lacks(self) -> list[str]:
        """The ops that every other wheel of the target's name has, and this one not."""
        return sorted(self.plan.ops.usual - {op.op for op in self.ops})

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to know of the wheel."""
        found = {"source-kind": self.tree.archive.kind, **found_context(self.toolchain, self.recipe.compile_commands)}
        return self.plan.notes_after(found)
