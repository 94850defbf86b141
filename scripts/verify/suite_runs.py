"""Verification by running: ds_report and the scripts of `suite/`, in an environment that has the wheel installed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Command, Log, Outcome, no_log, run
from scripts.errors import CommandError, InputError
from scripts.verify.check import CheckResult, Report
from scripts.verify.ds_report import DsReport, compare, parse_ds_report
from scripts.wheel.content import UNREADABLE, open_wheel

SUITE_DIRECTORY = Path(__file__).parent / "suite"
SUITE = ("load_ops", "bare_machine", "optimizers", "gpu", "train")
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
) -> Report:
    """The report on the wheel installed for `python`; `expected_ops` None takes those that the wheel states."""
    claims = read_claims(wheel)
    expected = claims.ops if expected_ops is None else tuple(expected_ops)
    checks: list[CheckResult] = []
    for step in suite_commands(python, claims.accelerator, directory, suite):
        checks += run_step(step, claims, expected, log)
    return Report(wheel=wheel.name, checks=tuple(checks))


def run_step(step: Step, claims: Claims, expected: Iterable[str], log: Log) -> list[CheckResult]:
    """The checks that one program of the verification answers; one failed check when it breaks off."""
    try:
        outcome = run(step.command, log=log, timeout_seconds=step.timeout_seconds)
    except CommandError as error:
        return [CheckResult(name=step.name, passed=False, detail=str(error))]
    if step.name == "ds_report":
        return read_ds_report(outcome, claims, expected)
    return read_suite(step.name, outcome)


def read_ds_report(outcome: Outcome, claims: Claims, expected: Iterable[str]) -> list[CheckResult]:
    """Whether it ran, describes this wheel and not another DeepSpeed, and lists exactly the expected ops."""
    if outcome.exit_code:
        return [_broken("ds_report", outcome)]
    report = parse_ds_report(outcome.output)
    return [_right_wheel(report, claims, outcome.seconds), compare(report, expected)]


def read_suite(name: str, outcome: Outcome) -> list[CheckResult]:
    """The checks of a suite script's document; one failed check when it printed none or ended badly after it."""
    document = find_document(outcome.output)
    if document is None:
        return [_broken(name, outcome)]
    checks = [
        CheckResult(name=str(entry["name"]), passed=entry["passed"], detail=str(entry["detail"]))
        for entry in document["checks"]
    ]
    ended = [_broken(name, outcome)] if outcome.exit_code else []
    return [*checks, *ended]


def find_document(output: str) -> Mapping[str, list[Mapping[str, bool | None]]] | None:
    """The last line that is the suite's JSON; C libraries may print after it, when the process ends."""
    for line in reversed(output.splitlines()):
        if line.startswith('{"checks":'):
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
