"""A toolkit that is not here is fetched by the build, and asked what the plan could not know."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import PrerequisiteError
from scripts.plan.target import parse_id
from scripts.toolchain import programs
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.wheel_build import pipeline
from scripts.wheel_build.variables import read_by_compilers
from tests.wheel_build.factories import make_op, write_tree
from tests.wheel_build.plans import DIRS, make_plan

CUDA = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")


def fetching(monkeypatch: pytest.MonkeyPatch, version: str, source: str) -> list[str]:
    """Have a toolkit of this version come from `source`; what is asked for."""
    asked: list[str] = []

    def provide(wanted: str, **named: Any) -> Toolkit:  # noqa: ANN401  options of several types
        asked.append(wanted)
        return Toolkit(root=Path("/opt/cuda"), version=version, nvcc=f"{version}.1", source=source, system="linux")

    monkeypatch.setattr(pipeline, "provide_toolkit", provide)
    return asked


def test_the_fetched_toolkit_is_where_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    asked, plan = fetching(monkeypatch, "13.0", "redist"), make_plan(CUDA)
    assert plan.toolchain.toolkit is None
    toolchain = pipeline.provide_toolchain(plan, DIRS, lines.append)
    assert asked == ["13.0"]
    assert pipeline.environment_of(plan, toolchain)["CUDA_HOME"] == str(Path("/opt/cuda"))
    assert "  CUDA 13.0.1 (redist) in " in lines[0]


def test_a_toolkit_whose_source_a_gate_refuses_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    fetching(monkeypatch, "12.4", "pip")
    plan = make_plan(parse_id("ds0.16.5-torch2.6.0-cu124-cp311-linux_x86_64"))
    with pytest.raises(PrerequisiteError, match="pip-cu12"):
        pipeline.provide_toolchain(plan, DIRS, print)


def test_a_cpu_target_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fetching(monkeypatch, "13.0", "redist")
    plan = make_plan(parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64"))
    assert pipeline.provide_toolchain(plan, DIRS, print) == plan.toolchain
    assert asked == []


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_what_lies_in_a_folder_that_the_caller_adds_is_part_of_an_ops_key(tmp_path: Path) -> None:
    """Its headers come before those of torch, and no version tells what they hold."""
    write_tree(tmp_path, {"source/csrc/a.cpp": "", "torch/include/a.h": "", "more/a.h": "#define A 1"})
    places = {"source": f"{tmp_path}/source", "torch": f"{tmp_path}/torch", "python": str(tmp_path)}

    def identity(*words: str, **variables: str) -> dict[str, Any]:
        op = make_op(tmp_path / "source", "op", ["csrc/a.cpp"], tmp_path / "objects", extra=words)
        return pipeline._op_identity(op, places, variables, tmp_path / "source")

    usual = identity(f"-I{tmp_path}/torch/include")
    found = [identity(CPATH=f"{tmp_path}/more"), identity(f"-I{tmp_path}/more")]
    assert usual not in found
    write_tree(tmp_path, {"more/a.h": "#define A 2", "torch/include/b.h": ""})
    assert identity(f"-I{tmp_path}/torch/include") == usual, "torch is known by its release"
    again = [identity(CPATH=f"{tmp_path}/more"), identity(f"-I{tmp_path}/more")]
    assert all(one != before for one, before in zip(again, found, strict=True))


TOLD = {
    "forced.h": ((), ("-include", "{}/forced.h")),
    "plugin.so": ((), ("-fplugin={}/plugin.so",)),
    "libaio.a": (("-L{}", "-laio"), ()),
    "libmine-2.so": (("-L", "{}", "-l:libmine-2.so"), ()),
    "words.map": (("-Wl,--version-script,{}/words.map",), ()),
    "whole.a": (("{}/whole.a",), ()),
    "ld.quick": (("-fuse-ld=quick", "-B{}"), ()),
    "ld": (("-B", "{}"), ()),
}


@pytest.mark.skipif(os.name == "nt", reason="g++")
@pytest.mark.parametrize("name", TOLD)
def test_a_file_that_a_word_names_is_part_of_an_ops_key(tmp_path: Path, name: str) -> None:
    link, words = ([word.format(tmp_path / "more") for word in each] for each in TOLD[name])

    def identity(text: str) -> dict[str, Any]:
        write_tree(tmp_path, {"source/csrc/a.cpp": "", f"more/{name}": text})
        programs._digest.cache_clear()
        op = make_op(tmp_path / "source", "op", ["csrc/a.cpp"], tmp_path / "source/build", extra=words)
        places = {"source": f"{tmp_path}/source", "python": str(tmp_path)}
        return pipeline._op_identity(replace(op, link=(*op.link, *link)), places, {}, tmp_path / "source")

    assert identity("one") == identity("one")
    assert identity("one") != identity("two")


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_a_file_that_a_variable_of_the_caller_names_is_part_of_an_ops_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NVCC_APPEND_FLAGS", f"-include {tmp_path}/more/forced.h")

    def identity(text: str) -> dict[str, Any]:
        write_tree(tmp_path, {"source/csrc/a.cpp": "", "more/forced.h": text})
        op = make_op(tmp_path / "source", "op", ["csrc/a.cpp"], tmp_path / "source/build")
        return pipeline._op_identity(op, {"source": f"{tmp_path}/source"}, {}, tmp_path / "source")

    assert identity("one") == identity("one")
    assert identity("one") != identity("two")


def test_a_run_path_of_the_caller_is_part_of_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """ld writes it into what it links without -rpath."""
    names = make_plan(parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")).compiler_variables
    monkeypatch.setenv("LD_RUN_PATH", "/opt/mine")
    assert read_by_compilers(names, {}, os.environ)["LD_RUN_PATH"] == "/opt/mine"
