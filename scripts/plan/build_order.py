"""The order in which several targets are built: one after the other what shares a toolkit, a torch and a Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from packaging.version import Version

from scripts.plan.target import Target

Family = tuple[str, str, str]
MOST_NEAR = 3  # releases: an op that did not change is in the wheels of the nearest


def family_of(target: Target) -> Family:
    """Platform, CUDA and torch: targets that differ in none of them have a toolkit in common, and compiled units."""
    return (target.platform, target.cuda, target.torch)


def in_build_order(targets: Iterable[Target], begun: Collection[str] = ()) -> tuple[Target, ...]:
    """The targets in their order, but those of a family together, and of these those of a Python.

    A torch is built for one Python: with the releases of a Python together, one of them is needed at a time. Before all
    what was `begun`, by id, and what has most in common with it; then the oldest Python first, since its wheels are
    those that are verified with every part (`--verify hosted`), and no other is published without one of them.
    """
    given = sorted(targets, key=lambda target: target.id not in begun)
    families = list(dict.fromkeys(family_of(target) for target in given))
    resumed = {(family_of(target), target.python) for target in given if target.id in begun}

    def place(target: Target) -> tuple[object, ...]:
        family, python = family_of(target), target.python
        version = Version(python.removesuffix("t"))
        return (families.index(family), (family, python) not in resumed, version, python)

    return tuple(sorted(given, key=place))


def nearest_releases(own: str, releases: Iterable[str]) -> list[str]:
    """The releases of DeepSpeed whose wheels are most like those of its `own`, three at most.

    Its own first, then those before it, the nearest first, then those after it.

    >>> nearest_releases("0.16.5", ["0.15.4", "0.16.4", "0.16.9", "0.19.8"])
    ['0.16.4', '0.15.4', '0.16.9']
    """
    version = Version(own)
    ordered = sorted(set(releases), key=Version)
    before = [release for release in reversed(ordered) if Version(release) <= version]
    return [*before, *(release for release in ordered if Version(release) > version)][:MOST_NEAR]


def newest_first(targets: Iterable[Target]) -> tuple[Target, ...]:
    """The newest versions first."""
    return tuple(sorted(targets, key=Target.sort_key, reverse=True))


def as_typed(targets: Iterable[Target], ids: Sequence[str]) -> tuple[Target, ...]:
    """The targets that are named by their ids in that order, behind them the others as they are."""
    places = {name: place for place, name in enumerate(ids)}
    return tuple(sorted(targets, key=lambda target: places.get(target.id, len(places))))
