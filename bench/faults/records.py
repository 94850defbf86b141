"""Damaged documents that these tools write for themselves: manifests, the site's records, results, notes of caches."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

from bench.faults.mutations import damage_document
from bench.faults.part import Case, LostError, Part, ends_well
from scripts.ci.results import Result, read_results
from scripts.ci.summary import markdown, rows
from scripts.diagnose.named_cause import NamedCause
from scripts.files import sha256_of
from scripts.index.page.states import read_builds, unpublished
from scripts.index.simple_index import render_index
from scripts.install.choose import choose
from scripts.wheel.documents import read_manifest, read_wheels, write_wheels
from scripts.wheel.published import publish_records
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.compile import Compiler
from scripts.wheel_build.source import SourceArchive, fetch_source, prepare_tree
from tests.install.factories import make_environment
from tests.wheel.factories import TARGET, make_manifest, make_wheel_record
from tests.wheel_build.factories import (
    make_op,
    make_recipe,
    make_settings,
    quiet_progress,
    tar_bytes,
    write_tree,
)

PLACES = {"url": "https://site.example", "torch_index": "https://torch.example/{variant}"}
ENVIRONMENT = make_environment()
MEMBERS = ("version.txt", "setup.py", "a/b.h")  # of a small source
Read = Callable[[bytes], object]
Kind = tuple[object, Read]  # a whole document, and what reads it


def _read_manifest(data: bytes) -> None:
    record = read_manifest(data, "wheel.json", "https://wheels.example/a.whl")
    render_index(publish_records([record], **PLACES))


def _read_wheels(data: bytes) -> None:
    published = read_wheels(data, "wheels.json")
    choose(published.wheels, ENVIRONMENT)
    render_index(published)


def _read_builds(data: bytes) -> None:
    unpublished(read_builds(data, "builds.json"), [TARGET])


def _results(folder: Path) -> Kind:
    file = folder / "logs" / f"{TARGET.id}.result.json"
    file.parent.mkdir()

    def read(data: bytes) -> None:
        file.write_bytes(data)
        markdown(rows(read_results(file.parent, lambda line: None), folder))

    cause = NamedCause(cause="disk-full", line="full", where="its error", explanation="Full.", remedy="Free some.")
    result = Result(target=TARGET.id, exit_code=17, wheel=None, message="it did not compile", diagnosis=cause)
    return asdict(result), read


def _cached_op(folder: Path) -> Kind:
    """The note of a cached op: a build that finds it damaged compiles the op again."""
    root = write_tree(folder / "tree", {"csrc/a.cpp": "int a;\n"})
    program = folder / "compiler"
    program.write_text('#!/bin/sh\nfor last; do :; done\necho compiled > "$last"\n', encoding="utf-8")
    program.chmod(0o755)
    op = make_op(root, "a", ["csrc/a.cpp"], folder / "recorded", compiler=str(program))
    recipe = make_recipe([replace(op, link=(str(program), *op.link[1:]))])
    settings = make_settings(root, folder, cache=OpCache(folder / "ops"))

    def compiled() -> bytes:
        with quiet_progress(folder) as progress:
            (built,) = Compiler(recipe, settings, progress).run()
            return built.binary.read_bytes()

    compiled()
    (meta,) = (folder / "ops").glob("*/*/meta.json")
    whole = json.loads(meta.read_bytes())

    def read(data: bytes) -> None:
        meta.parent.mkdir(parents=True, exist_ok=True)
        meta.write_bytes(data)
        if compiled() != b"compiled\n":
            raise LostError("wrong binary from the op cache")

    return whole, read


def _source_note(folder: Path) -> Kind:
    """What a cache notes of a downloaded source; one that is damaged is downloaded again, here from nowhere."""
    archive = _archive(folder / "sources")
    note = archive.path.parent / "deepspeed-0.19.8-sdist.json"
    whole = {"file": archive.path.name, "url": archive.url, "sha256": archive.sha256}

    def read(data: bytes) -> None:
        note.write_bytes(data)
        found = fetch_source("0.19.8", note.parent, kinds=("sdist",), pinned_sdist=archive.sha256)
        if found.path.resolve() != archive.path.resolve():
            raise LostError(f"wrong source from the cache: {found.path}")

    return whole, read


def _stamp(folder: Path) -> Kind:
    """The stamp of an unpacked source: whatever it says, the tree is whole."""
    archive, root = _archive(folder / "archives"), folder / "unpacked" / "source"
    prepare_tree(archive, root, ())
    (stamp,) = (path for path in root.parent.rglob("*.json") if path.relative_to(root.parent).name not in MEMBERS)
    whole = json.loads(stamp.read_bytes())

    def read(data: bytes) -> None:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_bytes(data)
        tree = prepare_tree(archive, root, ())
        if any((tree.root / name).read_bytes() != b"0.19.8\n" for name in MEMBERS):
            raise LostError("wrong source tree")

    return whole, read


def _archive(folder: Path) -> SourceArchive:
    folder.mkdir()
    path = folder / "deepspeed-0.19.8.tar.gz"
    path.write_bytes(tar_bytes({f"deepspeed-0.19.8/{name}": "0.19.8\n" for name in MEMBERS}))
    return SourceArchive(path=path, version="0.19.8", kind="sdist", url="nowhere", sha256=sha256_of(path))


@contextmanager
def _records(folder: Path) -> Iterator[Case]:
    wheels = publish_records([make_wheel_record(python=python) for python in ("3.10", "3.11")], **PLACES)
    builds = {TARGET.id: {"state": "failed", "message": "why", "url": "https://ci.example/1"}}
    kinds: tuple[Kind, ...] = (
        (make_manifest(), _read_manifest),
        (json.loads(write_wheels(wheels)), _read_wheels),
        (builds, _read_builds),
        *(make(_made(folder / make.__name__)) for make in (_results, _cached_op, _source_note, _stamp)),
    )

    def case(index: int, chance: random.Random) -> None:
        document, read = kinds[index % len(kinds)]
        ends_well(partial(read, damage_document(document, chance)))

    with patch.dict(os.environ, {"PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "NO_PROXY": "127.0.0.1"}):
        yield case


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


RECORDS = Part(name="records", what="a document that these tools wrote", cases=2500, seconds=30, place=_records)
