"""`BuildPlan`: everything that is known of one build before it begins, made by one function and never asked again.

The dry run prints it, the build carries it out, the manifest keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scripts.errors import PrerequisiteError
from scripts.facts.arch_branches import ArchRows, arch_rows
from scripts.facts.cpu_levels import CpuLevel
from scripts.facts.deepspeed_releases import DeepSpeedRelease, Patch
from scripts.facts.facts import Facts
from scripts.facts.flag_edits import FlagEdit
from scripts.facts.rules import Rule
from scripts.facts.torch_releases import TorchRelease
from scripts.host import usable_processors
from scripts.plan.context import Context
from scripts.plan.expand import axes_of, expand, narrowed
from scripts.plan.matrix import Matrix
from scripts.plan.notes import LEVELS, Note, note_of, notes_for
from scripts.plan.ops import OpSelection, choose_ops, named_ops, patches_for
from scripts.plan.target import AXES, Target
from scripts.toolchain.compilers import Toolchain, toolchain_context
from scripts.toolchain.gates import Gates, gates_of
from scripts.wheel.wheelhouse import ONLY, WITHOUT
from scripts.wheel_build.build_options import FORMER, HOSTED, BuildOptions
from scripts.wheel_build.published_ops import OfferedWheel
from scripts.wheel_build.rewrite import WheelEdit
from scripts.wheel_build.torch_routes import TorchRoute, build_requirements, torch_routes
from scripts.wheel_build.variables import fill_variables, joined_with, op_variables

MOST_THAT_WAIT = 6  # compilers at once, up to which a precompiled header is ready in time (docs/design.md, Measured)
READS_ONLY = ("file", FORMER[0])  # levels that run nothing
LATE = frozenset(("toolkit-source", "source-kind", "std"))  # what only the build itself finds out


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """One target, resolved: what its build does, and why it leaves out what it does not."""

    target: Target
    options: BuildOptions
    level: str  # how far the wheel is verified
    torch: TorchRelease
    deepspeed: DeepSpeedRelease
    context: Context  # of the target and its toolchain
    toolchain: Toolchain
    ops: OpSelection
    patches: Mapping[str, tuple[Patch, ...]]  # by kind of source, in the order in which the kinds are tried
    arches: str | None
    cpu: CpuLevel
    variables: Mapping[str, str]  # {toolkit} stands for its directory
    compiler_variables: frozenset[str]  # names of those, and of the caller's, that compilers read
    routes: tuple[TorchRoute, ...]
    requirements: tuple[str, ...]
    flags: tuple[FlagEdit, ...]
    arch_rows: ArchRows
    header_pays_from: Mapping[str, int]  # what a precompiled header holds -> units from which it pays
    peaks: Mapping[str, int]  # step -> bytes that one compiler thread takes
    room: Mapping[str, int]  # what -> bytes that it takes on a disk
    wheel: WheelEdit
    gates: Gates
    notes: tuple[Note, ...]
    late_notes: tuple[Rule, ...]  # that wait for what the build finds out
    published: tuple[OfferedWheel, ...] = ()  # out of which ops may be taken that no cache has

    @property
    def runs_wheel(self) -> bool:
        """Whether its verification runs the wheel, in an environment of its own."""
        return self.level not in READS_ONLY

    @property
    def system(self) -> str:
        """`windows` or `linux`."""
        return self.target.system

    @property
    def directory(self) -> str:
        """Where a wheel of fewer ops lies below its target's directory, so that it never replaces the full one."""
        if self.options.ops:
            return f"/{ONLY}{'-'.join(sorted(self.options.ops))}"[:80]
        return f"/{WITHOUT}{'-'.join(sorted(self.ops.missing))}"[:80] if self.ops.missing else ""

    @property
    def headers(self) -> str:
        """Which of torch's headers g++ reads: precompiled, small or torch, by default what serves best here."""
        if self.options.headers != "auto":
            return self.options.headers
        return "precompiled" if (self.options.jobs or usable_processors()) <= MOST_THAT_WAIT else "small"

    def environment(self, toolkit: str) -> dict[str, str]:
        """The variables of setup.py and the compilers, with the CUDA toolkit in the directory `toolkit`."""
        rows = {name: value.replace("{toolkit}", toolkit) for name, value in self.variables.items()}
        return {**self.toolchain.host.variables, **rows}

    def notes_after(self, found: Context) -> tuple[Note, ...]:
        """Every note, with what the build has `found` out about the names that the plan could not know."""
        context = {**self.context, **found}
        known = {note.id for note in self.notes}
        late = (note_of(rule) for rule in self.late_notes if rule.id not in known and rule.when.holds(context))
        return (*self.notes, *late)


def make_build_plan(
    target: Target,
    facts: Facts,
    matrix: Matrix,
    options: BuildOptions,
    toolchain: Toolchain,
    caller: Mapping[str, str] = MappingProxyType({}),
) -> BuildPlan:
    """The plan of the target's build with these options and a toolchain that was found, or that is expected.

    Flags that the `caller` has in a variable which rows set, too, are kept beside those of the rows.
    Raises InputError for a wanted op that the target cannot have, PrerequisiteError for one that this machine cannot
    build and for a toolchain that a gate refuses.
    """
    arches = matrix.arches.get(target.cuda)
    ops = _select_ops(target, facts, matrix, options, toolchain)
    context = {
        **matrix.context_of(target, facts),
        **toolchain_context(target, facts, toolchain, options.toolkit, arches),
    }
    gates = gates_of(target, facts)
    gates.require(context)
    torch = facts.torch[target.torch_minor]
    lists = frozenset(row.name for row in facts.variables if row.tools)
    variables = joined_with(fill_variables(facts.variables, target, context, arches), lists, caller)
    return BuildPlan(
        target=target,
        options=options,
        level=_level(target, facts, matrix, options),
        torch=torch,
        deepspeed=facts.deepspeed[target.deepspeed],
        context=context,
        toolchain=toolchain,
        ops=ops,
        patches={kind: patches_for(facts.patches, {**context, "source-kind": kind}) for kind in source_kinds(options)},
        arches=arches,
        cpu=facts.cpu_levels[matrix.cpu_level],
        variables={**variables, **op_variables(ops)},
        compiler_variables=lists | {*facts.inherited_variables},
        routes=tuple(torch_routes(target, torch, matrix.torch_index)),
        requirements=(*build_requirements(torch, facts.build_requirements), *_op_packages(ops)),
        flags=tuple(edit for edit in facts.flags if edit.system == target.system and edit.when.holds(context)),
        arch_rows=arch_rows(facts.arch_families, facts.arch_branches),
        header_pays_from={cost.header: cost.pays_from for cost in facts.header_costs},
        peaks={cost.step: cost.peak_bytes for cost in facts.costs if cost.system == target.system},
        room=_room(target, facts, options),
        wheel=_wheel_edit(target, facts, ops),
        gates=gates,
        notes=notes_for(facts, context),
        late_notes=tuple(rule for rule in facts.rules if rule.level in LEVELS and rule.when.names & LATE),
    )


def _level(target: Target, facts: Facts, matrix: Matrix, options: BuildOptions) -> str:
    """How far the wheel is verified: `hosted` runs all parts with the first planned Python, a few with others."""
    if options.verify != HOSTED:
        return options.verify
    own = {axis: (getattr(target, axis),) for axis in AXES if axis != "python"}
    siblings = expand(matrix, facts, axes=narrowed(axes_of(matrix, facts), own)).targets
    first = next((planned.target for planned in siblings), target)
    return "full" if first == target else "core"


def source_kinds(options: BuildOptions) -> tuple[str, ...]:
    """The kinds of source archive that are tried, in order."""
    return ("tag", "sdist") if options.source == "auto" else (options.source,)


def _select_ops(
    target: Target, facts: Facts, matrix: Matrix, options: BuildOptions, toolchain: Toolchain
) -> OpSelection:
    """The ops to build and why the others are left out; see `make_build_plan` for what is raised."""
    usual = named_ops(matrix.ops)
    selection = choose_ops(facts.ops, target, options.ops or usual, toolchain.host.absent_headers, usual)
    lines = [f"  {op}: {reason}" for op, reason in selection.missing.items()]
    if lines and options.ops:
        raise PrerequisiteError("\n".join([f"{target.id} cannot be built with", *lines]), id="op-not-available")
    if lines and not (options.allow_missing and selection.chosen):
        ways = "or go on without: --allow-missing makes a wheel that is filed apart and never published, as --ops does"
        raise PrerequisiteError(
            "\n".join([f"{target.id} cannot be built with all its ops here:", *lines, f"  {ways}"]),
            id="op-header-missing",
        )
    return selection


def _room(target: Target, facts: Facts, options: BuildOptions) -> dict[str, int]:
    rows = {(row.system, row.accelerator, row.what): row.bytes for row in facts.disk}
    mine = {what: size for (*of, what), size in rows.items() if of == [target.system, target.accelerator]}
    return mine if options.headers in ("auto", "precompiled") else {**mine, "headers": 0}


def _op_packages(ops: OpSelection) -> tuple[str, ...]:
    """The packages that the chosen ops are compiled with and need where they are imported."""
    return tuple(dict.fromkeys(package for op in ops.chosen for package in op.support.packages))


def _wheel_edit(target: Target, facts: Facts, ops: OpSelection) -> WheelEdit:
    """What the wheel must say that upstream's does not."""
    context = {"python": target.python, "deepspeed": target.deepspeed, "os": target.system}
    return WheelEdit(
        pins={"torch": f"torch=={target.torch_minor}.*"},
        added=(*(row.add for row in facts.added_requirements if row.when.holds(context)), *_op_packages(ops)),
        stamp=facts.deepspeed[target.deepspeed].date,
        tag=target.tag_for(target.platform),
    )
