"""A process that builds the small DeepSpeed, tells how that ended as `invoke build` does, and prints a dry run.

What it starts says everything that it knows: the client and setup.py print their variables, and so does the compiler
that fails in the second build.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from unittest import mock

from scripts.ci.results import failure, write_results
from scripts.command import run
from scripts.commands import report_task
from scripts.commands.answer import print_answer, print_document, print_lines
from scripts.commands.reported_errors import print_error, reported
from scripts.commands.task_options import ReportOptions
from scripts.errors import WheelsError
from scripts.fetch.installer import Installer, environment_python
from scripts.options import parse_words
from scripts.wheel_build import produce
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.dry_run import DryRun
from scripts.wheel_build.layout import layout_here
from tests.wheel_build.one_build import WORDS, dirs_of
from tests.wheel_build.plans import FACTS, make_planner
from tests.wheel_build.stub_deepspeed import TARGET


def main(cache: str, checkout: str, client: str) -> None:
    """Build once, then again with another compiler, which fails."""
    dirs, installer = dirs_of(Path(cache), Path(checkout)), Installer(uv=client)
    environment = dirs.cache / "environment"
    run(installer.create(environment, sys.executable))
    for words in (WORDS, (*WORDS, "--no-cache")):
        plan = make_planner(dirs, parse_words(BuildOptions, words)).here(TARGET)
        try:
            with mock.patch("scripts.wheel_build.build_environment.reachable", return_value=True):
                produce.produce(plan, installer, environment_python(environment), sys.executable, dirs)
        except WheelsError as error:
            print_error(error)
            result = failure(TARGET, error)
            write_results(dirs.logs, [result])
            print_document(asdict(result))
            print_answer(f"{result.target}: {result.message}")
        script = DryRun(plan=plan, layout=layout_here(plan, FACTS, dirs)).as_script()
        print_lines(script.splitlines())
        os.environ.update(CC=os.environ["FAILING"], CXX=os.environ["FAILING"])
    report_task.report(ReportOptions(builds=str(Path(checkout) / "builds.json")))


if __name__ == "__main__":
    with reported():
        main(*sys.argv[1:])
