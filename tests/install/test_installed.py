"""A DeepSpeed that cannot load its ops here is known by what it says of itself; it is never imported."""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from scripts.install.environment import NO_BUILD, DeepSpeedBuild, read_environment
from scripts.install.installed import why_wrong
from tests.install.factories import make_environment, make_machine, make_torch

WINDOWS = ("cp312-win_amd64.pyd", "pyd")
BUILD_INFO = """\
version={version!r}
git_hash='unknown'
git_branch='unknown'
installed_ops={ops!r}
accelerator_name='cuda'
torch_info={{'version': {torch!r}, 'cuda_version': {cuda!r}, 'nccl_version': '0.0', 'hip_version': {hip!r}}}
"""


def info(torch: str = "2.7", cuda: str = "12.6", hip: str = "0.0", version: str = "0.16.5", **ops: bool) -> str:
    return BUILD_INFO.format(torch=torch, cuda=cuda, hip=hip, version=version, ops=ops)


def reasons(
    deepspeed: str | None, build: DeepSpeedBuild = NO_BUILD, torch: str | None = "2.7.0+cu126"
) -> tuple[str, ...]:
    installed = make_torch(torch) if torch else None
    return why_wrong(make_environment(version="3.12", torch=installed, deepspeed=deepspeed, deepspeed_build=build))


@pytest.mark.parametrize("deepspeed", [None, "0.16.5", "0.16.5+cu126torch2.7", "0.16.5+unknown"])
def test_one_that_fits_or_says_nothing_is_not_wrong(deepspeed: str | None) -> None:
    assert reasons(deepspeed) == ()


def test_the_label_says_for_which_torch_and_cuda_it_is() -> None:
    assert reasons("0.16.5+cu124torch2.6") == (
        "it is for torch 2.6, not 2.7.0+cu126",
        "it is for cu124, and this torch is for cu126",
    )
    assert reasons("0.16.5+cputorch2.7") == ("it is for cpu, and this torch is for cu126",)
    assert reasons("0.16.5+cu126torch2.7", torch=None) == ("it is for torch 2.7, and no torch is installed",)


def test_what_the_build_wrote_down_says_it_without_a_label() -> None:
    build = DeepSpeedBuild(info=info("2.6", "12.4", fused_adam=True), modules=("fused_adam_op.pyd",), suffixes=WINDOWS)
    assert reasons("0.16.5", build) == (
        "it is for torch 2.6, not 2.7.0+cu126",
        "it is for cu124, and this torch is for cu126",
    )
    rocm = DeepSpeedBuild(info=info(hip="6.2", fused_adam=True), modules=("fused_adam_op.pyd",), suffixes=WINDOWS)
    assert reasons("0.16.5", rocm) == ("it is for rocm, and this torch is for cu126",)


def test_one_without_compiled_ops_compiles_them_for_the_torch_that_is_there() -> None:
    assert reasons("0.16.5", DeepSpeedBuild(info=info("2.4", "12.1", fused_adam=False))) == ()


def test_modules_for_another_python_cannot_be_loaded() -> None:
    module = "fused_adam_op.cp310-win_amd64.pyd"
    build = DeepSpeedBuild(info=info(fused_adam=True), modules=(module,), suffixes=WINDOWS)
    assert reasons("0.16.5", build) == (f"{module} is for another Python or system than Python 3.12, win_amd64",)


def test_an_op_whose_file_is_gone_is_named() -> None:
    build = DeepSpeedBuild(
        info=info(fused_adam=True, cpu_adam=True), modules=("cpu_adam_op.cp312-win_amd64.pyd",), suffixes=WINDOWS
    )
    assert reasons("0.16.5", build) == ("it says that it has fused_adam, and no file of that is there",)


@pytest.mark.parametrize("text", ["version=", "import os\nos._exit(3)", "\udcff", "version='1'\ninstalled_ops=7"])
def test_a_damaged_file_leaves_the_label(text: str) -> None:
    assert reasons("0.16.5+cu126torch2.6", DeepSpeedBuild(info=text)) == ("it is for torch 2.6, not 2.7.0+cu126",)


def test_it_is_read_in_the_environment_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "deepspeed"
    (package / "ops" / "adam").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('PyTorch version mismatch!')\n")
    (package / "git_version_info_installed.py").write_text(info("2.6", "12.4", fused_adam=True))
    own = f"fused_adam_op{EXTENSION_SUFFIXES[0]}"
    (package / "ops" / "adam" / own).touch()
    (tmp_path / "deepspeed-0.16.5.dist-info").mkdir()
    (tmp_path / "deepspeed-0.16.5.dist-info" / "METADATA").write_text("Name: deepspeed\nVersion: 0.16.5\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = read_environment(sys.executable, machine=make_machine())
    assert (found.deepspeed, found.deepspeed_build.modules) == ("0.16.5", (own,))
    assert "it is for torch 2.6" in why_wrong(found)[0]
    (package / "ops" / "adam" / own).rename(package / "ops" / "adam" / "fused_adam_op.cp39-win_arm64.pyd")
    assert "another Python" in why_wrong(read_environment(sys.executable, machine=make_machine()))[-1]
