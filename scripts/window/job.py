"""A task of ours at work in a process of its own, so that nothing that it does can stop the window."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.carried import HOME, one_file, started, typed
from scripts.command import Command, Log, ask, run
from scripts.errors import CommandError
from scripts.process_tree import ProcessGroup

STOPPED = -2  # exit code of a job that was cancelled
NOT_RUN = -1  # of one whose program is not there
QUIET = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}  # so that lines come as they are said
LONGEST_ANSWER = 600.0  # seconds; a first look at Visual Studio takes half a minute


def task_command(*words: str, variables: Mapping[str, str] | None = None) -> Command:
    """A task with its words, as the person who opened the window would type it."""
    env = {**QUIET, **(variables or {})}
    return Command(argv=(*started(), *words), env=env, cwd=None if one_file() else HOME)


def as_typed(command: Command) -> str:
    """The line that a person would type for the command of a task."""
    words = command.argv[len(started()) :]
    variables = {name: value for name, value in command.env.items() if name not in QUIET}
    return Command(argv=(*typed(words[0]).split(), *words[1:]), env=variables).as_shell()


def ask_task(*words: str, variables: Mapping[str, str] | None = None) -> tuple[dict[str, Any], str]:
    """The JSON document that a task prints, and what it says beside it; an empty document when it prints none."""
    command = task_command(*words, "--json", variables=variables)
    answer = ask(command.argv, env={**os.environ, **command.env}, cwd=command.cwd, seconds=LONGEST_ANSWER)
    try:
        document = json.loads(answer.output)
    except ValueError:
        document = {}
    return (document if isinstance(document, dict) else {}), answer.errors.strip()


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a button stands for: commands, one after another as long as each succeeds."""

    title: str
    steps: tuple[Command | Callable[[], Command], ...]  # a function is asked when the steps before it are done


class RunningWork:
    """Work that goes on; `line` takes what it says and `ended` its exit code, both in a thread of their own."""

    def __init__(self, work: Work, line: Log, ended: Callable[[int], None]) -> None:
        self.work, self._line, self._ended = work, line, ended
        self._group = ProcessGroup()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Tell what runs to end, all its children with it, and return at once; `ended` says when it has."""
        threading.Thread(target=self._group.stop, daemon=True).start()

    def end(self, seconds: float) -> None:
        """End it, and return when it has ended, or after so many seconds."""
        self._group.stop()
        self._thread.join(seconds)

    def _run(self) -> None:
        code = 0
        for each in self.work.steps:
            step = each if isinstance(each, Command) else each()
            self._line(f"$ {as_typed(step)}")
            try:
                code = run(step, log=self._line, group=self._group).exit_code
            except CommandError as error:
                self._line(error.line)
                code = NOT_RUN
            if code or self._group.stopped:
                break
        self._ended(STOPPED if self._group.stopped else code)
