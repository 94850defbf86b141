"""The order in which several targets are built: one after the other what shares a toolkit, a torch and a Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scripts.plan.target import Target

Family = tuple[str, str, str]


def family_of(target: Target) -> Family:
    """Platform, CUDA and torch: targets that differ in none of them have a toolkit in common, and compiled units."""
    return (target.platform, target.cuda, target.torch)


def in_build_order(targets: Iterable[Target]) -> tuple[Target, ...]:
    """The targets in their order, each followed by those of its family and Python, then by the rest of its family.

    A torch is built for one Python: with the releases of a Python together, one of them is needed at a time.
    """
    given, places = tuple(targets), dict[tuple[str, ...], int]()
    for target in given:
        for kind in (family_of(target), (*family_of(target), target.python)):
            places.setdefault(kind, len(places))
    return tuple(sorted(given, key=lambda one: (places[family_of(one)], places[(*family_of(one), one.python)])))


def newest_first(targets: Iterable[Target], begun: Iterable[str] = ()) -> tuple[Target, ...]:
    """The newest versions first, before them what was `begun`, by id."""
    first = set(begun)
    newest = sorted(targets, key=Target.sort_key, reverse=True)
    return tuple(sorted(newest, key=lambda target: target.id not in first))


def as_typed(targets: Iterable[Target], ids: Sequence[str]) -> tuple[Target, ...]:
    """The targets that are named by their ids in that order, behind them the others as they are."""
    places = {name: place for place, name in enumerate(ids)}
    return tuple(sorted(targets, key=lambda target: places.get(target.id, len(places))))
