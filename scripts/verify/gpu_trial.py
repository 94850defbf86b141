"""Tries a wheel for CUDA out on this machine's GPU and writes one report: ops, parts of DeepSpeed, workloads.

It needs no network: torch and what the workloads use are those of the Python that runs it, the wheel's other
requirements come from a folder of wheels. Each part is a process of its own with a limit of time.
Usage: python -m scripts.verify.gpu_trial WHEEL --wheels FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.command import Command, Outcome, check, run
from scripts.errors import CommandError, InputError, WheelsError
from scripts.files import write_whole
from scripts.verify.check import CheckResult
from scripts.verify.ds_report import compare, parse_ds_report
from scripts.verify.trial_parts import Part, trial_parts
from scripts.verify.trial_report import PartResult, TrialReport

SUITE = Path(__file__).parent / "suite"
FAILED = 19  # the exit code of VerifyError
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run of the trial: by which Python, for how long, how many parts at once."""

    python: Path
    folder: Path
    accelerator: str
    jobs: int
    deadline: float  # of time.monotonic

    def command(self, part: Part) -> Command:
        """What runs the part, in an empty folder of its own."""
        folder = self.folder / part.name
        folder.mkdir(parents=True, exist_ok=True)
        is_module = part.program.startswith("-m ")
        program = part.program.split() if is_module else [str(SUITE / f"{part.program}.py")]
        return Command(argv=(str(self.python), *program, *part.arguments), env=self.variables(folder), cwd=folder)

    def variables(self, folder: Path) -> dict[str, str]:
        """The environment of every part: nothing compiled earlier, nothing of the user's, no network."""
        return {
            "DS_ACCELERATOR": self.accelerator,
            "TORCH_EXTENSIONS_DIR": str(folder / "compiled"),
            "PYTHONPATH": str(SUITE),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "4"),
        }


# ---------------------------------------------------------------- the environment


def make_environment(folder: Path, wheel: Path, wheels: Path | None) -> Path:
    """The Python of a fresh environment that has the wheel in it, and beside it what this Python has."""
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = run(Command(argv=(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")))
    here = [place for place in sys.path if Path(place).name in PACKAGE_FOLDERS]
    (Path(site.output.strip()) / "here.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    links = ("--find-links", str(wheels)) if wheels else ()
    for ways in (("--no-deps", "--force-reinstall"), links):  # this Python may have a DeepSpeed of its own
        words = ("-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", *ways, str(wheel))
        command = Command(argv=(sys.executable, *words), env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        check(command, run(command, timeout_seconds=180.0))
    return python


def read_facts(trial: Trial) -> Mapping[str, Any]:
    """What the trial runs on, as the environment's own Python sees it."""
    command = trial.command(Part(group="full", name="facts", program="trial/machine_facts"))
    outcome = check(command, run(command, timeout_seconds=120.0))
    return find_line(outcome.output, "facts")  # type: ignore[no-any-return]


# ---------------------------------------------------------------- one part


def find_line(output: str, key: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The last JSON document in the output that holds `key`, that key's value; None when there is none."""
    for line in reversed(output.splitlines()):
        if line.startswith(f'{{"{key}":'):
            try:
                return json.loads(line)[key]
            except ValueError:
                continue
    return None


def read_checks(part: Part, outcome: Outcome, ops: Iterable[str]) -> tuple[CheckResult, ...]:
    """What the part's program answered; a failed check more when it broke off or ended badly."""
    if part.name == "ds_report" and not outcome.exit_code:
        return (compare(parse_ds_report(outcome.output), ops),)
    found = find_line(outcome.output, "checks")
    checks = [
        CheckResult(
            name=entry["name"], passed=entry["passed"], detail=entry["detail"], seconds=entry.get("seconds", 0.0)
        )
        for entry in found or ()
    ]
    if found is None or outcome.exit_code:
        checks.append(CheckResult(name=part.name, passed=False, detail=last_words(outcome)))
    return tuple(checks)


def last_words(outcome: Outcome) -> str:
    """How a program ended and what it said last."""
    said = [line.strip() for line in outcome.output.splitlines() if line.strip()][-4:]
    return f"exit code {outcome.exit_code}, last words: {' | '.join(said) or 'none'}"


def run_part(trial: Trial, part: Part, ops: Iterable[str], log: Callable[[str], None]) -> PartResult:
    """The result of one part; skipped when the time of all is over, before it begins or while it runs."""
    started = time.monotonic()
    left = trial.deadline - started
    if left < 1:
        checks: tuple[CheckResult, ...] = (CheckResult(name=part.name, passed=None, detail="no time was left"),)
        return PartResult(part=part, checks=checks, seconds=0.0)
    lines: list[str] = []
    try:
        outcome = run(trial.command(part), log=lines.append, timeout_seconds=min(part.seconds, left))
        checks = read_checks(part, outcome, ops)
    except CommandError as error:
        over = time.monotonic() >= trial.deadline
        detail = f"the trial's time was over after {left:.0f} s of this part" if over else str(error)
        checks = (CheckResult(name=part.name, passed=None if over else False, detail=detail),)
    result = PartResult(part=part, checks=checks, seconds=time.monotonic() - started)
    log(f"{'=' * 20} {part.name}\n" + "\n".join(lines[-200:] if result.passed is False else lines[-1:]) + "\n")
    return result


# ---------------------------------------------------------------- all of them


def run_trial(
    trial: Trial, parts: Sequence[Part], ops: Iterable[str], log: Callable[[str], None]
) -> tuple[PartResult, ...]:
    """The results of all parts, in their order, `trial.jobs` of them at once; the slowest are begun first."""
    with ThreadPoolExecutor(max_workers=trial.jobs) as pool:
        begun = {
            part: pool.submit(run_part, trial, part, ops, log)
            for part in sorted(parts, key=lambda part: part.seconds, reverse=True)
        }
        return tuple(begun[part].result() for part in parts)


def chosen(names: str) -> tuple[Part, ...]:
    """The parts of these names, all when there is none; raises InputError for a name that is no part's."""
    wanted = [name for name in names.split(",") if name]
    unknown = sorted(set(wanted) - {part.name for part in trial_parts()})
    if unknown:
        raise InputError(
            f"no part is called {', '.join(unknown)}; there are {', '.join(part.name for part in trial_parts())}",
            id="value-not-accepted",
        )
    return tuple(part for part in trial_parts() if not wanted or part.name in wanted)


def carry_out(options: argparse.Namespace, folder: Path) -> TrialReport:
    """The report on the wheel; its files are written to the folder that the options name."""
    started = time.monotonic()
    parts = chosen(options.only)
    python = options.python or make_environment(folder / "environment", options.wheel, options.wheels)
    trial = Trial(
        python=python,
        folder=folder,
        accelerator=options.accelerator,
        jobs=options.jobs,
        deadline=started + 60 * options.minutes,
    )
    facts = read_facts(trial)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "gpu-log.txt").open("w", encoding="utf-8") as log:
        results = run_trial(trial, parts, facts["ops"], log.write)
    report = TrialReport(wheel=options.wheel.name, facts=facts, results=results, seconds=time.monotonic() - started)
    write_whole(options.out / "gpu-report.json", report.as_json())
    write_whole(options.out / "gpu-report.md", report.as_markdown())
    return report


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.verify.gpu_trial", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("wheel", type=Path, help="the wheel, for this Python and this torch")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels: what the wheel needs and this Python lacks")
    parser.add_argument("--out", type=Path, default=Path(), help="where the report goes; the current folder")
    parser.add_argument("--only", default="", help="names of parts, with commas between; all of them")
    parser.add_argument("--jobs", type=int, default=4, help="parts at once on the one GPU; 4")
    parser.add_argument("--minutes", type=float, default=7.5, help="the most that all of it may take; 7.5")
    parser.add_argument("--python", type=Path, help="an environment's Python that has the wheel; else one is made")
    parser.add_argument("--accelerator", default="cuda", help="DS_ACCELERATOR; cuda")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 when all passed, 19 when a part failed, else that of the error."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="trial-", ignore_cleanup_errors=True) as folder:
            report = carry_out(options, Path(folder))
    except WheelsError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(report.as_markdown())
    return 0 if report.passed else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
