"""What stands between a toolkit and a compiler is refused before anything is compiled, with reason and way out."""

from __future__ import annotations

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.target import Target, parse_id
from scripts.toolchain.gates import (
    arch_context,
    gates,
    gcc_context,
    msvc_context,
    require_gates,
    standard_context,
    toolkit_context,
)

FACTS = load_facts()
WINDOWS = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
LINUX = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")


def cell(target: Target) -> dict[str, str | bool]:
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
        require_gates(target, FACTS, {**cell(target), **merged})
    return str(caught.value)


def test_what_the_facts_recommend_passes_every_gate() -> None:
    for choice in FACTS.toolset_choices:
        number = next(toolset.msc_ver for toolset in FACTS.toolsets if toolset.version == choice.toolset)
        for cuda in choice.cuda:
            context = msvc_context(FACTS, choice.toolset, number, cuda, "2.6")
            assert (context["msvc-accepted"], context["stl-accepted"]) == (True, True), cuda


@pytest.mark.parametrize(
    ("toolset", "number", "cuda", "rules"),
    [
        ("14.44", 1944, "11.8", {"msvc-host-config", "msvc-stl1002"}),
        ("14.44", 1944, "12.1", {"msvc-host-config", "msvc-stl1002"}),
        ("14.40", 1940, "12.1", {"msvc-host-config"}),
        ("14.50", 1950, "12.4", {"msvc-host-config"}),
        ("14.51", 1951, "12.8", {"msvc-host-config", "msvc-stl1002"}),
        ("14.51", 1951, "13.0", {"msvc-host-config", "msvc-stl1002"}),
    ],
)
def test_a_toolset_is_refused_by_the_gate_that_would_stop_the_compiler(
    toolset: str, number: int, cuda: str, rules: set[str]
) -> None:
    message = refusal(WINDOWS, host=msvc_context(FACTS, toolset, number, cuda, "2.6"))
    assert {line.split(":")[0].strip() for line in message.splitlines()[1:-1]} == rules
    assert f"cannot be compiled with MSVC {toolset}:" in message
    assert "it takes CUDA 12.4 and MSVC toolset 14.44" in message


def test_vs_2026_is_accepted_from_cuda_13_2_on() -> None:
    context = msvc_context(FACTS, "14.51", 1951, "13.2", "2.6")
    assert (context["msvc-accepted"], context["stl-accepted"]) == (True, True)


def test_a_gcc_newer_than_the_toolkit_knows_is_refused() -> None:
    assert require_gates(LINUX, FACTS, {**cell(LINUX), **gcc_context(FACTS, 15, "13.0")}) == ()
    message = refusal(LINUX, host=gcc_context(FACTS, 16, "13.0"))
    assert "gcc-host-config" in message
    assert message.endswith("it takes CUDA 13.0 and a GCC up to 15")


def test_a_toolkit_of_another_major_is_refused() -> None:
    message = refusal(WINDOWS, toolkit=toolkit_context(WINDOWS, FACTS, "13.0", "named"))
    assert "cuda-major" in message
    assert "cannot be compiled with CUDA 13.0" in message


def test_another_minor_passes_where_upstream_tolerates_it() -> None:
    """The official 0.16.5 wheels for torch's CUDA 12.4 were compiled with 12.8 or newer."""
    context = {**cell(WINDOWS), **toolkit_context(WINDOWS, FACTS, "12.8", "named")}
    assert require_gates(WINDOWS, FACTS, context) == ()
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
    assert require_gates(target, FACTS, {**cell(target), "std": "20"}) == ()


def test_every_name_of_a_gate_gets_its_value_somewhere() -> None:
    """A rule that waits for a name that nothing brings would never be asked."""
    brought = {
        *toolkit_context(WINDOWS, FACTS, "12.4", "any"),
        *msvc_context(FACTS, "14.44", 1944, "12.4", "2.6"),
        *gcc_context(FACTS, 12, "12.4"),
        "std",
        "source-kind",
    }
    waiting = {name for rule in gates(FACTS) for name in rule.when.names} - set(cell(WINDOWS))
    assert waiting <= brought
