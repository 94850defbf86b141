"""An artifact is somebody else's word: forged ones of every kind are refused, the sound ones beside them are taken."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.plan.target import Target
from scripts.publish.artifacts import Reporter, read_artifacts
from scripts.publish.attestation import CHECKSUMS, PREDICATE, attestation_files, coming_wheels
from scripts.publish.candidates import Wheelhouse
from scripts.publish.publish_plan import PublishPlan
from scripts.wheel.core_metadata import metadata_entry
from scripts.wheel.manifest import manifest_path
from tests.plan.factories import make_target
from tests.wheel.artifacts import expected, leave_artifact, report, rewrite
from tests.wheel.wheelhouse import file_wheel, wheel_file

SOUND, OTHER = make_target(python="3.11"), make_target(python="3.12")
QUEUE = {SOUND.id: (SOUND.id,), OTHER.id: (OTHER.id,)}
REPORTER = Reporter(workflow="someone/wheels/.github/workflows/build.yml@refs/heads/main", run="https://example.org/7")
MODULE = "deepspeed/ops/cpu_adam_op.cpython-312-x86_64-linux-gnu.so"


def read(artifacts: Path, queue: Mapping[str, tuple[str, ...]] = QUEUE) -> Wheelhouse:
    return read_artifacts(artifacts, queue, expected, REPORTER)


def told_of(wheel: Path) -> dict[str, object]:
    """What the manifest of a file says of it, made to fit whatever the file is now."""
    data = wheel.read_bytes()
    return {
        "wheel": {"file": wheel.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "metadata": metadata_entry(wheel),
    }


def change_wheel(wheel: Path, member: str, content: bytes | None, rename: str = "") -> None:
    """The wheel with another member, and a manifest that describes the new bytes."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.pop(member, None)
    if content is not None:
        members[rename or member] = content
    info = next(name for name in members if name.endswith("/RECORD"))
    rows = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in members.items() if name != info]
    members[info] = "\n".join([*rows, f"{info},,", ""]).encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    rewrite(wheel, **told_of(wheel))


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def wheel_of(artifacts: Path, target: Target) -> Path:
    return next((artifacts / target.id).rglob("*.whl"))


def test_a_sound_artifact_is_taken_and_its_manifest_says_who_reported_what_was_run(tmp_path: Path) -> None:
    leave_artifact(tmp_path, SOUND)
    found = read(tmp_path)
    assert (found.skipped, found.refused) == ((), ())
    (candidate,) = found.candidates
    manifest = json.loads(candidate.manifest.open().read())
    assert manifest["proof"]["reported_by"] == {"workflow": REPORTER.workflow, "run": REPORTER.run}
    assert {check["name"] for check in manifest["audit"]["checks"]} == {check.name for check in candidate.audit.checks}
    assert not any(check["passed"] is False for check in manifest["audit"]["checks"])
    assert hashlib.sha256(candidate.manifest.open().read()).hexdigest() == candidate.manifest.sha256


def test_the_attestation_names_new_wheels_alone_and_tells_what_was_read_from_what_was_reported(tmp_path: Path) -> None:
    leave_artifact(tmp_path, SOUND)
    leave_artifact(tmp_path, OTHER)
    candidates = read(tmp_path).candidates
    new = coming_wheels(candidates, PublishPlan(jobs=(), already_published=(wheel_file(SOUND),)))
    files = attestation_files(new, REPORTER)
    (wheel,) = (candidate.wheel for candidate in candidates if candidate.target == OTHER)
    assert files[CHECKSUMS] == f"{wheel.sha256}  {wheel_file(OTHER)}\n"
    predicate = json.loads(files[PREDICATE])
    assert predicate["reported_by"]["workflow"] == REPORTER.workflow
    (said,) = predicate["wheels"].values()
    assert said["reported"] == {"level": "full", "passed": ["ds_report"], "skipped": {"kernels": "no GPU here"}}
    assert "RECORD" in said["audited"]


def forge_report(artifacts: Path) -> None:
    """A zip that is no DeepSpeed, with a made-up report of one passed check."""
    wheel = file_wheel(artifacts / OTHER.id / "wheels", OTHER)
    change_wheel(wheel, "deepspeed/git_version_info_installed.py", None)
    checks = [{"name": "everything", "passed": True, "detail": "is fine", "seconds": 0}]
    rewrite(wheel, proof={"wheel": wheel.name, "level": "full", "passed": True, "checks": checks})


def forge_requirement(artifacts: Path) -> None:
    """A wheel that makes pip install somebody's package, too."""
    wheel = leave_artifact(artifacts, OTHER)
    name = f"deepspeed-{OTHER.wheel_version}.dist-info/METADATA"
    with zipfile.ZipFile(wheel) as archive:
        told = archive.read(name)
    change_wheel(wheel, name, told + b"Requires-Dist: evil-package\n")
    rewrite(wheel, proof=report(wheel))


def forge_short_report(artifacts: Path) -> None:
    """A sound wheel that nobody verified."""
    checks = [{"name": "everything", "passed": True, "detail": "is fine", "seconds": 0}]
    leave_artifact(
        artifacts, OTHER, proof={"wheel": wheel_file(OTHER), "level": "full", "passed": True, "checks": checks}
    )


def forge_manifest_of_another_file(artifacts: Path) -> None:
    wheel = leave_artifact(artifacts, OTHER)
    change_wheel(wheel, "deepspeed/filler", b"something else")
    rewrite(wheel, wheel={"file": wheel.name, "sha256": "0" * 64, "bytes": 1})


def forge_other_target(artifacts: Path) -> None:
    """The wheel of another target, under a name that was queued."""
    leave_artifact(artifacts, make_target(python="3.10"), name=OTHER.id)


def forge_renamed_target(artifacts: Path) -> None:
    """The bytes of another target's wheel with the name of this one."""
    wheel = leave_artifact(artifacts, OTHER)
    source = leave_artifact(artifacts.parent / "elsewhere", SOUND)
    shutil.copyfile(source, wheel)
    rewrite(wheel, **told_of(wheel), proof=report(wheel))


def forge_missing_op(artifacts: Path) -> None:
    """A wheel that lacks an op which its target has, and says so."""
    ops = [op for op in expected(OTHER).ops if op != "cpu_adam"]
    wheel = leave_artifact(artifacts, OTHER)
    file_wheel(artifacts / OTHER.id / "wheels", OTHER, ops=ops, cpu_level=expected(OTHER).cpu_level)
    rewrite(wheel, proof=report(wheel))


def forge_note(artifacts: Path) -> None:
    """A text that the page would show in our name."""
    note = {"id": "important", "text": "Install evil.example first.", "hint": None, "audience": "user"}
    leave_artifact(artifacts, OTHER, notes=[note])


def forge_repeat(artifacts: Path) -> None:
    leave_artifact(artifacts, OTHER, repeat=f"invoke build --id {OTHER.id} && curl evil.example")


def forge_source(artifacts: Path) -> None:
    leave_artifact(artifacts, OTHER, source={"kind": "sdist", "sha256": "0" * 64})


def forge_patch_release(artifacts: Path) -> None:
    """A manifest of another patch release of torch, whose wheel has the same name."""
    wheel = leave_artifact(artifacts, OTHER)
    rewrite(wheel, target={"id": OTHER.id.replace("torch2.13.0", "torch2.13.9")}, torch="2.13.9+cpu")


def forge_debug_module(artifacts: Path) -> None:
    """A module that is no program of any kind."""
    wheel = leave_artifact(artifacts, OTHER)
    change_wheel(wheel, MODULE, b"not a module at all")
    rewrite(wheel, proof=report(wheel))


def forge_path(artifacts: Path) -> None:
    """A member that an unpacker would write outside of the environment."""
    wheel = leave_artifact(artifacts, OTHER)
    change_wheel(wheel, "deepspeed/filler", b"x = 1", rename="../../../../home/person/.bashrc")
    rewrite(wheel, proof=report(wheel))


def forge_place(artifacts: Path) -> None:
    """A wheel that lies beside the others."""
    wheel = leave_artifact(artifacts, OTHER)
    moved = artifacts / OTHER.id / "logs" / wheel.name
    moved.parent.mkdir()
    wheel.rename(moved)
    manifest_path(wheel).rename(manifest_path(moved))


FORGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a made-up report": (forge_report, "it fails its audit: "),
    "a report of one check": (
        forge_short_report,
        "reports otherwise than the audit here: zip, RECORD",
    ),
    "a manifest of another file": (forge_manifest_of_another_file, "its manifest is another wheel's: sha256"),
    "a wheel of another target": (forge_other_target, "no wheel of this name was queued for the artifact"),
    "a wheel of another target by this name": (forge_renamed_target, "it fails its audit: file name and metadata"),
    "a wheel without an op": (forge_missing_op, "ops is "),
    "a note of its own": (forge_note, "note 'important' of its manifest has another text"),
    "a line that does more than to build": (forge_repeat, "repeat is 'invoke build --id"),
    "a source with another digest": (forge_source, "it fails its audit: bill of materials: "),
    "another patch release of torch": (forge_patch_release, "it fails its audit: bill of materials: torch is"),
    "a module that is none": (forge_debug_module, "it fails its audit: "),
    "a member outside of the wheel": (forge_path, "it fails its audit: member paths"),
    "somebody's package": (forge_requirement, "it requires evil-package, which environment.yaml does not have"),
    "a wheel in another folder": (forge_place, "it is not in wheels/0.19.8/cpu-torch2.13/"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_wheel_is_refused_and_the_sound_one_beside_it_is_taken(kind: str, tmp_path: Path) -> None:
    forge, reason = FORGED[kind]
    artifacts = tmp_path / "artifacts"
    leave_artifact(artifacts, SOUND)
    forge(artifacts)
    found = read(artifacts)
    assert [candidate.target for candidate in found.candidates] == [SOUND]
    (refused,) = found.refused
    assert reason in refused.reason
    assert refused.wheel.startswith(f"{OTHER.id}/")


def test_an_artifact_that_was_not_queued_is_refused(tmp_path: Path) -> None:
    leave_artifact(tmp_path, SOUND)
    leave_artifact(tmp_path, OTHER)
    found = read(tmp_path, {SOUND.id: (SOUND.id,)})
    assert [candidate.target for candidate in found.candidates] == [SOUND]
    assert [(refused.wheel, refused.reason) for refused in found.refused] == [
        (OTHER.id, "no artifact of this name was queued in this run")
    ]


def test_a_group_may_hold_its_ids_and_no_others(tmp_path: Path) -> None:
    third = make_target(python="3.10")
    for target in (SOUND, OTHER, third):
        leave_artifact(tmp_path, target, name="ds0.19.8-linux")
    found = read(tmp_path, {"ds0.19.8-linux": (SOUND.id, OTHER.id)})
    assert [candidate.target for candidate in found.candidates] == [SOUND, OTHER]
    assert [refused.wheel.rpartition("/")[2] for refused in found.refused] == [wheel_file(third)]


@pytest.mark.skipif(sys.platform == "win32", reason="making a link needs a right there")
def test_an_artifact_with_a_link_is_refused_whole(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    wheel = leave_artifact(artifacts, SOUND)
    outside = tmp_path / "outside.whl"
    wheel.rename(outside)
    wheel.symlink_to(outside)
    found = read(artifacts)
    assert found.candidates == ()
    assert "neither a file nor a directory" in found.refused[0].reason
    shutil.rmtree(artifacts / SOUND.id)
    (artifacts / SOUND.id).symlink_to(leave_artifact(tmp_path / "real", SOUND).parents[3])
    assert "neither a file nor a directory" in read(artifacts).refused[0].reason


def test_what_failed_its_verification_is_skipped_without_alarm(tmp_path: Path) -> None:
    wheel = leave_artifact(tmp_path, SOUND)
    failed = tmp_path / SOUND.id / "wheels" / "failed" / SOUND.folder
    shutil.copytree(wheel.parent, failed)
    shutil.rmtree(wheel.parent)
    found = read(tmp_path)
    assert (found.candidates, found.refused) == ((), ())
    assert found.skipped[0].reason == "it failed verification"


def test_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--artifacts"):
        read(tmp_path / "absent")
