"""Reads what `python -m deepspeed.env_report` prints, and compares it with the ops that a wheel must have.

Its exit code is 0 even when every op is missing, so only the table counts. The format has been stable since 0.14.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scripts.verify.check import CheckResult

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ROW = re.compile(r"(?P<op>\w+) \.* *\[(?P<installed>YES|NO)\] \.+ \[(?P<compatible>OKAY|NO)\]")
ENVIRONMENT = "DeepSpeed general environment info:"
VALUE = re.compile(r"(?P<name>\S.*?) \.{2,} (?P<value>.*)")


@dataclass(frozen=True, kw_only=True)
class DsReport:
    """The table of ops (op -> installed, op -> compatible) and the environment lines below it."""

    installed: Mapping[str, bool]
    compatible: Mapping[str, bool]  # whether this machine could compile it: of no interest for a prebuilt op
    environment: Mapping[str, str]

    @property
    def deepspeed_version(self) -> str | None:
        """The version of the imported DeepSpeed; None when the report lacks it."""
        info = self.environment.get("deepspeed info")
        return info.split(",")[0].strip() if info else None


def parse_ds_report(output: str) -> DsReport:
    """The report inside `output`, which may hold log lines and warnings in between."""
    table, _, tail = COLOUR.sub("", output).partition(ENVIRONMENT)
    rows = [match for line in table.splitlines() if (match := ROW.fullmatch(line.strip()))]
    values = [match for line in tail.splitlines() if (match := VALUE.fullmatch(line.rstrip()))]
    return DsReport(
        installed={row["op"]: row["installed"] == "YES" for row in rows},
        compatible={row["op"]: row["compatible"] == "OKAY" for row in rows},
        environment={value["name"]: value["value"].strip() for value in values},
    )


def compare(report: DsReport, expected_ops: Iterable[str]) -> CheckResult:
    """Whether exactly the expected ops are installed."""
    expected = set(expected_ops)
    installed = {op for op, there in report.installed.items() if there}
    faults = [
        "no table of ops in its output" if not report.installed else "",
        f"missing: {', '.join(sorted(expected - installed))}" if expected - installed else "",
        f"not expected: {', '.join(sorted(installed - expected))}" if installed - expected else "",
    ]
    found = "; ".join(fault for fault in faults if fault)
    detail = found or f"{len(installed)} installed: {', '.join(sorted(installed)) or 'none, as expected'}"
    return CheckResult(name="ds_report ops", passed=not found, detail=detail)
