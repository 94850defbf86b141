"""`invoke verify`: whether wheels, ours or not, are what they say and work."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scripts.commands.answer import log_line, print_answer
from scripts.commands.audit_task import Verified, answer, judged, read_wheel
from scripts.commands.verify_options import VerifyOptions
from scripts.errors import CommandError
from scripts.facts.load import load_facts
from scripts.options import split_words
from scripts.verify.check import CheckResult, Report, timed
from scripts.verify.given_python import find_python, installed_verdict
from scripts.verify.given_wheels import given_wheels
from scripts.verify.levels import verify_wheel
from scripts.verify.promises import read_promises
from scripts.verify.suite_orders import level_named, packages_of, parts_of

INSTALLED = "installed files"


def verify(options: VerifyOptions) -> None:
    """Print the checks of each wheel; raises VerifyError when one fails, InputError when the only one is none."""
    facts = load_facts()
    python = find_python(options.python) if options.python else None
    level, beside = level_named(options.level, facts), split_words(options.beside)
    found: list[Verified] = []
    with tempfile.TemporaryDirectory(prefix="wheels-", ignore_cleanup_errors=True) as folder:
        for number, wheel in enumerate(given_wheels(options.wheel, Path(folder) / "downloads", log_line)):
            task = WheelTask(
                wheel=wheel,
                level=level,
                beside=beside,
                runs=bool(parts_of(level, beside, facts)),
                python=python,
                folder=Path(folder) / f"environment-{number}",
            )
            found.append(task.verified())
            if not options.json:
                print_answer(found[-1].report.as_table())
    answer(found, as_json=options.json)


@dataclass(frozen=True, kw_only=True)
class WheelTask:
    """One wheel, how far it is verified, and where."""

    wheel: Path
    level: str
    beside: tuple[str, ...]  # what `--with` adds
    runs: bool
    python: Path | None  # of whoever asks; a fresh environment is made in `folder` unless it is given
    folder: Path

    def verified(self) -> Verified:
        """The report, and the likeliest cause when it failed."""
        heard: list[str] = []
        log_line(f"verifying {self.wheel.name}")
        return judged(self._run(heard) if self.runs else read_wheel(self.wheel, heard), heard)

    def _run(self, heard: list[str]) -> Report:
        if self.python is not None:
            before = timed(INSTALLED, partial(installed_verdict, self.python, self.wheel), _show)
            python: Path | CheckResult = self.python if before.passed else before
        else:
            python = self._environment(heard)
            before = CheckResult(name=INSTALLED, passed=True, detail="a new environment")
        if isinstance(python, CheckResult):
            return read_wheel(self.wheel, heard, python)
        report = verify_wheel(
            self.wheel,
            self.level,
            python=python,
            promises=read_promises(self.wheel),
            watch=_show,
            log=heard.append,
            beside=self.beside,
        )
        return replace(report, checks=(before, *report.checks))

    def _environment(self, heard: list[str]) -> Path | CheckResult:
        """The Python of a new environment, or the check that says why there is none."""
        from scripts.commands.project import open_project  # not needed to read a file
        from scripts.commands.verify_environment import make_environment, wanted_by

        project = open_project()
        wanted = wanted_by(self.wheel, project)
        if isinstance(wanted, str):
            return CheckResult(name="running it", passed=None, detail=f"{wanted}: only its file was verified")
        log_line(f"making an environment with {wanted.words}")
        packages = packages_of(parts_of(self.level, self.beside, project.facts))
        try:
            return make_environment(self.wheel, wanted, self.folder, packages, project, heard.append)
        except CommandError as error:
            return CheckResult(name=INSTALLED, passed=False, detail=f"cannot be installed: {error}")


def _show(check: CheckResult) -> None:
    """A check that has ended, on standard error: all of them take minutes."""
    log_line(check.as_line())
