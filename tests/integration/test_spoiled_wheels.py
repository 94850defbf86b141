"""Wheels whose files are whole and whose code is wrong: the part that is about it finds out, by running it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.facts.load import load_facts
from scripts.plan.target import parse_id
from scripts.verify.check import Report
from scripts.verify.suite_orders import packages_of
from scripts.verify.suite_runs import run_suite
from scripts.wheel_build.preflight import environment_of

pytestmark = [pytest.mark.real_build, pytest.mark.nightly, pytest.mark.skipif(os.name == "nt", reason="two processes")]
# the part that is about it, and what is wrong -> file of DeepSpeed 0.19.8, what stands there, what is put in its place
SPOILS = {
    "optimizers": (  # another constant
        "ops/adam/cpu_adam.py",
        r"beta1, beta2 = group\['betas'\]",
        "beta1, beta2 = group['betas'][0], 0.99",
    ),
    "collectives": (  # the last element is not added up
        "comm/torch.py",
        r"distributed\.all_reduce\(tensor=tensor, op=op, group=group",
        "distributed.all_reduce(tensor=tensor.view(-1)[:-1], op=op, group=group",
    ),
    "save-and-load": (  # the second process saves nothing
        "runtime/engine.py",
        r"(\n +)self\.checkpoint_engine\.save\(zero_sd, zero_checkpoint_name\)",
        r"\1self.global_rank or self.checkpoint_engine.save(zero_sd, zero_checkpoint_name)",
    ),
    "engine": (  # the rate stays what it was
        "runtime/engine.py",
        r"self\.lr_scheduler\.step\(\*\*\(lr_kwargs or \{\}\)\)",
        "pass",
    ),
    "pipeline-stages": (  # the loss of a micro batch counts less
        "runtime/pipe/engine.py",
        r"_total_loss \+= _loss\.detach\(\)",
        "_total_loss += 0.9 * _loss.detach()",
    ),
    "tensor-parallel": (  # what the processes have is not added up
        "module_inject/layers.py",
        r"output = RowParallel\.apply\(.*\)",
        "output = output.clone()",
    ),
    "activation-checkpointing": (  # dropout is another one when it is recomputed
        "runtime/activation_checkpointing/checkpointing.py",
        r"rng_state\((ctx\.)?fwd_(cpu|cuda)_rng_state\)",
        r"rng_state(bwd_\2_rng_state)",
    ),
    "universal-resharded": (  # one state is saved in the place of another
        "checkpoint/ds_to_universal.py",
        r'exp_avg_sq=(.*)\["exp_avg_sq"\]',
        r'exp_avg_sq=\1["exp_avg"]',
    ),
    "curriculum-sampler": (  # all samples from the start
        "runtime/data_pipeline/data_sampling/data_sampler.py",
        r"self\.curriculum_schedulers\[metric\]\.update_difficulty\(self\.curriculum_step\)",
        "16",
    ),
    "configuration": (  # what cannot be is taken
        "runtime/config.py",
        r"assert not \(self\.float16_config\.enabled",
        "assert True or not (self.float16_config.enabled",
    ),
    "mixture-of-experts": (  # the worst expert is taken
        "moe/sharded_moe.py",
        r"torch\.argmax\((.*) else gates, dim=1\)",
        r"torch.argmin(\1 else gates, dim=1)",
    ),
    "zero-0: each process starts from weights of its own": (
        "runtime/engine.py",
        r"(\n    def _broadcast_model\(self\):\n)",
        r"\1        return\n",
    ),
    "zero-1: gradients are not added up": (
        "runtime/zero/stage_1_and_2.py",
        r"dist\.all_reduce\(tensor_to_allreduce, group=process_group\)",
        "pass",
    ),
    "zero-2: nobody hears of another's overflow": (
        "runtime/zero/stage_1_and_2.py",
        r"dist\.all_reduce\(overflow_gpu, op=dist\.ReduceOp\.MAX, group=self\.dp_process_group\)",
        "pass",
    ),
    "pipeline-clipping: gradients are clipped by the norm of one's own stage": (
        "runtime/zero/stage_1_and_2.py",
        r"self\._model_parallel_all_reduce\(tensor=total_norm, op=dist\.ReduceOp\.SUM\)",
        "pass",
    ),
    "zero-2: gradients are clipped by the norm of one's own": (
        "runtime/zero/stage_1_and_2.py",
        r"dist\.all_reduce\(total_norm, op=dist\.ReduceOp\.SUM, group=self\.dp_process_group\)",
        "pass",
    ),
}
PARTS = {name: name.partition(":")[0] for name in SPOILS}
FACTS = load_facts()


@contextmanager
def spoiled(site: Path, name: str) -> Iterator[None]:
    """The installed DeepSpeed with its file changed as the row says, wherever it matches; whole again after it."""
    file, pattern, instead = SPOILS[name]
    path = site / "deepspeed" / file
    whole = path.read_text(encoding="utf-8")
    text, count = re.subn(pattern, instead, whole)
    assert count, f"{file} of this release has no {pattern}"
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")


def make_environment(folder: Path, wheel: Path, torch: Path) -> tuple[Path, Path]:
    """The Python of an environment that has the wheel's files and sees the packages beside `torch`; where they lie."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    [beside] = torch.parent.parent.glob("lib/python*/site-packages")
    (site / "beside.pth").write_text(f"{beside}\n", encoding="utf-8")
    python = folder / "bin" / "python"
    more = packages_of([FACTS.verification_parts[part] for part in PARTS.values()])  # a wheel does not require them
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, *more], check=True)
    with zipfile.ZipFile(wheel) as members:
        members.extractall(site)
    return python, site


def verified(python: Path, wheel: Path, folder: Path, parts: Iterable[str]) -> Report:
    """What the parts say of the installed wheel; bytecode of what no test changes is compiled once for all of them."""
    folder.mkdir()
    compiled = python.parent.parent / "bytecode"
    compiled.mkdir(exist_ok=True)
    (folder / "bytecode").symlink_to(compiled)
    return run_suite(python, wheel, None, folder, [FACTS.verification_parts[part] for part in parts], log=print)


@pytest.fixture(scope="module")
def built(host_build: dict[str, Any]) -> tuple[Path, Path]:
    """A wheel with every op, and the Python of the environment that built it, which has torch."""
    torch = environment_of(parse_id(host_build["target"])) / "bin" / "python"
    return Path(host_build["wheel"]), torch


@pytest.fixture(scope="module")
def environment(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The Python that has the wheel, and where its files lie; each test leaves them as they were."""
    return make_environment(tmp_path_factory.mktemp("spoiled") / "environment", *built)


def test_the_sound_wheel_passes_every_part_that_spoiled_ones_fail(
    built: tuple[Path, Path], environment: tuple[Path, Path], tmp_path: Path
) -> None:
    report = verified(environment[0], built[0], tmp_path / "run", dict.fromkeys(PARTS.values()))
    assert [(check.name, check.detail) for check in report.failed] == []
    assert {run.name for run in report.parts if run.passed} == set(PARTS.values())


@pytest.mark.parametrize("name", SPOILS)
def test_a_wheel_that_is_wrong_in_one_way_fails_the_part_that_is_about_it(
    name: str, built: tuple[Path, Path], environment: tuple[Path, Path], tmp_path: Path
) -> None:
    python, site = environment
    with spoiled(site, name):
        report = verified(python, built[0], tmp_path / "run", ["load_ops", PARTS[name]])
    assert {run.name: run.passed for run in report.parts} == {"load_ops": True, PARTS[name]: False}
