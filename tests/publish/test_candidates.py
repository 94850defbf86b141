"""Only proven wheels of all their ops are published; every other one keeps the reason why it is not."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.publish.candidates import read_wheelhouse
from tests.verify.stub_wheel import metadata
from tests.wheel.artifacts import rewrite
from tests.wheel.factories import make_manifest
from tests.wheel.wheelhouse import file_wheel, targets

TARGET = targets(1)[0]


def proof(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  any key
    return {**make_manifest()["proof"], **changes}


def only_reason(wheelhouse: Path) -> str:
    found = read_wheelhouse(wheelhouse)
    assert found.candidates == ()
    (skipped,) = found.skipped
    return skipped.reason


def only_refusal(wheelhouse: Path) -> str:
    found = read_wheelhouse(wheelhouse)
    assert (found.candidates, found.skipped) == ((), ())
    (refused,) = found.refused
    return refused.reason


def test_a_proven_wheel_is_published_with_its_metadata_and_its_manifest_last(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    (candidate,) = read_wheelhouse(tmp_path).candidates
    assert [payload.name for payload in candidate.payloads] == [
        wheel.name,
        f"{wheel.name}.metadata",
        f"{wheel.name}.json",
    ]
    digests = [payload.sha256 for payload in candidate.payloads]
    manifest = wheel.with_name(wheel.name + ".json").read_bytes()
    stated = metadata(TARGET.wheel_version, f"torch=={TARGET.torch_minor}.*", members=())
    contents = [wheel.read_bytes(), stated.encode(), manifest]
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [payload.size for payload in candidate.payloads] == [len(content) for content in contents]
    assert candidate.target == TARGET


def test_wheels_are_in_the_order_of_their_versions(tmp_path: Path) -> None:
    wanted = [*targets(60), *targets(2, "0.16.5")]
    for target in wanted:
        file_wheel(tmp_path, target)
    found = read_wheelhouse(tmp_path).candidates
    assert [candidate.target for candidate in found] == sorted(wanted, key=lambda target: target.sort_key())


@pytest.mark.parametrize(
    ("place", "reason"),
    [("failed", "it failed verification"), ("elsewhere", "it is not in")],
)
def test_a_wheel_in_another_folder_is_skipped(tmp_path: Path, place: str, reason: str) -> None:
    file_wheel(tmp_path, TARGET, place=place)
    assert only_reason(tmp_path).startswith(reason)


OLD = {"async_io": "the header libaio.h is not on this machine; install it with: sudo apt-get install -y libaio-dev"}


@pytest.mark.parametrize(
    "changes",
    [
        {"lacks": ["async_io"], "left_out": {"async_io": "the machine that built it did not have the header libaio.h"}},
        {"left_out": OLD},
        {"left_out": {"async_io": "not among the ops that were asked for"}},
    ],
    ids=["named", "of an earlier writer", "of an earlier writer, asked for"],
)
def test_a_wheel_that_lacks_an_op_is_skipped_wherever_it_lies(tmp_path: Path, changes: dict[str, Any]) -> None:
    file_wheel(tmp_path, TARGET, **changes)
    assert only_reason(tmp_path) == "it lacks async_io, which the full wheel of this name has; build that one"


@pytest.mark.parametrize("name", ["only-cpu_adam", "without-async_io"])
def test_a_wheel_in_a_directory_of_fewer_ops_is_skipped(tmp_path: Path, name: str) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    folder = wheel.parent / name
    wheel.parent.rename(tmp_path / "moved")
    folder.mkdir(parents=True)
    (tmp_path / "moved" / wheel.name).rename(folder / wheel.name)
    assert "only some of its ops" in only_reason(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proof": proof(passed=False)}, "it failed verification"),
        ({"proof": proof(level="smoke")}, "it was verified at level smoke, not full; build it again"),
        ({"proof": proof(level=None)}, "it was verified at level unknown, not full; build it again"),
        ({"proof": proof(checks=[])}, "it failed verification"),
    ],
)
def test_a_wheel_without_a_whole_proof_is_skipped(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    file_wheel(tmp_path, TARGET, **changes)
    assert only_reason(tmp_path) == reason


def test_a_wheel_that_was_never_proven_is_skipped(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    path = wheel.with_name(wheel.name + ".json")
    start, _, _ = path.read_text().partition(', "proof"')
    path.write_text(start + ', "proof": null}')
    assert only_reason(tmp_path) == "it was never verified"


def test_a_wheel_that_is_not_its_manifests_is_refused(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    wheel.write_bytes(wheel.read_bytes() + b"more")
    assert only_refusal(tmp_path).startswith("its manifest is another wheel's: sha256 is ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metadata": {"sha256": "0" * 64}}, "its manifest is another wheel's: metadata.sha256 is 0000"),
        ({"ops": {"cpu_adam": {}}}, "ops is ['cpu_adam'] in its manifest, and [] here"),
        ({"torch": "2.9.0"}, "it fails its audit: bill of materials: torch is '2.1.0+cpu' in it, and '2.9.0' in the"),
        (
            {"cpu_level": "any"},
            "it fails its audit: manifest: it promises the CPU level 'any', which cpu.yaml does not",
        ),
        ({"source": {"kind": "found", "sha256": "0" * 64}}, "it fails its audit: bill of materials: "),
    ],
)
def test_a_wheel_whose_manifest_is_not_true_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    rewrite(file_wheel(tmp_path, TARGET), **changes)
    assert only_refusal(tmp_path).startswith(reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"torch": "2.1.9+cpu"}, "torch is '2.1.9' in its manifest, and '2.1.0' here"),
        (
            {"source": {"kind": "sdist", "sha256": "0" * 64}},
            "it fails its audit: bill of materials: its source has sha256 0000",
        ),
    ],
)
def test_a_wheel_that_says_the_same_untruth_as_its_manifest_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    file_wheel(tmp_path, TARGET, **changes)
    assert only_refusal(tmp_path).startswith(reason)


def test_a_wheel_that_fails_its_audit_is_refused_with_the_checks_that_fail(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("unlisted.pth", "import os")
    data = wheel.read_bytes()
    rewrite(wheel, wheel={"file": wheel.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
    reason = only_refusal(tmp_path)
    assert "member paths: 'unlisted.pth' would be installed outside of deepspeed/" in reason
    assert "RECORD: not in RECORD: unlisted.pth" in reason


def test_a_wheel_without_a_manifest_is_skipped(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    wheel.with_name(wheel.name + ".json").unlink()
    assert only_reason(tmp_path) == "it has no manifest beside it"


def test_a_damaged_manifest_is_told_with_its_fault(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, TARGET)
    wheel.with_name(wheel.name + ".json").write_text("{")
    assert wheel.name in only_refusal(tmp_path)
