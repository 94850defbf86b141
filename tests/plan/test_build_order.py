"""Targets that share a toolkit, a torch and a Python are built one after the other, in the order that was wanted."""

from __future__ import annotations

from scripts.plan.build_order import as_typed, in_build_order, newest_first
from scripts.plan.target import Target
from tests.plan.factories import make_target

TARGETS = [
    make_target(deepspeed=deepspeed, torch=torch, python=python)
    for deepspeed in ("0.19.7", "0.19.8")
    for torch in ("2.12.0", "2.13.0")
    for python in ("3.9", "3.10")
]


def told(targets: tuple[Target, ...]) -> list[str]:
    return [f"{target.torch[:4]} {target.python} {target.deepspeed}" for target in targets]


def test_what_has_most_in_common_with_the_first_follows_it() -> None:
    assert told(in_build_order(newest_first(TARGETS))) == [
        "2.13 3.9 0.19.8", "2.13 3.9 0.19.7", "2.13 3.10 0.19.8", "2.13 3.10 0.19.7",
        "2.12 3.9 0.19.8", "2.12 3.9 0.19.7", "2.12 3.10 0.19.8", "2.12 3.10 0.19.7",
    ]  # fmt: skip


def test_what_was_begun_comes_first_with_its_like_behind_it() -> None:
    begun = make_target(deepspeed="0.19.7", torch="2.12.0", python="3.10")
    ordered = in_build_order(newest_first(TARGETS), [begun.id])
    assert told(ordered)[:3] == ["2.12 3.10 0.19.7", "2.12 3.10 0.19.8", "2.12 3.9 0.19.8"]
    assert sorted(ordered, key=Target.sort_key) == sorted(TARGETS, key=Target.sort_key)


def test_targets_that_are_named_by_their_ids_are_built_in_that_order() -> None:
    last, first = TARGETS[0], TARGETS[5]
    assert as_typed(TARGETS, (first.id, last.id, "ds*"))[:2] == (first, last)
    assert as_typed(TARGETS, ()) == tuple(TARGETS)
