"""What is decided before the first compiler starts: the edited commands, the precompiled headers, the cache keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from scripts.facts.arch_branches import ArchRows
from scripts.facts.deepspeed_releases import OpSupport
from scripts.facts.flag_edits import FlagEdit
from scripts.wheel_build.arch_groups import with_joined_arches
from scripts.wheel_build.cache import OpCache, op_key
from scripts.wheel_build.flags import edit_flags
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.precompiled import PrecompiledHeader, plan_headers
from scripts.wheel_build.published_ops import PublishedOps
from scripts.wheel_build.recipe import OpRecipe, Recipe
from scripts.wheel_build.small_headers import with_small_header

Headers: TypeAlias = Mapping[tuple[str, int], PrecompiledHeader]  # by op and place of the unit in it


@dataclass(frozen=True, kw_only=True)
class CompileSettings:
    """Everything beside the recipe that decides how ops are compiled."""

    root: Path  # the source tree
    objects: Path  # where objects and binaries of this build go
    headers: Path  # where precompiled headers are kept
    cache: OpCache | None
    jobs: int
    identity: Mapping[str, Any]  # toolchain, torch, Python, CPU level
    directories: Mapping[str, str]  # name -> path, see flags.py
    system: str
    edits: Sequence[FlagEdit]
    cpu: Sequence[str]
    link_words: Mapping[str, Sequence[str]]  # op -> what upstream forgets on its link line
    expected: Mapping[str, float]  # op -> expected seconds of one core
    peaks: Mapping[str, int]  # step -> bytes that one compiler thread takes, until an op's own peak is known
    units: ObjectCache | None = None
    published: PublishedOps | None = None  # asked for ops that the cache has not
    op_identity: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # op -> its programs and libraries
    unit_identity: Mapping[str, Any] = field(default_factory=dict)  # toolchain and CPU level: what no file tells
    arches: int = 1  # that nvcc compiles for: it can use as many threads
    env: Mapping[str, str] = field(default_factory=dict)
    torch_headers: str = "precompiled"  # or "small", or "torch" for all of them
    arch_rows: ArchRows = field(default_factory=lambda: ArchRows(families=(), branches=()))
    header_pays_from: Mapping[str, int] = field(default_factory=dict)
    deadline: float | None = None  # on time.monotonic(); the build stops then and can be resumed


def edit_recipe(recipe: Recipe, settings: CompileSettings) -> Recipe:
    """The recipe with our flags, and objects in a directory per op that the cache key names."""
    return replace(recipe, ops=tuple(_edit_op(op, settings) for op in recipe.ops))


def _edit_op(op: OpRecipe, settings: CompileSettings) -> OpRecipe:
    def edited(argv: Sequence[str], step: str, unit: str = "") -> tuple[str, ...]:
        places = {**settings.directories, "unit": unit}
        return edit_flags(argv, settings.edits, step=step, system=settings.system, directories=places, cpu=settings.cpu)

    link = (*edited(op.link, "link"), *settings.link_words.get(op.op, ()))
    units = tuple(replace(unit, argv=edited(unit.argv, unit.step, unit.source)) for unit in op.units)
    if settings.system == "linux":  # on Windows the command lines were judged as they are
        units = tuple(with_joined_arches(unit, settings.root, settings.arch_rows) for unit in units)
    if settings.torch_headers != "torch" and settings.system == "linux":
        units = tuple(with_small_header(unit, settings.root) for unit in units)
    return replace(op, units=units, link=link)


def link_words(support: OpSupport) -> tuple[str, ...]:
    """What upstream forgets on an op's link line."""
    return tuple(f"-Wl,-rpath,{folder}" for folder in support.run_paths)


def choose_headers(recipe: Recipe, settings: CompileSettings) -> Headers:
    """The precompiled header of each unit, by op and place, where one is worth making.

    GCC's code is not the same with and without one, so this follows from all the units of the build, never from what is
    left to compile: a resumed build makes the bytes that an undisturbed one makes.
    """
    if settings.torch_headers != "precompiled" or settings.system != "linux":
        return {}
    units = {(op.op, place): unit for op in recipe.ops for place, unit in enumerate(op.units)}
    headers = plan_headers(
        units.values(), settings.root, settings.headers, settings.identity, settings.header_pays_from
    )
    of_unit = {unit: header for header in headers for unit in header.units}
    return {place: of_unit[unit] for place, unit in units.items() if unit in of_unit}


def op_keys(recipe: Recipe, settings: CompileSettings, headers: Headers) -> dict[str, str]:
    """The cache key of every op of an edited recipe; which units use a precompiled header is part of it."""

    def key(op: OpRecipe) -> str:
        precompiled = [(op.op, place) in headers for place in range(len(op.units))]
        identity = {**settings.identity, **settings.op_identity.get(op.op, {}), "precompiled": precompiled}
        return op_key(op, root=settings.root, identity=identity, directories=settings.directories)

    return {op.op: key(op) for op in recipe.ops}
