"""`invoke toolchain`: which compilers and CUDA toolkit this machine has for a target."""

from __future__ import annotations

from scripts.commands.answer import print_answer, print_document
from scripts.commands.host_targets import require_platform, targets_to_build
from scripts.commands.project import open_project
from scripts.commands.task_options import ToolchainOptions
from scripts.plan.ops import named_ops
from scripts.plan.selection import Selection
from scripts.toolchain.survey import survey


def toolchain(selection: Selection, options: ToolchainOptions) -> None:
    """Print what this machine has to compile the newest of the chosen targets with."""
    project = open_project()
    target = targets_to_build(project, selection, anywhere=True)[-1]
    require_platform(target)
    context = project.matrix.context_of(target, project.facts)
    ops = named_ops(project.matrix.ops)
    found = survey(target, project.facts, context, project.dirs.captured, project.dirs.cache, ops)
    if options.json:
        print_document(found.as_document())
    elif options.environment:
        print_answer(*(f"{name}={value}" for name, value in sorted(found.variables.items())))
    else:
        print_answer(*found.as_lines())
