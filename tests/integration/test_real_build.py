"""The real thing: DeepSpeed's sources, torch, g++, pip; built, proven, repeated, interrupted."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.shop import Shop

pytestmark = pytest.mark.real_build
posix = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a POSIX process group")
CTRL_C = "import os, signal, sys; os.killpg(int(sys.argv[1]), signal.SIGINT)"  # the whole group, as a terminal does
AUDIT = ("--verify", "audit")  # for wheels that differ in nothing from one that passed everything
# for CUDA, for a GPU, gone from the newest release, and for Transformers, which a wheel does not require
NOT_ON_CPU = {"bare_machine", "gpu", "compression", "tensor-parallel"}
OPS_OF_NEWEST = {"async_io", "cpu_adagrad", "cpu_adam", "cpu_lion", "deepspeed_shm_comm", "fused_adam", "pin_memory"}


def modules(result: dict[str, Any]) -> dict[str, bytes]:
    """The compiled modules in the wheel, by their path."""
    with zipfile.ZipFile(result["wheel"]) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if name.endswith(".so")}


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """How a build ended at Ctrl-C, which op it had finished, and the result of the next run."""

    exit_code: int
    alive: list[psutil.Process]
    finished: str
    resumed: dict[str, Any]


@pytest.fixture(scope="module")
def interrupted(shop: Shop, host_build: dict[str, Any]) -> Interrupted:
    """A build of two ops, interrupted when one is finished, and run again."""
    words = ("--ops", "cpu_adagrad,cpu_lion", "--jobs", "1", "--headers", "torch", *AUDIT)
    process = shop.start(*words, cache="stopped")
    log = shop.folder / "logs" / f"{host_build['target']}.log"
    finished = _wait_for(log, log.stat().st_size, r"(cpu_adagrad|cpu_lion): built", process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    subprocess.run([sys.executable, "-c", CTRL_C, str(process.pid)], check=True)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=10)
    resumed = shop.build(*words, cache="stopped")
    return Interrupted(exit_code=process.returncode, alive=alive, finished=finished, resumed=resumed)


def test_without_selectors_a_wheel_for_this_host_is_built_and_proven(shop: Shop, host_build: dict[str, Any]) -> None:
    manifest = shop.manifest(host_build)
    wheel = Path(host_build["wheel"])
    assert wheel.name.startswith(f"deepspeed-{manifest['target']['deepspeed']}+cputorch")
    assert manifest["proof"]["passed"] is True
    assert set(manifest["ops"]) >= OPS_OF_NEWEST - set(manifest["left_out"])
    assert not [name for name, op in manifest["ops"].items() if op["cached"]], "the first build starts from nothing"


def test_the_proof_runs_every_part_that_a_wheel_for_cpu_has(shop: Shop, host_build: dict[str, Any]) -> None:
    proof = shop.manifest(host_build)["proof"]
    assert proof["level"] == "full"
    assert {name for name, run in proof["parts"].items() if run["passed"] is None} == NOT_ON_CPU
    assert len(proof["parts"]) >= 30
    assert sum(run["cpu_seconds"] for run in proof["parts"].values()) < 480, "eight minutes of one processor"


def test_the_wheel_carries_no_machine_path_and_no_newer_cpu_than_asked(host_build: dict[str, Any]) -> None:
    binaries = modules(host_build)
    assert binaries
    home = str(Path.home()).encode()
    assert [name for name, content in binaries.items() if home in content or sys.prefix.encode() in content] == []


def test_the_same_inputs_give_the_same_bytes_without_a_compiler(shop: Shop, host_build: dict[str, Any]) -> None:
    again = shop.build(*AUDIT, output="again")
    manifest = shop.manifest(again)
    assert manifest["cache_hits"] == len(manifest["ops"])
    assert Path(again["wheel"]).read_bytes() == Path(host_build["wheel"]).read_bytes()


def test_a_wheel_of_which_nothing_changed_is_not_built_again(shop: Shop, host_build: dict[str, Any]) -> None:
    log = shop.folder / "logs" / f"{host_build['target']}.log"
    before = log.read_bytes()
    again = shop.build()
    assert (again["unchanged"], again["wheel"], host_build["unchanged"]) == (True, host_build["wheel"], False)
    assert log.read_bytes() == before, "no step of a build ran"


@pytest.mark.nightly
def test_a_wheel_built_again_from_nothing_gives_the_same_bytes(shop: Shop, host_build: dict[str, Any]) -> None:
    again = shop.build(*AUDIT, cache="from nothing", output="from nothing")
    assert shop.manifest(again)["cache_hits"] == 0
    assert Path(again["wheel"]).read_bytes() == Path(host_build["wheel"]).read_bytes()


@posix
def test_ctrl_c_leaves_no_process_and_loses_no_finished_op(shop: Shop, interrupted: Interrupted) -> None:
    assert interrupted.exit_code == 130
    assert interrupted.alive == []
    ops = shop.manifest(interrupted.resumed)["ops"]
    assert [op for op, entry in ops.items() if entry["cached"]] == [interrupted.finished]


@posix
def test_an_op_compiled_again_in_another_folder_gives_the_same_bytes(
    shop: Shop, host_build: dict[str, Any], interrupted: Interrupted
) -> None:
    again = shop.build("--ops", "cpu_adagrad", "--headers", "torch", *AUDIT, cache="another")
    assert again["wheel"] != host_build["wheel"], "a wheel of fewer ops must not replace the full one"
    assert shop.manifest(again)["cache_hits"] == 0
    ((name, compiled),) = modules(again).items()
    assert modules(interrupted.resumed)[name] == compiled


def _wait_for(log: Path, start: int, pattern: str, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and process.poll() is None:
        if match := re.search(pattern, log.read_bytes()[start:].decode()):
            return match[1]
        time.sleep(0.2)
    pytest.fail(f"{pattern!r} was not said; exit code {process.poll()}")
