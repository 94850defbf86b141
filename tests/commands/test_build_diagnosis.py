"""A failed build says why, from what it added to its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.ci.results import Result
from scripts.commands.build_diagnosis import log_ends, with_cause
from scripts.verify.check import CheckResult
from scripts.wheel_build.build_environment import CAME

TARGET = "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64"
STAMP = "2026-11-26T03:14:00.123+00:00 "


def failed(message: str, exit_code: int = 17, error: str = "") -> Result:
    return Result(target=TARGET, exit_code=exit_code, wheel=None, message=message, error=error)


def test_the_cause_of_a_failed_build_is_named_with_its_line(tmp_path: Path) -> None:
    log = tmp_path / f"{TARGET}.log"
    log.write_text(f"{STAMP}cl : Command line error D8021 : invalid numeric argument '/Wno-cpp'\n" * 3)
    ends = log_ends(tmp_path, [TARGET])
    with log.open("a") as file:
        file.write(f"{STAMP}g++ -c unit.cpp\n{STAMP}g++: fatal error: Killed signal terminated program cc1plus\n")
    lines = with_cause(failed("cpu_adam did not compile"), tmp_path, ends[TARGET]).cause_lines
    assert lines[:2] == (
        f"diagnosis: out-of-memory ({log}:5)",
        "  g++: fatal error: Killed signal terminated program cc1plus",
    )
    assert "MAX_JOBS" in lines[-1]


@pytest.mark.parametrize(("step", "group"), [("▸ ", ""), ("::group::", "::endgroup::")])
def test_what_failed_in_a_step_that_went_well_is_not_why_the_build_did(tmp_path: Path, step: str, group: str) -> None:
    """torch was looked for in an index that has none, and found in the next."""
    said = [
        f"{step}environment",
        "error: No solution found when resolving dependencies",
        "  environment: 20.0 s",
        group,
    ]
    said += [f"{step}compile", "  compile: 20.0 s", group, f"{step}verification"]
    said += ["error: No solution found when resolving dependencies", f"{CAME} the client's own index"]
    log = tmp_path / f"{TARGET}.log"
    log.write_text(
        "".join(f"{STAMP}{line}\n" for line in [*said, "  run paths: FAILED in 0.0 s (/home/ci/lib)"]), "utf-8"
    )
    result = failed("a.whl failed run paths", 19, "verification-failed")
    assert with_cause(result, tmp_path, 0) == result
    with log.open("a") as file:
        file.write(f"{STAMP}OSError: [Errno 28] No space left on device\n")
    assert with_cause(result, tmp_path, 0).cause_lines[0] == f"diagnosis: disk-full ({log}:12)"


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        ("cpu_adam: ImportError: /e/cpu_adam_op.so: undefined symbol: _ZN3c105Error", "undefined-symbol"),
        ("cpu_adam: ImportError: DLL load failed while importing cpu_adam_op: %1 is not valid", "dll-load-failed"),
        ("CUDA error: no kernel image is available for execution on the device", "no-kernel-image"),
        ("CUDA error: the provided PTX was compiled with an unsupported toolchain.", "driver-too-old"),
        ("exit code 3221225501, last output: none", "illegal-instruction"),
        ("the member is cut short", None),
    ],
)
def test_a_failed_verification_is_told_by_the_check_that_the_log_holds(
    tmp_path: Path, detail: str, cause: str | None
) -> None:
    check = CheckResult(name="ops load", passed=False, detail=detail, seconds=1)
    (tmp_path / f"{TARGET}.log").write_text(f"{STAMP}running load_ops\n{STAMP}  {check.as_line()}\n")
    found = with_cause(failed("a.whl failed ops load", 19, "verification-failed"), tmp_path, 0).diagnosis
    assert (found and found.cause) == cause


def test_without_a_log_the_message_is_read(tmp_path: Path) -> None:
    found = with_cause(failed("x.zip: No space left on device"), tmp_path, log_ends(tmp_path, [TARGET])[TARGET])
    assert found.cause_lines[0] == "diagnosis: disk-full (its error)"


def test_an_error_of_ours_is_known_by_its_id_whatever_its_words(tmp_path: Path) -> None:
    found = with_cause(failed("the words of a later version", error="cuda-version-mismatch"), tmp_path, 0)
    assert found.cause_lines[0] == "diagnosis: cuda-torch-mismatch (its error)"
    unknown = failed("the words of a later version", error="compile-failed")
    assert with_cause(unknown, tmp_path, 0) == unknown


def test_what_was_only_stopped_or_went_well_is_not_explained(tmp_path: Path) -> None:
    (tmp_path / f"{TARGET}.log").write_text("fatal error C1060: compiler is out of heap space\n")
    for result in (failed("stopped", 130), failed("", 0)):
        assert with_cause(result, tmp_path, 0) == result
