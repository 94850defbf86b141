"""A replay file is read as written, refuses what it must not hold, and tells what differs and how a build ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.diagnose.named_cause import NamedCause
from scripts.errors import DataError
from scripts.wheel_build.replay import (
    SCHEMA,
    Package,
    Replay,
    ReplayError,
    ReplayMachine,
    ReplayWheel,
    read_replay,
    replay_path,
    write_replay,
)
from scripts.wheel_build.replay_outcome import (
    compare,
    differences,
    differences_behind,
    ending_there,
    package_differences,
)

ID = "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64"
DIGEST = "ab" * 32
MACHINE = ReplayMachine(system="Linux x86_64", image="ubuntu22 20261101.1", python="3.11.9", uv="uv 0.9")
GREEN = Replay(
    schema=SCHEMA,
    target=ID,
    options=("--ops", "cpu_adam"),
    commit="f" * 40,
    changed=False,
    machine=MACHINE,
    cpu_level="avx2",
    packages=(Package(name="numpy", version="2.4.6", sha256=(DIGEST,)),),
    toolchain={"compiler": "g++ 12.2"},
    variables={"DS_BUILD_OPS": "0", "CUDA_HOME": "/usr/local/cuda"},
    steps={"environment": 4.5},
    ops={"cpu_adam": "built"},
    exit_code=0,
    wheel=ReplayWheel(file="a.whl", sha256=DIGEST),
)
CAUSE = NamedCause(cause="out-of-memory", line="Killed", where="log:1", explanation="e", remedy="r")
RED = replace(
    GREEN,
    exit_code=17,
    ops={"cpu_adam": "failed", "cpu_lion": "built"},
    error=ReplayError(id="compile-failed", message="m", first="f", step="compile"),
    diagnosis=CAUSE,
    wheel=None,
)

FULL = replace(RED, error=ReplayError(id="disk-full", message="m", first="f", step="compile"))


@pytest.mark.parametrize("replay", [GREEN, RED, replace(GREEN, options=(), packages=())])
def test_a_replay_is_read_as_it_was_written(replay: Replay, tmp_path: Path) -> None:
    path = replay_path(tmp_path, ID, ("cpu_adam", "cpu_lion"))
    assert path.name == f"{ID}.only-cpu_adam-cpu_lion.replay.json"
    write_replay(path, replay)
    assert read_replay(path.read_bytes(), path.name) == replay


def test_secrets_are_masked(tmp_path: Path) -> None:
    told = replace(GREEN, variables={"CFLAGS": "-DX=https://me:hunter22@example.org/"})
    write_replay(tmp_path / "a", told)
    assert "hunter22" not in (tmp_path / "a").read_text()


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("target", "ds0.19.8; rm -rf", "is not a target id"),
        ("packages", [{"name": "--index-url=https://evil", "version": "1"}], "is not a package's name"),
        ("packages", [{"name": "numpy", "version": "1 --hash=sha256:0"}], "is not a package's version"),
        ("packages", [{"name": "numpy", "version": "1", "sha256": ["x"]}], "is not a sha256"),
        ("source", {"kind": "tag"}, "the key 'sha256' is missing"),
        ("schema", 2, "2 is not 1"),
        ("surprise", 1, "unknown key"),
        ("options", "--ops x", "where a list is expected"),
    ],
)
def test_what_must_not_be_in_a_replay_is_named(key: str, value: Any, fault: str) -> None:  # noqa: ANN401  any JSON
    with pytest.raises(DataError, match=fault):
        read_replay(json.dumps({**GREEN.as_document(), key: value}), "a.replay.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"x" * 5_000_000, b"[" * 100_000])
def test_what_is_no_replay_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.json"):
        read_replay(content, "a.json")


def test_what_differs_is_told_and_where_tools_lie_is_not() -> None:
    here = replace(
        GREEN,
        commit="0" * 40,
        changed=True,
        machine=replace(MACHINE, image="", python="3.11.2"),
        toolchain={"compiler": "g++ 13.1", "nvcc": "12.4.131"},
        variables={"DS_BUILD_OPS": "1", "CUDA_HOME": "/opt/cuda"},
    )
    assert [str(one) for one in differences(GREEN, here)] == [
        f"commit: {'f' * 40} there, {'0' * 40} here",
        "checkout: as committed there, files changed since that here",
        "runner image: ubuntu22 20261101.1 there, none here",
        "Python: 3.11.9 there, 3.11.2 here",
        "toolchain compiler: g++ 12.2 there, g++ 13.1 here",
        "toolchain nvcc: none there, 12.4.131 here",
        "variable DS_BUILD_OPS: 0 there, 1 here",
    ]
    assert differences(GREEN, GREEN) == ()
    [unknown] = differences(replace(GREEN, packages=()), GREEN)
    assert str(unknown) == "packages: not known there, as the index has them here"


def test_a_difference_is_one_line_whatever_the_file_says() -> None:
    other = replace(GREEN, machine=replace(MACHINE, image="ubuntu22\noutcome: the same"))
    assert [str(one) for one in differences(other, GREEN)] == [
        "runner image: ubuntu22 outcome: the same there, ubuntu22 20261101.1 here"
    ]


def test_how_a_build_ended_that_was_stopped_from_outside_is_not_known() -> None:
    assert ending_there(replace(GREEN, exit_code=None)) == "not known, it was stopped before its end"
    assert ending_there(GREEN) == "built"


def test_a_package_differs_by_its_version_or_its_file() -> None:
    other = Package(name="numpy", version="2.4.6", sha256=("cd" * 32,))
    assert package_differences(GREEN.packages, GREEN.packages) == ()
    assert len(package_differences(GREEN.packages, (other,))) == 1
    assert package_differences(GREEN.packages, (replace(other, sha256=()),)) == ()
    assert [one.here for one in package_differences(GREEN.packages, ())] == ["none"]


@pytest.mark.parametrize(
    ("recorded", "here", "until", "same"),
    [
        (GREEN, GREEN, "", True),
        (RED, RED, "", True),
        (RED, GREEN, "", False),
        (GREEN, RED, "", False),
        (RED, replace(RED, diagnosis=None), "", False),
        (RED, replace(GREEN, exit_code=None, wheel=None, ops=None), "source", None),
        (RED, replace(RED, ops={"cpu_adam": "failed"}), "compile", True),
        (RED, replace(GREEN, exit_code=None, ops={"cpu_lion": "built"}), "compile", False),
        (replace(GREEN, exit_code=None), GREEN, "", None),
        (replace(RED, error=ReplayError(id="interrupted", message="m", first="m", step="compile")), GREEN, "", None),
        (GREEN, replace(GREEN, exit_code=None), "compile", True),
        (FULL, replace(FULL, ops={"cpu_adam": "built", "cpu_lion": "failed"}), "", True),
        (RED, replace(RED, ops={"cpu_adam": "built", "cpu_lion": "failed"}), "", False),
    ],
)
def test_two_builds_end_alike_or_not(recorded: Replay, here: Replay, until: str, same: bool | None) -> None:
    assert compare(recorded, here, until).same is same


def test_what_only_the_repetition_finds_out_is_told_behind_it() -> None:
    ended = replace(GREEN, toolchain={"compiler": "g++ 12.2", "nvcc": "12.4.99"}, steps={"toolchain": 1.0}, packages=())
    recorded = replace(GREEN, toolchain={"compiler": "g++ 12.2", "nvcc": "12.4.131"})
    told = ["toolchain nvcc: 12.4.131 there, 12.4.99 here"]
    assert [str(one) for one in differences_behind(recorded, ended)] == told
    assert differences_behind(recorded, replace(ended, steps={})) == ()


def test_other_bytes_are_told() -> None:
    here = replace(GREEN, wheel=ReplayWheel(file="a.whl", sha256="cd" * 32))
    assert "other bytes" in compare(GREEN, here).words
    assert "byte for byte" in compare(GREEN, GREEN).words
