"""`invoke prepare`: the system packages that building targets needs, installed."""

from __future__ import annotations

from scripts.ci.packages import install_commands
from scripts.command import check, run
from scripts.commands.answer import log_line
from scripts.commands.host_targets import targets_to_build
from scripts.commands.project import open_project
from scripts.plan.selection import Selection


def prepare(selection: Selection) -> None:
    """Install the system packages that building the targets needs."""
    project = open_project()
    commands = {
        command.as_shell(): command
        for target in targets_to_build(project, selection)
        for command in install_commands(target, project.facts)
    }
    for line, command in commands.items():
        log_line(line)
        check(command, run(command, log=log_line))
    if not commands:
        log_line("nothing to install: everything is here")
