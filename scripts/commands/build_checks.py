"""What `invoke doctor --to build` looks at: the target that would be built for an environment, and its toolchain."""

from __future__ import annotations

from scripts.commands.project import Project
from scripts.doctor.to_build import BuildChecks
from scripts.errors import PrerequisiteError
from scripts.install.environment import Environment
from scripts.install.runnable_targets import for_cards, newest_deepspeed
from scripts.plan.ops import named_ops
from scripts.plan.target import Target
from scripts.toolchain.survey import survey


def build_checks(project: Project, environment: Environment, *, named: bool) -> BuildChecks:
    """The checks for the environment; `named`: it was named, so it is to be built in by hand."""
    target = target_for(project, environment)
    context = project.matrix.context_of(target, project.facts)
    dirs = project.dirs
    return BuildChecks(
        survey=survey(target, project.facts, context, dirs.captured, dirs.cache, named_ops(project.matrix.ops)),
        facts=project.facts,
        dirs=dirs,
        environment=environment,
        named=named,
        context=context,
    )


def target_for(project: Project, environment: Environment) -> Target:
    """What would be built for the environment: its own torch, else the newest that its cards run; no index is asked.

    Raises PrerequisiteError where the matrix has nothing for its system and Python.
    """
    own = (environment.platform, environment.version)
    here = [one.target for one in project.plan.targets if (one.target.platform, one.target.python) == own]
    torch, graphics = environment.torch, environment.machine.graphics
    same = [one for one in here if torch and (one.torch_minor, one.cuda) == (torch.minor, torch.variant)]
    fitting = for_cards(here, graphics, project.matrix.arches)
    chosen = same or fitting or [one for one in here if one.cuda_version is None]
    if not chosen:
        raise PrerequisiteError(
            f"nothing can be built for Python {environment.version} on {environment.platform}: the matrix has no such"
            " target; 'invoke plan' lists what it has",
            id="no-target-for-host",
        )
    return max(newest_deepspeed(chosen), key=Target.sort_key)
