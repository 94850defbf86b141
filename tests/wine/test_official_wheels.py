"""Upstream's wheels for Windows, verified on Linux: `invoke verify` with a real Windows Python and torch under Wine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.facts.source_files import LISTING_VARIABLE
from scripts.fetch.index_client import uv_variables
from scripts.fetch.installer import find_installer
from tests.wine.lab import ROOT, Windows, download, make_once

pytestmark = [pytest.mark.wine, pytest.mark.nightly, pytest.mark.network]
PYTHON = "3.11"
TORCH = {"0.14.5": "2.3.1", "0.16.5": "2.6.0"}  # of the minor that they were built with; the registry's are for CPU
BESIDE = ("numpy==1.26.4", "setuptools<81")  # numpy 2 asks for a function that Wine lacks
CPU_OPS = {"cpu_adam", "cpu_adagrad", "cpu_lion"}
OF_THE_FILE = {  # the faults that they have, see tests/verify/test_broken_real_wheels.py
    "0.14.5": {"torch requirement", "runtime calls", "CPU instructions"},
    "0.16.5": {"torch requirement", "runtime calls", "CPU vector code"},
}
# Before 0.19.8 the vector code of CPU Lion takes more than the sign of a number (P19); only 0.14.5's has any
OF_LION = {f"CPU Lion {kind}" for kind in ("float32", "bfloat16", "float16")}
BARE = "import without a CUDA toolkit"  # fails for upstream's releases before 0.19.5, on Windows itself, too


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What `invoke verify --json` said of a wheel."""

    release: str
    exit_code: int
    document: Mapping[str, Any]

    @property
    def checks(self) -> dict[str, tuple[bool | None, str]]:
        """By name, how each ended and what it said."""
        return {each["name"]: (each["passed"], each["detail"]) for each in self.document["checks"]}


@pytest.fixture(scope="module", params=TORCH)
def verified(request: pytest.FixtureRequest, windows: Windows) -> Verified:
    """The wheel of a release, in an environment with it and torch: loaded, its optimizers stepped."""
    release = str(request.param)
    folder = windows.folder / "downloads" / f"deepspeed-{release}"
    words = ["--only-binary", ":all:", "--platform", "win_amd64", "--python-version", PYTHON]
    download(folder, *words, f"deepspeed=={release}")
    [wheel] = folder.glob("*.whl")
    environment = windows.drive_c / "official" / release
    recipe = [release, TORCH[release], BESIDE]
    make_once(windows, f"official-{release}", recipe, make_environment, environment, wheel, TORCH[release])
    argv = [sys.executable, "-m", "invoke", "verify", str(wheel), "--level", "core", "--json", "--python"]
    argv.append(str(environment))
    env = {**os.environ, LISTING_VARIABLE: ""}  # the repository's own list of source files: it is a real wheel
    ended = subprocess.run(
        argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert ended.stdout, ended.stderr
    return Verified(release=release, exit_code=ended.returncode, document=json.loads(ended.stdout))


def make_environment(windows: Windows, folder: Path, wheel: Path, torch: str) -> None:
    """An environment of a Windows Python with the wheel and this torch, put there by this machine's uv."""
    shutil.rmtree(folder, ignore_errors=True)
    windows.run([windows.drive_c / "python" / PYTHON / "python.exe", "-m", "venv", "--without-pip", folder]).require()
    packages, uv = folder / "Lib" / "site-packages", find_installer().uv
    assert uv, "uv is needed to install for another system"
    argv = [uv, "pip", "install", "--quiet", "--target", str(packages), "--python-version", PYTHON]
    argv += ["--python-platform", "x86_64-pc-windows-msvc", "--only-binary", ":all:"]
    argv += [str(wheel), f"torch=={torch}", *BESIDE]
    subprocess.run(argv, check=True, env={**os.environ, **uv_variables()}, stdin=subprocess.DEVNULL)
    if (packages / "Library").is_dir():  # uv puts it beside the packages; pip of that environment would not
        (packages / "Library").rename(folder / "Library")


def test_the_installed_files_and_every_symbol_of_the_cpu_ops_are_as_they_should_be(verified: Verified) -> None:
    passed, files = verified.checks["installed files"]
    assert passed, files
    passed, symbols = verified.checks["symbols"]
    assert (passed, "symbols are there" in symbols) == (None, True)  # what is for CUDA could not be looked up
    assert not any(f"{op}_op" in symbols for op in CPU_OPS)


def test_the_cpu_ops_load_and_what_a_cuda_op_lacks_is_named_and_not_its_fault(verified: Verified) -> None:
    loaded = {name.removeprefix("load "): each for name, each in verified.checks.items() if name.startswith("load ")}
    assert {op for op, (passed, _) in loaded.items() if passed} == CPU_OPS
    others = {op: each for op, each in loaded.items() if op not in CPU_OPS}
    assert len(others) > 5
    for passed, detail in others.values():
        assert passed is None
        assert detail.startswith("not the wheel's fault: ")
        assert "cudart64_12.dll" in detail
        assert f"torch {TORCH[verified.release]}+cpu here is for CPU" in detail
        assert "DLL load failed" in detail


def test_the_optimizers_step_as_torch_does_or_are_not_called_where_they_would_crash(verified: Verified) -> None:
    stepped = {name: each for name, each in verified.checks.items() if name.startswith("CPU A") or "Lion" in name}
    stepped.pop("CPU instructions", None)
    assert {name.split()[1] for name in stepped} == {"Adam", "AdamW", "Adagrad", "Lion"}
    told = {name: detail for name, (passed, detail) in stepped.items() if passed is None}
    assert all("which this processor does not have" in detail for detail in told.values())
    wrong = {name for name, (passed, _) in stepped.items() if passed is False}
    assert wrong == (OF_LION - set(told) if verified.release == "0.14.5" else set())


def test_ds_report_says_this_wheel_and_its_ops(verified: Verified) -> None:
    assert verified.checks["ds_report"] == (True, f"deepspeed {verified.release}")
    assert verified.checks["ds_report ops"][0]


def test_nothing_else_is_wrong_with_it_than_is_known(verified: Verified) -> None:
    failed = {name for name, (passed, _) in verified.checks.items() if passed is False}
    assert failed - OF_LION == {*OF_THE_FILE[verified.release], BARE}
    assert verified.exit_code == 19
