"""An op whose code a processor does not understand is told before it is called, and not called."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.facts.load import load_facts
from scripts.verify.cpu_code import crashing_ops
from scripts.verify.suite_orders import Claims, order_of, why_not
from scripts.verify.suite_runs import SUITE_DIRECTORY
from scripts.wheel.content import open_wheel
from tests.verify.stub_code import VECTOR_CODE, ZMM
from tests.verify.stub_elf import make_elf
from tests.verify.stub_wheel import BUILD_INFO, MODULE, build_info, make_wheel

FACTS = load_facts()
WIDE = make_elf(code=VECTOR_CODE + ZMM * 3)
REASON = "3 AVX512F, which this processor does not have: it would crash"


def crashing(wheel: Path, *flags: str) -> Mapping[str, str]:
    with open_wheel(wheel) as content:
        return crashing_ops(FACTS, content, flags)


def test_avx_512_crashes_where_the_processor_has_none(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {MODULE: WIDE})
    assert crashing(wheel, "avx2") == {"cpu_adam": REASON}
    assert crashing(wheel, "avx2", "avx512f") == {}
    with open_wheel(wheel) as content:
        assert crashing_ops(FACTS, content, None) == {}


@pytest.mark.parametrize(("release", "crashes"), [("0.19.8", False), ("0.16.5", True)])
def test_an_op_that_asks_the_processor_first_does_not_crash(release: str, crashes: bool, tmp_path: Path) -> None:
    version = f"{release}+cputorch2.13"
    module = "deepspeed/ops/comm/deepspeed_shm_comm_op.cpython-311-x86_64-linux-gnu.so"
    record = build_info(version=version, ops=("deepspeed_shm_comm",)).encode()
    changes = {MODULE: None, module: WIDE, BUILD_INFO: record}
    name = f"deepspeed-{version}-cp311-cp311-linux_x86_64.whl"
    found = crashing(make_wheel(tmp_path, changes, name=name), "avx2")
    assert ("deepspeed_shm_comm" in found) == crashes


def test_a_part_of_such_an_op_is_skipped_and_says_why() -> None:
    claims = Claims(version="0.19.8", accelerator="cpu", ops=("cpu_adam",), crashing={"cpu_adam": REASON})
    part = FACTS.verification_parts["zero-1-cpu"]
    assert why_not(part, claims) == f"cpu_adam has {REASON}"
    assert order_of(part, claims)["crashing"] == {"cpu_adam": REASON}


def test_the_programs_do_not_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SUITE_DIRECTORY))
    monkeypatch.setenv("CRASHING_OPS", json.dumps({"cpu_adam": REASON}))
    optimizers, train = (importlib.import_module(name) for name in ("optimizers", "train"))
    case = optimizers.Case("cpu_adam", "CPU Adam", pytest.fail, ())
    found = optimizers.run(case, "float32", ("cpu_adam",))
    assert (found["passed"], found["detail"]) == (None, f"cpu_adam has {REASON}")
    assert train.ways(("cpu_adam", "fused_adam"), "cpu") == ["torch"]
    assert train.ways(("cpu_adam", "fused_adam"), "cuda") == ["fused_adam"]
