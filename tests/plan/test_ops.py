"""Which ops a target has and which are built: upstream's sets, our reasons, and what a request may ask for."""

from __future__ import annotations

import itertools

import pytest

from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.plan.ops import available_ops, choose_ops, patches_for
from scripts.plan.target import Target

OPS = load_facts().ops
WINDOWS_CUDA = {
    "fused_adam",
    "fused_lamb",
    "fused_lion",
    "cpu_adam",
    "cpu_adagrad",
    "cpu_lion",
    "quantizer",
    "random_ltd",
    "spatial_inference",
    "transformer",
    "stochastic_transformer",
    "transformer_inference",
    "inference_core_ops",
    "ragged_ops",
}
LINUX_CPU = {"cpu_adam", "fused_adam", "deepspeed_shm_comm"}


def make_target(deepspeed: str = "0.19.8", cuda: str = "cpu", platform: str = "linux_x86_64") -> Target:
    return Target(deepspeed=deepspeed, torch="2.8.0", cuda=cuda, python="3.11", platform=platform)


def chosen(target: Target, wanted: tuple[str, ...] | None = None) -> set[str]:
    return {choice.name for choice in choose_ops(OPS, target, wanted).chosen}


@pytest.mark.parametrize("deepspeed", ["0.14.5", "0.15.0", "0.16.5", "0.17.0"])
def test_windows_builds_the_fourteen_ops_of_the_official_wheels_up_to_0_17_0(deepspeed: str) -> None:
    assert chosen(make_target(deepspeed, "cu124", "win_amd64")) == WINDOWS_CUDA
    assert len(WINDOWS_CUDA) == 14


@pytest.mark.parametrize("deepspeed", ["0.17.1", "0.18.9", "0.19.5", "0.19.8"])
def test_windows_builds_utils_as_well_from_0_17_1(deepspeed: str) -> None:
    assert chosen(make_target(deepspeed, "cu128", "win_amd64")) == WINDOWS_CUDA | {"utils"}


@pytest.mark.parametrize(
    ("deepspeed", "more"),
    [
        ("0.14.5", set[str]()),
        ("0.15.2", set[str]()),
        ("0.15.3", {"async_io"}),
        ("0.19.4", {"async_io"}),
        ("0.19.5", {"async_io", "pin_memory"}),
        ("0.19.7", {"async_io", "pin_memory"}),
        ("0.19.8", {"async_io", "pin_memory", "cpu_adagrad", "cpu_lion"}),
    ],
)
def test_the_linux_cpu_set_grows_with_the_releases(deepspeed: str, more: set[str]) -> None:
    assert chosen(make_target(deepspeed)) == LINUX_CPU | more


def test_the_windows_cpu_set_has_no_op_that_needs_posix() -> None:
    target = make_target("0.19.8", platform="win_amd64")
    assert chosen(target) == {"cpu_adam", "fused_adam", "cpu_adagrad", "cpu_lion"}


@pytest.mark.parametrize(("deepspeed", "more"), [("0.18.9", {"utils", "dc"}), ("0.19.8", {"utils", "pin_memory"})])
def test_linux_cuda_follows_the_gpu_less_recipe_of_upstream(deepspeed: str, more: set[str]) -> None:
    assert chosen(make_target(deepspeed, "cu128")) == WINDOWS_CUDA | more


def test_every_op_that_exists_is_chosen_or_has_its_reason() -> None:
    for deepspeed in load_facts().deepspeed:
        for cuda in ("cpu", "cu124"):
            for platform in ("win_amd64", "linux_x86_64"):
                target = make_target(deepspeed, cuda, platform)
                selection = choose_ops(OPS, target, None)
                names = {choice.name for choice in selection.chosen} | selection.left_out.keys()
                assert names == {choice.name for choice in available_ops(OPS, target)}
                assert all(selection.left_out.values())


def test_ops_that_upstream_forgets_to_check_are_off_with_a_reason() -> None:
    left_out = choose_ops(OPS, make_target(), None).left_out
    assert "oneCCL" in left_out["deepspeed_ccl_comm"]
    assert "cannot be imported" in left_out["deepspeed_not_implemented"]


def test_async_io_of_the_cpu_set_is_built() -> None:
    choices = {choice.name: choice for choice in available_ops(OPS, make_target("0.16.5"))}
    assert choices["async_io"].variable == "DS_BUILD_AIO"
    assert choices["async_io"].module == "deepspeed.ops.aio.async_io_op"


def test_an_absent_header_makes_its_op_missing_and_names_the_line_that_installs_it() -> None:
    selection = choose_ops(OPS, make_target(), None, {"libaio.h": "apt-get install libaio-dev"})
    assert "async_io" not in {choice.name for choice in selection.chosen}
    line = "the header libaio.h is not on this machine; install it with: apt-get install libaio-dev"
    assert selection.missing == {"async_io": line}


def test_whoever_has_the_wheel_reads_why_an_op_is_missing_without_the_cure_of_who_builds() -> None:
    selection = choose_ops(OPS, make_target(), None, {"libaio.h": "apt-get install libaio-dev"})
    assert selection.left_out["async_io"] == "the machine that built it did not have the header libaio.h"


def test_an_op_that_is_off_anyway_is_not_missing_without_its_header() -> None:
    selection = choose_ops(OPS, make_target(cuda="cu128"), None, {"libaio.h": "apt-get install libaio-dev"})
    assert selection.missing == {}
    assert selection.left_out["async_io"].startswith("off:")


def test_what_every_wheel_of_the_name_has_is_known_whatever_this_build_makes() -> None:
    whole = choose_ops(OPS, make_target(), None)
    assert whole.usual == {choice.name for choice in whole.chosen}
    assert choose_ops(OPS, make_target(), ("cpu_adam",)).usual == whole.usual
    assert choose_ops(OPS, make_target(), None, {"libaio.h": "a line"}).usual == whole.usual
    assert choose_ops(OPS, make_target(), ("cpu_adam",), usual=("cpu_adam",)).usual == {"cpu_adam"}


def test_a_wanted_op_may_be_one_that_is_off_by_default() -> None:
    selection = choose_ops(OPS, make_target(cuda="cu128"), ("fp_quantizer",))
    assert [choice.name for choice in selection.chosen] == ["fp_quantizer"]
    assert selection.left_out["fused_adam"] == "not among the ops that were asked for"


@pytest.mark.parametrize(
    ("target", "name", "reason"),
    [
        (make_target("0.19.8", "cu128", "win_amd64"), "async_io", "Linux only"),
        (make_target("0.19.7"), "cpu_lion", "DeepSpeed 0.19.7 does not have it for cpu"),
        (make_target("0.19.8", "cu128"), "sparse_attn", "does not have it"),
        (make_target(), "cpu_adm", "no op of that name"),
    ],
)
def test_a_wanted_op_that_cannot_be_had_is_refused_with_the_ops_that_can(
    target: Target, name: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        choose_ops(OPS, target, ("cpu_adam", name))
    assert name in str(caught.value)
    assert "it can have" in str(caught.value)
    assert "cpu_adam" in str(caught.value).rpartition("it can have")[2]


def applied(**context: str) -> set[str]:
    names = {name.replace("_", "-"): value for name, value in context.items()}
    return {patch.id for patch in patches_for(load_facts().patches, names)}


def test_patches_follow_their_conditions() -> None:
    windows = {"os": "windows", "accelerator": "cuda", "cuda_version": "12.8", "cuda_major": "12", "torch": "2.9.0"}
    assert applied(deepspeed="0.16.3", source_kind="sdist", **windows) == {
        "P1",
        "P4",
        "P5",
        "P6",
        "P7",
        "P10",
        "P14",
        "P15",
        "P19",
    }
    assert applied(deepspeed="0.19.8", source_kind="tag", **windows) == {"P3", "P4", "P14", "P15", "P16"}
    assert applied(deepspeed="0.19.8", source_kind="sdist", os="linux", accelerator="cpu", torch="2.13.0") == {"P17"}
    for os, release in itertools.product(("windows", "linux"), ("0.18.6", "0.18.7", "0.18.9", "0.19.0")):
        found = applied(deepspeed=release, os=os, source_kind="sdist", accelerator="cpu", torch="2.13.0")
        assert ("P18" in found) == (release in ("0.18.7", "0.18.9"))
    assert applied(deepspeed="0.17.4", source_kind="tag", os="linux", accelerator="cuda", torch="2.12.0") == {
        "P9",
        "P10",
        "P11",
        "P12",
        "P19",
    }
