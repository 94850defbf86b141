"""The newest wheel that fits is chosen; every other says why not, the nearest first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bench.find import ENVIRONMENTS, naive_choice
from scripts.graphics import Gpu, Graphics
from scripts.install.choose import choose
from scripts.install.environment import Torch
from scripts.install.machine import Machine
from scripts.install.mismatches import CPU_FLAGS, mismatches, questions
from tests.index.page.factories import many_wheels
from tests.install.factories import make_environment, make_machine, make_torch
from tests.plan.factories import ROOT
from tests.wheel.factories import TARGET, make_wheel_record

LINUX = replace(TARGET, platform="linux_x86_64")


def reasons(environment: dict[str, object], **record: object) -> dict[str, str]:
    return {
        m.what: m.reason for m in mismatches(make_wheel_record(**record), questions(make_environment(**environment)))
    }


def test_a_wheel_of_the_same_combination_fits() -> None:
    assert reasons({}) == {}


def test_the_patch_release_of_torch_does_not_matter() -> None:
    assert reasons({"torch": make_torch("2.6.1+cu124")}) == {}


@pytest.mark.parametrize(
    ("environment", "what", "told"),
    [
        ({"torch": make_torch("2.5.1+cu124")}, "torch", "it is for torch 2.6, not 2.5.1+cu124"),
        ({"torch": make_torch("2.6.0+cu126")}, "cuda", "it is for cu124, and this torch is for cu126"),
        ({"torch": make_torch("2.6.0")}, "cuda", "it is for cu124, and this torch is for cpu"),
        ({"torch": None}, "torch", "it is for torch 2.6, and no torch is installed"),
        ({"version": "3.12"}, "python", "it is for Python 3.11, not 3.12"),
        ({"version": "3.11t"}, "python", "it is for Python 3.11, not 3.11t"),
        ({"implementation": "pypy"}, "python", "it is for CPython, not pypy"),
        ({"platform": "linux_x86_64"}, "platform", "it is for win_amd64, not linux_x86_64"),
        ({"machine": make_machine(flags=("sse4_2",))}, "cpu", "it needs avx2, which this processor lacks"),
        ({"machine": make_machine("6.1")}, "gpu", "it has no code for GPU 6.1 (6.1); it has 8.6 12.0+PTX"),
    ],
)
def test_a_wheel_that_does_not_fit_says_in_which_way(environment: dict[str, object], what: str, told: str) -> None:
    assert reasons(environment) == {what: told}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, ["it is for a torch with _GLIBCXX_USE_CXX11_ABI=0, and this one was built with 1"]),
        ({"platform": "win_amd64"}, []),  # Windows has one ABI
        ({"abi": 0}, []),
        ({"abi": None}, []),  # this torch does not say
        ({"cuda": "cu126"}, []),  # the data do not say
    ],
)
def test_a_torch_of_the_other_abi_is_another_torch(changes: dict[str, Any], wanted: list[str]) -> None:
    told = {"platform": "linux_x86_64", "cuda": "cu124", "abi": 1, **changes}
    record = make_wheel_record(cuda=told["cuda"], platform=told["platform"])
    torch = replace(make_torch(f"2.6.0+{told['cuda']}"), cxx11_abi=told["abi"])
    environment = make_environment(platform=told["platform"], torch=torch)
    choice = choose([record], environment, abis={"2.6": {"cu124": 0}})
    assert [mismatch.reason for rejection in choice.rejected for mismatch in rejection.mismatches] == wanted
    assert {mismatch.what for rejection in choice.rejected for mismatch in rejection.mismatches} <= {"torch"}


def test_every_misfit_of_a_wheel_is_told() -> None:
    found = reasons({"torch": make_torch("2.5.1+cu121"), "version": "3.9", "platform": "linux_x86_64"})
    assert set(found) == {"torch", "cuda", "python", "platform"}


@pytest.mark.parametrize(
    ("driver", "told"),
    [("12.8", None), ("12.1", None), ("11.8", "this one supports up to 11.8"), (None, "no NVIDIA driver is here")],
)
def test_without_torch_the_driver_decides_about_cuda(driver: str | None, told: str | None) -> None:
    found = reasons({"torch": None, "machine": make_machine(driver=driver)})
    assert set(found) - {"cuda", "driver"} == {"torch"}
    assert (told or "") in "".join(reason for what, reason in found.items() if what != "torch")
    assert (len(found) == 1) is (told is None)


@pytest.mark.parametrize(
    ("arches", "capability", "runs"),
    [
        (("8.0",), "8.6", True),  # machine code runs within its major version
        (("8.6",), "8.0", False),
        (("8.6",), "9.0", False),
        (("8.6+PTX",), "9.0", True),  # the driver compiles PTX for what is newer
        (("9.0+PTX",), "8.6", False),
        (("9.0a",), "9.0", True),
        (("9.0a",), "9.1", False),
        (("7.5", "12.0"), "12.0", True),
        (("12.0",), "12.1", True),
        ((), "8.6", True),  # a CPU wheel asks for no GPU
    ],
)
def test_code_for_a_gpu_runs_on_it(arches: tuple[str, ...], capability: str, runs: bool) -> None:
    assert ("gpu" not in reasons({"machine": make_machine(capability)}, arches=arches)) is runs


def test_a_machine_without_gpu_may_have_a_cuda_wheel() -> None:
    assert reasons({"machine": make_machine()}) == {}


def test_a_processor_that_cannot_be_read_is_no_reason() -> None:
    machine = make_machine("8.6")
    assert reasons({"machine": replace(machine, cpu_flags=None)}) == {}


NEEDS = {"13.0": {"windows": "580", "linux": "580"}}


@pytest.mark.parametrize(
    ("cuda", "driver", "fits"), [("cu124", "12.1", True), ("cu118", "13.0", True), ("cu130", "12.8", False)]
)
@pytest.mark.parametrize("torch", [True, False])
def test_a_driver_runs_its_own_major_of_cuda_and_older_ones(cuda: str, driver: str, fits: bool, torch: bool) -> None:
    environment = make_environment(
        torch=make_torch(f"2.9.1+{cuda}") if torch else None, machine=make_machine("8.6", driver=driver)
    )
    found = mismatches(make_wheel_record(torch="2.9.1", cuda=cuda), questions(environment, drivers=NEEDS))
    assert ({mismatch.what for mismatch in found} <= {"torch"}) is fits
    if not fits:
        [reason] = [mismatch.reason for mismatch in found if mismatch.what == "driver"]
        assert reason == ("it is for CUDA 13.0, which needs driver 580 or newer; this one supports up to 12.8")


def test_without_a_torch_a_cuda_that_the_driver_names_comes_before_a_newer_minor() -> None:
    records = [make_wheel_record(torch="2.9.1", cuda=cuda) for cuda in ("cu126", "cu128", "cu129")]
    choice = choose(records, make_environment(torch=None, machine=make_machine("8.6", driver="12.8")))
    assert [rejection.record.target.cuda for rejection in choice.rejected] == ["cu128", "cu126", "cu129"]


@pytest.mark.parametrize("version", ["2.6.0.dev20251217+cu124", "2.6.0a0+b558c986e8.nv25.11", "2.6.0rc1+cu124"])
def test_a_torch_from_before_its_release_is_not_the_release(version: str) -> None:
    torch = Torch(version=version, installed=version, variant="cu124")
    found = reasons({"torch": torch})
    assert list(found) == ["torch"]
    assert f"{version} came before it" in found["torch"]


def test_a_card_whose_driver_says_nothing_is_neither_none_nor_any() -> None:
    machine = Machine(graphics=Graphics(gpus=(Gpu(name="NVIDIA GeForce RTX 3060"),)), cpu_flags=frozenset({"avx2"}))
    found = reasons({"torch": None, "machine": machine})
    assert "which CUDA the driver of this GPU supports is unknown" in found["driver"]
    assert "cuda" in reasons({"torch": None, "machine": machine}, cuda="cpu")


def test_another_makers_card_is_as_good_as_none() -> None:
    card = Gpu(name="AMD Radeon RX 7900 XTX", maker="AMD")
    machine = Machine(graphics=Graphics(gpus=(card,)), cpu_flags=frozenset({"avx2"}))
    assert set(reasons({"torch": None, "machine": machine}, cuda="cpu")) == {"torch"}


def test_the_newest_deepspeed_is_chosen() -> None:
    records = [make_wheel_record(deepspeed=deepspeed) for deepspeed in ("0.16.5", "0.19.8", "0.9.5", "0.17.2")]
    choice = choose(records, make_environment())
    assert choice.wheel
    assert choice.wheel.target.deepspeed == "0.19.8"
    assert [record.target.deepspeed for record in choice.fitting] == ["0.19.8", "0.17.2", "0.16.5", "0.9.5"]


@pytest.mark.parametrize(("wanted", "chosen"), [("0.16.4", "0.16.4"), ("0.16", "0.16.5"), ("0.1", None)])
def test_a_release_or_a_minor_line_can_be_asked_for(wanted: str, chosen: str | None) -> None:
    records = [make_wheel_record(deepspeed=deepspeed) for deepspeed in ("0.16.4", "0.16.5", "0.19.8")]
    wheel = choose(records, make_environment(), wanted).wheel
    assert (wheel.target.deepspeed if wheel else None) == chosen


def test_the_nearest_wheel_is_the_one_for_which_least_must_change() -> None:
    records = [
        make_wheel_record(platform="linux_x86_64"),
        make_wheel_record(python="3.12", torch="2.7.0"),
        make_wheel_record(torch="2.7.0"),
        make_wheel_record(torch="2.5.1"),
        make_wheel_record(deepspeed="0.16.4", torch="2.7.0"),
    ]
    choice = choose(records, make_environment())
    assert choice.wheel is None
    nearest = [(r.record.target.torch, r.record.target.deepspeed) for r in choice.rejected[:3]]
    assert nearest == [("2.7.0", "0.16.5"), ("2.7.0", "0.16.4"), ("2.5.1", "0.16.5")]
    assert choice.rejected[-1].record.target.platform == "linux_x86_64"


def test_no_wheel_is_lost_without_a_reason() -> None:
    targets = [(torch, python) for torch in ("2.6.0", "2.7.0") for python in ("3.11", "3.12")]
    records = [make_wheel_record(torch=torch, python=python) for torch, python in targets]
    choice = choose(records, make_environment())
    assert len(choice.fitting) + len(choice.rejected) == len(records)
    assert all(rejection.mismatches for rejection in choice.rejected)


def test_the_levels_of_the_processor_are_those_of_the_data() -> None:
    levels = yaml.safe_load((ROOT / "scripts" / "data" / "cpu.yaml").read_text(encoding="utf-8"))["levels"]
    assert {name: tuple(row["cpuinfo_flags"]) for name, row in levels.items()} == CPU_FLAGS


@pytest.mark.parametrize(
    ("library", "record", "told"),
    [
        (
            "glibc 2.28",
            {"platform_tag": "manylinux_2_34_x86_64"},
            "needs glibc 2.34 or newer, and this system has 2.28",
        ),
        ("glibc 2.17", {"glibc": "2.28"}, "needs glibc 2.28 or newer"),
        ("glibc 2.34", {"platform_tag": "manylinux_2_34_x86_64", "glibc": "2.34"}, None),
        ("glibc 2.100", {"platform_tag": "manylinux_2_34_x86_64"}, None),
        ("glibc 2.17", {"platform_tag": "manylinux2014_x86_64", "glibc": "2.14"}, None),
        ("glibc 2.17", {}, None),
        (None, {"platform_tag": "manylinux_2_34_x86_64"}, None),
    ],
)
def test_a_wheel_needs_the_c_library_of_its_level(
    library: str | None, record: dict[str, Any], told: str | None
) -> None:
    found = reasons({"platform": LINUX.platform, "c_library": library}, target=LINUX, **record)
    assert (told in found["c-library"]) if told else found == {}


def test_a_wheel_needs_the_symbols_of_its_cxx_library() -> None:
    environment: dict[str, object] = {
        "platform": LINUX.platform,
        "c_library": "glibc 2.39",
        "cxx_library": "3.4.25",
    }
    assert "needs GLIBCXX_3.4.29" in reasons(environment, target=LINUX, libstdcxx="3.4.29")["c-library"]
    assert reasons(environment, target=LINUX, libstdcxx="3.4.21") == {}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_answers_that_wheels_share_choose_as_asking_each_of_them_would(name: str) -> None:
    records = many_wheels(400)
    choice = choose(records, ENVIRONMENTS[name])
    assert (choice.fitting, list(choice.rejected)) == naive_choice(records, ENVIRONMENTS[name])
    assert list(choice.rejected[5:8]) == list(choice.rejected)[5:8]
    own = [row for row in choice.rejected if row.record.target.python == "3.11"]
    assert own == list(choice.rejected.of(python="3.11"))


def test_nothing_offered_is_nothing_chosen() -> None:
    choice = choose([], make_environment())
    assert (choice.wheel, choice.nearest, choice.fitting, len(choice.rejected)) == (None, None, (), 0)
