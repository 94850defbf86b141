"""`matrix.yaml` as values: which targets we want, how each is built, what we leave out and what comes first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.errors import DataError
from scripts.facts.condition import Condition, parse_condition
from scripts.facts.facts import Facts
from scripts.plan.context import FOLLOWS_FROM, Context, context_of, parse_arches
from scripts.plan.target import Target
from scripts.schema.data_document import read_data
from scripts.schema.readers import (
    Problems,
    Reader,
    arches,
    below,
    integer,
    keyed,
    listed,
    mapped,
    number,
    text,
    version,
)
from scripts.versions import SYSTEMS, cuda_version

EXCLUSION_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Targets that could exist and that we choose not to build."""

    id: str
    when: Condition
    reason: str


@dataclass(frozen=True, kw_only=True)
class Priority:
    """Which targets are built when: 1 first."""

    priority: int
    name: str
    when: Condition


@dataclass(frozen=True, kw_only=True)
class ForecastSettings:
    """How many compilers run at once, and how much a job is given; what it does beside compiling is in costs.yaml."""

    workers: int
    unit_seconds: float  # of one core, of a C++ unit that includes torch's headers; the rest of an op is its kernels'
    job_minutes: float  # how much work a job is given


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Our decisions: the five axes, how each target is built, what is excluded, what comes first."""

    deepspeed: tuple[str, ...]
    torch: tuple[str, ...]  # minors
    cuda: tuple[str, ...]
    python: tuple[str, ...]
    platform: tuple[str, ...]
    cpu_level: str
    ops: str | tuple[str, ...]  # "all", or names
    torch_index: str  # address with {variant}
    arches: Mapping[str, str]  # variant -> TORCH_CUDA_ARCH_LIST
    exclude: tuple[Exclusion, ...]
    priorities: tuple[Priority, ...]
    forecast: ForecastSettings

    def arches_for(self, target: Target) -> str:
        """The TORCH_CUDA_ARCH_LIST of a CUDA target; KeyError for a variant that is not on the axis."""
        return self.arches[target.cuda]

    def context_of(self, target: Target, facts: Facts) -> Context:
        """What conditions may ask of the target; made once, for the plan and for its build."""
        known = self._contexts.get(target)
        if known is None or known[0] is not facts:
            known = self._contexts[target] = (facts, context_of(target, facts, self.arches.get(target.cuda)))
        return known[1]

    @cached_property
    def _contexts(self) -> dict[Target, tuple[Facts, Context]]:
        return {}


def load_matrix(path: Path, facts: Facts) -> Matrix:
    """The matrix of the file; raises DataError with every fault, its key path and what to do."""
    problems = Problems()
    document = read_data(path, problems)
    matrix = None
    if not (document is None and problems):
        matrix = _matrix(facts)(document, f"{path.name}:", problems)
    if matrix and not problems:
        _check_together(matrix, facts, f"{path.name}:", problems)
    if matrix is None or problems:
        raise DataError(path.name, problems)
    return matrix


def _matrix(facts: Facts) -> Reader[Matrix]:
    variants = {variant for torch in facts.torch.values() for variant in torch.cuda}
    variants = {variant for variant in variants if cuda_version(variant) in facts.cuda}
    exclusion = keyed(Exclusion, id=_exclusion_id, when=_condition, reason=_stated)
    priority = keyed(Priority, priority=integer, name=_stated, when=_condition)
    forecast = keyed(
        ForecastSettings,
        workers=_workers,
        unit_seconds=number,
        job_minutes=number,
    )
    return keyed(
        Matrix,
        deepspeed=_axis(version, facts.deepspeed, "deepspeed.yaml"),
        torch=_axis(version, facts.torch, "torch.yaml, which names minors"),
        cuda=_axis(text, ["cpu", *sorted(variants)], "torch.yaml and cuda.yaml"),
        python=_axis(version, facts.pythons, "python.yaml"),
        platform=_axis(text, SYSTEMS, "target.py"),
        cpu_level=_known(text, facts.cpu_levels, "cpu.yaml"),
        ops=_ops(facts.ops),
        torch_index=_index,
        arches=mapped(arches),
        exclude=listed(exclusion),
        priorities=listed(priority),
        forecast=forecast,
    )


# ---------------------------------------------------------------- readers


def _known(reader: Reader[str], known: Iterable[str], home: str) -> Reader[str]:
    names = tuple(known)

    def read(value: object, where: str, problems: Problems) -> str:
        faults = len(problems)
        found = reader(value, where, problems)
        if len(problems) == faults and found not in names:
            problems.add(where, f"{found!r} is not known; add it to {home}, or take one of {', '.join(names)}")
        return found

    return read


def _axis(reader: Reader[str], known: Iterable[str], home: str) -> Reader[tuple[str, ...]]:
    items = listed(_known(reader, known, home))

    def read(value: object, where: str, problems: Problems) -> tuple[str, ...]:
        found = items(value, where, problems)
        if value == []:
            problems.add(where, "is empty, which leaves no target at all; name one value or more")
        _report_repeated(found, where, problems)
        return found

    return read


def _ops(known: Collection[str]) -> Reader[str | tuple[str, ...]]:
    def read(value: object, where: str, problems: Problems) -> str | tuple[str, ...]:
        return "all" if value == "all" else _axis(text, known, "deepspeed.yaml")(value, where, problems)

    return read


def _condition(value: object, where: str, problems: Problems) -> Condition:
    condition = parse_condition(value, where, problems)
    for name in sorted(condition.names - FOLLOWS_FROM.keys()):
        problems.add(where, f"{name!r} is not known before a build; names of a plan are {', '.join(FOLLOWS_FROM)}")
    return condition


def _exclusion_id(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if found and not EXCLUSION_ID.fullmatch(found):
        problems.add(where, f"{found!r} is not an id; write lower-case words joined by hyphens")
    return found


def _stated(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if value == "":
        problems.add(where, "is empty; write it out, people read it in the plan")
    return found


def _index(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if found and "{variant}" not in found:
        problems.add(where, "has no {variant}; write the address with {variant} where cu124 or cpu stands")
    return found


def _workers(value: object, where: str, problems: Problems) -> int:
    faults = len(problems)
    found = integer(value, where, problems)
    if len(problems) == faults and found < 1:
        problems.add(where, f"{found} compilers build nothing; write 1 or more")
    return found


# ---------------------------------------------------------------- what no reader sees alone


def _check_together(matrix: Matrix, facts: Facts, where: str, problems: Problems) -> None:
    variants = [variant for variant in matrix.cuda if variant != "cpu"]
    for variant in variants:
        if variant not in matrix.arches:
            problems.add(below(where, "arches"), f"the key {variant!r} is missing; add its architectures")
    for variant, asked in matrix.arches.items():
        here = below(below(where, "arches"), variant)
        if variant not in variants:
            problems.add(here, "is not on the cuda axis; remove it or add it there")
        else:
            _check_arches(asked, facts.cuda[cuda_version(variant) or ""].sms, here, problems)
    for index, exclusion in enumerate(matrix.exclude):
        if not exclusion.when.names:
            here = below(below(below(where, "exclude"), index), "when")
            problems.add(here, "excludes every target; say which it is about")
    _report_repeated([exclusion.id for exclusion in matrix.exclude], below(where, "exclude"), problems)
    if not matrix.priorities or matrix.priorities[-1].when.names:
        problems.add(below(where, "priorities"), "the last priority must hold for every target; end with `when: {}`")
    _report_unmatched(matrix, where, problems)


def _check_arches(asked: str, known: Sequence[int], where: str, problems: Problems) -> None:
    """Rule arch-range would refuse every target of the variant: a slip, not a decision."""
    for major, minor in parse_arches(asked):
        if major * 10 + minor not in known:
            names = ", ".join(f"{sm // 10}.{sm % 10}" for sm in known)
            problems.add(where, f"this CUDA compiles for no {major}.{minor}; take some of {names}")


def _report_unmatched(matrix: Matrix, where: str, problems: Problems) -> None:
    known = _known_values(matrix)
    tables: dict[str, tuple[Exclusion | Priority, ...]] = {"exclude": matrix.exclude, "priorities": matrix.priorities}
    for key, rows in tables.items():
        for index, row in enumerate(rows):
            here = below(below(below(where, key), index), "when")
            for name, wanted in row.when.unmatched(known):
                problems.add(here, f"no {name} of the matrix is {wanted}; correct the row or remove it")


def _known_values(matrix: Matrix) -> dict[str, Collection[str]]:
    """What an axis can be, for rows to be checked against; torch is left out, as rows may name any patch release."""
    versions = [found for variant in matrix.cuda if (found := cuda_version(variant))]
    return {
        "deepspeed": matrix.deepspeed,
        "cuda": matrix.cuda,
        "cuda-version": versions,
        "python": matrix.python,
        "platform": matrix.platform,
        "os": [SYSTEMS[platform] for platform in matrix.platform],
    }


def _report_repeated(names: Collection[str], where: str, problems: Problems) -> None:
    for name in sorted({name for name in names if list(names).count(name) > 1}):
        problems.add(where, f"{name!r} is there twice; keep one")
