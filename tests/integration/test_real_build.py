"""The real thing: DeepSpeed's sources, torch, g++, pip; built, proven, repeated, interrupted."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.shop import Shop

pytestmark = pytest.mark.real_build
CTRL_C = "import os, signal, sys; os.killpg(int(sys.argv[1]), signal.SIGINT)"  # the whole group, as a terminal does
ONLY_FOR_CUDA = {"GPU kernels", "import without a CUDA toolkit"}
OPS_OF_NEWEST = {"async_io", "cpu_adagrad", "cpu_adam", "cpu_lion", "deepspeed_shm_comm", "fused_adam", "pin_memory"}


def test_without_selectors_a_wheel_for_this_host_is_built_and_proven(shop: Shop, host_build: dict[str, Any]) -> None:
    manifest = shop.manifest(host_build)
    wheel = Path(host_build["wheel"])
    assert wheel.name.startswith(f"deepspeed-{manifest['target']['deepspeed']}+cputorch")
    assert manifest["proof"]["passed"] is True
    assert set(manifest["ops"]) >= OPS_OF_NEWEST - set(manifest["left_out"])
    assert not [name for name, op in manifest["ops"].items() if op["cached"]], "the first build starts from nothing"


def test_the_proof_loads_every_op_and_trains(shop: Shop, host_build: dict[str, Any]) -> None:
    proof = shop.manifest(host_build)["proof"]
    skipped = [check["name"] for check in proof["checks"] if check["passed"] is None]
    assert len(proof["checks"]) >= 25
    assert [name for name in skipped if name not in ONLY_FOR_CUDA] == []


def test_the_wheel_carries_no_machine_path_and_no_newer_cpu_than_asked(host_build: dict[str, Any]) -> None:
    with zipfile.ZipFile(host_build["wheel"]) as wheel:
        binaries = {name: wheel.read(name) for name in wheel.namelist() if name.endswith(".so")}
    assert binaries
    home = str(Path.home()).encode()
    assert [name for name, content in binaries.items() if home in content or sys.prefix.encode() in content] == []


def test_the_same_inputs_give_the_same_bytes_without_a_compiler(shop: Shop, host_build: dict[str, Any]) -> None:
    first = Path(host_build["wheel"]).read_bytes()
    again = shop.build()
    manifest = shop.manifest(again)
    assert manifest["cache_hits"] == len(manifest["ops"])
    assert Path(again["wheel"]).read_bytes() == first


def test_an_op_compiled_again_in_another_folder_gives_the_same_bytes(shop: Shop, host_build: dict[str, Any]) -> None:
    first = shop.build("--ops", "cpu_adagrad", cache="another")
    assert first["wheel"] != host_build["wheel"], "a wheel of fewer ops must not replace the full one"
    compiled = Path(first["wheel"]).read_bytes()
    again = shop.build("--ops", "cpu_adagrad", cache="yet another")
    assert shop.manifest(again)["cache_hits"] == 0
    assert Path(again["wheel"]).read_bytes() == compiled


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a POSIX process group")
def test_ctrl_c_leaves_no_process_and_loses_no_finished_op(shop: Shop, host_build: dict[str, Any]) -> None:
    words = ("--ops", "cpu_adagrad,cpu_lion", "--jobs", "1", "--no-precompile")
    process = shop.start(*words, cache="stopped")
    log = shop.folder / "logs" / f"{host_build['target']}.log"
    start = log.stat().st_size
    finished = _wait_for(log, start, r"(cpu_adagrad|cpu_lion): built", process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    subprocess.run([sys.executable, "-c", CTRL_C, str(process.pid)], check=True)
    process.communicate(timeout=60)
    assert process.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    manifest = shop.manifest(shop.build(*words, cache="stopped"))
    assert [op for op, entry in manifest["ops"].items() if entry["cached"]] == [finished]


def _wait_for(log: Path, start: int, pattern: str, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and process.poll() is None:
        if match := re.search(pattern, log.read_bytes()[start:].decode()):
            return match[1]
        time.sleep(0.2)
    pytest.fail(f"{pattern!r} was not said; exit code {process.poll()}")
