"""What a task does not need, it does not load: finding a wheel is not building one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT

BUILDER = ("scripts.wheel_build.pipeline", "scripts.wheel_build.compile", "scripts.commands.build_task")
PLANNER = ("scripts.plan.expand", "scripts.plan.forecast")
PROGRAM = (
    "import sys; from invoke import Program; import tasks; from invoke.collection import Collection\n"
    "try: Program(namespace=Collection.from_module(tasks)).run(sys.argv[1:], exit=False)\n"
    "except SystemExit: pass\n"
    "print(*sorted(name for name in sys.modules if name.startswith('scripts.')), sep='\\n', file=sys.stderr)"
)


def loaded(*words: str) -> set[str]:
    """The modules of ours that the task has loaded when it ends."""
    argv = [sys.executable, "-c", PROGRAM, "invoke", *words]
    ended = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr
    return set(ended.stderr.split())


@pytest.mark.parametrize("words", [("find",), ("install", "--dry-run")])
def test_finding_and_installing_load_no_builder_and_expand_no_plan(words: tuple[str, ...], tmp_path: Path) -> None:
    modules = loaded(*words, "--store", f"dir:{tmp_path}", "--json")
    assert "scripts.install.choose" in modules
    assert modules.isdisjoint({*BUILDER, *PLANNER})


def test_verifying_loads_no_builder_no_plan_and_no_facts_of_building(tmp_path: Path) -> None:
    modules = loaded("verify", str(tmp_path / "deepspeed-0.19.8-py3-none-any.whl"))
    assert "scripts.verify.levels" in modules
    assert modules.isdisjoint({*BUILDER, *PLANNER})


def test_listing_the_tasks_loads_their_options_alone() -> None:
    assert loaded("--list") < {
        "scripts",
        "scripts.commands",
        "scripts.commands.closed_pipe",
        "scripts.commands.command_task",
        "scripts.commands.hosted_options",
        "scripts.commands.install_options",
        "scripts.commands.reported_errors",
        "scripts.commands.store_options",
        "scripts.commands.task_options",
        "scripts.commands.verify_options",
        "scripts.commands.watch_options",
        "scripts.errors",
        "scripts.options",
        "scripts.outgoing",
        "scripts.plan",
        "scripts.plan.selection",
        "scripts.shell",
        "scripts.stop_signals",
        "scripts.wheel_build",
        "scripts.wheel_build.build_options",
        "scripts.window",
        "scripts.window.window_options",
        "tasks",
    }
