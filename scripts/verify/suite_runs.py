"""Verification by running: the parts of `suite/`, in an environment that has the wheel installed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.command import Command, Log, Outcome, no_log, run
from scripts.errors import CommandError, InputError
from scripts.facts.load import load_facts
from scripts.facts.verification_parts import VerificationPart
from scripts.files import write_whole
from scripts.host import processor_flags, usable_processors
from scripts.verify.check import CheckResult, PartRun, Report, Watch, nobody
from scripts.verify.cpu_code import crashing_ops
from scripts.verify.ds_report import DsReport, compare, parse_ds_report
from scripts.verify.interpreter import interpreter_at
from scripts.verify.suite_orders import Claims, order_of, skipped, why_not
from scripts.wheel.content import UNREADABLE, open_wheel

SUITE_DIRECTORY = Path(__file__).parent / "suite"
RUNNER = SUITE_DIRECTORY / "preloaded.py"
ANSWERS = ('{"check":', '{"part":', '{"output":', '{"checks":')  # how the lines begin that the runner prints for us
SECONDS_TO_IMPORT = 600.0


def read_claims(wheel: Path) -> Claims:
    """Version, accelerator and ops of the wheel, and which of these would crash here.

    Raises InputError when it is not a built DeepSpeed wheel.
    """
    with open_wheel(wheel) as content:
        info = content.build_info()
        if info is None:
            raise InputError(f"{wheel.name}: {UNREADABLE}", id="not-a-deepspeed-wheel")
        crashing = crashing_ops(load_facts(), content, processor_flags())
        return Claims(version=str(content.version), accelerator=info.accelerator, ops=info.ops, crashing=crashing)


def suite_command(python: Path, accelerator: str, directory: Path, orders: Path) -> Command:
    """What is run, in the empty `directory`: one that holds an op_builder changes which ops DeepSpeed sees.

    CUDA_VISIBLE_DEVICES stays as it is. Extensions compiled at run time earlier are out of reach, and so are models.
    The bytecode of torch and DeepSpeed is compiled once and kept in `directory`; the environment stays as it is.
    """
    interpreter = interpreter_at(python)
    env = {
        **interpreter.variables,
        "DS_ACCELERATOR": accelerator,
        "TORCH_EXTENSIONS_DIR": interpreter.told(directory / "compiled"),
        "PYTHONPATH": "",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "",  # empty counts as unset, whatever the caller has
        "PYTHONPYCACHEPREFIX": interpreter.told(directory / "bytecode"),
        "OMP_NUM_THREADS": "1",  # parts run side by side; one that wants more says so
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # else importing it starts a pool of processes
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return Command(argv=interpreter.argv(RUNNER, orders), env=env, cwd=directory)


def run_suite(
    python: Path,
    wheel: Path,
    expected_ops: Iterable[str] | None,
    directory: Path,
    parts: Sequence[VerificationPart],
    log: Log = no_log,
    watch: Watch = nobody,
) -> Report:
    """The report on the wheel installed for `python`; `expected_ops` None takes those that the wheel states."""
    claims = read_claims(wheel)
    expected = claims.ops if expected_ops is None else tuple(expected_ops)
    hearing = Hearing(claims=claims, expected=expected, watch=watch, log=log)
    ordered = []
    for part in parts:
        if reason := why_not(part, claims):
            hearing.add(skipped(part, reason))
        else:
            ordered.append(part)
    if ordered:
        run_parts(python, ordered, directory, hearing)
    return Report(wheel=wheel.name, checks=tuple(hearing.checks), parts=part_runs(parts, hearing))


@dataclass(kw_only=True)
class Hearing:
    """What the runner has said so far."""

    claims: Claims
    expected: Sequence[str]
    watch: Watch
    log: Log
    checks: list[CheckResult] = field(default_factory=list)
    costs: dict[str, tuple[float, float]] = field(default_factory=dict)  # part -> wall and CPU seconds
    whole: bool = False  # whether it said that these were all

    def add(self, check: CheckResult) -> None:
        """Keep a check, and tell whoever watches."""
        self.checks.append(check)
        self.watch(check)

    def hear(self, line: str) -> None:
        """Take a line of the runner's output: an answer, or what a library said."""
        document = read_answer(line)
        if document is None:
            if line.strip():
                self.log(line)
        elif "check" in document:
            self.add(check_of(document["check"]))
        elif "output" in document:
            found = document["output"]
            for check in read_ds_report(str(found["text"]), float(found["seconds"]), self.claims, self.expected):
                self.add(replace(check, part=str(found["part"])))
        elif "part" in document:
            found = document["part"]
            self.costs[str(found["name"])] = (float(found["seconds"]), float(found["cpu_seconds"]))
        else:
            self.whole = True


def run_parts(python: Path, parts: Sequence[VerificationPart], directory: Path, hearing: Hearing) -> None:
    """Run the parts and hear their answers; when the runner broke off, those that had not answered have failed."""
    orders = directory / "orders.json"
    patience = interpreter_at(python).patience
    document = {"jobs": usable_processors(), "parts": [order_of(part, hearing.claims, patience) for part in parts]}
    write_whole(orders, json.dumps(document))
    command = suite_command(python, hearing.claims.accelerator, directory, orders)
    limit = SECONDS_TO_IMPORT + sum(part.seconds * patience for part in parts)
    hearing.log(f"running {len(parts)} parts")
    try:
        outcome = run(command, log=hearing.hear, timeout_seconds=limit)
        fault = "" if hearing.whole and not outcome.exit_code else _last_words(outcome)
    except CommandError as error:
        fault = str(error)
    if fault:
        for part in [part for part in parts if part.name not in hearing.costs]:
            hearing.add(CheckResult(name=part.name, passed=False, detail=fault, part=part.name))


def read_answer(line: str) -> Mapping[str, Any] | None:
    """The document that the runner says; None for any other line."""
    if not line.startswith(ANSWERS):
        return None
    try:
        found: Mapping[str, Any] = json.loads(line)
    except ValueError:  # another process wrote into it
        return None
    return found


def check_of(entry: Mapping[str, Any]) -> CheckResult:
    """The check of an answer."""
    return CheckResult(
        name=str(entry["name"]),
        passed=entry["passed"],
        detail=str(entry["detail"]),
        seconds=float(entry["seconds"]),
        part=str(entry["part"]),
    )


def part_runs(parts: Sequence[VerificationPart], hearing: Hearing) -> tuple[PartRun, ...]:
    """How each part ended, in the order of the data, and what it took."""
    runs = []
    for part in parts:
        checks = [check for check in hearing.checks if check.part == part.name]
        seconds, cpu_seconds = hearing.costs.get(part.name, (0.0, 0.0))
        runs.append(PartRun.of(part.name, checks, seconds=seconds, cpu_seconds=cpu_seconds))
    return tuple(runs)


def read_ds_report(output: str, seconds: float, claims: Claims, expected: Iterable[str]) -> list[CheckResult]:
    """Whether it describes this wheel and not another DeepSpeed, and lists exactly the expected ops."""
    report = parse_ds_report(output)
    return [_right_wheel(report, claims, seconds), compare(report, expected)]


def _right_wheel(report: DsReport, claims: Claims, seconds: float) -> CheckResult:
    found = report.deepspeed_version
    passed = found is not None and found.split("+")[0] == claims.release
    detail = f"deepspeed {found}" if passed else f"deepspeed {found} is installed there, not {claims.version}"
    return CheckResult(name="ds_report", passed=passed, detail=detail, seconds=seconds)


def _last_words(outcome: Outcome) -> str:
    lines = [line.strip() for line in outcome.output.splitlines() if line.strip() and read_answer(line) is None]
    return f"exit code {outcome.exit_code}, last output: {' | '.join(lines[-4:]) or 'none'}"
