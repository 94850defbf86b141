"""A target is resolved once for its build, and the lines of a dry run make the same wheel."""

from __future__ import annotations

import os
import pickle
import runpy
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nox.registry
import pytest

from scripts.command import Command
from scripts.commands import build_task, nox_call, project
from scripts.commands.nox_call import RESULTS
from scripts.commands.task_options import RunOptions
from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE, Dirs
from scripts.errors import PrerequisiteError
from scripts.fetch.installer import Installer
from scripts.host import Host
from scripts.plan import forecast, matrix, ops
from scripts.plan.selection import Selection
from scripts.plan.target import name_without_level, parse_id
from scripts.toolchain import host_compiler
from scripts.toolchain.compilers import Toolchain, expected_toolchain
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.host_compiler import HostCompiler
from scripts.toolchain.msvc import toolset
from scripts.wheel_build import environments
from scripts.wheel_build import planner as planner_module
from scripts.wheel_build.build_options import FORMER, HOSTED, LEVELS, BuildOptions, repeat_command
from scripts.wheel_build.build_plan import LATE, BuildPlan
from scripts.wheel_build.dry_run import DryRun
from scripts.wheel_build.handed_plans import PLANS
from scripts.wheel_build.layout import layout_here
from scripts.wheel_build.prepare import link_words
from tests.wheel_build.plans import FACTS, make_plan, make_planner
from tests.wheel_build.stub_deepspeed import TARGET, make_dirs, make_installer

KERNELS = "deepspeed-kernels==0.0.1.dev1698255861"
OPTIONS = BuildOptions(ops=("fused_adam",), verify="audit", source="tag", jobs=1)
builds = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the questions about a target are asked, wherever they are asked from."""
    found: Counter[str] = Counter()
    for module, name in (
        (ops, "available_ops"),
        (forecast, "available_ops"),
        (matrix, "context_of"),
        (host_compiler, "find_gcc"),
        (host_compiler, "toolset_choice"),
        (toolset, "toolset_choice"),
        (project, "load_matrix"),
    ):
        monkeypatch.setattr(module, name, counting(found, name, getattr(module, name)))
    return found


def counting(found: Counter[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401  of any function
        found[name] += 1
        return function(*given, **named)

    return counted


def run_session(command: Command) -> int:
    """What `invoke build` starts, in this process: the noxfile, and the session of the stub's target as nox runs it."""
    for name, value in command.env.items():
        os.environ[name] = value
    runpy.run_path(str(CHECKOUT / "noxfile.py"))
    session = SimpleNamespace(posargs=[], virtualenv=SimpleNamespace(location=sys.prefix))
    nox.registry.get()[TARGET.id].func(session)
    return 0


@pytest.fixture
def stub_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Dirs], Path]]:
    """`invoke build` of the stub's target, in an environment that holds its torch already; the filed wheel."""

    def build_stub(dirs: Dirs) -> Path:
        monkeypatch.setenv(CACHE_VARIABLE, str(dirs.cache))
        monkeypatch.setenv(OUTPUT_VARIABLE, str(dirs.wheelhouse.parent))
        build_task.build(Selection(id=(TARGET.id,)), OPTIONS, RunOptions(json=True))
        (wheel,) = dirs.wheelhouse.rglob("*.whl")
        return wheel

    for name in (RESULTS, PLANS):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(nox.registry, "_REGISTRY", {})
    monkeypatch.setattr(signal, "signal", lambda *asked: None)
    monkeypatch.setattr(nox_call, "run_in_front", run_session)
    monkeypatch.setattr(nox_call, "lock_target", lambda target, wait: nullcontext())
    monkeypatch.setattr(environments, "fill_build_environment", lambda *asked: None)
    project.open_project.cache_clear()
    yield build_stub
    project.open_project.cache_clear()


@builds
def test_one_build_asks_each_question_once_in_both_processes_together(
    calls: Counter[str], stub_build: Callable[[Dirs], Path], tmp_path: Path
) -> None:
    wheel = stub_build(make_dirs(tmp_path))
    assert name_without_level(wheel.name) == TARGET.wheel_name
    assert calls == {"available_ops": 1, "context_of": 1, "find_gcc": 1, "load_matrix": 1}


@builds
def test_the_lines_of_a_dry_run_make_the_same_wheel(
    stub_build: Callable[[Dirs], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("built", "pasted"):
        (tmp_path / name).mkdir()
    built = stub_build(make_dirs(tmp_path / "built"))

    dirs = make_dirs(tmp_path / "pasted")
    monkeypatch.setenv(CACHE_VARIABLE, str(dirs.cache))
    monkeypatch.setenv(OUTPUT_VARIABLE, str(dirs.wheelhouse.parent))
    plan = make_planner(dirs, OPTIONS).here(TARGET)
    layout = replace(layout_here(plan, FACTS, dirs), installer=Installer(uv=str(make_installer(tmp_path))))
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.delenv(OUTPUT_VARIABLE)
    script = DryRun(plan=plan, layout=layout).as_script()
    ran = subprocess.run(["sh", "-e"], input=script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (pasted,) = dirs.wheelhouse.rglob("*.whl")
    assert pasted.read_bytes() == built.read_bytes()
    assert not dirs.work(TARGET.id).exists()


def test_the_row_of_a_windows_target_is_looked_up_once(calls: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    target = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
    make_plan(target)
    assert calls["toolset_choice"] == 1


def test_a_plan_is_the_same_in_the_process_that_it_is_handed_to() -> None:
    plan = make_plan(parse_id("ds0.19.8-torch2.13.0-cu130-cp311-win_amd64"))
    handed: BuildPlan = pickle.loads(pickle.dumps(plan))
    assert handed == plan


def test_what_the_plan_cannot_know_is_noted_by_the_build() -> None:
    plan = make_plan(parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64"))
    ids = {note.id for note in plan.notes}
    late = {note.id for note in plan.notes_after({"source-kind": "sdist", "toolkit-source": "pip"})} - ids
    assert late
    assert late <= {rule.id for rule in FACTS.rules if rule.when.names & LATE}
    assert plan.notes_after({}) == plan.notes


def test_what_a_toolkit_needs_follows_from_the_one_that_compiles() -> None:
    """DeepSpeed#6709: torch for 12.4 with the toolkit of 12.6, which upstream tolerates, ended in gelu.cu."""
    target = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
    toolkit = Toolkit(root=Path("C:/CUDA/v12.6"), version="12.6", nvcc="12.6.85", source="named", system="windows")
    newer = replace(expected_toolchain(target, FACTS), cuda="12.6", toolkit=toolkit)
    own, other = make_plan(target), make_plan(target, toolchain=newer)
    assert {patch.id for patch in other.patches["sdist"]} - {patch.id for patch in own.patches["sdist"]} == {"P6"}
    assert {note.id for note in other.notes} - {note.id for note in own.notes} == {"ds-bfloat162-alias"}


def test_a_dry_run_shows_what_keeps_this_machine_from_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = make_planner(make_dirs(tmp_path), OPTIONS)
    monkeypatch.setattr(build_task, "this_host", lambda: Host(platform=TARGET.platform, python="3.11"))
    monkeypatch.setattr(planner_module, "find_toolchain", refuse)
    found = build_task.dry_run(planner, TARGET)
    assert found.problem == "g++ is missing; install it"
    assert "# this machine cannot build it: g++ is missing; install it" in found.as_script()
    assert found.layout.work == planner.dirs.work(TARGET.id)


def refuse(*asked: object, **named: object) -> Toolchain:
    raise PrerequisiteError("g++ is missing; install it")


CPU = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
CURE = "sudo apt-get install -y libaio-dev"
NO_LIBAIO = Toolchain(
    host=HostCompiler(name="g++ 12", identity={}, context={}, absent_headers={"libaio.h": CURE}),
    cuda=None,
    toolkit=None,
)


def test_a_header_that_an_op_needs_and_this_machine_lacks_is_an_error_before_anything_is_installed() -> None:
    with pytest.raises(PrerequisiteError, match=r"async_io: the header libaio\.h is not on this machine") as caught:
        make_plan(CPU, toolchain=NO_LIBAIO)
    assert (caught.value.exit_code, caught.value.id) == (14, "op-header-missing")
    for word in (CPU.id, CURE, "--allow-missing", "--ops"):
        assert word in str(caught.value)


def test_an_op_asked_for_by_name_is_never_left_out() -> None:
    options = BuildOptions(ops=("async_io", "cpu_adam"), allow_missing=True)
    with pytest.raises(PrerequisiteError, match=rf"async_io: .*{CURE}") as caught:
        make_plan(CPU, options, NO_LIBAIO)
    assert caught.value.id == "op-not-available"


def test_other_ops_can_be_asked_for_where_a_header_is_missing() -> None:
    plan = make_plan(CPU, BuildOptions(ops=("cpu_adam",)), NO_LIBAIO)
    assert (plan.directory, [op.name for op in plan.ops.chosen]) == ("/only-cpu_adam", ["cpu_adam"])


def test_a_build_that_leaves_a_missing_op_out_is_filed_apart_and_repeats_as_such() -> None:
    options = BuildOptions(allow_missing=True)
    plan = make_plan(CPU, options, NO_LIBAIO)
    assert plan.directory == "/without-async_io"
    assert plan.ops.usual - {op.name for op in plan.ops.chosen} == {"async_io"}
    assert repeat_command(CPU, options).endswith("--allow-missing")
    assert plan.ops.why_not["async_io"].endswith(CURE), "who builds reads the cure"
    assert make_plan(CPU, options).directory == "", "nothing is missing, so it is a wheel like every other"


def test_a_dry_run_says_which_op_this_machine_cannot_build_and_how_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner_module, "find_toolchain", lambda *asked, **named: NO_LIBAIO)
    monkeypatch.setattr(build_task, "this_host", lambda: Host(platform=CPU.platform, python="3.11"))
    found = build_task.dry_run(make_planner(make_dirs(tmp_path)), CPU)
    assert f"install it with: {CURE}" in (found.problem or "")
    assert "async_io" in found.as_document()["ops"], "the lines are those of a machine that has the header"


@pytest.mark.parametrize(("ops", "packages"), [((), []), (("cutlass_ops", "ragged_device_ops"), [KERNELS])])
def test_what_an_op_is_compiled_with_is_in_its_environment_and_required_by_the_wheel(
    ops: tuple[str, ...], packages: list[str]
) -> None:
    """Only where that op was asked for."""
    plan = make_plan(parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64"), BuildOptions(ops=ops))
    assert [each for each in plan.requirements if "kernels" in each] == packages
    assert [each for each in plan.wheel.added if "kernels" in each] == packages


def test_a_library_of_such_a_package_is_found_from_where_the_module_lies() -> None:
    for name in ("cutlass_ops", "ragged_device_ops"):
        op = FACTS.ops[name]
        [row] = op.cuda
        up = op.module.count(".")  # from its folder to the one of all packages
        assert link_words(row) == (f"-Wl,-rpath,$ORIGIN{'/..' * up}/dskernels",)


@pytest.mark.parametrize(
    ("asked", "python", "level"),
    [("hosted", "3.10", "full"), ("hosted", "3.11", "core"), ("full", "3.11", "full"), ("audit", "3.11", "audit")],
)
def test_hosted_builds_run_every_part_with_the_first_planned_python_only(asked: str, python: str, level: str) -> None:
    target = parse_id(f"ds0.19.8-torch2.13.0-cpu-cp{python.replace('.', '')}-linux_x86_64")
    plan = make_plan(target, BuildOptions(verify=asked))
    assert (plan.level, plan.runs_wheel) == (level, level != "audit")


def test_levels_of_a_build_are_those_of_a_verification() -> None:
    rows = FACTS.verification_levels.values()
    assert {*LEVELS} == {row.name for row in rows} | {HOSTED}
    assert {*FORMER} == {row.alias for row in rows} - {""}
