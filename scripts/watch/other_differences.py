"""Pythons, hosted images and the MSVC toolsets on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from packaging.version import Version

from scripts.facts.facts import Facts
from scripts.facts.hosted_runners import Runner
from scripts.versions import in_order
from scripts.watch.data_text import DataEdit
from scripts.watch.difference import DIFFERS, GONE, NOTE, Addition, DataDifference, Remark, plain
from scripts.watch.torch_difference import pythons_of
from scripts.watch.upstream_answers import ServedImage, World

OLDEST_PYTHON = "3.8"
NUMBERED = re.compile(r"Microsoft\.VisualStudio\.Component\.VC\.(14\.\d\d)\.\d+\.\d+\.x86\.x64")


def python_difference(facts: Facts, world: World) -> DataDifference:
    """Pythons of the release calendar, and those that torch has wheels for."""
    calendar = set(world.pythons.value or ())
    of_torch: set[str] = set()
    since = Version(facts.watched_projects["torch"].since)
    for release in (world.torch.value or {}).values():
        if release.final and Version(release.version) >= since:
            of_torch |= set(chain.from_iterable(pythons_of(release).values()))
    additions = []
    for python in in_order(calendar | of_torch):
        if python not in facts.pythons and Version(python.removesuffix("t")) >= Version(OLDEST_PYTHON):
            sources = [
                *(["python-releases"] if python in calendar else []),
                *(["index-torch-files"] if python in of_torch else []),
            ]
            text = f'  "{python}": {{source: {plain(sources)}}}'
            words = " and ".join(
                [
                    *(["the release calendar has it"] if python in calendar else []),
                    *(["torch has wheels for it"] if python in of_torch else []),
                ]
            )
            edit = DataEdit(file="python.yaml", at=("python",), key=python, text=text)
            additions.append(Addition(row=f"Python {python}", words=words, edits=(edit,)))
    return DataDifference(additions=tuple(additions))


def image_difference(facts: Facts, world: World, linkers: Iterable[str]) -> DataDifference:
    """Hosted images and toolsets; `linkers` are the toolsets that torch's new rows name."""
    additions: list[Addition] = []
    remarks: list[Remark] = [*_labels(facts, world)]
    found: dict[str, str] = dict.fromkeys(linkers, "torch was linked by it")
    for name, answer in world.images.items():
        row, image = facts.runners.get(name), answer.value
        if row is None or image is None:
            continue
        if row.visual_studio != image.visual_studio:
            words = f"the image has Visual Studio {image.visual_studio}, the row says {row.visual_studio}"
            remarks.append(Remark(kind=DIFFERS, row=name, words=words))
        served = toolsets_on(image, facts)
        for toolset in served:
            found.setdefault(toolset, f"the image {name} has it")
            if toolset not in row.toolsets:
                at = ("runners", name, "toolsets")
                edit = DataEdit(file="runners.yaml", at=at, key=None, text=f'"{toolset}"')
                additions.append(Addition(row=name, words=f"the image has toolset {toolset}", edits=(edit,)))
        remarks += _lost(row, served)
    known = {toolset.version for toolset in facts.toolsets}
    rows = [_toolset(facts, version, why) for version, why in found.items() if version not in known]
    return DataDifference(additions=(*rows, *additions), remarks=tuple(remarks))


def toolsets_on(image: ServedImage, facts: Facts) -> tuple[str, ...]:
    """The toolsets of an image: by the components that its list names, and that of its newest run-time library."""
    known = {id: toolset.version for toolset in facts.toolsets for id in toolset.components.values()}
    latest = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"
    named = {known[id] for id in image.components if id in known and id != latest}
    numbered = {match[1] for id in image.components if (match := NUMBERED.fullmatch(id))}
    return tuple(sorted(named | numbered | {image.toolset}, key=Version, reverse=True))


def _lost(row: Runner, served: Iterable[str]) -> Iterator[Remark]:
    for toolset in row.toolsets:
        if toolset not in served:
            yield Remark(kind=GONE, row=row.name, words=f"the image's list names no toolset {toolset}")


def _labels(facts: Facts, world: World) -> Iterator[Remark]:
    labels = world.labels.value
    if labels is None:
        return
    windows = [name for name in facts.runners if name.startswith("windows-")]
    newest = max((int(name.split("-")[1]) for name in windows), default=0)
    for label in labels:
        year = re.fullmatch(r"windows-(\d{4})", label)
        if year and int(year[1]) > newest:
            yield Remark(kind=NOTE, row=label, words="a hosted image that runners.yaml has no row for")
    for name in facts.runners:
        if name not in labels:
            yield Remark(kind=GONE, row=name, words="no hosted image has this label any more")


def _toolset(facts: Facts, version: str, why: str) -> Addition:
    older = [each for each in facts.toolsets if Version(each.version) < Version(version)]
    gate = older[-1].stl_min_cuda if older else None
    lines = [
        f'  - version: "{version}"',
        f"    msc_ver: {1900 + int(version.split('.')[1])}",
        *([f'    stl_min_cuda: "{gate}"'] if gate else []),
        "    source: [runner-images]",
    ]
    edit = DataEdit(file="msvc.yaml", at=("toolsets",), key=version, text="\n".join(lines))
    look = (
        f"stl_min_cuda of {version} is that of the toolset before; read it in yvals_core.h of microsoft/STL at its tag",
        f"{version} has no id of an installer component yet",
    )
    return Addition(row=f"MSVC toolset {version}", words=why, edits=(edit,), look=look)
