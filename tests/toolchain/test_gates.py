"""What stands between a toolkit and a compiler is refused before anything is compiled, with reason and way out."""

from __future__ import annotations

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.target import Target, parse_id
from scripts.toolchain.gates import (
    arch_context,
    gates_of,
    gcc_context,
    standard_context,
    toolkit_context,
)

FACTS = load_facts()
WINDOWS = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
LINUX = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")


def known(target: Target) -> dict[str, str | bool]:
    return {
        "os": target.system,
        "accelerator": target.accelerator,
        "cuda": target.cuda,
        "torch": target.torch,
        "cuda-version": target.cuda_version or "",
        "deepspeed": target.deepspeed,
        "python": target.python,
        "cuda-major": (target.cuda_version or "").partition(".")[0],
    }


def refusal(target: Target, **context: dict[str, str | bool]) -> str:
    merged = {name: value for part in context.values() for name, value in part.items()}
    with pytest.raises(PrerequisiteError) as caught:
        gates_of(target, FACTS).require({**known(target), **merged})
    return str(caught.value)


def test_a_gcc_newer_than_the_toolkit_knows_is_refused() -> None:
    gates_of(LINUX, FACTS).require({**known(LINUX), **gcc_context(FACTS, 15, "13.0")})
    message = refusal(LINUX, host=gcc_context(FACTS, 16, "13.0"))
    assert "gcc-host-config" in message
    assert message.endswith("it takes CUDA 13.0 and a GCC up to 15")


def test_a_toolkit_of_another_major_is_refused() -> None:
    message = refusal(WINDOWS, toolkit=toolkit_context(WINDOWS, FACTS, "13.0", "named"))
    assert "cuda-major" in message
    assert "cannot be compiled with CUDA 13.0" in message


def test_another_minor_passes_where_upstream_tolerates_it() -> None:
    """The official 0.16.5 wheels for torch's CUDA 12.4 were compiled with 12.8 or newer."""
    context = {**known(WINDOWS), **toolkit_context(WINDOWS, FACTS, "12.8", "named")}
    gates_of(WINDOWS, FACTS).require(context)
    assert "ds-cuda-minor" in refusal(WINDOWS, toolkit=toolkit_context(WINDOWS, FACTS, "12.9", "named"))


def test_cuda_13_must_agree_to_the_minor() -> None:
    assert "ds-cuda13-minor" in refusal(LINUX, toolkit=toolkit_context(LINUX, FACTS, "13.2", "named"))


def test_wheels_bring_no_compiler_before_cuda_13() -> None:
    assert "pip-cu12" in refusal(WINDOWS, toolkit=toolkit_context(WINDOWS, FACTS, "12.4", "pip"))


def test_an_architecture_that_the_found_toolkit_does_not_know_is_refused() -> None:
    assert arch_context(FACTS, "8.0;12.0+PTX", "12.8") == {"arch-supported": True}
    assert "arch-range" in refusal(WINDOWS, arch=arch_context(FACTS, "8.0;12.0+PTX", "12.4"))


def test_the_oldest_standard_of_all_commands_counts_and_the_last_of_each() -> None:
    commands = [
        ["nvcc", "-std=c++17", "x.cu", "-std=c++20"],
        ["cl.exe", "/std:c++17", "/Tpx.cpp"],
        ["g++", "-c", "y.cpp"],
    ]
    assert standard_context(commands) == {"std": "17"}
    assert standard_context(commands[:1]) == {"std": "20"}
    assert standard_context(commands[2:]) == {}


def test_a_recorded_standard_that_torch_s_headers_refuse_stops_the_build() -> None:
    target = parse_id("ds0.19.8-torch2.13.0-cu130-cp311-win_amd64")
    assert "cpp20-headers" in refusal(target, std={"std": "17"})
    gates_of(target, FACTS).require({**known(target), "std": "20"})
