"""What `python deepspeed-wheels.pyz TASK …` runs: the tasks of whoever wants a wheel, with the same options.

Each task is imported when it is asked for, and the one file has no Invoke.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from scripts.carried import HOME, carried_bytes, one_file
from scripts.ci.actions import SITE
from scripts.commands.closed_pipe import end_quietly
from scripts.commands.install_options import FindOptions, InstallOptions
from scripts.commands.reported_errors import reported
from scripts.commands.task_options import DiagnoseOptions, DoctorOptions
from scripts.commands.verify_options import AuditOptions
from scripts.errors import InputError
from scripts.options import Option, options_of, parse_words
from scripts.window.window_options import WindowOptions

HELP = frozenset(("--help", "-h", "help"))


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A task of the one file."""

    says: str
    options: type
    run: Callable[[Any], None]


def _find(options: FindOptions) -> None:
    from scripts.commands.find_task import find

    find(options)


def _install(options: InstallOptions) -> None:
    from scripts.commands.install_task import install

    install(options)


def _doctor(options: DoctorOptions) -> None:
    from scripts.commands.doctor_task import doctor

    doctor(options)


def _verify(options: AuditOptions) -> None:
    from scripts.commands.audit_task import audit

    audit(options)


def _diagnose(options: DiagnoseOptions) -> None:
    from scripts.commands.diagnose_task import diagnose_log

    diagnose_log(options)


def _gui(options: WindowOptions) -> None:
    from scripts.window.window_task import gui

    gui(options)


TASKS: Mapping[str, Offered] = {
    "find": Offered(says="which wheel fits an environment, or what to change", options=FindOptions, run=_find),
    "install": Offered(says="put it in; torch is never touched", options=InstallOptions, run=_install),
    "doctor": Offered(says="what is wrong or missing here, and what mends it", options=DoctorOptions, run=_doctor),
    "verify": Offered(says="read a wheel: whether it is what it says", options=AuditOptions, run=_verify),
    "diagnose": Offered(says="why an install failed, from its log", options=DiagnoseOptions, run=_diagnose),
    "gui": Offered(says="the same in a window", options=WindowOptions, run=_gui),
}


def main(words: Sequence[str]) -> int:
    """The exit code of a task; those of docs/errors.md."""
    end_quietly()
    name, left = (words[0], words[1:]) if words else ("--help", ())
    if name in HELP:
        sys.stdout.write(_help())
        return 0
    with reported():
        if name not in TASKS:
            raise InputError(f"{name!r} is no task; there are {', '.join(TASKS)}", id="value-not-accepted")
        if not HELP.isdisjoint(left):
            sys.stdout.write(_help_of(name))
            return 0
        if one_file():
            os.environ.setdefault(SITE, json.loads(carried_bytes(HOME / "site.json"))["url"])
        kind = TASKS[name].options
        TASKS[name].run(parse_words(kind, _with_names(kind, left)))
    return 0


def _with_names(kind: type, words: Sequence[str]) -> Sequence[str]:
    """The words with the option's own name before a first word that is given without."""
    needed = next((each for each in options_of(kind) if each.default is MISSING), None)
    if needed is None or any(word.partition("=")[0] == needed.flag for word in words):
        return words
    if not words or words[0].startswith("--"):
        raise InputError(f"{needed.flag} is missing: {needed.stated.help}", id="value-not-accepted")
    return [needed.flag, *words]


def _help() -> str:
    lines = [f"  {name:9} {task.says}" for name, task in TASKS.items()]
    return "\n".join([f"{_called()} TASK [OPTIONS]; TASK --help shows a task's own", "", *lines]) + "\n"


def _help_of(name: str) -> str:
    options = options_of(TASKS[name].options)
    widest = max(map(len, map(_shown, options)))
    lines = [f"  {_shown(each):{widest}}  {each.stated.help}" for each in options]
    return "\n".join([f"{_called()} {name} [OPTIONS]: {TASKS[name].says}", "", *lines]) + "\n"


def _shown(option: Option) -> str:
    return option.flag if option.kind is bool else f"{option.flag} {option.name.upper()}"


def _called() -> str:
    archive = one_file()
    return f"python {archive.name}" if archive else "python -m scripts.one_file_main"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
