"""A build plan in words, and as the lines that carry it out, to be pasted from the first to the last.

The lines are for the shell of the target's system. What upstream, uv and Visual Studio do is called as it is; what our
own code does is one call of `scripts.commands.build_step` for each step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any

from scripts.command import Command
from scripts.dirs import CHECKOUT
from scripts.shell import assignment, named_variables
from scripts.wheel_build.build_options import repeat_command
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.capture import UPSTREAM, setup_command
from scripts.wheel_build.inside.upstream import PACKAGE
from scripts.wheel_build.layout import Layout, activate_command

STEP = "scripts.commands.build_step"


@dataclass(frozen=True, kw_only=True)
class Variables:
    """Variables that every later line needs."""

    values: Mapping[str, str]

    def as_shell(self, *, windows: bool) -> str:
        """The line that sets them."""
        steps = [assignment(name, value, windows=windows) for name, value in sorted(self.values.items())]
        if windows:
            return " && ".join(steps)
        return " ".join(["export", *steps])


@dataclass(frozen=True, kw_only=True)
class FirstOf:
    """Commands of which each is tried when the one before it has failed."""

    commands: Sequence[Command]

    def as_shell(self, *, windows: bool) -> str:
        """The line that tries them."""
        return " || ".join(command.as_shell(windows=windows) for command in self.commands)


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """One target's build in words and lines."""

    plan: BuildPlan
    layout: Layout
    problem: str | None = None  # why this machine cannot build it

    @property
    def windows(self) -> bool:
        """Whether the lines are for cmd.exe."""
        return self.plan.system == "windows"

    @property
    def mark(self) -> str:
        """What begins a comment."""
        return "rem" if self.windows else "#"

    @property
    def repeat(self) -> str:
        """The one line that does the same on a machine of the target's system."""
        return repeat_command(self.plan.target, self.plan.options, windows=self.windows)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of setup.py; those of Visual Studio are set by activating it."""
        toolkit = str(self.layout.toolkit or "")
        own = {} if self.windows else self.plan.toolchain.host.variables
        return {**own, **{name: value.replace("{toolkit}", toolkit) for name, value in self.plan.variables.items()}}

    def in_words(self, text: str) -> str:
        """A text that names a place, for reading."""
        return named_variables(text, windows=self.windows)

    @property
    def lines(self) -> list[str]:
        """The commands, each a line to paste."""
        return [line.as_shell(windows=self.windows) for line in build_lines(self.plan, self.layout, self.variables)]

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        kind, patches = next(iter(self.plan.patches.items()))
        folder = self.in_words(str(self.layout.work / "source"))
        return {
            "ops": [choice.name for choice in self.plan.ops.chosen],
            "left_out": dict(self.plan.ops.left_out),
            "source": f"{kind} of DeepSpeed {self.plan.target.deepspeed}, unpacked to {folder} and patched",
            "patches": [patch.id for patch in patches],
            "toolchain": describe_toolchain(self.plan),
            "arches": self.plan.arches,
            "cpu_level": self.plan.cpu.name,
            "environment": {name: self.in_words(value) for name, value in self.variables.items()},
            "notes": [asdict(note) for note in self.plan.notes],
            "problem": self.problem,
            "commands": self.lines,
        }

    def as_script(self) -> str:
        """The lines, with what they rest on as comments."""
        known = self.as_document()
        comments = [
            self.plan.target.id,
            *(f"this machine cannot build it: {line}" for line in (self.problem or "").splitlines()),
            f"ops: {', '.join(known['ops'])}",
            *(f"left out: {op}: {reason}" for op, reason in self.plan.ops.why_not.items()),
            f"source: {known['source']}",
            f"patches: {', '.join(known['patches']) or 'none'}",
            *(f"{name}: {value}" for name, value in known["toolchain"].items()),
            *([f"architectures: {self.plan.arches}"] if self.plan.arches else []),
            f"CPU level: {known['cpu_level']}",
            *(f"note: {note.id}: {note}" for note in self.plan.notes),
        ]
        start = ['set "CHECKOUT=%CD%"'] if any("%CHECKOUT%" in line for line in known["commands"]) else []
        return "\n".join([*(f"{self.mark} {comment}" for comment in comments), *start, *known["commands"]])


def build_lines(plan: BuildPlan, layout: Layout, variables: Mapping[str, str]) -> list[Command | Variables | FirstOf]:
    """What a build of the plan runs, in order; upstream's setup.py once to capture and once to package."""
    work = layout.work
    python, script = (
        python_of(work / "environment", plan),
        layout.checkout.joinpath(*UPSTREAM.relative_to(CHECKOUT).parts),
    )
    setup = setup_command(plan, work, python, script, variables)
    activate = activate_command(plan)
    needed = [f"torch=={plan.target.torch}", *plan.requirements]
    wheel = work / "dist" / "finished" / plan.target.wheel_name
    return [
        *([Variables(values=layout.variables)] if layout.variables else []),
        _step(layout, plan, "plan", *plan.options.as_words()),
        *_environment(plan, layout, work / "environment"),
        _bare(layout.installer.install(python, needed)),
        *([_step(layout, plan, "toolchain")] if plan.toolchain.cuda else []),
        _step(layout, plan, "source"),
        *([activate] if activate else []),
        replace(setup, stdin=""),
        _step(layout, plan, "compile"),
        replace(setup, stdin=PACKAGE),
        _step(layout, plan, "package"),
        *(_environment(plan, layout, work / "proof") if plan.runs_wheel else []),
        *([_bare(layout.installer.install(python_of(work / "proof", plan), [str(wheel)]))] if plan.runs_wheel else []),
        _step(layout, plan, "file"),
    ]


def python_of(environment: PurePath, plan: BuildPlan) -> PurePath:
    """The interpreter of an environment on the target's system."""
    return environment.joinpath(*(("Scripts", "python.exe") if plan.system == "windows" else ("bin", "python")))


def describe_toolchain(plan: BuildPlan) -> dict[str, str]:
    """The toolchain in words."""
    cuda = plan.toolchain.cuda
    return {"host compiler": plan.toolchain.host.name, **({"CUDA toolkit": cuda} if cuda else {})}


def _environment(plan: BuildPlan, layout: Layout, directory: PurePath) -> list[Command | FirstOf]:
    """What makes an environment that holds the target's torch."""
    python, installer = python_of(directory, plan), layout.installer
    routes = [installer.install(python, [route.requirement], index=route.index) for route in plan.routes]
    return [_bare(installer.create(directory, layout.interpreter)), FirstOf(commands=[_bare(one) for one in routes])]


def _bare(command: Command) -> Command:
    """The command without the installer's variables, which are set once for all lines."""
    return replace(command, env={})


def _step(layout: Layout, plan: BuildPlan, name: str, *words: str) -> Command:
    return Command(argv=(layout.runner, "-m", STEP, name, plan.target.id, *words), cwd=layout.checkout)
