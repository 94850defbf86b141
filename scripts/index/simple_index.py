"""The package index of published wheels, as files for any static host: `{path: text}` from records, no wheel is read.

`whl/` offers every wheel, `whl/<cuda>/` those of one CUDA variant, `whl/<cuda>/torch<minor>/` those of one channel;
each is an index that pip and uv take. A page is HTML (PEP 503), since that is what a static host can serve under the
type that clients ask for; its JSON (PEP 691, 700) is beside it for hosts that negotiate.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from packaging.version import Version

from scripts.index.not_found import NOT_FOUND, not_found_page
from scripts.wheel.documents import write_wheels
from scripts.wheel.published import Published, channel_of, cuda_channel_of, file_path
from scripts.wheel.record import WheelRecord

PROJECT = "deepspeed"  # normalized, as PEP 503 asks
WHEELS = "wheels.json"
ALL = "whl/"
META = '<meta name="pypi:repository-version" content="1.1">'
HEAD = (
    f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{META}<title>%s</title></head><body>\n<h1>%s</h1>\n'
)
TAIL = "</body></html>\n"


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """A wheel as a line of a page, in both forms; `{up}` stands for the way to the site's root."""

    html: str
    json: str
    version: str


def render_index(published: Published) -> dict[str, str]:
    """Every file of the index by its path below the site."""
    offered: dict[str, list[IndexRow]] = defaultdict(list, {ALL: []})
    for record in published.wheels:
        row = _row(record)
        for directory in (ALL, cuda_channel_of(record.target), channel_of(record.target)):
            offered[directory].append(row)
    channels = _channels(published)
    narrower = {ALL: tuple(channels), **channels}
    files = {WHEELS: write_wheels(published), NOT_FOUND: not_found_page(published.url, channels)}
    for directory, rows in offered.items():
        files |= {**_project_list(directory, narrower.get(directory, ())), **_project(directory, rows)}
    return files


def _channels(published: Published) -> dict[str, list[str]]:
    """The channels by the index of their CUDA variant, in the order of torch."""
    targets = {channel_of(record.target): record.target for record in published.wheels}
    found: dict[str, list[str]] = defaultdict(list)
    for channel, target in sorted(targets.items(), key=lambda item: (item[1].cuda, Version(item[1].torch_minor))):
        found[cuda_channel_of(target)].append(channel)
    return found


def _row(record: WheelRecord) -> IndexRow:
    """Both forms of one wheel; everything that is shown or linked is escaped."""
    address = record.url or "{up}" + file_path(record)
    metadata = f"sha256={record.metadata_sha256}" if record.metadata_sha256 else None
    attributes = {
        "data-requires-python": record.requires_python,
        "data-core-metadata": metadata,  # PEP 714
        "data-dist-info-metadata": metadata,  # PEP 658, what older clients read
        "data-upload-time": record.uploaded,  # in no PEP, but uv's --exclude-newer reads it
        "data-yanked": record.yanked,  # PEP 592: taken only by whoever asks for this very version
    }
    shown = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
    link = f'<a href="{escape(address)}#sha256={record.sha256}"{shown}>{escape(record.file)}</a><br>\n'
    return IndexRow(
        html=link, json=json.dumps(_file(record, address), sort_keys=True), version=record.target.wheel_version
    )


def _file(record: WheelRecord, address: str) -> dict[str, object]:
    """A wheel as PEP 691 writes it, with PEP 700's size and time."""
    metadata: object = {"sha256": record.metadata_sha256} if record.metadata_sha256 else False
    document: dict[str, object] = {
        "filename": record.file,
        "url": address,
        "hashes": {"sha256": record.sha256},
        "size": record.bytes,
        "core-metadata": metadata,
        "dist-info-metadata": metadata,
    }
    document |= {"upload-time": record.uploaded} if record.uploaded else {}
    document |= {"yanked": record.yanked} if record.yanked else {}
    return document | ({"requires-python": record.requires_python} if record.requires_python else {})


def _project(directory: str, offered: Sequence[IndexRow]) -> dict[str, str]:
    """The two pages that list the wheels."""
    path = f"{directory}{PROJECT}/"
    up = "../" * path.count("/")
    versions = json.dumps(list(dict.fromkeys(row.version for row in offered)))
    body = ",\n".join(row.json for row in offered)
    text = f'{{"meta": {{"api-version": "1.1"}}, "name": "{PROJECT}", "versions": {versions}, "files": [\n{body}\n]}}\n'
    page = HEAD % (PROJECT, PROJECT) + "".join(row.html for row in offered) + TAIL
    return {f"{path}index.html": page.replace("{up}", up), f"{path}index.json": text.replace("{up}", up)}


def _project_list(directory: str, narrower: Iterable[str]) -> dict[str, str]:
    """The two pages that name the one project; narrower indexes are no links, which PEP 503 takes for projects."""
    page = HEAD % ("Index", directory) + f'<a href="{PROJECT}/">{PROJECT}</a><br>\n'
    names = " ".join(f"<code>{escape(path)}</code>" for path in narrower)
    page += (f"<p>Indexes of some of these wheels: {names}</p>\n" if names else "") + TAIL
    document = {"meta": {"api-version": "1.1"}, "projects": [{"name": PROJECT}]}
    return {f"{directory}index.html": page, f"{directory}index.json": json.dumps(document) + "\n"}
