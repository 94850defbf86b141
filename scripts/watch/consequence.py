"""What additions mean for the plan: targets that come, what they cost, what is compiled anew, which patches fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import requests
from packaging.version import Version

from scripts.errors import WheelsError
from scripts.facts.deepspeed_releases import Patch
from scripts.facts.facts import Facts
from scripts.plan.expand import Axes, Plan, axes_of, expand
from scripts.plan.matrix import Matrix, load_matrix
from scripts.plan.ops import choose_ops, named_ops, patches_for
from scripts.plan.target import Target
from scripts.watch.deepspeed_difference import SourceReader
from scripts.watch.deepspeed_source import changed_ops, misplaced


@dataclass(frozen=True, kw_only=True)
class NewTargets:
    """Targets that come, and the hours of building them; `needs` is what matrix.yaml lacks for it."""

    what: str  # "torch 2.15"
    targets: int
    hours: float
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseChange:
    """What a new DeepSpeed release means for what is built."""

    deepspeed: str
    before: str  # the release that it is compared with
    changed: Mapping[str, tuple[str, ...]]  # accelerator -> default ops that no cache serves
    same: Mapping[str, tuple[str, ...]]  # those that come from the cache
    patches: tuple[str, ...]  # those that find their place
    misplaced: Mapping[str, str]  # those that do not, and why
    default_arches: str  # when they are not those of the release before


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """All of it."""

    targets: tuple[NewTargets, ...]
    releases: tuple[ReleaseChange, ...]


def consequence(old: Facts, new: Facts, matrix_file: Path, reader: SourceReader | None) -> Consequence:
    """What the plan gains with the new facts; raises DataError when the matrix does not fit them."""
    matrix = load_matrix(matrix_file, new)
    axes = axes_of(matrix, new)
    before = expand(matrix, new, axes=_known_axes(axes, old))
    now = expand(matrix, new)
    ids = {planned.target.id for planned in before.targets}
    gained = _counted("the matrix as it is", now, ids)
    proposed = [_proposed(old, new, matrix, axes, axis, value) for axis, value in _unnamed(old, new, matrix)]
    releases = [each for each in new.deepspeed if each not in old.deepspeed]
    changes = [_release_change(version, new, matrix, reader) for version in releases] if reader else []
    return Consequence(
        targets=tuple(each for each in (gained, *proposed) if each.targets),
        releases=tuple(each for each in changes if each),
    )


def _counted(what: str, plan: Plan, known: set[str], needs: str = "") -> NewTargets:
    fresh = [planned for planned in plan.targets if planned.target.id not in known]
    return NewTargets(
        what=what, targets=len(fresh), hours=round(sum(each.minutes for each in fresh) / 60, 1), needs=needs
    )


def _known_axes(axes: Axes, old: Facts) -> Axes:
    """The axes without what only the new facts know."""
    torch = {row.newest for row in old.torch.values() if row.patches}
    variants = {"cpu", *(variant for row in old.torch.values() for variant in row.cuda)}
    known = {"deepspeed": old.deepspeed.keys(), "torch": torch, "cuda": variants, "python": old.pythons.keys()}
    return {
        axis: tuple(value for value in values if axis not in known or value in known[axis])
        for axis, values in axes.items()
    }


def _unnamed(old: Facts, new: Facts, matrix: Matrix) -> list[tuple[str, str]]:
    """New rows that no axis of the matrix names."""
    variants = _variants(new) - _variants(old)
    found = {
        "deepspeed": [each for each in new.deepspeed if each not in old.deepspeed],
        "torch": [each for each in new.torch if each not in old.torch],
        "cuda": sorted(variants),
        "python": [each for each in new.pythons if each not in old.pythons],
    }
    return [(axis, value) for axis, values in found.items() for value in values if value not in getattr(matrix, axis)]


def _variants(facts: Facts) -> set[str]:
    return {variant for row in facts.torch.values() for variant in row.cuda}


def _proposed(old: Facts, new: Facts, matrix: Matrix, axes: Axes, axis: str, value: str) -> NewTargets:
    """What would come with the name on its axis."""
    named = new.torch[value].newest if axis == "torch" else value
    longer: dict[str, Any] = {axis: (*getattr(matrix, axis), value)}
    with_it = replace(matrix, **longer)
    if axis == "cuda":  # a decision of matrix.yaml, too; until then as for the newest variant that has some
        with_it = replace(with_it, arches={**matrix.arches, value: list(matrix.arches.values())[-1]})
    plan = expand(with_it, new, axes={**axes, axis: (named,)})
    names = {"deepspeed": "DeepSpeed", "torch": "torch", "cuda": "CUDA variant", "python": "Python"}
    return _counted(f"{names[axis]} {value}", plan, set(), needs=f"{value} on the axis {axis}")


def _release_change(version: str, new: Facts, matrix: Matrix, reader: SourceReader | None) -> ReleaseChange | None:
    assert reader
    older = [each for each in new.deepspeed if Version(each) < Version(version)]
    if not older:
        return None
    before = max(older, key=Version)
    try:
        after, earlier = reader.read(version), reader.read(before)
    except (WheelsError, requests.RequestException) as error:
        reader.log(f"  DeepSpeed {version} cannot be compared with {before}: {str(error).splitlines()[0]}")
        return None
    targets = _targets_of(version, new, matrix)
    wanted = named_ops(matrix.ops)
    built = {
        accelerator: list(
            dict.fromkeys(
                chain.from_iterable(
                    (choice.name for choice in choose_ops(new.ops, target, wanted).chosen)
                    for target in targets
                    if target.accelerator == accelerator
                )
            )
        )
        for accelerator in after.ops
    }
    changed = {accelerator: changed_ops(earlier, after, accelerator) for accelerator in after.ops}
    patches = _patches(new, matrix, targets)
    lost = misplaced(patches, after)
    return ReleaseChange(
        deepspeed=version,
        before=before,
        changed={key: tuple(op for op in ops if op in changed[key]) for key, ops in built.items()},
        same={key: tuple(op for op in ops if op not in changed[key]) for key, ops in built.items()},
        patches=tuple(patch.id for patch in patches if patch.id not in lost),
        misplaced=lost,
        default_arches="" if after.default_arches == earlier.default_arches else after.default_arches,
    )


def _targets_of(version: str, new: Facts, matrix: Matrix) -> list[Target]:
    with_it = matrix if version in matrix.deepspeed else replace(matrix, deepspeed=(*matrix.deepspeed, version))
    plan = expand(with_it, new, axes={**axes_of(with_it, new), "deepspeed": (version,)})
    return [planned.target for planned in plan.targets]


def _patches(new: Facts, matrix: Matrix, targets: Sequence[Target]) -> tuple[Patch, ...]:
    """Every patch that some target of the release needs, in the order of the rows."""
    needed = {
        patch.id
        for target in targets
        for patch in patches_for(new.patches, {**matrix.context_of(target, new), "source-kind": "sdist"})
    }
    return tuple(patch for patch in new.patches if patch.id in needed)
