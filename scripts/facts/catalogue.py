"""What is known of DeepSpeed itself, read from deepspeed.yaml: its releases, its ops and the patches it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.facts.condition import parse_condition
from scripts.facts.rows import DeepSpeedRelease, Edit, Op, OpSupport, Patch
from scripts.schema.readers import (
    Optional,
    Problems,
    below,
    choice,
    day,
    flag,
    integer,
    listed,
    mapped,
    number,
    record,
    source,
    specifiers,
    table,
    text,
    version,
)
from scripts.schema.yaml_document import read_document

FILE = "deepspeed.yaml"
SYSTEMS = ("windows", "linux")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything deepspeed.yaml says."""

    releases: Mapping[str, DeepSpeedRelease]
    ops: Mapping[str, Op]
    patches: tuple[Patch, ...]


def _op(
    name: str, variable: str, module: str, cuda: tuple[OpSupport, ...], cpu: tuple[OpSupport, ...]
) -> Op:  # the module is stated once for all rows
    rows = {"cuda": cuda, "cpu": cpu}
    return Op(
        name=name,
        variable=variable,
        support={key: tuple(replace(row, module=module) for row in found) for key, found in rows.items() if found},
    )


def _edit_text(value: object, where: str, problems: Problems) -> str:
    """A text that names what to change; empty would change nothing."""
    found = text(value, where, problems)
    if not found:
        problems.add(where, "is empty; name the text to change")
    return found


def _pattern(value: object, where: str, problems: Problems) -> str:
    """A regular expression."""
    found = _edit_text(value, where, problems)
    try:
        re.compile(found)
    except re.error as error:
        problems.add(where, f"{found!r} is no regular expression ({error}); correct it")
    return found


RELEASE = record(
    DeepSpeedRelease,
    version=version,
    date=day,
    sdist_sha256=Optional(text),
    cuda_minors=listed(version),
    default_arches=text,
    source=source,
)
SUPPORT = record(
    OpSupport,
    versions=specifiers(),
    module=Optional(text, ""),
    kind=choice("cuda", "cpu", "cpp"),
    units=integer,
    seconds=mapped(number),
    why_not=Optional(mapped(text), {}),
    default=Optional(flag, True),
    libraries=Optional(mapped(listed(text)), {}),
    header=Optional(text),
    link=Optional(listed(text), ()),
    min_sm=Optional(integer),
    note=Optional(text),
    source=source,
)
OP = record(
    _op, name=text, variable=text, module=text, cuda=Optional(listed(SUPPORT), ()), cpu=Optional(listed(SUPPORT), ())
)
EDIT = record(
    Edit, file=text, replace=Optional(_edit_text), regex=Optional(_pattern), write=Optional(text), by=Optional(text, "")
)
PATCH = record(
    Patch, id=text, title=text, when=parse_condition, enabled=flag, edits=listed(EDIT), reason=text, source=source
)
CATALOGUE = record(Catalogue, releases=table("version", RELEASE), ops=table("name", OP), patches=listed(PATCH))


def read_catalogue(folder: Path, problems: Problems) -> Catalogue:
    """Every row of deepspeed.yaml as values; what is wrong goes to `problems`."""
    found = len(problems)
    document = read_document(folder / FILE, problems)
    if document is None and len(problems) > found:
        return Catalogue(releases={}, ops={}, patches=())
    read = CATALOGUE(document, f"{FILE}:", problems)
    if len(problems) > found:
        return Catalogue(releases=read.releases or {}, ops=read.ops or {}, patches=read.patches or ())
    _check(read, problems)
    return read


def _check(catalogue: Catalogue, problems: Problems) -> None:
    for op in catalogue.ops.values():
        for accelerator, rows in op.support.items():
            where = below(below(f"{FILE}: ops", op.name), accelerator)
            _check_ranges(rows, catalogue.releases, where, problems)
            for index, row in enumerate(rows):
                _check_row(row, below(where, index), problems)
    for index, patch in enumerate(catalogue.patches):
        _check_patch(patch, below(f"{FILE}: patches", index), problems)


def _check_ranges(
    rows: tuple[OpSupport, ...], releases: Mapping[str, DeepSpeedRelease], where: str, problems: Problems
) -> None:
    for release in releases:
        if sum(row.versions.contains(release, prereleases=True) for row in rows) > 1:
            problems.add(where, f"two rows hold for {release}; make their ranges end where the next begins")
    for index, row in enumerate(rows):
        if releases and not any(row.versions.contains(release, prereleases=True) for release in releases):
            problems.add(below(where, index), f"{str(row.versions)!r} holds for no release; correct the range")


def _check_row(row: OpSupport, where: str, problems: Problems) -> None:
    for name, keys in (("seconds", row.seconds), ("why_not", row.why_not)):
        for key in keys:
            if key not in SYSTEMS:
                problems.add(f"{where}.{name}", f"{key!r} is no system; write one of {', '.join(SYSTEMS)}")
    for system in SYSTEMS:
        if (system in row.seconds) == (system in row.why_not):
            problems.add(where, f"{system} needs either its seconds or the reason why_not, and not both")
    if not row.default and not row.note:
        problems.add(where, "is off without a reason; say why in `note`")


def _check_patch(patch: Patch, where: str, problems: Problems) -> None:
    for index, edit in enumerate(patch.edits):
        if sum(value is not None for value in (edit.replace, edit.regex, edit.write)) != 1:
            problems.add(below(f"{where}.edits", index), "holds not one of `replace`, `regex` and `write`; keep one")
    if not patch.edits:
        problems.add(f"{where}.edits", "is empty; name at least one edit")
