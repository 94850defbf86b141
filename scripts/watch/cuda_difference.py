"""CUDA: releases of a toolkit on the package index and in NVIDIA's archive, and the row of a new minor."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import requests
from packaging.version import Version

from scripts.command import Log
from scripts.errors import WheelsError
from scripts.facts.cuda_toolkits import CudaToolkit
from scripts.facts.facts import Facts
from scripts.versions import cuda_version, minor_of
from scripts.watch.cuda_wheels_read import CompilerFacts, compiler_facts, newest_of, platforms_of
from scripts.watch.data_text import DataEdit
from scripts.watch.difference import DIFFERS, GONE, NOTE, Addition, DataDifference, Remark, plain, quoted
from scripts.watch.upstream_answers import World

FILE, CHOICES = "cuda.yaml", "msvc.yaml"
SOURCES = ("cuda-host-config", "wheels-nvidia", "wheels-cuda-toolkit")
HERE = ("linux_x86_64", "win_amd64")
OLDEST_VARIANT = "11.8"  # cu117 of torch 2.0 has no toolkit on the package index


def cuda_difference(facts: Facts, world: World, variants: Collection[str], log: Log) -> DataDifference:
    """How the rows of toolkits and the index differ; `variants` are those of torch, whatever their age."""
    if world.toolkits.value is None:
        return DataDifference()
    releases: dict[str, list[str]] = {}
    for release in world.toolkits.value.values():
        if release.final:
            releases.setdefault(minor_of(release.version), []).append(release.version)
    since = Version(facts.watched_projects["cuda-toolkit"].since)
    of_torch = {version for variant in variants if (version := cuda_version(variant))}
    of_torch = {version for version in of_torch if Version(version) >= Version(OLDEST_VARIANT)}
    wanted = [minor for minor in releases if Version(minor) >= since or minor in of_torch]
    additions: list[Addition] = []
    remarks: list[Remark] = []
    for minor in wanted:
        row = facts.cuda.get(minor)
        if row is None:
            found = _new_row(facts, minor, releases[minor], log)
            (additions if isinstance(found, Addition) else remarks).append(found)  # type: ignore[arg-type]
            continue
        additions += _releases(row, releases[minor])
        additions += _compilers(row, world)
    remarks += [*_gone(facts, world), *_archives(facts, world, releases)]
    return DataDifference(additions=tuple(additions), remarks=tuple(remarks))


def _releases(row: CudaToolkit, served: list[str]) -> Iterator[Addition]:
    for release in served:
        if release not in row.releases:
            edit = DataEdit(file=FILE, at=("cuda", row.version, "releases"), key=release, text=f'"{release}"')
            yield Addition(row=f"CUDA {release}", words="the package index has this toolkit", edits=(edit,))


def _compilers(row: CudaToolkit, world: World) -> Iterator[Addition]:
    """Other systems that the wheels bring nvcc for."""
    if world.compilers.value is None or not row.version.startswith("13."):
        return
    try:
        served = platforms_of(newest_of(row.version, world.compilers.value))
    except ValueError:
        return
    fresh = [each for each in served if each not in HERE and each not in row.other_compilers]
    if not fresh:
        return
    at = ("cuda", row.version)
    if row.other_compilers:
        edits = tuple(DataEdit(file=FILE, at=(*at, "other_compilers"), key=each, text=each) for each in fresh)
    else:
        line = f"    other_compilers: {plain(fresh)}"
        edits = (DataEdit(file=FILE, at=at, key="pip_compiler~", text=line),)
    yield Addition(row=f"CUDA {row.version}", words=f"wheels with nvcc for {', '.join(fresh)}", edits=edits)


def _gone(facts: Facts, world: World) -> Iterator[Remark]:
    served = world.toolkits.value or {}
    for row in facts.cuda.values():
        for release in row.releases:
            if release not in served:
                candidates = [
                    each.version for each in served.values() if each.version.startswith(release) and not each.final
                ]
                words = (
                    f"the package index has it as a candidate only ({', '.join(candidates)})"
                    if candidates
                    else "the package index does not have it (any more)"
                )
                yield Remark(kind=GONE, row=f"CUDA {release}", words=words)


def _archives(facts: Facts, world: World, releases: dict[str, list[str]]) -> Iterator[Remark]:
    archives = world.archives.value
    if archives is None:
        return
    for release in archives:
        minor = minor_of(release)
        row = facts.cuda.get(minor)
        known = release in releases.get(minor, ()) or (row is not None and release in row.releases)
        newer = not facts.cuda or Version(minor) > max(map(Version, facts.cuda))
        if not known and (row is not None or newer):
            yield Remark(
                kind=NOTE, row=f"CUDA {release}", words="NVIDIA's archive has it, the package index has not; not added"
            )
    for row in facts.cuda.values():
        missing = [release for release in row.releases if release not in archives]
        if missing:
            words = f"NVIDIA's archive has no manifest of {', '.join(missing)}"
            yield Remark(kind=DIFFERS, row=f"CUDA {row.version}", words=words)


def _new_row(facts: Facts, minor: str, releases: list[str], log: Log) -> Addition | Remark:
    name = f"CUDA {minor}"
    log(f"  reading the wheels of CUDA {minor}")
    try:
        found = compiler_facts(minor)
    except (WheelsError, ValueError, requests.RequestException) as error:
        words = f"{releases[-1]} is served; its wheels could not be read: {str(error).splitlines()[0]}"
        return Remark(kind=NOTE, row=name, words=words)
    rows = sorted(facts.cuda.values(), key=lambda row: Version(row.version))
    same = [row for row in rows if row.version.split(".")[0] == minor.split(".")[0]] or rows
    before = max(
        (row for row in same if Version(row.version) < Version(minor)),
        key=lambda r: Version(r.version),
        default=same[0],
    )
    look = [f"the oldest driver is that of CUDA {before.version}; look it up in NVIDIA's release notes"]
    edits = [DataEdit(file=FILE, at=("cuda",), key=minor, text=_row(minor, releases, found, before))]
    edits += _choice(facts, minor, before, found, look)
    fresh = [sm for sm in found.sms if sm not in {gpu.sm for gpu in facts.gpus} | set(before.sms)]
    if fresh:
        look.append(f"it compiles for {', '.join(f'sm_{sm}' for sm in fresh)}: name the cards in gpu.yaml")
    words = f"{', '.join(releases)}; MSVC {found.msvc_min} to below {found.msvc_below}, GCC up to {found.gcc_max}"
    return Addition(row=name, words=words, edits=tuple(edits), look=tuple(look))


def _row(minor: str, releases: list[str], found: CompilerFacts, before: CudaToolkit) -> str:
    windows = "partial" if found.windows else "no"
    linux = "yes" if found.linux else "no"
    driver = ", ".join(f'{system}: "{before.driver_min[system]}"' for system in ("windows", "linux"))
    others = [f"    other_compilers: {plain(found.others)}"] if found.others else []
    lines = [
        f'  "{minor}":',
        f"    releases: {quoted(releases)}",
        f"    msvc_min: {found.msvc_min}",
        f"    msvc_below: {found.msvc_below}",
        f"    gcc_max: {found.gcc_max}",
        f"    sms: {plain(map(str, found.sms))}",
        f"    driver_min: {{{driver}}}",
        f'    pip_compiler: {{windows: "{windows}", linux: "{linux}"}}',
        *others,
        f"    source: {plain(SOURCES)}",
    ]
    return "\n".join(lines) + "\n"


def _choice(facts: Facts, minor: str, before: CudaToolkit, found: CompilerFacts, look: list[str]) -> Iterator[DataEdit]:
    """Its name in the row of msvc.yaml that chooses the toolset of the minor before, where that fits."""
    if any(minor in choice.cuda for choice in facts.toolset_choices):
        return
    for index, choice in enumerate(facts.toolset_choices):
        if before.version in choice.cuda:
            toolset = next((each for each in facts.toolsets if each.version == choice.toolset), None)
            if toolset and found.msvc_min <= toolset.msc_ver < found.msvc_below:
                look.append(f"msvc.yaml chooses toolset {choice.toolset} for it, as for {before.version}")
                yield DataEdit(file=CHOICES, at=("choices", index, "cuda"), key=minor, text=f'"{minor}"')
                return
    look.append("no toolset of msvc.yaml is chosen for it: add one under `choices`")
