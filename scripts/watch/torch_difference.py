"""torch: releases, their Pythons and CUDA variants, and the row of a new minor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from scripts.command import Log
from scripts.errors import WheelsError
from scripts.facts.facts import Facts
from scripts.facts.torch_releases import TorchRelease
from scripts.versions import SYSTEMS, in_order, minor_of
from scripts.watch.data_text import DataEdit
from scripts.watch.difference import DIFFERS, GONE, NOTE, Addition, DataDifference, Remark
from scripts.watch.torch_row import new_minor, new_variant
from scripts.watch.upstream_answers import Releases, ServedRelease, Variants, World
from scripts.watch.upstream_sources import LONGEST_NAME, system_of

FILE = "torch.yaml"
CPYTHON = re.compile(r"cp3([0-9]{1,2})")
GOOD = tuple(dict.fromkeys(SYSTEMS.values()))


@dataclass(frozen=True, kw_only=True)
class TorchWatch:
    """The two indexes beside the rows."""

    facts: Facts
    served: Releases
    variants: Variants | None
    since: str
    log: Log

    def difference(self) -> DataDifference:
        """All that differs."""
        found = list(self._each_minor())
        return DataDifference(
            additions=tuple(each for each in found if isinstance(each, Addition)),
            remarks=tuple(each for each in found if isinstance(each, Remark)),
        )

    def _each_minor(self) -> Iterator[Addition | Remark]:
        by_minor: dict[str, list[ServedRelease]] = {}
        for release in self.served.values():
            if release.final and Version(release.version) >= Version(self.since):
                by_minor.setdefault(minor_of(release.version), []).append(release)
        for minor, releases in by_minor.items():
            row = self.facts.torch.get(minor)
            if row:
                yield from self._patches(row, releases)
                yield from self._newest(row, releases[-1])
            else:
                yield self._new_minor(minor, releases)
        for row in self.facts.torch.values():
            for patch in row.patches:
                if patch not in self.served:
                    yield Remark(kind=GONE, row=f"torch {patch}", words="the package index does not have it (any more)")

    def _patches(self, row: TorchRelease, releases: Sequence[ServedRelease]) -> Iterator[Addition | Remark]:
        for release in releases:
            name = f"torch {release.version}"
            at = ("torch", row.minor, "patches")
            if release.version not in row.patches:
                edit = DataEdit(
                    file=FILE, at=at, key=release.version, text=f'"{release.version}": {release.day or "null"}'
                )
                yield Addition(row=name, words=f"a patch release of {release.day or 'an unknown day'}", edits=(edit,))
            elif row.patches[release.version] is None and release.day:
                edit = DataEdit(file=FILE, at=(*at, release.version), key=None, text=str(release.day))
                yield Addition(row=name, words=f"its day is {release.day}", edits=(edit,))
            elif release.day and row.patches[release.version] != release.day:
                words = f"the index has the day {release.day}, the row {row.patches[release.version]}"
                yield Remark(kind=DIFFERS, row=name, words=words)

    def _newest(self, row: TorchRelease, release: ServedRelease) -> Iterator[Addition | Remark]:
        """What its newest patch release has beside the row, or lacks."""
        if Version(row.newest) > Version(release.version):
            return
        name = f"torch {row.minor}"
        for system, pythons in pythons_of(release).items():
            for python in pythons:
                if python not in row.pythons[system]:
                    at = ("torch", row.minor, "pythons", system)
                    edit = DataEdit(file=FILE, at=at, key=python, text=f'"{python}"')
                    yield Addition(
                        row=name, words=f"wheels of {release.version} for Python {python} on {system}", edits=(edit,)
                    )
            for python in row.pythons[system]:
                if python not in pythons:
                    words = f"{release.version} has no wheel for Python {python} on {system}"
                    yield Remark(kind=GONE, row=name, words=words)
        served = (self.variants or {}).get(release.version)
        if served:
            yield from self._variants(row, release, served)

    def _variants(
        self, row: TorchRelease, release: ServedRelease, served: Mapping[str, Any]
    ) -> Iterator[Addition | Remark]:
        name = f"torch {row.minor}"
        both = on_both(served)
        for variant in both:
            if variant not in row.cuda:
                yield new_variant(self.facts, row, release, variant, served, self.log)
        for variant in sorted({each for system in served.values() for each in system} - {*both, *row.cuda, "cpu"}):
            systems = [system for system in served if variant in served[system]]
            yield Remark(kind=NOTE, row=name, words=f"{variant} is served for {' and '.join(systems)} alone; not added")
        for variant in row.cuda:
            missing = [system for system in GOOD if variant not in served.get(system, {})]
            if missing:
                words = f"the PyTorch index has no {variant} of {release.version} for {' and '.join(missing)}"
                yield Remark(kind=GONE, row=name, words=words)

    def _new_minor(self, minor: str, releases: Sequence[ServedRelease]) -> Addition | Remark:
        name, newest = f"torch {minor}", releases[-1]
        served = (self.variants or {}).get(newest.version)
        if not served:
            why = "the PyTorch index did not say" if self.variants is None else "the PyTorch index has none of it yet"
            words = (
                f"{newest.version} is on the package index; its CUDA variants are unknown ({why}), so no row is written"
            )
            return Remark(kind=NOTE, row=name, words=words)
        try:
            return new_minor(self.facts, minor, releases, pythons_of(newest), on_both(served), served, self.log)
        except (WheelsError, ValueError, requests.RequestException) as error:
            words = f"{newest.version} is served; its wheels could not be read: {str(error).splitlines()[0]}"
            return Remark(kind=NOTE, row=name, words=words)


def torch_difference(facts: Facts, world: World, log: Log) -> DataDifference:
    """How torch's rows and the two indexes differ; nothing when the package index did not answer."""
    if world.torch.value is None:
        return DataDifference()
    since = facts.watched_projects["torch"].since
    watch = TorchWatch(facts=facts, served=world.torch.value, variants=world.variants.value, since=since, log=log)
    return watch.difference()


def on_both(served: Mapping[str, Mapping[str, object]]) -> tuple[str, ...]:
    """The CUDA variants that every system has, oldest first."""
    sets = [set(served.get(system, {})) for system in GOOD]
    return tuple(sorted(set.intersection(*sets) - {"cpu"}, key=lambda variant: int(variant[2:])))


def pythons_of(release: ServedRelease) -> dict[str, tuple[str, ...]]:
    """By system, the CPythons that a release has wheels for."""
    found: dict[str, set[str]] = {system: set() for system in GOOD}
    for file in release.wheels:
        for tag in _tags(file.name):
            system, python = system_of(tag.platform), CPYTHON.fullmatch(tag.interpreter)
            if system and python:
                free = "t" if tag.abi.endswith("t") else ""
                found[system].add(f"3.{python[1]}{free}")
    return {system: tuple(in_order(pythons)) for system, pythons in found.items()}


def _tags(name: str) -> Iterable[Tag]:
    """The tags of a wheel's name; none of a name that no installer takes."""
    try:
        return parse_wheel_filename(name[:LONGEST_NAME])[3]
    except InvalidWheelFilename:
        return ()
