"""System packages that a fresh machine lacks: the commands that install what building a target needs."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence

from scripts.command import Command
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.system_packages import PackageManager
from scripts.plan.ops import available_ops
from scripts.plan.target import Target
from scripts.toolchain.gcc import absent_headers, accepted_gcc, find_gcc, is_refused, toolsets_up_to


def install_commands(target: Target, facts: Facts, *, root: bool | None = None) -> tuple[Command, ...]:
    """The commands, in order: one that installs; where the manager has one, one that looks for news goes before it.

    None when nothing is missing, and none for Windows, where the image has everything. Raises PrerequisiteError when
    something is missing and no known package manager is here.
    """
    missing = missing_packages(target, facts) if target.system == "linux" else ()
    if not missing:
        return ()
    manager = _manager_here(facts.managers)
    packages = " ".join(dict.fromkeys(word for each in missing for word in each.get(manager.name, ())))
    lines = (manager.refresh, manager.command.format(packages=packages))
    return tuple(_command(line, _is_root() if root is None else root) for line in lines if line)


def missing_packages(target: Target, facts: Facts) -> tuple[Mapping[str, Sequence[str]], ...]:
    """The packages, by manager, of a compiler that CUDA takes and of each header of the ops, where not here."""
    newest = facts.cuda[target.cuda_version].gcc_max if target.cuda_version else None
    ops = (choice.support for choice in available_ops(facts.ops, target) if choice.left_out is None)
    libraries = {op.header: op.libraries for op in ops if op.header}
    try:
        gcc = accepted_gcc(find_gcc(facts), facts, newest)
    except PrerequisiteError:
        return (facts.needs["compiler"].packages, *libraries.values())
    absent = absent_headers(gcc, libraries)
    better = [row.packages for row in toolsets_up_to(facts, newest)[:1] if is_refused(gcc, facts, newest)]
    return (*better, *(libraries[header] for header in libraries if header in absent))


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _manager_here(managers: Mapping[str, PackageManager]) -> PackageManager:
    for manager in managers.values():
        if shutil.which(manager.program):
            return manager
    programs = ", ".join(manager.program for manager in managers.values())
    raise PrerequisiteError(
        f"no known package manager is installed ({programs}); 'invoke build' names what it needs",
        id="package-manager-not-found",
    )


def _command(line: str, root: bool) -> Command:
    words = shlex.split(line)
    return Command(argv=tuple(words[1:] if root and words[0] == "sudo" else words))
