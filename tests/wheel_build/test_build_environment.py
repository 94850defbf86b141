"""The torch of an environment is the target's, and asking it imports nothing of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.errors import BuildEnvironmentError
from scripts.plan.target import Target, parse_id
from scripts.wheel_build.build_environment import assert_torch
from scripts.wheel_build.torch_routes import require_torch
from tests.wheel_build.factories import write_tree

CPU = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
CUDA = parse_id("ds0.19.8-torch2.13.0-cu130-cp311-linux_x86_64")


@pytest.mark.parametrize(
    ("target", "version", "cuda"),
    [(CPU, "2.13.0+cpu", None), (CPU, "2.13.0", None), (CUDA, "2.13.0+cu130", "13.0"), (CUDA, "2.13.0", "13.0")],
)
def test_the_target_s_torch_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, version: str, cuda: str | None
) -> None:
    install(tmp_path, monkeypatch, version, cuda)
    assert assert_torch(Path(sys.executable), target) == version


@pytest.mark.parametrize(
    ("target", "version", "cuda", "found"),
    [
        (CPU, "2.12.0+cpu", None, r"holds torch 2\.12\.0\+cpu for CUDA none"),
        (CPU, "2.13.0+cu130", "13.0", r"for CUDA 13\.0, the target asks for torch 2\.13\.0 for cpu"),
        (CUDA, "2.13.0+cu126", "12.6", r"asks for torch 2\.13\.0 for cu130"),
    ],
)
def test_another_torch_is_refused_since_the_wheel_would_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, version: str, cuda: str | None, found: str
) -> None:
    install(tmp_path, monkeypatch, version, cuda)
    with pytest.raises(BuildEnvironmentError, match=found):
        assert_torch(Path(sys.executable), target)


def test_an_environment_without_torch_is_said_to_have_none() -> None:
    with pytest.raises(BuildEnvironmentError, match="holds no torch, the target asks for torch 2"):
        require_torch(None, None, CPU)


def test_half_a_torch_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"torch/__init__.py": ""})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BuildEnvironmentError, match="holds no torch"):
        assert_torch(Path(sys.executable), CPU)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str, cuda: str | None) -> None:
    """A torch that cannot be imported."""
    constants = f"__version__ = {version!r}\ncuda = {cuda!r}\n"
    write_tree(folder, {"torch/__init__.py": "raise ImportError('libcuda.so')\n", "torch/version.py": constants})
    monkeypatch.setenv("PYTHONPATH", str(folder))
