"""A cause is found however its message is wrapped, and whatever harmless lines stand around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest

from scripts.diagnose.causes import LogRule
from scripts.diagnose.diagnosis import diagnose
from scripts.diagnose.log_rules import WARNED
from scripts.diagnose.log_text import AROUND, plain
from tests.diagnose.reading import FIXTURES, RULES, Case, cases

NOISE = "".join(FIXTURES[name]["log"] for name, rule in RULES.items() if rule.noise and name != "resolver-notice")
STAMP = "2026-11-26T03:14:00.1234567Z "
WRAPPED: Mapping[str, Callable[[str], bytes]] = {
    "crlf": lambda log: log.replace("\n", "\r\n").encode(),
    "utf-16": lambda log: log.encode("utf-16"),
    "actions": lambda log: "".join(f"{STAMP}{line}\n" for line in log.splitlines()).encode(),
    "pip": lambda log: "".join(f"      {line}\n" for line in log.splitlines()).encode(),
    "colours": lambda log: "".join(f"\x1b[31m{line}\x1b[0m\n" for line in log.splitlines()).encode(),
    "docker": lambda log: "".join(f"#9 12.345 {line}\n" for line in log.splitlines()).encode(),
    "noise": lambda log: (NOISE + "building\n" * 3 + log + "\n" + NOISE).encode(),
    "paths": lambda log: log.replace("/usr/local/cuda", "/opt/nvidia/cuda-13.2").replace("C:\\", "E:\\w 1\\").encode(),
    "versions": lambda log: log.replace("12.4", "13.0").replace("3.11", "3.14").replace("cp311", "cp314").encode(),
    "success before": lambda log: f"Successfully installed torch-2.6.0\n{log}".encode(),
}
FOUND = [case for case in cases() if case.rule.cause]


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_a_cause_is_found_however_it_is_wrapped(wrapped: str) -> None:
    wrong = {}
    for case in FOUND:
        found = diagnose([WRAPPED[wrapped](case.log)])
        if not found.findings or found.findings[0].cause != case.rule.cause:
            wrong[case.log] = [finding.cause for finding in found.findings]
    assert wrong == {}


def test_harmless_lines_alone_are_no_failure() -> None:
    found = diagnose([NOISE.encode()])
    assert (found.findings, found.unknown) == ((), ())


def test_what_is_not_sure_is_no_failure_when_the_log_ends_well() -> None:
    unsure = [case.log for case in cases() if case.rule.certainty != "sure"]
    log = ("building\n" * AROUND).join([*unsure, "Successfully installed deepspeed-0.16.5"])
    found = diagnose([log.encode()])
    assert (found.findings, found.unknown) == ((), ())
    assert found.noise


def test_a_failure_that_no_rule_knows_shows_its_first_errors() -> None:
    log = "building\nunit.cpp(3): error C9999: something new\nerror: command 'cl.exe' failed with exit code 2\n"
    found = diagnose([log.encode()])
    assert found.findings == ()
    assert [number for number, _ in found.unknown] == [2, 3]


def test_what_a_traceback_quotes_decides_nothing() -> None:
    log = (
        '  File "x.py", line 3, in f\n    raise RuntimeError("Ninja is required to load C++ extensions")\nKeyError: 1\n'
    )
    assert diagnose([log.encode()]).findings == ()


def test_several_causes_are_ranked() -> None:
    log = "No module named 'x'\nModuleNotFoundError: No module named 'cpuinfo'\ncl : error D8021 : '/Wno-cpp'\n"
    assert [finding.cause for finding in diagnose([log.encode()]).findings] == ["gcc-flag-on-msvc", "cpuinfo-missing"]


def test_the_remedy_is_the_targets() -> None:
    fixture = FIXTURES["cuda-library"]["log"] + FIXTURES["unsupported-architecture"]["log"]
    old = diagnose([f"ds0.15.4-torch2.5.1-cu124-cp311-win_amd64\n{fixture}".encode()]).findings[1]
    new = diagnose([f"ds0.19.8-torch2.15.0-cu132-cp311-win_amd64\n{fixture}".encode()]).findings[1]
    assert "patch P7" in old.remedy
    assert "7.5" in new.remedy


# ---------------------------------------------------------------- no expression runs away


def hostile(case: Case) -> list[str]:
    """Lines that make a careless expression try over and over."""
    first = max(case.log.split("\n"), key=len)
    word = max(first.split(), key=len)
    return [
        first * 80,
        f"{word} " * 2000,
        first[: len(first) // 2] * 120,
        "error: " * 800,
        first.replace(" ", " " * 200),
        first[:-3] + "a" * 4000,
        "'" * 4000,
        "[" * 2000 + first,
        f'File "{first}' * 50,
    ]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_expression_runs_away(rule: LogRule) -> None:
    case = Case(rule=rule, log=FIXTURES[rule.id]["log"])
    lines = [plain(line) for line in hostile(case)]
    patterns = [pattern for pattern in (rule.pattern, rule.before, rule.after) if pattern]
    started = time.process_time()
    for line in lines:
        WARNED.match(line)
        for pattern in patterns:
            pattern.search(line)
    assert time.process_time() - started < 0.5
    assert all(".*" not in pattern.pattern and ".+" not in pattern.pattern for pattern in patterns)
