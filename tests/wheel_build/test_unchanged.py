"""A wheel that lies filed and verified is not built again while nothing that decides it has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.dirs import Dirs
from scripts.toolchain import programs
from scripts.toolchain.host_compiler import HostCompiler
from scripts.verify.check import CheckResult, Report
from scripts.wheel.manifest import manifest_path
from scripts.wheel_build import unchanged
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.produce import file_wheel
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.unchanged import find_unchanged
from tests.wheel.test_manifest import HOST, PLAN, make_built
from tests.wheel_build.factories import write_tree

DECIDING = ("scripts/wheel_build/package.py", "scripts/data/flags.yaml", "scripts/data/source_files.txt", "matrix.yaml")
PASSED = CheckResult(name="ds_report", passed=True, detail="as expected")
REPORT = Report(wheel="w", checks=(PASSED,), level="full")


@dataclass(frozen=True)
class Filed:
    """A wheel that was built and filed here."""

    built: BuiltWheel
    dirs: Dirs
    wheel: Path

    @property
    def plan(self) -> BuildPlan:
        return self.built.plan

    def found(self, plan: BuildPlan | None = None) -> Path | None:
        return find_unchanged(plan or self.plan, self.dirs)

    def with_options(self, **changed: object) -> BuildPlan:
        options = replace(self.plan.options, **changed)  # type: ignore[arg-type]
        return replace(self.plan, options=options, level=options.verify)

    def with_compiler(self, name: str) -> BuildPlan:
        host = self.plan.toolchain.host
        other = HostCompiler(name=name, identity={**host.identity, "compiler": name}, context=host.context)
        return replace(self.plan, toolchain=replace(self.plan.toolchain, host=other))


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    return file(tmp_path, REPORT)


def file(folder: Path, report: Report, plan: BuildPlan = PLAN) -> Filed:
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    (folder / "made").mkdir()
    built = replace(make_built(folder / "made"), plan=plan, toolchain=plan.toolchain)
    with Progress(title="a build", log_file=folder / "log") as progress:
        return Filed(built, dirs, file_wheel(built, report, dirs, progress))


def test_it_is_found_for_the_same_plan(filed: Filed) -> None:
    assert filed.found() == filed.wheel


@pytest.mark.parametrize("options", [{"jobs": 7}, {"minutes": 5}, {"wait": False}, {"verify": "audit"}], ids=str)
def test_options_that_do_not_change_the_wheel_change_nothing(filed: Filed, options: dict[str, object]) -> None:
    assert filed.found(filed.with_options(**options)) == filed.wheel


CHANGES: dict[str, Callable[[Filed], BuildPlan]] = {
    "an option": lambda filed: filed.with_options(headers="torch"),
    "the source's kind": lambda filed: filed.with_options(source="tag"),
    "the compiler": lambda filed: filed.with_compiler("g++ 13"),
    "the source": lambda filed: replace(filed.plan, deepspeed=replace(filed.plan.deepspeed, sdist_sha256="0" * 64)),
    "a variable": lambda filed: replace(
        filed.plan, compiler_variables=frozenset({"CPATH"}), variables={**filed.plan.variables, "CPATH": "elsewhere"}
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_decides_the_wheel_builds_it(filed: Filed, name: str) -> None:
    assert filed.found(CHANGES[name](filed)) is None


def test_a_variable_of_the_caller_that_compilers_read_builds_it(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(sorted(filed.plan.compiler_variables - filed.plan.variables.keys())))
    monkeypatch.setenv(name, "another value")
    assert filed.found() is None


@pytest.mark.parametrize("name", ["CXXFLAGS", "LDFLAGS", "CC", "DS_SKIP_CUDA_CHECK", "CUTLASS_PATH", "TORCH_CXX_FLAGS"])
def test_a_variable_of_the_caller_that_setup_py_reads_builds_it(
    filed: Filed, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "another value")
    assert filed.found() is None


def test_what_comes_to_lie_in_a_folder_that_a_variable_adds_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CPATH", str(tmp_path / "include"))
    filed = file(tmp_path, REPORT)
    assert filed.found() == filed.wheel
    write_tree(tmp_path, {"include/torch/extension.h": ""})
    assert filed.found() is None


TOLD = {
    "CXXFLAGS=-I{}": "extension.h",
    "CFLAGS=-O2 -include {}/forced.h": "forced.h",
    "LDFLAGS=-L{}": "libaio.a",
    "CUTLASS_PATH={}": "include/cutlass/cutlass.h",
}


@pytest.mark.parametrize("line", TOLD)
def test_what_changes_where_a_variable_of_setup_py_leads_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    name, _, value = line.format(tmp_path / "told").partition("=")
    monkeypatch.setenv(name, value)
    write_tree(tmp_path / "told", {TOLD[line]: ""})
    filed = file(tmp_path, REPORT)
    assert filed.found() == filed.wheel
    write_tree(tmp_path / "told", {TOLD[line]: "changed"})
    assert filed.found() is None


def test_another_program_of_the_same_name_and_version_builds_it(tmp_path: Path) -> None:
    compiler = tmp_path / "g++"
    compiler.write_text('#!/bin/sh\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    host = replace(HOST, directories={"compiler": str(compiler)})
    plan = replace(PLAN, toolchain=replace(PLAN.toolchain, host=host))
    filed = file(tmp_path, REPORT, plan)
    assert filed.found() == filed.wheel
    compiler.write_text('#!/bin/sh\nexec g++ -O0 "$@"\n')
    programs._digest.cache_clear()
    assert filed.found() is None


def test_an_updated_interpreter_builds_it(filed: Filed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").touch()
    monkeypatch.setattr(unchanged, "find_interpreter", lambda version: str(tmp_path / "python"))
    assert filed.found() is None


@pytest.mark.parametrize("name", DECIDING)
def test_a_change_of_code_or_data_builds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    checkout = tmp_path / "checkout"
    for file_name in DECIDING:
        (checkout / file_name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / file_name).write_text("before")
    monkeypatch.setattr(unchanged, "CHECKOUT", checkout)
    filed = file(tmp_path, REPORT)
    assert filed.found() == filed.wheel
    (checkout / name).write_text("after")
    assert filed.found() is None


def other_bytes(filed: Filed) -> None:
    filed.wheel.write_bytes(filed.wheel.read_bytes() + b"0")


def no_manifest(filed: Filed) -> None:
    manifest_path(filed.wheel).unlink()


def cut_manifest(filed: Filed) -> None:
    manifest_path(filed.wheel).write_text('{"inputs": ')


def edited(**proof: object) -> Callable[[Filed], None]:
    def edit(filed: Filed) -> None:
        path = manifest_path(filed.wheel)
        document = json.loads(path.read_text())
        document["proof"].update(proof)
        path.write_text(json.dumps(document))

    return edit


def other_needs(filed: Filed) -> None:
    path = manifest_path(filed.wheel)
    path.write_text(json.dumps({**json.loads(path.read_text()), "needs": {"glibc": "2.2"}}))


SPOILED: dict[str, Callable[[Filed], None]] = {
    "other bytes": other_bytes,
    "no manifest": no_manifest,
    "half a manifest": cut_manifest,
    "a manifest that says something else": other_needs,
    "no wheel": lambda filed: filed.wheel.unlink(),
    "a failed verification": edited(passed=False),
    "a level that was not reached": edited(level="audit"),
    "a check that was not made": edited(checks=[{"name": "another", "passed": True}]),
    "checks that are none": edited(checks=7),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_lies_there_and_is_not_what_was_filed_builds_it(filed: Filed, name: str) -> None:
    SPOILED[name](filed)
    assert filed.found() is None


def test_a_wheel_verified_less_than_is_asked_for_is_built(tmp_path: Path) -> None:
    filed = file(tmp_path, replace(REPORT, level="smoke"))
    assert filed.found() is None
    assert filed.found(filed.with_options(verify="smoke")) == filed.wheel


def test_a_wheel_of_other_ops_is_not_taken_for_it(filed: Filed) -> None:
    assert filed.found(filed.with_options(ops=())) is None
