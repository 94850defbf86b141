"""DeepSpeed: releases on the package index, the row of a new one, and ops that no row knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests
from packaging.version import Version

from scripts.command import Log
from scripts.errors import WheelsError
from scripts.facts.facts import Facts
from scripts.watch.data_text import DataEdit
from scripts.watch.deepspeed_source import SourceFacts, SourceOp, read_source
from scripts.watch.difference import DIFFERS, GONE, NOTE, Addition, DataDifference, Remark, quoted
from scripts.watch.upstream_answers import Releases, ServedRelease

FILE = "deepspeed.yaml"
ANCHOR = re.compile(r"^    cuda_minors: &([\w-]+) (\[.*\])$", re.MULTILINE)
SECONDS = {"cuda": 40, "cpp": 37, "cpu": 37}  # of one source, until it was measured: as the rows there were estimated


@dataclass(kw_only=True)
class SourceReader:
    """Sources of releases, each read once."""

    facts: Facts
    served: Releases
    downloads: Path
    folder: Path
    log: Log
    cpu_flags: tuple[str, ...]
    known: dict[str, SourceFacts] = field(default_factory=dict)

    def read(self, version: str) -> SourceFacts:
        """What the release's source says; raises SourceError, or an error of the network."""
        if version not in self.known:
            self.log(f"  reading the source of DeepSpeed {version}")
            row, release = self.facts.deepspeed.get(version), self.served.get(version)
            digest = row.sdist_sha256 if row else release.sdist.sha256 if release and release.sdist else None
            torch = max((row.newest for row in self.facts.torch.values()), key=Version, default="2.15.0")
            self.known[version] = read_source(
                version, digest, self.downloads, self.folder, self.cpu_flags, torch, self.log
            )
        return self.known[version]


def deepspeed_difference(facts: Facts, content: str, reader: SourceReader) -> DataDifference:
    """How the rows and the index differ; `content` is the text of deepspeed.yaml."""
    additions: list[Addition] = []
    remarks: list[Remark] = []
    since = Version(facts.watched_projects["deepspeed"].since)
    known = set(facts.ops)
    for release in reader.served.values():
        if not (release.final and release.sdist and Version(release.version) >= since):
            continue
        row = facts.deepspeed.get(release.version)
        if row:
            remarks += _differs(release, row.date, row.sdist_sha256)
            continue
        try:
            source = reader.read(release.version)
        except (WheelsError, requests.RequestException) as error:
            words = f"its source could not be read, so no row is written: {str(error).splitlines()[0]}"
            remarks.append(Remark(kind=NOTE, row=f"DeepSpeed {release.version}", words=words))
            continue
        edits = [DataEdit(file=FILE, at=("releases",), key=release.version, text=_row(release, source, content))]
        ops = [op for each in source.ops.values() for op in each.values() if op.name not in known]
        for name in sorted({op.name for op in ops}):
            edits.append(DataEdit(file=FILE, at=("ops",), key=None, text=_op_row(name, release.version, source)))
            known.add(name)
        for edit in edits:
            content = edit.apply(content)
        additions.append(_addition(release, edits, ops))
        remarks += _ops_that_differ(facts, source)
    for version in facts.deepspeed:
        if version not in reader.served:
            words = "the package index does not have it (any more)"
            remarks.append(Remark(kind=GONE, row=f"DeepSpeed {version}", words=words))
    return DataDifference(additions=tuple(additions), remarks=tuple(remarks))


def _addition(release: ServedRelease, edits: list[DataEdit], ops: list[SourceOp]) -> Addition:
    assert release.sdist
    look = []
    if ops:
        names = ", ".join(sorted({op.name for op in ops}))
        look.append(f"its new ops ({names}) have rows with guessed seconds, and none for Windows; look at them")
    words = f"a release of {release.sdist.day}"
    return Addition(row=f"DeepSpeed {release.version}", words=words, edits=tuple(edits), look=tuple(look))


def _differs(release: ServedRelease, day: object, digest: str | None) -> Iterator[Remark]:
    assert release.sdist
    name = f"DeepSpeed {release.version}"
    if release.sdist.day and release.sdist.day != day:
        yield Remark(kind=DIFFERS, row=name, words=f"the index has the day {release.sdist.day}, the row {day}")
    if release.sdist.sha256 and digest and release.sdist.sha256 != digest:
        yield Remark(kind=DIFFERS, row=name, words="its sdist has another digest on the index than in the row")


def _row(release: ServedRelease, source: SourceFacts, content: str) -> str:
    assert release.sdist
    lines = [
        f'  "{release.version}":',
        f"    date: {release.sdist.day}",
        f"    sdist_sha256: {release.sdist.sha256}",
        f"    cuda_minors: {_minors(release.version, source.cuda_minors, content)}",
        "    source: [deepspeed]",
    ]
    return "\n".join(lines) + "\n"


def _minors(version: str, minors: tuple[str, ...], content: str) -> str:
    """The list by the name that it has where it first stands, else itself under a name of its own."""
    text = quoted(minors)
    for name, known in ANCHOR.findall(content):
        place = content.index(f"&{name} ")
        above = re.findall(r'^  "([\d.]+)":$', content[:place], re.MULTILINE)
        if known == text and above and Version(above[-1]) < Version(version):
            return f"*{name}"
    name = f"to-{minors[-1].replace('.', '-')}" if minors else "to-none"
    return text if f"&{name} " in content else f"&{name} {text}"


def _op_row(name: str, version: str, source: SourceFacts) -> str:
    """A new op as upstream lists it; what it costs, and whether it works on Windows, only a build can tell."""
    found = {accelerator: ops[name] for accelerator, ops in source.ops.items() if name in ops}
    one = next(iter(found.values()))
    lines = [f"  {name}:", f"    variable: {one.variable}", f"    module: {one.module}"]
    for accelerator, op in found.items():
        kind = "cuda" if any(each.endswith(".cu") for each in op.sources) else "cpu" if accelerator == "cpu" else "cpp"
        lines += [
            f"    {accelerator}:",
            f'      - versions: ">={version}"',
            f"        kind: {kind}",
            f"        seconds: {{linux: {SECONDS[kind] * max(1, len(op.sources))}}}",
            "        why_not:",
            '          windows: "new, and not built there yet"',
            "        source: [deepspeed]",
        ]
    return "\n".join(lines) + "\n"


def _ops_that_differ(facts: Facts, source: SourceFacts) -> Iterator[Remark]:
    """Ops that the rows expect and upstream no longer lists, or that it lists for another accelerator, too."""
    row = f"DeepSpeed {source.version}"
    for accelerator, ops in source.ops.items():
        expected = {op.name: op for op in facts.ops.values() if op.support_for(accelerator, source.version)}
        for name in sorted(expected.keys() - ops.keys()):
            words = f"it has no {name} for {accelerator} any more: end the `versions` of its row"
            yield Remark(kind=GONE, row=row, words=words)
        for name in sorted((ops.keys() - expected.keys()) & facts.ops.keys()):
            yield Remark(
                kind=NOTE, row=row, words=f"it has {name} for {accelerator}, too: add a row under `{accelerator}`"
            )
        yield from _renamed(row, expected, ops)


def _renamed(row: str, expected: Mapping[str, object], ops: Mapping[str, SourceOp]) -> Iterator[Remark]:
    for name in sorted(expected.keys() & ops.keys()):
        known = expected[name]
        for what in ("variable", "module"):
            if getattr(known, what) != getattr(ops[name], what):
                words = f"the {what} of {name} is {getattr(ops[name], what)}, the row says {getattr(known, what)}"
                yield Remark(kind=DIFFERS, row=row, words=words)
