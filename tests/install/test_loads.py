"""What an environment is asked after an installation: whether each op loads as DeepSpeed loads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts.install.keeping import LOADS
from tests.wheel_build.factories import GXX, write_tree

pytestmark = pytest.mark.skipif(os.name == "nt", reason="g++")
MODULE = """
#include <Python.h>
{more}
static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}"}};
extern "C" PyObject* PyInit_{name}() {{ {first} return PyModule_Create(&module); }}
"""


def compile_op(folder: Path, name: str, more: str, first: str = "") -> None:
    source = write_tree(folder, {f"{name}.cpp": MODULE.format(name=name, more=more, first=first)}) / f"{name}.cpp"
    include = sysconfig.get_paths()["include"]
    built = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([GXX, "-shared", "-fPIC", f"-I{include}", str(source), "-o", str(built)], check=True)
    (folder / "__init__.py").touch()


def asked(site: Path) -> dict[str, object]:
    env = {**os.environ, "PYTHONPATH": str(site)}
    told = subprocess.run([sys.executable, str(LOADS)], env=env, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(told.stdout)
    return found


def test_an_op_that_takes_symbols_of_pin_memory_loads_as_deepspeed_loads_it(tmp_path: Path) -> None:
    write_tree(tmp_path, {"torch/__init__.py": "", "deepspeed/__init__.py": "", "deepspeed/ops/__init__.py": ""})
    takes = 'extern "C" int of_pin_memory();'
    compile_op(tmp_path / "deepspeed/ops/aio", "async_io_op", takes, "of_pin_memory();")
    assert "undefined symbol: of_pin_memory" in str(asked(tmp_path)["failed"])
    compile_op(tmp_path / "deepspeed/ops/pin_memory", "pin_memory_op", 'extern "C" int of_pin_memory() { return 1; }')
    found = asked(tmp_path)
    assert (found["loaded"], found["failed"]) == (["pin_memory_op", "async_io_op"], {})
