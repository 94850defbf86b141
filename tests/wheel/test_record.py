"""A record holds what a wheel's manifest says; a manifest that cannot be right is refused, every fault told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import DataError, InputError, VerifyError
from scripts.wheel.documents import read_manifest, read_wheels, write_wheels
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import Verification, WheelRecord
from scripts.wheel_build.filed_manifest import manifest_of
from tests.wheel.factories import TARGET, digest, make_manifest, make_wheel_record, manifest_text
from tests.wheel.test_manifest import REPORT, make_built

URL = make_wheel_record().url


def problems_of(content: str) -> list[str]:
    """The faults that are told, none when the manifest is read."""
    try:
        read_manifest(content, "w.whl.json")
    except DataError as error:
        return list(error.problems)
    return []


def test_a_record_holds_what_the_manifest_says() -> None:
    assert read_manifest(manifest_text(), "w.whl.json", URL) == make_wheel_record()


def test_a_manifest_of_a_real_build_is_read(tmp_path: Path) -> None:
    built = make_built(tmp_path)
    record = read_manifest(json.dumps(manifest_of(built, REPORT)), "m")
    assert (record.target, record.ops, record.file) == (built.plan.target, ("cpu_adam", "cpu_lion"), built.wheel.name)
    assert record.verification
    assert record.verification.passed == ("ds_report",)
    assert read_manifest(json.dumps(manifest_of(built, None)), "m").verification is None


def test_a_wheel_of_an_earlier_writer_lacks_what_its_machine_had_no_header_for_and_keeps_no_cure() -> None:
    cure = "the header libaio.h is not on this machine; install it with: sudo apt-get install -y libaio-dev"
    told = {"async_io": cure, "cpu_lion": "not among the ops that were asked for", "gds": "needs cuFile"}
    record = read_manifest(manifest_text(left_out=told), "m")
    assert record.lacks == ("async_io", "cpu_lion")
    assert record.left_out == {**told, "async_io": "the machine that built it did not have the header libaio.h"}
    row = json.loads(write_wheels(make_published(make_wheel_record())))
    del row["wheels"][0]["lacks"]
    row["wheels"][0]["left_out"] = told
    (read,) = read_wheels(json.dumps(row), "wheels.json").wheels
    assert (read.lacks, read.left_out) == (record.lacks, record.left_out)


def test_what_a_wheel_lacks_is_read_as_it_was_written() -> None:
    record = make_wheel_record(lacks=("async_io",))
    assert read_wheels(write_wheels(make_published(record)), "wheels.json").wheels == (record,)
    assert read_manifest(manifest_text(lacks=["async_io"]), "m", URL) == record


def test_a_manifest_without_metadata_is_read() -> None:
    record = read_manifest(manifest_text(metadata=None), "m")
    assert (record.metadata_sha256, record.requires_python) == (None, None)


def test_a_cpu_wheel_has_no_architectures() -> None:
    assert read_manifest(manifest_text(arches=None), "m").arches == ()


def test_a_check_that_failed_is_known() -> None:
    checks = [{"name": "ops load", "passed": False, "detail": "fused_adam", "seconds": 1}]
    record = read_manifest(manifest_text(proof={"wheel": "w", "passed": False, "checks": checks}), "m")
    assert record.verification
    assert record.verification.failed == ("ops load",)


def test_a_manifest_of_a_newer_writer_may_tell_more() -> None:
    assert read_manifest(manifest_text(run_url="https://ci.example/1"), "m", URL) == make_wheel_record()


def test_every_fault_of_a_manifest_is_told_at_its_key() -> None:
    wheel = {"file": TARGET.wheel_name, "sha256": "ABC", "bytes": "many"}
    found = problems_of(manifest_text(schema=7, wheel=wheel, torch=2.6, cpu_level=None, target={"id": "deepspeed"}))
    assert {problem.split(":")[0] for problem in found} == {
        "schema",
        "target.id",
        "wheel.sha256",
        "wheel.bytes",
        "torch",
        "the key 'cpu_level' is missing; add it",
    }


@pytest.mark.parametrize("content", ["", "[1]", "nonsense", "[" * 100_000, '{"a": 1, "a": 2}', b"\xff\xfe\xff"])
def test_what_is_no_manifest_is_a_fault_and_no_traceback(content: str) -> None:
    assert problems_of(content)


@pytest.mark.parametrize(
    "key", sorted(set(make_manifest()) - {"metadata", "arches", "proof", "workers", "cache_hits", "repeat"})
)
@pytest.mark.parametrize("value", [[], {}, "x", 7, True])
def test_a_value_of_another_kind_is_a_fault_and_no_traceback(key: str, value: object) -> None:
    found = problems_of(manifest_text(**{key: value}))
    assert any(key in problem for problem in found) or isinstance(value, type(make_manifest()[key]))


def test_a_wheel_that_is_not_named_as_its_target_is_refused() -> None:
    wheel = {"file": '"><script>.whl', "sha256": digest("x"), "bytes": 1}
    assert problems_of(manifest_text(wheel=wheel))[0].startswith("wheel.file")


# ---------------------------------------------------------------- wheels.json


def make_published(*records: WheelRecord) -> Published:
    return publish_records(records, url="https://site.example", torch_index="https://torch.example/{variant}")


def test_what_wheels_json_says_is_read_back() -> None:
    local = make_wheel_record(
        torch="2.10.0", url=None, verification=Verification(level=None, passed=("names",)), cuda="cpu"
    )
    published = make_published(make_wheel_record(), replace(local, metadata_sha256=None, requires_python=None))
    assert read_wheels(write_wheels(published), "wheels.json") == published
    assert [record.target.torch for record in published.wheels] == ["2.6.0", "2.10.0"]


def test_a_text_that_many_wheels_note_stands_in_wheels_json_once() -> None:
    notes = {"bf16-off": "No BF16 kernels."}
    text = write_wheels(make_published(*(make_wheel_record(python=python, notes=notes) for python in ("3.11", "3.12"))))
    assert text.count("No BF16 kernels.") == 1
    assert [record.notes for record in read_wheels(text, "wheels.json").wheels] == [notes, notes]


def test_a_proof_that_many_wheels_have_stands_in_wheels_json_once() -> None:
    proof = Verification(level="full", passed=("names",), skipped={"gpu": "no GPU here"}, parts=("load_ops", "zero-1"))
    records = [make_wheel_record(python=python, verification=proof) for python in ("3.11", "3.12")]
    text = write_wheels(make_published(*records, make_wheel_record(python="3.13")))
    assert text.count("zero-1") == 1
    read = [record.verification for record in read_wheels(text, "wheels.json").wheels]
    assert read == [proof, proof, make_wheel_record().verification]


def test_the_parts_that_passed_are_read_from_a_manifest() -> None:
    runs = {"zero-1": {"passed": True, "seconds": 1.5}, "gpu": {"passed": None, "reason": "no GPU"}}
    proof = {**make_manifest()["proof"], "parts": runs}
    verification = read_manifest(manifest_text(proof=proof), "m").verification
    assert verification is not None
    assert verification.parts == ("zero-1",)


def test_a_wheels_json_of_before_has_each_proof_with_its_wheel() -> None:
    document = json.loads(write_wheels(make_published(make_wheel_record())))
    document["wheels"][0]["proof"] = document.pop("proofs")[0]
    del document["wheels"][0]["proof"]["parts"]
    assert read_wheels(json.dumps(document), "wheels.json").wheels == (make_wheel_record(),)


def test_a_wheels_json_of_before_has_no_notes() -> None:
    document = json.loads(write_wheels(make_published(make_wheel_record())))
    del document["notes"], document["wheels"][0]["notes"]
    assert read_wheels(json.dumps(document), "wheels.json").wheels == (make_wheel_record(),)


def test_notes_of_a_manifest_are_those_for_users() -> None:
    notes = [
        {
            "id": "zc",
            "level": "fix",
            "audience": "builder",
            "text": "CCCL refuses.",
            "hint": "Set CL.",
            "source": ["a"],
        },
        {"id": "abi", "level": "warn", "audience": "user", "text": "The old ABI.", "hint": None, "source": ["a"]},
        {"id": "cards", "text": "No code for it.", "hint": "Take the other."},
    ]
    assert read_manifest(manifest_text(notes=notes), "m").notes == {
        "abi": "The old ABI.",
        "cards": "No code for it. Take the other.",
    }


def test_wheels_json_is_the_same_whatever_order_the_records_come_in() -> None:
    records = [make_wheel_record(python=python) for python in ("3.12", "3.9", "3.11")]
    assert write_wheels(make_published(*records)) == write_wheels(make_published(*reversed(records)))


def test_wheels_json_without_wheels_is_whole() -> None:
    assert read_wheels(write_wheels(make_published()), "wheels.json").wheels == ()


def test_a_site_knows_where_its_channels_torch_and_wheels_are() -> None:
    record = make_wheel_record()
    published = make_published(record)
    assert published.channel(record.target) == "https://site.example/whl/cu124/torch2.6/"
    assert published.torch_channel(record.target) == "https://torch.example/cu124"
    assert published.address(record) == record.url
    beside = published.address(replace(record, url=None))
    assert beside == f"https://site.example/files/0.16.5/{record.file.replace('+', '%2B')}"


def test_two_wheels_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        make_published(make_wheel_record(torch="2.6.0"), make_wheel_record(torch="2.6.1"))


@pytest.mark.parametrize("verification", [None, Verification(level="full", passed=("names",), failed=("ops load",))])
def test_a_wheel_that_is_not_verified_is_not_offered(verification: Verification | None) -> None:
    with pytest.raises(VerifyError, match="failed verification or was not verified"):
        make_published(make_wheel_record(verification=verification))


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("url", "javascript:alert(1)", "url"),
        ("id", "x", "id"),
        ("sha256", 7, "sha256"),
        ("requires_python", "3", "requires_python"),
        ("arches", ["all"], "arches"),
        ("left_out", None, "left_out"),
        ("uploaded", '2026-01-31"><script>', "uploaded"),
        ("proof", 1, "proof"),
        ("proof", -1, "proof"),
        ("proof", True, "proof"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(key: str, value: object, place: str) -> None:
    document: dict[str, Any] = json.loads(write_wheels(make_published(make_wheel_record())))
    document["wheels"][0][key] = value
    with pytest.raises(DataError, match=place) as caught:
        read_wheels(json.dumps(document), "wheels.json")
    assert "wheels[0]" in caught.value.problems[0]


def test_a_record_can_be_read_with_little_more_than_the_standard_library() -> None:
    script = "import sys; sys.path.insert(0, '.'); import scripts.wheel.record; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert {"yaml", "psutil", "rich", "filelock", "invoke"} & set(told.stdout.split()) == set()
