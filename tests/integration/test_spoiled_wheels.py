"""Wheels whose files are whole and whose code is wrong: the part that is about it finds out, by running it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
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
# part -> file of DeepSpeed 0.19.8, what stands there, and what is put in its place
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
}
FACTS = load_facts()


def spoil(site: Path, part: str) -> None:
    """Change the file of the installed DeepSpeed as the part's row says; every place that matches."""
    file, pattern, instead = SPOILS[part]
    path = site / "deepspeed" / file
    text, count = re.subn(pattern, instead, path.read_text(encoding="utf-8"))
    assert count, f"{file} of this release has no {pattern}"
    path.write_text(text, encoding="utf-8")


def make_environment(folder: Path, wheel: Path, torch: Path) -> tuple[Path, Path]:
    """The Python of an environment that has the wheel's files and sees the packages beside `torch`; where they lie."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    [beside] = torch.parent.parent.glob("lib/python*/site-packages")
    (site / "beside.pth").write_text(f"{beside}\n", encoding="utf-8")
    python = folder / "bin" / "python"
    more = packages_of([FACTS.verification_parts[part] for part in SPOILS])  # a wheel does not require them
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, *more], check=True)
    with zipfile.ZipFile(wheel) as members:
        members.extractall(site)
    return python, site


def verified(python: Path, wheel: Path, folder: Path, parts: Iterable[str]) -> Report:
    """What the parts say of the installed wheel."""
    folder.mkdir()
    return run_suite(python, wheel, None, folder, [FACTS.verification_parts[part] for part in parts], log=print)


@pytest.fixture(scope="module")
def built(host_build: dict[str, Any]) -> tuple[Path, Path]:
    """A wheel with every op, and the Python of the environment that built it, which has torch."""
    torch = environment_of(parse_id(host_build["target"])) / "bin" / "python"
    return Path(host_build["wheel"]), torch


def test_the_sound_wheel_passes_every_part_that_spoiled_ones_fail(built: tuple[Path, Path], tmp_path: Path) -> None:
    python, _ = make_environment(tmp_path / "environment", *built)
    report = verified(python, built[0], tmp_path / "run", SPOILS)
    assert [(check.name, check.detail) for check in report.failed] == []
    assert {run.name for run in report.parts if run.passed} == set(SPOILS)


@pytest.mark.parametrize("part", SPOILS)
def test_a_wheel_that_is_wrong_in_one_way_fails_the_part_that_is_about_it(
    part: str, built: tuple[Path, Path], tmp_path: Path
) -> None:
    python, site = make_environment(tmp_path / "environment", *built)
    spoil(site, part)
    report = verified(python, built[0], tmp_path / "run", ["load_ops", part])
    assert {run.name: run.passed for run in report.parts} == {"load_ops": True, part: False}
