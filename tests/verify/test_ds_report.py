from __future__ import annotations

from pathlib import Path

import pytest

from scripts.verify.ds_report import DsReport, compare, parse_ds_report

GOLDEN = Path(__file__).parent / "golden"
COMMUNICATION = {"deepspeed_ccl_comm", "deepspeed_shm_comm"}
CPU_OPS = {"deepspeed_not_implemented", "async_io", "cpu_adam", "fused_adam", *COMMUNICATION}


def read(name: str) -> DsReport:
    return parse_ds_report((GOLDEN / f"ds_report-{name}.txt").read_text(encoding="utf-8"))


def test_every_row_is_read_even_the_one_without_dots() -> None:
    report = read("0.16.5-cpu")
    assert set(report.installed) == CPU_OPS
    assert not any(report.installed.values())
    assert all(report.compatible.values())


def test_the_environment_lines_are_read() -> None:
    report = read("0.19.8-cpu-adam")
    assert report.deepspeed_version == "0.19.8+cputorch2.13"
    assert report.environment["torch version"] == "2.13.0+cpu"
    assert report.environment["deepspeed wheel compiled w."] == "torch 2.13"
    assert report.environment["shared memory (/dev/shm) size"] == "23.54 GB"


def test_warnings_between_the_rows_are_passed_over() -> None:
    report = read("0.19.8-cuda-no-gpu")
    assert len(report.installed) == 23
    assert [op for op, able in report.compatible.items() if not able] == ["evoformer_attn", "gds"]


def test_exactly_the_expected_ops_pass() -> None:
    assert compare(read("0.19.8-cpu-adam"), ["cpu_adam"]).passed


def test_a_missing_op_fails_although_ds_report_itself_ended_well() -> None:
    result = compare(read("0.19.8-cpu-adam"), ["cpu_adam", "fused_adam"])
    assert (result.passed, result.detail) == (False, "missing: fused_adam")


def test_an_op_too_many_fails() -> None:
    result = compare(read("0.19.8-cpu-adam"), [])
    assert (result.passed, result.detail) == (False, "not expected: cpu_adam")


@pytest.mark.parametrize("output", ["", "Traceback (most recent call last):\nImportError: no torch"])
def test_output_without_a_table_fails_even_when_nothing_is_expected(output: str) -> None:
    result = compare(parse_ds_report(output), [])
    assert (result.passed, result.detail) == (False, "no table of ops in its output")
