"""A CUDA wheel of the real thing: torch for CUDA, NVIDIA's compiler from wheels alone, SASS for every architecture.

Some 4 GB are downloaded and a quarter of an hour of one core is used, so it runs only when it is asked for:

    DEEPSPEED_WHEELS_TEST_CUDA=1 python -m pytest tests/integration/test_cuda_build.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.shop import Shop

ASKED = os.environ.get("DEEPSPEED_WHEELS_TEST_CUDA")
pytestmark = [
    pytest.mark.real_build,
    pytest.mark.network,
    pytest.mark.skipif(not ASKED, reason="set DEEPSPEED_WHEELS_TEST_CUDA=1 for it: it downloads some 4 GB"),
    pytest.mark.skipif(sys.platform != "linux", reason="the toolkit of wheels links as it is on Linux only"),
]
TARGET = ("--py", "3.11", "--torch", "2.11", "--cuda", "13.0", "--deepspeed", "0.19.8")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of the wheel that was built with nothing but wheels from the index."""
    shop = Shop(tmp_path_factory.mktemp("cuda"))
    return shop.manifest(shop.build(*TARGET, "--ops", "fused_adam,cpu_adam", "--toolkit", "pip"))


def test_the_toolkit_comes_from_wheels_and_is_the_target_s(manifest: dict[str, Any]) -> None:
    assert manifest["toolchain"]["nvcc"].startswith("13.0.")
    assert manifest["torch"] == "2.11.0+cu130"


def test_every_architecture_of_the_matrix_is_in_the_op(manifest: dict[str, Any]) -> None:
    (check,) = [check for check in manifest["proof"]["checks"] if check["name"] == "GPU architectures"]
    assert check["passed"], check
    assert "fused_adam_op: sm_75, sm_80, sm_86, sm_89, sm_90, sm_100, sm_120, PTX of 120" in check["detail"]


def test_the_wheel_passed_its_proof_and_both_ops_load(manifest: dict[str, Any]) -> None:
    checks = {check["name"]: check["passed"] for check in manifest["proof"]["checks"]}
    assert manifest["proof"]["passed"]
    assert (checks["load fused_adam"], checks["load cpu_adam"], checks["CPU Adam float32"]) == (True, True, True)


def test_the_wheel_is_filed_with_its_size_and_its_peaks(manifest: dict[str, Any]) -> None:
    assert Path(manifest["wheel"]["file"]).suffix == ".whl"
    assert all(op["peak_bytes"] > 0 and op["seconds"] > 0 for op in manifest["ops"].values())
