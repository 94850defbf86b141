"""`invoke install` in environments as people have them ends with a DeepSpeed that loads, or names the exact change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.fetch.installer import environment_python
from scripts.host import find_interpreter
from scripts.plan.target import parse_id
from tests.integration.shop import ROOT, Shop
from tests.integration.test_end_to_end import environment_with_torch

pytestmark = [pytest.mark.real_build, pytest.mark.nightly]
OTHERS = [version for version in ("3.9", "3.10", "3.12", "3.13", "3.14") if find_interpreter(version)]
VERSION = "import importlib.metadata as m; print(m.version('deepspeed'))"
SUMS = "import torch, deepspeed; print(deepspeed.__version__, float(torch.ones(3).sum()))"


@pytest.fixture(scope="module")
def with_torch(host_build: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that uv made, without pip, with the real torch."""
    return environment_with_torch(
        tmp_path_factory.mktemp("environments") / "real torch", parse_id(host_build["target"])
    )


def task(shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "invoke", *words, "--store", f"dir:{shop.folder / 'wheels'}"]
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def install(shop: Shop, python: str | Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = task(shop, "install", "--python", str(python), *words)
    assert "Traceback" not in told.stderr, told.stderr
    return told


def says(python: Path, code: str) -> str:
    argv = [str(python), "-c", code]
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=python.parent).stdout.strip()


def loads(python: Path, told: subprocess.CompletedProcess[str], host_build: dict[str, Any]) -> None:
    assert told.returncode == 0, told.stderr[-3000:]
    assert "it can be imported, and each of its " in told.stdout
    version = parse_id(host_build["target"]).wheel_version
    assert says(python, SUMS).splitlines()[-1] == f"{version} 3.0"


def pip(python: Path, *words: str) -> None:
    argv = [sys.executable, "-m", "uv", "pip", "install", "--python", str(python), *words]
    subprocess.run(argv, check=True, capture_output=True)


def test_an_environment_that_uv_made_gets_a_deepspeed_that_loads(
    shop: Shop, host_build: dict[str, Any], with_torch: Path
) -> None:
    loads(with_torch, install(shop, with_torch), host_build)


def test_another_deepspeed_is_replaced(
    shop: Shop, host_build: dict[str, Any], with_torch: Path, tmp_path: Path
) -> None:
    """One that is there from elsewhere: its version, and nothing compiled."""
    info = tmp_path / "deepspeed"
    (info / "deepspeed").mkdir(parents=True)
    (info / "deepspeed" / "__init__.py").write_text("__version__ = '0.16.9'\n")
    (info / "pyproject.toml").write_text('[project]\nname = "deepspeed"\nversion = "0.16.9"\n')
    pip(with_torch, str(info))
    loads(with_torch, install(shop, with_torch), host_build)


def test_a_torch_of_which_a_part_is_gone_is_named_with_the_line_that_mends_it(
    shop: Shop, host_build: dict[str, Any], with_torch: Path
) -> None:
    (library,) = with_torch.parents[1].rglob("libtorch_cpu.so")
    before, kept = (
        says(with_torch, "import importlib.metadata as m; print(m.version('deepspeed'))"),
        library.with_suffix(".kept"),
    )
    library.rename(kept)
    try:
        told = install(shop, with_torch)
    finally:
        kept.rename(library)
    assert told.returncode == 13, told.stderr
    assert "libtorch_cpu.so among them" in told.stderr
    assert "to bring it back, and the wheel with it: invoke install --python" in told.stderr
    assert says(with_torch, VERSION) == before


def test_an_environment_without_torch_gets_the_line_of_the_real_one(
    shop: Shop, host_build: dict[str, Any], tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    told = install(shop, environment_python(tmp_path / "env"))
    target = parse_id(host_build["target"])
    assert told.returncode == 13
    assert f"install its torch first: {tmp_path}" in told.stderr
    assert f"torch=={target.torch} --index-url https://download.pytorch.org/whl/{target.cuda}" in told.stderr
    assert "or both at once: invoke install --python" in told.stderr


@pytest.mark.parametrize("version", OTHERS)
def test_another_python_is_told_for_which_one_the_wheel_is(
    shop: Shop, host_build: dict[str, Any], version: str
) -> None:
    target = parse_id(host_build["target"])
    if version == target.python:
        pytest.skip("it is the wheel's own")
    told = install(shop, version)
    assert told.returncode == 13
    assert f"it is for Python {target.python}, not {version}" in told.stderr
    document = json.loads(task(shop, "find", "--python", version, "--json").stdout)
    assert document["environment"]["version"] == version


@pytest.mark.parametrize("name", ["python2.7", "python3.7", "sh", "nothing-of-that-name"])
def test_what_is_no_python_of_today_is_refused_in_words(shop: Shop, host_build: dict[str, Any], name: str) -> None:
    told = install(shop, shutil.which(name) or name)
    assert told.returncode in (11, 13), told.stderr
    assert told.stderr.startswith("error[")
