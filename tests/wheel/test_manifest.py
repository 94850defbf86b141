"""The manifest says what a wheel is and how to make it again, and is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import InputError
from scripts.plan.target import Target
from scripts.schema.utc_time import is_utc_time, utc_now
from scripts.toolchain.compilers import Toolchain
from scripts.toolchain.host_compiler import HostCompiler
from scripts.verify.check import CheckResult, Report
from scripts.wheel.core_metadata import core_metadata, metadata_entry
from scripts.wheel.manifest import manifest_path, write_manifest
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.filed_manifest import manifest_of
from scripts.wheel_build.recipe import Recipe
from scripts.wheel_build.source import SourceArchive, SourceTree
from tests.verify.stub_elf import make_elf
from tests.verify.stub_wheel import INFO, make_wheel, metadata
from tests.wheel_build.plans import make_plan

TARGET = Target(deepspeed="0.19.8", torch="2.13.0", cuda="cpu", python="3.11", platform="linux_x86_64")
HOST = HostCompiler(
    name="g++ 12", identity={"compiler": "g++ 12", "target": "x86_64-linux-gnu", "linker": "GNU ld"}, context={}
)
OPTIONS = BuildOptions(ops=("cpu_adam", "cpu_lion"), jobs=2, source="sdist")
PLAN = make_plan(TARGET, OPTIONS, Toolchain(host=HOST, cuda=None, toolkit=None))
REPORT = Report(wheel="w", checks=(CheckResult(name="ds_report", passed=True, detail="as expected"),))


def make_built(folder: Path) -> BuiltWheel:
    wheel, binary = folder / TARGET.wheel_name, folder / "op.so"
    make_wheel(folder, name=wheel.name)
    binary.write_bytes(make_elf())
    archive = SourceArchive(path=folder / "s.tar.gz", version="0.19.8", kind="sdist", url="an index", sha256="ab")
    ops = tuple(
        BuiltOp(
            op=op,
            module=f"deepspeed.ops.{op}_op",
            file=f"{op}.so",
            binary=binary,
            key=f"key of {op}",
            cached=cached,
            seconds=12.3456,
            peak_bytes=10**9,
        )
        for op, cached in (("cpu_adam", True), ("cpu_lion", False))
    )
    selection = replace(PLAN.ops, left_out={"async_io": "libaio.h is missing"})
    recipe = Recipe(
        version="0.19.8",
        ops=(),
        torch={"version": "2.13.0+cpu", "cuda": None},
        python={},
        setuptools="80.9.0",
    )
    return BuiltWheel(
        plan=replace(PLAN, ops=selection),
        wheel=wheel,
        toolchain=PLAN.toolchain,
        tree=SourceTree(root=folder, archive=archive, patches=("P1",), corrections=("version.txt said 0.19.7",)),
        recipe=recipe,
        ops=ops,
        seconds={"source": 1.25, "compile": 100.5},
    )


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(manifest_of(make_built(tmp_path), REPORT)))
    return found


def test_the_manifest_names_target_wheel_and_source(tmp_path: Path, document: dict[str, Any]) -> None:
    assert document["target"] == {
        "deepspeed": "0.19.8",
        "torch": "2.13.0",
        "cuda": "cpu",
        "python": "3.11",
        "platform": "linux_x86_64",
        "id": TARGET.id,
    }
    wheel = (tmp_path / TARGET.wheel_name).read_bytes()
    digest = hashlib.sha256(wheel).hexdigest()
    assert document["wheel"] == {"file": TARGET.wheel_name, "sha256": digest, "bytes": len(wheel)}
    assert document["source"]["sha256"] == "ab"
    assert (document["source"]["patches"], document["source"]["corrections"]) == (["P1"], ["version.txt said 0.19.7"])


def test_an_index_needs_no_wheel_to_serve_its_metadata(tmp_path: Path, document: dict[str, Any]) -> None:
    assert core_metadata(tmp_path / TARGET.wheel_name) == metadata().encode()
    digest = hashlib.sha256(metadata().encode()).hexdigest()
    assert document["metadata"] == {"sha256": digest, "requires_python": None}


def test_the_pythons_a_wheel_asks_for_are_in_its_manifest(tmp_path: Path) -> None:
    text = b"Metadata-Version: 2.1\r\nName: deepspeed\r\nRequires-Python: >=3.8\r\n\r\nRequires-Python: none\r\n"
    wheel = make_wheel(tmp_path, {f"{INFO}/METADATA": text})
    assert metadata_entry(wheel) == {"sha256": hashlib.sha256(text).hexdigest(), "requires_python": ">=3.8"}


def test_a_wheel_without_metadata_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no METADATA"):
        core_metadata(make_wheel(tmp_path, {f"{INFO}/METADATA": None}))


def test_the_manifest_tells_each_op_its_cost_and_why_others_are_left_out(document: dict[str, Any]) -> None:
    assert document["ops"]["cpu_lion"] == {
        "module": "deepspeed.ops.cpu_lion_op",
        "seconds": 12.35,
        "peak_bytes": 10**9,
        "cached": False,
        "bytes": len(make_elf()),
        "key": "key of cpu_lion",
        "from": "compiled",
        "file": "cpu_lion.so",
        "sha256": hashlib.sha256(make_elf()).hexdigest(),
    }
    assert document["left_out"] == {"async_io": "libaio.h is missing"}
    assert document["lacks"] == sorted(PLAN.ops.usual - {"cpu_adam", "cpu_lion"})
    assert "async_io" in document["lacks"]
    assert document["cache_hits"] == 1
    assert document["seconds"] == {"source": 1.25, "compile": 100.5, "total": 101.75}


def test_the_manifest_says_when_the_wheel_was_built(document: dict[str, Any]) -> None:
    assert is_utc_time(document["built"])
    assert utc_now()[:4] >= document["built"][:4] >= "2025"


def test_the_manifest_holds_toolchain_torch_and_proof(document: dict[str, Any]) -> None:
    assert document["toolchain"] == {
        "compiler": "g++ 12",
        "target": "x86_64-linux-gnu",
        "linker": "GNU ld",
        "setuptools": "80.9.0",
    }
    assert (document["torch"], document["cpu_level"], document["arches"]) == ("2.13.0+cpu", "avx2", None)
    assert document["proof"] == json.loads(json.dumps(REPORT.as_document()))
    assert document["workers"] == 2


def test_the_manifest_says_what_to_know_of_the_wheel(tmp_path: Path, document: dict[str, Any]) -> None:
    known = [note["id"] for note in document["notes"]]
    assert known == [note.id for note in make_built(tmp_path).notes]
    assert all(note["text"] for note in document["notes"])


def test_the_manifest_names_no_folder_of_this_machine(tmp_path: Path, document: dict[str, Any]) -> None:
    assert str(tmp_path) not in json.dumps(document)


def test_the_line_that_repeats_the_build_can_be_pasted(document: dict[str, Any]) -> None:
    words = shlex.split(document["repeat"])
    assert words[:4] == ["invoke", "build", "--id", TARGET.id]
    assert words[4:] == list(OPTIONS.as_words())


def test_a_manifest_without_a_proof_says_so(tmp_path: Path) -> None:
    assert manifest_of(make_built(tmp_path), None)["proof"] is None


def test_a_manifest_lies_beside_its_wheel_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = manifest_path(tmp_path / TARGET.wheel_name)
    assert path == tmp_path / f"{TARGET.wheel_name}.json"
    write_manifest(path, {"b": 1, "a": {"d": 2, "c": "é"}})
    first = path.read_bytes()
    write_manifest(path, {"a": {"c": "é", "d": 2}, "b": 1})
    assert path.read_bytes() == first
    assert json.loads(first) == {"a": {"c": "é", "d": 2}, "b": 1}


def test_a_manifest_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "w.whl.json"
    write_manifest(path, {"old": True})
    with pytest.raises(TypeError):
        write_manifest(path, {"bad": object()})
    assert json.loads(path.read_text()) == {"old": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.whl.json"]
