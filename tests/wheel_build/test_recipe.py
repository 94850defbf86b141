"""Recorded commands become recipes, GCC's and MSVC's alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import CompileError
from scripts.wheel_build.recipe import read_recipe

LINUX = {
    "module": "deepspeed.ops.adam.cpu_adam_op",
    "file": "deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so",
    "commands": [
        ["g++", "-fPIC", "-Icsrc/includes", "-c", "csrc/adam/cpu_adam.cpp", "-o", "/w/o/csrc/adam/cpu_adam.o", "-O3"],
        ["g++", "-fPIC", "-c", "csrc/adam/cpu_adam_impl.cpp", "-o", "/w/o/csrc/adam/cpu_adam_impl.o"],
        [
            "g++",
            "-shared",
            "/w/o/csrc/adam/cpu_adam.o",
            "/w/o/csrc/adam/cpu_adam_impl.o",
            "-lc10",
            "-o",
            "/w/lib/deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so",
        ],
    ],
}
WINDOWS = {
    "module": "deepspeed.ops.adam.cpu_adam_op",
    "file": "deepspeed\\ops\\adam\\cpu_adam_op.cp311-win_amd64.pyd",
    "commands": [
        ["C:\\VC\\bin\\cl.exe", "/c", "/Icsrc\\includes", "/Tpcsrc\\adam\\cpu_adam.cpp", "/FoD:\\o\\cpu_adam.obj"],
        ["nvcc.exe", "-c", "csrc\\adam\\multi.cu", "-o", "D:\\o\\multi.obj"],
        [
            "C:\\VC\\bin\\link.exe",
            "/nologo",
            "/LIBPATH:C:\\py\\libs",
            "c10.lib",
            "/EXPORT:PyInit_cpu_adam_op",
            "D:\\o\\cpu_adam.obj",
            "D:\\o\\multi.obj",
            "/OUT:D:\\lib\\cpu_adam_op.cp311-win_amd64.pyd",
            "/IMPLIB:D:\\o\\cpu_adam_op.cp311-win_amd64.lib",
        ],
    ],
}


def write_record(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    document = {
        "version": "0.19.8",
        "extensions": entries,
        "torch": {"version": "2.13.0"},
        "python": {},
        "setuptools": "80",
    }
    path = tmp_path / "record.json"
    path.write_text(json.dumps(document))
    return path


def test_gcc_commands_become_units_and_a_link(tmp_path: Path) -> None:
    recipe = read_recipe(write_record(tmp_path, LINUX), ["cpu_adam"], {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"})
    (op,) = recipe.ops
    assert [unit.source for unit in op.units] == ["csrc/adam/cpu_adam.cpp", "csrc/adam/cpu_adam_impl.cpp"]
    assert op.units[0].object == Path("/w/o/csrc/adam/cpu_adam.o")
    assert op.link[:2] == ("g++", "-shared")
    assert op.binary == Path("/w/lib/deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so")


def test_msvc_commands_become_units_and_a_link(tmp_path: Path) -> None:
    recipe = read_recipe(write_record(tmp_path, WINDOWS), ["cpu_adam"], {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"})
    (op,) = recipe.ops
    assert [unit.source for unit in op.units] == ["csrc\\adam\\cpu_adam.cpp", "csrc\\adam\\multi.cu"]
    assert [str(unit.object) for unit in op.units] == ["D:\\o\\cpu_adam.obj", "D:\\o\\multi.obj"]
    assert str(op.binary) == "D:\\lib\\cpu_adam_op.cp311-win_amd64.pyd"
    assert op.file == "deepspeed/ops/adam/cpu_adam_op.cp311-win_amd64.pyd"


def test_every_unit_knows_its_compiler(tmp_path: Path) -> None:
    names = {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"}
    (windows,) = read_recipe(write_record(tmp_path, WINDOWS), ["cpu_adam"], names).ops
    assert [unit.step for unit in windows.units] == ["compile", "nvcc"]
    (linux,) = read_recipe(write_record(tmp_path, LINUX), ["cpu_adam"], names).ops
    assert {unit.step for unit in linux.units} == {"compile"}


def test_the_import_library_that_msvc_writes_is_known(tmp_path: Path) -> None:
    names = {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"}
    (windows,) = read_recipe(write_record(tmp_path, WINDOWS), ["cpu_adam"], names).ops
    assert str(windows.import_library) == "D:\\o\\cpu_adam_op.cp311-win_amd64.lib"
    (linux,) = read_recipe(write_record(tmp_path, LINUX), ["cpu_adam"], names).ops
    assert linux.import_library is None


def test_a_unit_written_elsewhere_keeps_every_other_word(tmp_path: Path) -> None:
    unit = (
        read_recipe(write_record(tmp_path, WINDOWS), ["cpu_adam"], {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"})
        .ops[0]
        .units[0]
    )
    moved = unit.to(Path("E:\\new.obj"))
    assert moved.argv[:-1] == unit.argv[:-1]
    assert moved.argv[-1] == "/FoE:\\new.obj"


def test_an_op_that_upstream_adds_by_itself_is_taken_too_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    other = {**LINUX, "module": "other_op"}
    path = write_record(tmp_path, LINUX, other)
    names = {"other_op": "other", "deepspeed.ops.adam.cpu_adam_op": "cpu_adam"}
    assert [op.op for op in read_recipe(path, ["cpu_adam"], names).ops] == ["other", "cpu_adam"]


def test_a_module_that_the_catalogue_does_not_know_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write_record(tmp_path, LINUX)
    with pytest.raises(CompileError, match=r"builds deepspeed\.ops\.adam\.cpu_adam_op, which"):
        read_recipe(path, [], {"other_op": "other"})


def test_an_op_that_upstream_left_out_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write_record(tmp_path, LINUX)
    with pytest.raises(CompileError, match="left out async_io, fused_adam"):
        read_recipe(
            path,
            ["cpu_adam", "fused_adam", "async_io"],
            {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam", "fused_op": "fused_adam", "aio": "async_io"},
        )


@pytest.mark.parametrize(
    "commands", [LINUX["commands"][:2], LINUX["commands"][2:], []], ids=["no link", "no unit", "none"]
)
def test_a_record_that_is_not_whole_is_an_error(tmp_path: Path, commands: list[list[str]]) -> None:
    path = write_record(tmp_path, {**LINUX, "commands": commands})
    with pytest.raises(CompileError, match="cpu_adam: expected compile commands and one link command"):
        read_recipe(path, ["cpu_adam"], {"deepspeed.ops.adam.cpu_adam_op": "cpu_adam"})
