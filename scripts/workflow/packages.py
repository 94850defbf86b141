"""System packages that a fresh machine lacks: the commands that install what building a cell needs."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping

from scripts.command import Command
from scripts.errors import PrerequisiteError
from scripts.matrix.ops import available_ops
from scripts.matrix.records import Facts, PackageManager
from scripts.matrix.target import Target


def install_commands(target: Target, facts: Facts, *, root: bool | None = None) -> tuple[Command, ...]:
    """The commands, in order: one that installs; where the manager has one, one that looks for news goes before it.

    None for Windows, where the image has everything. Raises PrerequisiteError when no known package manager is here.
    """
    if target.system != "linux":
        return ()
    wanted = [facts.needs["compiler"].packages]
    ops = (choice for choice in available_ops(facts.ops, target) if choice.left_out is None)
    wanted += [op.support.libraries for op in ops if op.support.libraries]
    manager = _manager_here(facts.managers)
    packages = " ".join(dict.fromkeys(word for each in wanted for word in each.get(manager.name, ())))
    lines = (manager.refresh, manager.command.format(packages=packages))
    return tuple(_command(line, _is_root() if root is None else root) for line in lines if line)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _manager_here(managers: Mapping[str, PackageManager]) -> PackageManager:
    for manager in managers.values():
        if shutil.which(manager.program):
            return manager
    programs = ", ".join(manager.program for manager in managers.values())
    raise PrerequisiteError(f"no package manager that is known is here ({programs}); 'invoke build' says what it needs")


def _command(line: str, root: bool) -> Command:
    words = shlex.split(line)
    return Command(argv=tuple(words[1:] if root and words[0] == "sudo" else words))
