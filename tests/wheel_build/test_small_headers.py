"""Each unit gets the smallest of torch's headers that serves it, and torch's own where none does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from scripts.wheel_build.compile import Compiler
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.prepare import CompileSettings, edit_recipe
from scripts.wheel_build.recipe import Recipe
from tests.wheel_build.factories import (
    counting_compiler,
    make_op,
    make_recipe,
    make_settings,
    quiet_progress,
    write_tree,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="g++")

TORCH = {
    "torch/types.h": "#pragma once\nstruct Tensor { int value; };\n",
    "torch/csrc/utils/pybind.h": "#pragma once\n#include <torch/types.h>\n#define PYBIND11_MODULE(name) int name()\n",
    "torch/extension.h": "#pragma once\n#include <torch/csrc/utils/pybind.h>\nstruct Optimizer { int rate; };\n",
}
SOURCE = {
    "csrc/impl.cpp": '#include "impl.h"\nint impl(Tensor& tensor) { return tensor.value; }\n',
    "csrc/impl.h": "#pragma once\n#include <torch/extension.h>\nint impl(Tensor&);\n",
    "csrc/binding.cpp": '#include "impl.h"\nPYBIND11_MODULE(TORCH_EXTENSION_NAME) { return 1; }\n',
    "csrc/greedy.cpp": '#include "impl.h"\nint greedy(Optimizer& all) { return all.rate; }\n',
    "csrc/none.cpp": "int none() { return 0; }\n",
}


def prepare(folder: Path, *ops: tuple[str, tuple[str, ...]]) -> tuple[Recipe, CompileSettings, Path]:
    root = write_tree(folder / "source", SOURCE)
    torch = write_tree(folder / "torch", TORCH)
    time.sleep(0.05)  # a file that is as new as the compile is not trusted
    compiler, calls = counting_compiler(folder / "bin")
    made = []
    for op, files in ops:
        words = (f"-I{torch}", f"-DTORCH_EXTENSION_NAME={op}")
        made.append(
            make_op(root, op, [f"csrc/{file}.cpp" for file in files], folder / op, compiler=str(compiler), extra=words)
        )
    settings = make_settings(root, folder, cache=None, torch_headers="precompiled", units=ObjectCache(folder / "units"))
    return edit_recipe(make_recipe(made), settings), settings, calls


def build(recipe: Recipe, settings: CompileSettings) -> None:
    with quiet_progress(settings.objects.parent) as progress:
        Compiler(recipe, settings, progress).run()


def test_the_smallest_header_is_chosen_by_what_the_unit_asks_for(tmp_path: Path) -> None:
    recipe, _, _ = prepare(tmp_path, ("op", ("impl", "binding", "none")))
    chosen = {unit.source: [word for word in unit.argv if "torch_headers" in word] for unit in recipe.ops[0].units}
    assert [Path(word).name for word in chosen["csrc/impl.cpp"]] == ["tensors"]
    assert [Path(word).name for word in chosen["csrc/binding.cpp"]] == ["bindings"]
    assert chosen["csrc/none.cpp"] == []
    named = {unit.source for unit in recipe.ops[0].units if "-DTORCH_EXTENSION_NAME=op" in unit.argv}
    assert named == {"csrc/binding.cpp", "csrc/none.cpp"}


def test_a_unit_that_needs_more_compiles_with_torchs_own(tmp_path: Path) -> None:
    recipe, settings, calls = prepare(tmp_path, ("op", ("impl", "greedy")))
    build(recipe, settings)
    compiled = [line for line in calls.read_text().splitlines() if " -c csrc" in line]
    assert [("greedy" in line, "torch_headers" in line) for line in sorted(compiled)].count((True, False)) == 1
    assert len(compiled) == 3
    assert sum(1 for _ in (tmp_path / "units/objects").glob("??/*")) == 1, (
        "what was not compiled as planned is not kept"
    )


def test_a_unit_of_two_ops_is_compiled_once(tmp_path: Path) -> None:
    recipe, settings, calls = prepare(tmp_path, ("one", ("impl",)), ("two", ("impl", "binding")), ("three", ("impl",)))
    build(recipe, settings)
    compiled = [line for line in calls.read_text().splitlines() if " -c csrc" in line]
    assert len(compiled) == 2
    assert len({path.read_bytes() for path in settings.objects.rglob("*impl.o")}) == 1
