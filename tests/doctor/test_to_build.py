"""Each prerequisite of building a wheel is called what it is, with one line that mends it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.dirs import CHECKOUT, default_dirs
from scripts.doctor import to_build
from scripts.doctor.examination import examine
from scripts.doctor.prerequisite import Prerequisite
from scripts.doctor.to_build import BuildChecks
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.fetch.installer import find_installer
from scripts.install.environment import Environment
from scripts.plan.matrix import load_matrix
from scripts.plan.target import parse_id
from scripts.toolchain import host_compiler
from scripts.toolchain.cuda import discovery
from scripts.toolchain.cuda.discovery import find_toolkits
from scripts.toolchain.gcc import Gcc
from scripts.toolchain.host_compiler import HostCompiler
from scripts.toolchain.msvc.toolset import choose_toolset, preferred_toolsets
from scripts.toolchain.msvc.visual_studio import VisualStudio
from scripts.toolchain.survey import Survey, survey
from tests.install.factories import make_environment
from tests.toolchain.made_up import make_studio
from tests.toolchain.stand_in import SYSTEM, make_toolkit

FACTS = load_facts()
MATRIX = load_matrix(CHECKOUT / "matrix.yaml", FACTS)
WINDOWS = parse_id("ds0.19.8-torch2.9.1-cu130-cp311-win_amd64")
LINUX = parse_id("ds0.19.8-torch2.9.1-cu130-cp311-linux_x86_64")
CPU = parse_id("ds0.19.8-torch2.9.1-cpu-cp312-win_amd64")
NO_LINKS = parse_id("ds0.14.5-torch2.6.0-cu124-cp311-win_amd64")
GCC = Gcc(compiler="/usr/bin/g++", version="g++ 12.2", target="x86_64-linux-gnu", linker="GNU ld 2.40", major=12)
GPP = HostCompiler(name="g++ 12.2", identity={}, context={}, gcc=GCC)
MSVC = HostCompiler(name="MSVC toolset 14.44", identity={}, context={})
TOOLS = {"ninja": "1.13.0", "psutil": "7.0.0", "py-cpuinfo": "9.0.0", "setuptools": "80.9.0"}
ALL_TOOLS = make_environment(tools=TOOLS)
GIB = 1 << 30


def seen_by(target: Any, **changes: Any) -> Survey:  # noqa: ANN401  any field
    fields: dict[str, Any] = {"host": MSVC, "why_no_host": None, "toolkits": (), "passed_over": (), "missing": {}}
    return Survey(target=target, **{"studios": (), **fields, **changes})


def look(
    name: str,
    target: Any = WINDOWS,  # noqa: ANN401  of any system
    *,
    environment: Environment = ALL_TOOLS,
    named: bool = False,
    variables: dict[str, str] | None = None,
    folder: Path | None = None,
    **changes: Any,  # noqa: ANN401  of the survey
) -> Prerequisite:
    dirs = default_dirs()
    checks = BuildChecks(
        survey=seen_by(target, **changes),
        facts=FACTS,
        dirs=replace(dirs, cache=folder) if folder else dirs,
        environment=replace(environment, platform=target.platform),
        named=named,
        context=MATRIX.context_of(target, FACTS),
        variables=variables or {},
    )
    return next(finding for finding in examine(checks.environment, FACTS, build=checks) if finding.id == name)


@pytest.fixture(autouse=True)
def silent_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine is asked but what a test is about."""
    monkeypatch.setattr(to_build, "find_interpreter", lambda version: f"/opt/python{version}")
    monkeypatch.setattr(to_build, "ask", lambda *words, **options: SimpleNamespace(text=None))
    monkeypatch.setattr(to_build, "require_python_headers", lambda gcc, folder, facts: None)
    monkeypatch.setattr(to_build, "python_include", lambda python: "/opt/include")
    monkeypatch.setattr(to_build, "shortages", lambda places: [])
    monkeypatch.delenv(discovery.NAMED_VARIABLE, raising=False)


def said(state: str, finding: Prerequisite) -> None:
    """Whatever is not well has a consequence and one line that mends it."""
    assert finding.state == state, finding
    assert bool(finding.fix) == bool(finding.consequence) == (state != "ok"), finding
    assert "{" not in finding.fix
    assert "\n" not in finding.fix


# ---------------------------------------------------------------- rights and Python


@pytest.mark.parametrize("rights", [True, False])
def test_administrator_rights_matter_to_no_deepspeed_that_is_built_here(
    rights: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.14.3 and later copy where setup.py made links before."""
    monkeypatch.setattr(to_build, "is_administrator", lambda: rights)
    for target in (WINDOWS, NO_LINKS):
        finding = look("administrator", target)
        said("ok", finding)
        assert finding.found == "does not matter here"


@pytest.mark.parametrize(("rights", "state"), [(True, "ok"), (False, "wrong")])
def test_an_older_deepspeed_that_makes_links_asks_for_them(
    rights: bool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_build, "is_administrator", lambda: rights)
    finding = look("administrator", replace(WINDOWS, deepspeed="0.14.2"))
    said(state, finding)
    assert ("Run as administrator" in finding.fix) == (state == "wrong")


def test_on_linux_nobody_asks_for_windows_things() -> None:
    for name in ("administrator", "visual-studio", "long-paths", "virus-scanner"):
        with pytest.raises(StopIteration):
            look(name, LINUX, host=GPP)
    with pytest.raises(StopIteration):
        look("python-headers", WINDOWS)


def test_a_python_that_is_not_here_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    said("ok", look("build-python"))
    monkeypatch.setattr(to_build, "find_interpreter", lambda version: None)
    finding = look("build-python")
    said("missing", finding)
    assert finding.fix == "uv python install 3.11"


# ---------------------------------------------------------------- compilers


def no_toolset(studios: tuple[VisualStudio, ...]) -> str:
    """What is said where none of these can be used for CUDA 13.0."""
    with pytest.raises(PrerequisiteError) as caught:
        choose_toolset(studios, preferred_toolsets(FACTS, "13.0"), FACTS, "13.0")
    return str(caught.value)


def test_without_visual_studio_the_line_installs_its_build_tools() -> None:
    finding = look("visual-studio", host=None, why_no_host=no_toolset(()))
    said("missing", finding)
    assert finding.found.startswith("no Visual Studio is on this machine")
    assert "vs_BuildTools.exe" in finding.fix
    assert "--add Microsoft.VisualStudio.Workload.VCTools" in finding.fix


def test_a_visual_studio_without_its_workload_is_wrong_and_the_line_adds_that(tmp_path: Path) -> None:
    studios = (make_studio(tmp_path),)
    finding = look("visual-studio", studios=studios, host=None, why_no_host=no_toolset(studios))
    said("wrong", finding)
    assert 'without "Desktop development with C++"' in finding.found
    assert "modify --installPath" in finding.fix
    assert "--add Microsoft.VisualStudio.Workload.NativeDesktop" in finding.fix


def test_a_visual_studio_with_compilers_is_named_with_them(tmp_path: Path) -> None:
    studios = (make_studio(tmp_path, "14.44.35207"),)
    finding = look("visual-studio", studios=studios)
    said("ok", finding)
    assert finding.found == "Visual Studio Community 17.14.36202.13 (14.44.35207)"


def test_a_toolset_that_cuda_refuses_is_wrong_and_the_line_adds_one_that_fits(tmp_path: Path) -> None:
    studios = (make_studio(tmp_path, "14.50.35717"),)
    why = no_toolset(studios)
    said("ok", look("visual-studio", studios=studios, host=None, why_no_host=why))
    finding = look("host-compiler", studios=studios, host=None, why_no_host=why)
    said("wrong", finding)
    assert "14.50.35717" in finding.found
    assert "modify --installPath" in finding.fix
    assert "--add Microsoft.VisualStudio.Component.VC." in finding.fix


def test_a_compiler_that_fits_is_named() -> None:
    said("ok", look("host-compiler"))
    assert look("host-compiler", LINUX, host=GPP).found == "g++ 12.2"


def test_without_gcc_the_line_is_that_of_the_package_manager() -> None:
    why = "a C++ compiler (g++) is missing; install it with: apt-get install g++"
    finding = look("host-compiler", LINUX, host=None, why_no_host=why)
    said("missing", finding)
    assert finding.fix == "install it with: apt-get install g++"


def test_a_toolkit_that_is_named_wrongly_is_no_fault_of_the_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(discovery.NAMED_VARIABLE, str(tmp_path))
    monkeypatch.setattr(host_compiler, "find_gcc", lambda facts: GCC)
    monkeypatch.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset())
    found = survey(LINUX, FACTS, MATRIX.context_of(LINUX, FACTS), tmp_path, tmp_path)
    assert (found.why_no_host, found.toolkits) == (None, ())
    assert "holds no CUDA toolkit" in found.passed_over[0]


def test_headers_of_python_are_ok_missing_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    said("ok", look("python-headers", LINUX, host=GPP))
    said("unknown", look("python-headers", LINUX, host=None))

    def none(gcc: object, folder: str, facts: object) -> None:
        raise PrerequisiteError("no Python.h")

    monkeypatch.setattr(to_build, "require_python_headers", none)
    finding = look("python-headers", LINUX, host=GPP)
    said("missing", finding)
    assert "no Python.h in /opt/include" in finding.found


def test_libraries_that_ops_need_are_named_with_the_op() -> None:
    said("ok", look("op-headers", LINUX, host=GPP))
    assert look("op-headers", LINUX, host=None).found == "asked once there is a compiler"
    why = "the header libaio.h is not on this machine; install it with: apt-get install libaio-dev"
    finding = look("op-headers", LINUX, host=GPP, missing={"async_io": why})
    said("missing", finding)
    assert finding.found == "async_io: the header libaio.h is not on this machine"
    assert finding.fix == "install it with: apt-get install libaio-dev"


# ---------------------------------------------------------------- CUDA


@pytest.mark.skipif(sys.platform != "linux", reason="the toolkits are for this system")
def test_a_toolkit_of_another_version_is_passed_over_by_its_version_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lacks a part, too; that it is of another version is what has to be known."""
    make_toolkit(tmp_path / "cuda", "12.9.86", system=SYSTEM, without="cublas")
    monkeypatch.setenv("CUDA_PATH", str(tmp_path / "cuda"))
    monkeypatch.setattr(host_compiler, "find_gcc", lambda facts: GCC)
    monkeypatch.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset())
    monkeypatch.setattr("scripts.toolchain.survey.find_toolkits", partial(find_toolkits, unix=tmp_path / "usr"))
    found = survey(LINUX, FACTS, MATRIX.context_of(LINUX, FACTS), tmp_path, tmp_path)
    finding = look("cuda-toolkit", LINUX, host=GPP, passed_over=found.passed_over)
    said("ok", finding)
    assert "none is installed for 13.0, so a build fetches it" in finding.found
    assert "is CUDA 12.9, not 13.0 (CUDA_PATH)" in finding.found
    assert "cublas" not in finding.found.lower()


def test_a_toolkit_that_is_named_and_cannot_be_used_is_wrong() -> None:
    variables = {discovery.NAMED_VARIABLE: "/opt/cuda"}
    finding = look("cuda-toolkit", passed_over=("/opt/cuda lacks cuBLAS",), variables=variables)
    said("wrong", finding)
    assert finding.found == "/opt/cuda lacks cuBLAS"
    assert discovery.NAMED_VARIABLE in finding.fix


def test_a_build_for_the_cpu_needs_no_toolkit() -> None:
    assert look("cuda-toolkit", CPU).found == "not needed for the CPU"


@pytest.mark.skipif(sys.platform != "linux", reason="the toolkits are for this system")
@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        ("13.0.88", "ok", "(CUDA 13.0)"),
        ("13.2.51", "ok", "(CUDA 13.2)"),
        ("12.4.131", "wrong", "and torch is for 13.0"),
    ],
)
def test_cuda_home_has_to_be_of_torch_s_major(tmp_path: Path, version: str, state: str, words: str) -> None:
    root = make_toolkit(tmp_path / "cuda", version, system=SYSTEM)
    finding = look("cuda-home", LINUX, host=GPP, variables={"CUDA_HOME": str(root)})
    said(state, finding)
    assert words in finding.found


def test_cuda_home_and_cuda_path_are_not_set_differ_or_lead_nowhere(tmp_path: Path) -> None:
    said("ok", look("cuda-home"))
    two = {"CUDA_HOME": str(tmp_path / "one"), "CUDA_PATH": str(tmp_path / "other")}
    finding = look("cuda-home", variables=two)
    said("wrong", finding)
    assert finding.found.endswith("they differ")
    nowhere = look("cuda-home", variables={"CUDA_HOME": str(tmp_path / "one")})
    said("wrong", nowhere)
    assert "is not there" in nowhere.found


# ---------------------------------------------------------------- packages of the environment


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("has_pip", [True, False])
def test_a_package_is_missing_only_of_an_environment_that_was_named(name: str, has_pip: bool) -> None:
    target = CPU if name == "setuptools" else WINDOWS
    bare = make_environment(tools={**TOOLS, name: None}, has_pip=has_pip)
    said("ok", look(name, target, named=True))
    assert look(name, target, environment=bare).found == "not in this environment; invoke build brings its own"
    finding = look(name, target, environment=bare, named=True)
    said("missing", finding)
    uv = find_installer().uv or "uv"
    client = "python.exe -m pip install --no-input" if has_pip else f"{uv} pip install --python python.exe"
    assert finding.fix.endswith(f"{client} {name}")


def test_setuptools_matters_from_python_3_12_on() -> None:
    bare = make_environment(tools={**TOOLS, "setuptools": None})
    assert look("setuptools", WINDOWS, environment=bare, named=True).found == "does not matter here"


# ---------------------------------------------------------------- the machine


def test_a_disk_that_is_too_small_is_named_with_its_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=GIB, used=0, free=GIB))
    finding = look("disk", folder=tmp_path / "cache")
    said("wrong", finding)
    assert "has 1.1 GB free" in finding.found
    assert "are needed there" in finding.found
    assert "DEEPSPEED_WHEELS_CACHE" in finding.fix


def test_a_folder_that_cannot_be_written_is_wrong_and_room_is_ok(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    finding = look("disk", folder=file)
    said("wrong", finding)
    assert f"{file} cannot be written" in finding.found
    roomy = look("disk", folder=tmp_path)
    said("ok", roomy)
    assert roomy.found.endswith("are needed at most, and free")


@pytest.mark.parametrize(("free", "state"), [(64 * GIB, "ok"), (GIB // 8, "wrong")])
def test_memory_is_counted_in_compilers(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=free))
    said(state, look("memory"))


@pytest.mark.parametrize(
    ("allowed", "depth", "state"), [(1, 300, "ok"), (0, 30, "ok"), (0, 300, "wrong"), (None, 300, "wrong")]
)
def test_long_paths_matter_where_the_folders_are_deep(
    allowed: int | None, depth: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_build, "long_paths_allowed", lambda: allowed == 1)
    monkeypatch.setattr(to_build, "CHECKOUT", Path("/w"))
    finding = look("long-paths", folder=Path("/" + "x" * depth))
    said(state, finding)
    assert finding.words == ()  # an administrator has to run it
    if state == "wrong":
        assert finding.fix.startswith("as administrator: reg add HKLM")


@pytest.mark.parametrize(
    ("told", "administrator", "state"),
    [
        (None, True, "unknown"),
        ("N/A: Must be an administrator to view exclusions", False, "unknown"),
        ("", True, "missing"),
        ("/elsewhere\n", True, "missing"),
        ("/elsewhere\n/work\n", True, "ok"),
    ],
)
def test_the_virus_scanner_s_list_is_shown_to_administrators_alone(
    told: str | None, administrator: bool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, **options: "/bin/powershell")
    monkeypatch.setattr(to_build, "ask", lambda *words, **options: SimpleNamespace(text=told))
    monkeypatch.setattr(to_build, "is_administrator", lambda: administrator)
    finding = look("virus-scanner", folder=Path("/work/cache"))
    said(state, finding)
    if state != "ok":
        assert finding.fix.endswith(f"Add-MpPreference -ExclusionPath {Path('/work/cache')}")
        finding = look("virus-scanner", folder=Path("/home/O'Brien"))
        assert finding.fix.endswith(f"-ExclusionPath '{Path('/home')}{os.sep}O''Brien'")


def test_every_row_of_the_side_has_its_check_and_every_check_its_row() -> None:
    checks = BuildChecks(
        survey=seen_by(WINDOWS), facts=FACTS, dirs=default_dirs(), environment=ALL_TOOLS, named=False, context={}
    )
    assert set(checks.by_id()) == {row.id for row in FACTS.findings.values() if row.side == "build"}
