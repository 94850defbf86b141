"""Verification by running: ds_report and the scripts of `suite/`, in an environment that has the wheel installed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Command, Log, Outcome, no_log, run
from scripts.errors import CommandError, InputError
from scripts.verify.check import CheckResult, Report, Watch, nobody
from scripts.verify.ds_report import DsReport, compare, parse_ds_report
from scripts.wheel.content import UNREADABLE, open_wheel

SUITE_DIRECTORY = Path(__file__).parent / "suite"
SUITE = ("load_ops", "bare_machine", "optimizers", "gpu", "train")
ANSWER, DOCUMENT = '{"check":', '{"checks":'  # how the lines of a suite script begin: one answer; that these were all
TIMEOUTS = {"train": 600.0}  # seconds; 300 for the others


@dataclass(frozen=True, kw_only=True)
class Step:
    """One program of the verification, with the seconds it may take."""

    name: str
    command: Command
    timeout_seconds: float


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What the wheel states of itself, as far as running it is concerned."""

    version: str
    accelerator: str
    ops: tuple[str, ...]


def read_claims(wheel: Path) -> Claims:
    """Version, accelerator and ops of the wheel; raises InputError when it is not a built DeepSpeed wheel."""
    with open_wheel(wheel) as content:
        info = content.build_info()
        if info is None:
            raise InputError(f"{wheel.name}: {UNREADABLE}", id="not-a-deepspeed-wheel")
        return Claims(version=str(content.version), accelerator=info.accelerator, ops=info.ops)


def suite_commands(python: Path, accelerator: str, directory: Path, suite: Sequence[str] = SUITE) -> tuple[Step, ...]:
    """What is run, in order, in the empty `directory`: one that holds an op_builder changes which ops DeepSpeed sees.

    CUDA_VISIBLE_DEVICES stays as it is. Extensions compiled at run time earlier are out of reach. The bytecode of torch
    and DeepSpeed is compiled by the first program and kept in `directory`; the environment stays as it is.
    """
    env = {
        "DS_ACCELERATOR": accelerator,
        "TORCH_EXTENSIONS_DIR": str(directory / "compiled"),
        "PYTHONPATH": "",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "",  # empty counts as unset, whatever the caller has
        "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
    }
    scripts = {name: (str(SUITE_DIRECTORY / f"{name}.py"),) for name in suite}
    programs = {"ds_report": ("-m", "deepspeed.env_report"), **scripts}
    return tuple(
        Step(
            name=name,
            timeout_seconds=TIMEOUTS.get(name, 300.0),
            command=Command(argv=(str(python), *arguments), env=env, cwd=directory),
        )
        for name, arguments in programs.items()
    )


def run_suite(
    python: Path,
    wheel: Path,
    expected_ops: Iterable[str] | None,
    directory: Path,
    log: Log = no_log,
    suite: Sequence[str] = SUITE,
    watch: Watch = nobody,
) -> Report:
    """The report on the wheel installed for `python`; `expected_ops` None takes those that the wheel states."""
    claims = read_claims(wheel)
    expected = claims.ops if expected_ops is None else tuple(expected_ops)
    checks: list[CheckResult] = []
    for step in suite_commands(python, claims.accelerator, directory, suite):
        checks += run_step(step, claims, expected, log, watch)
    return Report(wheel=wheel.name, checks=tuple(checks))


def run_step(
    step: Step, claims: Claims, expected: Iterable[str], log: Log = no_log, watch: Watch = nobody
) -> list[CheckResult]:
    """The checks that one program of the verification answers, and a failed one when it breaks off.

    `watch` is told of each when it ends, and `log` of all other lines.
    """
    answered: list[CheckResult] = []
    log(f"running {step.name}")  # importing torch takes long, and says nothing

    def hear(line: str) -> None:
        if check := read_check(line):
            answered.append(check)
            watch(check)
        elif not line.startswith(DOCUMENT):
            log(line)

    checks = _checks_of(step, claims, expected, hear, answered)
    for check in checks[len(answered) :]:
        watch(check)
    return checks


def _checks_of(
    step: Step, claims: Claims, expected: Iterable[str], hear: Log, answered: list[CheckResult]
) -> list[CheckResult]:
    try:
        outcome = run(step.command, log=hear, timeout_seconds=step.timeout_seconds)
    except CommandError as error:
        return [*answered, CheckResult(name=step.name, passed=False, detail=str(error))]
    if step.name == "ds_report":
        return read_ds_report(outcome, claims, expected)
    whole = find_document(outcome.output) is not None and not outcome.exit_code
    return [*answered, *([] if whole else [_broken(step.name, outcome)])]


def read_check(line: str) -> CheckResult | None:
    """The check that a suite script says it has answered; None for any other line."""
    if not line.startswith(ANSWER):
        return None
    try:
        entry = json.loads(line)["check"]
    except ValueError:  # another process wrote into it
        return None
    return CheckResult(
        name=str(entry["name"]),
        passed=entry["passed"],
        detail=str(entry["detail"]),
        seconds=float(entry["seconds"]),
    )


def read_ds_report(outcome: Outcome, claims: Claims, expected: Iterable[str]) -> list[CheckResult]:
    """Whether it ran, describes this wheel and not another DeepSpeed, and lists exactly the expected ops."""
    if outcome.exit_code:
        return [_broken("ds_report", outcome)]
    report = parse_ds_report(outcome.output)
    return [_right_wheel(report, claims, outcome.seconds), compare(report, expected)]


def find_document(output: str) -> Mapping[str, list[Mapping[str, bool | None]]] | None:
    """The last line that is the suite's JSON; C libraries may print after it, when the process ends."""
    for line in reversed(output.splitlines()):
        if line.startswith(DOCUMENT):
            try:
                found: Mapping[str, list[Mapping[str, bool | None]]] = json.loads(line)
            except ValueError:
                continue
            return found
    return None


def _right_wheel(report: DsReport, claims: Claims, seconds: float) -> CheckResult:
    found = report.deepspeed_version
    passed = found is not None and found.split("+")[0] == claims.version.split("+")[0]
    detail = f"deepspeed {found}" if passed else f"deepspeed {found} is installed there, not {claims.version}"
    return CheckResult(name="ds_report", passed=passed, detail=detail, seconds=seconds)


def _broken(name: str, outcome: Outcome) -> CheckResult:
    tail = " | ".join(line.strip() for line in outcome.output.splitlines()[-4:] if line.strip())
    detail = f"exit code {outcome.exit_code}, last output: {tail or 'none'}"
    return CheckResult(name=name, passed=False, detail=detail, seconds=outcome.seconds)
