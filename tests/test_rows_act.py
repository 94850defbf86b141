"""Every row of data acts: its names are set, its fields are read, and some target makes it hold."""

from __future__ import annotations

import ast
import dataclasses
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import scripts.facts
from scripts.facts.condition import FLAGS, TEXTS, VERSIONS, Condition
from scripts.facts.consistency import SOURCE_KINDS, TOOLKIT_SOURCES
from scripts.facts.load import DATA, load_facts
from scripts.plan.context import FOLLOWS_FROM, Context, context_of
from scripts.plan.matrix import load_matrix
from scripts.plan.target import AXES, Target, parse_id
from scripts.toolchain.compilers import expected_toolchain, found_context, toolchain_context
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gates import gcc_context, linker_context, msvc_context, standard_context, toolkit_context
from scripts.toolchain.host_compiler import HostCompiler
from scripts.toolchain.msvc.toolset import why_refused
from scripts.versions import SYSTEMS, cuda_version
from scripts.wheel_build.build_plan import LATE

ROOT = Path(__file__).parent.parent
FACTS = load_facts()
MATRIX = load_matrix(ROOT / "matrix.yaml", FACTS)
TARGET = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "scripts").rglob("*.py"))}

FOR_EDITORS = {"source", "reason"}  # why a row is there: for whoever changes the data
SHOWN = {"Rule.source", "Rule.reason"}  # to users, too
KEYS = (  # of rows that code looks up by them, and has no need to ask for then
    "ContainerImage.name",
    "DeepSpeedRelease.version",
    "LicenceText.identifier",
    "PythonVersion.version",
    "ShellGuide.shell",
    "SystemNeed.name",
    "ToolkitComponent.name",
    "VectorOp.name",
    "VisualStudioEdition.name",
    "WatchedProject.project",
)
WAITING_FIELDS = {
    **dict.fromkeys(KEYS, "the key of the row"),
    "FlagEdit.id": "a name for editors, and for the tests",
    "Library.origin": "a name for editors, and for the tests",
}

# ---------------------------------------------------------------- names and fields


def written_keys(tree: ast.AST) -> Iterator[str]:
    """Texts that a module gives a value to: keys of a mapping that it writes, or assigns to."""
    for node in ast.walk(tree):
        keys = node.keys if isinstance(node, ast.Dict) else []
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            keys = [node.slice]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def toolchain_names(system: str) -> frozenset[str]:
    """What the toolchain of a CUDA target adds to its context."""
    target = dataclasses.replace(TARGET, platform={"windows": "win_amd64", "linux": "linux_x86_64"}[system])
    toolchain = expected_toolchain(target, FACTS)
    if system == "linux":  # the facts name no release of GCC
        host = HostCompiler(name="g++", identity={}, context=gcc_context(FACTS, 12, "12.4"))
        toolchain = dataclasses.replace(toolchain, host=host)
    return frozenset(toolchain_context(target, FACTS, toolchain, "auto", "8.0"))


def late_names() -> frozenset[str]:
    """What a build finds out once it has its source, its toolkit and upstream's commands."""
    toolkit = Toolkit(root=Path("/opt/cuda"), version="12.4", nvcc="12.4.131", source="folder", system="windows")
    toolchain = dataclasses.replace(expected_toolchain(TARGET, FACTS), toolkit=toolkit)
    return frozenset((*found_context(toolchain, [["cl.exe", "/std:c++17"]]), "source-kind"))


@cache
def names_set() -> frozenset[str]:
    """What some context has."""
    return frozenset(FOLLOWS_FROM) | toolchain_names("windows") | toolchain_names("linux") | late_names()


@pytest.mark.parametrize("name", sorted(FLAGS | TEXTS | VERSIONS))
def test_some_context_has_every_name_that_a_condition_may_ask_for(name: str) -> None:
    assert name in names_set()


def test_a_toolchain_sets_what_its_toolkit_and_its_compiler_can_tell() -> None:
    again = {"cuda-version", "cuda-major", "arch-supported"}  # of the toolkit that compiles, which may be a named one
    assert toolchain_names("windows") == {*TOOLKIT, *MSVC, *again}
    assert toolchain_names("linux") == {*TOOLKIT, *GCC, *again}


def test_a_build_finds_out_exactly_the_late_names() -> None:
    assert late_names() == LATE


@pytest.mark.parametrize(("module", "function"), [("build_plan", "make_build_plan"), ("built_wheel", "notes")])
def test_patches_and_notes_of_a_build_may_ask_for_the_kind_of_its_source(module: str, function: str) -> None:
    tree = SOURCES[ROOT / "scripts" / "wheel_build" / f"{module}.py"]
    [found] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    assert "source-kind" in written_keys(found)


def test_a_plan_sets_exactly_the_names_that_follow_from_the_axes() -> None:
    assert context_of(TARGET, FACTS, "8.0").keys() == FOLLOWS_FROM.keys()


def fields() -> list[str]:
    """`Class.field` of every class of a row, and of `Facts`."""
    modules = [import_module(f"scripts.facts.{found.name}") for found in pkgutil.iter_modules(scripts.facts.__path__)]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    }
    return sorted(f"{each.__name__}.{field.name}" for each in classes for field in dataclasses.fields(each))


@cache
def found_read() -> frozenset[str]:
    pytest.importorskip("mypy", reason="mypy tells whose field an attribute is")
    from tests.row_reads import fields_read

    return fields_read(SOURCES)


@pytest.mark.parametrize("field", fields())
def test_some_code_reads_every_field_of_a_row(field: str) -> None:
    if field.rpartition(".")[2] in FOR_EDITORS and field not in SHOWN:
        return
    assert (field in found_read()) != (field in WAITING_FIELDS)


def test_no_field_waits_that_is_gone() -> None:
    assert {*WAITING_FIELDS, *SHOWN} <= {*fields()}


def test_every_source_is_named_by_a_row() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in DATA.glob("*.yaml")}
    rows = "\n".join(text for name, text in texts.items() if name != "sources.yaml")
    assert [name for name in yaml.safe_load(texts["sources.yaml"])["sources"] if name not in rows] == []


def test_toolkits_come_from_where_the_checker_says() -> None:
    named = {
        keyword.value.value
        for path, tree in SOURCES.items()
        if path.parent.name == "cuda"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "source" and isinstance(keyword.value, ast.Constant)
    }
    assert named <= set(TOOLKIT_SOURCES)


# ---------------------------------------------------------------- rows


ARCHES = ("7.0", "7.5;8.0", "8.0;9.0", "9.0;10.0", "10.3", "10.7", "12.1")
ARCH_NAMES = {"arch", "arch-max", "arch-supported", "arch-in-torch"}
TOOLKIT = set(
    toolkit_context(
        Target(deepspeed="0.16.5", torch="2.6.0", cuda="cu124", python="3.11", platform="win_amd64"),
        FACTS,
        "12.4",
        "pip",
    )
)
MSVC = {*msvc_context("14.44", 1944), "toolset-links-torch"}
GCC = set(gcc_context(FACTS, 12, "12.4"))


def axes_of(names: frozenset[str]) -> set[str]:
    """The axes that a condition about these names depends on."""
    axes = {axis for name in names for axis in FOLLOWS_FROM.get(name, ())}
    if names & (TOOLKIT | MSVC | GCC):
        axes |= {"deepspeed", "torch", "cuda", "platform"}
    return axes


def targets(axes: set[str]) -> Iterator[Target]:
    """Every target that differs on these axes, of all that is known; newest first, since most rows concern these."""
    variants = {variant for release in FACTS.torch.values() for variant in release.cuda}
    values: Mapping[str, list[str]] = {
        "deepspeed": list(FACTS.deepspeed),
        "torch": [release.newest for release in FACTS.torch.values()],
        "cuda": ["cpu", *sorted(variant for variant in variants if cuda_version(variant) in FACTS.cuda)],
        "python": list(FACTS.pythons),
        "platform": list(SYSTEMS),
    }
    base = {"python": "3.11"}
    chosen = {axis: values[axis][::-1] if axis in axes else [base.get(axis, values[axis][-1])] for axis in AXES}
    slow_first = ("platform", "python", "cuda", "torch", "deepspeed")  # the last one changes first
    for combination in product(*(chosen[axis] for axis in slow_first)):
        yield Target(**dict(zip(slow_first, combination, strict=True)))


def toolchains(target: Target, names: frozenset[str]) -> Iterator[Context]:
    """What a toolchain may add to the context of the target, as far as the names ask for it."""
    cuda = target.cuda_version
    toolkits: list[Context] = [{}]
    if names & TOOLKIT and cuda:
        toolkits = [toolkit_context(target, FACTS, v, s) for v in FACTS.cuda for s in TOOLKIT_SOURCES]
    hosts: list[Context] = [{}]
    if names & MSVC and target.system == "windows":
        rows = [row for row in FACTS.toolsets if why_refused(FACTS, row.version, cuda) is None]
        found = [msvc_context(row.version, row.msc_ver) for row in rows]
        hosts = [{**context, **linker_context(target, FACTS, context)} for context in found]
    if names & GCC and target.system == "linux":
        hosts = [gcc_context(FACTS, major, cuda) for major in range(9, 20)]
    standards = [standard_context([[f"-std=c++{n}"]]) for n in (14, 17, 20)] if "std" in names else [{}]
    kinds = [{"source-kind": kind} for kind in SOURCE_KINDS] if "source-kind" in names else [{}]
    for toolkit, host, standard, kind in product(toolkits, hosts, standards, kinds):
        yield {**toolkit, **host, **standard, **kind}


def contexts(names: frozenset[str], axes: set[str]) -> Iterator[Context]:
    for target in targets(axes):
        lists = [MATRIX.arches.get(target.cuda), *(ARCHES if names & ARCH_NAMES and target.cuda_version else ())]
        for arches in lists:
            known = context_of(target, FACTS, arches)
            yield from ({**known, **more} for more in toolchains(target, names))


def is_refused(context: Context) -> bool:
    return any(rule.level == "refuse" and rule.when.holds(context) for rule in FACTS.rules)


def is_built(condition: Condition) -> bool:
    """Whether the condition holds for a target that no rule refuses."""
    axes = axes_of(condition.names) | {"deepspeed", "torch", "cuda", "platform"}
    asked = (context for context in contexts(condition.names, axes) if condition.holds(context))
    return not all(is_refused(context) for context in asked)


@pytest.mark.parametrize("rule", [rule for rule in FACTS.rules if rule.level == "refuse"], ids=lambda rule: rule.id)
def test_every_rule_refuses_some_target(rule: Any) -> None:  # noqa: ANN401  one of the facts
    assert any(rule.when.holds(context) for context in contexts(rule.when.names, axes_of(rule.when.names)))


@pytest.mark.parametrize(
    "rule", [rule for rule in FACTS.rules if "patch P" in (rule.hint or "")], ids=lambda rule: rule.id
)
def test_a_fix_that_names_a_patch_holds_only_where_that_patch_is_applied(rule: Any) -> None:  # noqa: ANN401
    [patch] = [patch for patch in FACTS.patches if re.search(rf"patch {patch.id}\b", rule.hint)]
    axes = axes_of(rule.when.names) | axes_of(patch.when.names)
    held = [c for c in contexts(rule.when.names | patch.when.names, axes) if rule.when.holds(c) and not is_refused(c)]
    assert held
    assert all(patch.when.holds(context) for context in held)


def rows() -> list[tuple[str, Condition]]:
    """Every other row with a condition, by a name that people find it by."""
    return [
        *((rule.id, rule.when) for rule in FACTS.rules if rule.level != "refuse"),
        *((patch.id, patch.when) for patch in FACTS.patches),
        *((f"{row.name}={row.value}", row.when) for row in FACTS.variables),
        *((f"{row.origin}: {row.names[0]}", row.when) for row in FACTS.libraries),
        *((row.add, row.when) for row in FACTS.added_requirements),
    ]


@pytest.mark.parametrize(("name", "when"), rows(), ids=[name for name, _ in rows()])
def test_every_row_holds_for_some_target_that_can_be_built(name: str, when: Condition) -> None:
    assert is_built(when)


@pytest.mark.parametrize("row", FACTS.flags, ids=lambda row: row.id)
def test_every_flag_row_changes_a_command(row: Any) -> None:  # noqa: ANN401  one of the facts
    assert row.drop or row.append


def test_every_cpu_exception_and_toolset_choice_can_be_met() -> None:
    for exception in FACTS.cpu_exceptions:
        rows = [row for rows in FACTS.ops[exception.op].support.values() for row in rows]
        assert any(exception.versions.contains(v) and row.versions.contains(v) for row in rows for v in FACTS.deepspeed)
    chosen = {cuda for choice in FACTS.toolset_choices for cuda in choice.cuda}
    assert {version for variant in MATRIX.cuda if (version := cuda_version(variant))} <= chosen
