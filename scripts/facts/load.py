"""Everything known, read from scripts/data: `load_facts`. What each file may hold is stated here, as readers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from scripts.errors import DataError
from scripts.facts.build_rows import AddedRequirement, BuildRequirements, FlagEdit, UnitCost, Variable
from scripts.facts.catalogue import read_catalogue
from scripts.facts.code_rows import CpuException, Library
from scripts.facts.condition import parse_condition
from scripts.facts.consistency import check_facts
from scripts.facts.msvc import MSVC
from scripts.facts.rows import (
    BuildsOn,
    CpuLevel,
    CudaToolkit,
    Facts,
    GpuGeneration,
    PackageManager,
    PythonVersion,
    Rule,
    Runner,
    SystemNeed,
    ToolkitArchive,
    ToolkitComponent,
    ToolkitWheels,
    TorchRelease,
    Trap,
)
from scripts.schema.readers import (
    Optional,
    Problems,
    Reader,
    choice,
    day,
    flag,
    integer,
    listed,
    mapped,
    record,
    source,
    specifiers,
    table,
    text,
    version,
)
from scripts.schema.yaml_document import read_document

DATA = Path(__file__).parent.parent / "data"

T = TypeVar("T")


def _per_system(item: Reader[T]) -> Reader[dict[str, T]]:
    return record(dict[str, T], windows=item, linux=item)


def _names(names: tuple[str, ...], source: Iterable[str]) -> tuple[str, ...]:
    return names


def _value_of_limit(value: int, source: Iterable[str]) -> int:
    return value


TORCH = record(
    TorchRelease,
    minor=version,
    patches=mapped(Optional(day)),
    pythons=_per_system(listed(version)),
    cuda=listed(text),
    default_variant=_per_system(text),
    arches=_per_system(mapped(text)),
    cpp_standard=integer,
    cxx11_abi=mapped(integer),
    msvc=version,
    setuptools=specifiers(),
    source=source,
)
CUDA = record(
    CudaToolkit,
    version=version,
    releases=listed(version),
    nvcc=version,
    msvc_min=integer,
    msvc_below=integer,
    gcc_max=integer,
    sms=listed(integer),
    driver_min=_per_system(version),
    pip_compiler=_per_system(choice("yes", "partial", "no")),
    source=source,
)
COMPONENT = record(
    ToolkitComponent,
    name=text,
    what=text,
    files=_per_system(listed(text)),
    redist=listed(text),
    extra=text,
    since=Optional(integer, 0),
    without=Optional(listed(text), ()),
    source=source,
)
ARCHIVE = record(ToolkitArchive, address=text, platforms=_per_system(text), room=integer, source=source)
WHEELS = record(ToolkitWheels, requirement=text, bytes=_per_system(integer), source=source)
RUNNER = record(
    Runner,
    name=text,
    status=text,
    visual_studio=Optional(text),
    toolsets=listed(version),
    pythons=listed(version),
    source=source,
)
BUILDS_ON = record(BuildsOn, runner=text, why=text, source=source)
PYTHON = record(PythonVersion, version=version, end_of_life=Optional(day), status=text, source=source)
GPU = record(GpuGeneration, sm=integer, names=text, cuda_min=version, cuda_max=version, source=source)
CPU_LEVEL = record(
    CpuLevel, name=text, define=text, gcc=listed(text), cpuinfo_flags=listed(text), refuses=listed(text), source=source
)
CPU_EXCEPTION = record(CpuException, op=text, versions=specifiers(), reason=text, source=source)
LIBRARY = record(
    Library,
    origin=text,
    names=listed(text),
    when=parse_condition,
    ops=Optional(listed(text), ()),
    refused=Optional(text),
    source=source,
)
LIMIT = record(_value_of_limit, value=integer, source=source)
RULE = record(
    Rule,
    id=text,
    level=choice("refuse", "fix", "warn"),
    when=parse_condition,
    reason=text,
    hint=Optional(text),
    audience=Optional(choice("user", "builder"), "user"),
    source=source,
)
TRAP = record(Trap, id=text, symptom=text, versions=specifiers(), cause=text, fix=text, source=source)
FLAG_EDIT = record(
    FlagEdit,
    id=text,
    system=choice("windows", "linux"),
    step=choice("compile", "nvcc", "link"),
    drop=Optional(listed(text), ()),
    append=Optional(listed(text), ()),
    reason=text,
    source=source,
)
VARIABLE = record(
    Variable, name=text, value=text, when=parse_condition, tools=Optional(flag, False), reason=text, source=source
)
INHERITED = record(_names, names=listed(text), source=source)
UNIT_COST = record(
    UnitCost, system=choice("windows", "linux"), step=choice("compile", "nvcc"), peak_bytes=integer, source=source
)
BUILD_REQUIREMENTS = record(BuildRequirements, packages=listed(text), setuptools=text, source=source)
ADDED_REQUIREMENT = record(AddedRequirement, add=text, when=parse_condition, reason=text, source=source)
MANAGER = record(PackageManager, name=text, program=text, command=text, refresh=Optional(text))
NEED = record(SystemNeed, name=text, what=text, packages=mapped(listed(text)), source=source)


@cache
def load_facts(folder: Path = DATA) -> Facts:
    """Every row of the data folder as values; raises DataError that names every problem of every file."""
    problems = Problems()
    sources = _read(folder, "sources.yaml", problems, sources=mapped(text))["sources"]
    if problems:  # every source would be unknown
        raise DataError(folder.name, problems)
    problems.known_sources = frozenset(sources)
    facts = _read_all(folder, problems)
    if not problems:
        check_facts(facts, problems)
    if problems:
        raise DataError(folder.name, problems)
    return facts


def _read_all(folder: Path, problems: Problems) -> Facts:
    msvc = _read(folder, "msvc.yaml", problems, **MSVC)
    runners = _read(
        folder,
        "runners.yaml",
        problems,
        runners=table("name", RUNNER),
        builds_on=mapped(BUILDS_ON),
        limits=mapped(LIMIT),
    )
    environment = _read(
        folder,
        "environment.yaml",
        problems,
        build_requirements=BUILD_REQUIREMENTS,
        added_requirements=listed(ADDED_REQUIREMENT),
    )
    system = _read(folder, "system.yaml", problems, managers=table("name", MANAGER), needs=table("name", NEED))
    toolkit = _read(
        folder, "toolkit.yaml", problems, components=table("name", COMPONENT), archive=ARCHIVE, wheels=WHEELS
    )
    cpu = _read(folder, "cpu.yaml", problems, levels=table("name", CPU_LEVEL), exceptions=listed(CPU_EXCEPTION))
    variables = _read(folder, "variables.yaml", problems, inherited=INHERITED, variables=listed(VARIABLE))
    catalogue = read_catalogue(folder, problems)
    return Facts(
        torch=_read(folder, "torch.yaml", problems, torch=table("minor", TORCH))["torch"],
        cuda=_read(folder, "cuda.yaml", problems, cuda=table("version", CUDA))["cuda"],
        toolkit_components=toolkit["components"],
        toolkit_archive=toolkit["archive"],
        toolkit_wheels=toolkit["wheels"],
        toolsets=msvc["toolsets"],
        toolset_choices=msvc["choices"],
        visual_studios=msvc["visual_studios"],
        editions=msvc["editions"],
        runners=runners["runners"],
        builds_on=runners["builds_on"],
        pythons=_read(folder, "python.yaml", problems, python=table("version", PYTHON))["python"],
        gpus=_read(folder, "gpu.yaml", problems, gpu=listed(GPU))["gpu"],
        cpu_levels=cpu["levels"],
        cpu_exceptions=cpu["exceptions"],
        libraries=_read(folder, "libraries.yaml", problems, libraries=listed(LIBRARY))["libraries"],
        limits=runners["limits"],
        deepspeed=catalogue.releases,
        ops=catalogue.ops,
        patches=catalogue.patches,
        rules=_read(folder, "rules.yaml", problems, rules=listed(RULE))["rules"],
        traps=_read(folder, "traps.yaml", problems, traps=listed(TRAP))["traps"],
        flags=_read(folder, "flags.yaml", problems, flags=listed(FLAG_EDIT))["flags"],
        variables=variables["variables"],
        inherited_variables=variables["inherited"],
        costs=_read(folder, "costs.yaml", problems, costs=listed(UNIT_COST))["costs"],
        build_requirements=environment["build_requirements"],
        added_requirements=environment["added_requirements"],
        managers=system["managers"],
        needs=system["needs"],
    )


def _read(folder: Path, name: str, problems: Problems, **tables: Reader[Any]) -> dict[str, Any]:
    found = len(problems)
    document = read_document(folder / name, problems)
    unreadable = document is None and len(problems) > found  # said once; its keys are not missing on top of that
    return record(dict[str, Any], **tables)(document, f"{name}:", Problems() if unreadable else problems)
