"""What people paste is read as what it says: no other stack's, no toolkit's and no wheel's torch or CUDA for theirs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import yaml

from tests.index.page.factories import made_up, render
from tests.index.page.test_browser import LONG, PASTED
from tests.plan.factories import make_target

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opener: TypeAlias = "Callable[..., Page]"
Server: TypeAlias = Callable[[Mapping[str, bytes]], str]

ASK = "(text) => readEnvironment(text, model)"
MISMATCH = (
    "PyTorch version mismatch! DeepSpeed ops were compiled and installed with a different version than what is being "
    "used at runtime. Please re-install DeepSpeed or switch torch versions. "
    "Install torch version=2.6, Runtime torch version=2.7"
)
ROCM = {
    "python": "3.12",
    "platform": "win32",
    "machine": "AMD64",
    "torch": "2.9.1+rocmsdk20260116",
    "cuda": None,
    "gpu": "AMD Radeon RX 9070 XT",
    "capability": [12, 0],
}
RED_HAT = (
    "PyTorch version: 2.7.0+cu126\nCUDA used to build PyTorch: 12.6\n"
    "OS: Red Hat Enterprise Linux 8.10 (Ootpa) (x86_64)\nLibc version: glibc-2.28\n"
    "Python version: 3.11.9 (64-bit runtime)\nGPU 0: NVIDIA A100-SXM4-80GB\n"
)
MAC = (
    "PyTorch version: 2.9.0\nIs debug build: False\nCUDA used to build PyTorch: None\n"
    "ROCM used to build PyTorch: N/A\n\n"
    "OS: macOS 15.1 (arm64)\nLibc version: N/A\n\nPython version: 3.12.7 (64-bit runtime)\nIs CUDA available: False\n"
)
OLD_BANNER = "| NVIDIA-SMI 560.94   Driver Version: 560.94   CUDA Version: 12.6 |\n"
NEW_BANNER = "| NVIDIA-SMI 610.43.02    KMD Version: 610.43.02     CUDA UMD Version: 13.3     |\n"
NVCC = (
    "nvcc: NVIDIA (R) Cuda compiler driver\nCopyright (c) 2005-2024 NVIDIA Corporation\n"
    "Built on Thu_Mar_28_02:18:24_PDT_2024\nCuda compilation tools, release 12.4, V12.4.131\n"
    "Build cuda_12.4.r12.4/compiler.34097967_0\n"
)
NO_ROCM = "No wheels are made for ROCm, every op here is compiled for NVIDIA GPUs or for the CPU."
READ: dict[str, tuple[str, dict[str, str], str]] = {  # text, what is known, a part of the doubts
    "our documents' line": ("2.6.0+cu124 12.4", {"torch": "2.6", "cuda": "cu124"}, ""),
    "our documents' line between prompts": (
        "$ python -c ...\r\n2.6.0+cu124 12.4\r\n$ ",
        {"torch": "2.6", "cuda": "cu124"},
        "",
    ),
    "our documents' line of conda-forge's torch": ("2.6.0 12.6", {"torch": "2.6", "cuda": "cu126"}, ""),
    "our documents' line for the CPU": (
        "2.6.0+cpu None",
        {"torch": "2.6", "cuda": "cpu"},
        "That torch is the CPU build",
    ),
    "our documents' line for ROCm": ("2.6.0+rocm6.2 None", {"torch": "2.6", "cuda": "ROCm"}, NO_ROCM),
    "our documents' line for Intel": (
        "2.9.0+xpu None",
        {"torch": "2.9", "cuda": "Intel GPUs"},
        "for the GPUs of Intel and Apple",
    ),
    "DeepSpeed's mismatch of torch": (MISMATCH, {"torch": "2.7"}, ""),
    "DeepSpeed's mismatch of CUDA": (
        "CUDA version mismatch! DeepSpeed ops were compiled ... Install CUDA version=12.1, Runtime CUDA version=12.4",
        {"cuda": "cu124"},
        "",
    ),
    "DeepSpeed's mismatch with a toolkit": (
        "Installed CUDA version 11.8 does not match the version torch was compiled with 12.1, unable to compile",
        {"cuda": "cu121"},
        "",
    ),
    "torch's mismatch with a toolkit": (
        "The detected CUDA version (11.8) mismatches the version that was used to compile\nPyTorch (12.1). Please",
        {"cuda": "cu121"},
        "",
    ),
    "conda's list": (
        "pytorch 2.5.1 py3.11_cuda12.4_cudnn9_0 pytorch",
        {"py": "3.11", "torch": "2.5", "cuda": "cu124"},
        "another C++ ABI",
    ),
    "conda-forge's list": (
        "pytorch        2.5.1     cuda126_mkl_py311_h1ecd1e1_300    conda-forge",
        {"py": "3.11", "torch": "2.5", "cuda": "cu126"},
        "another C++ ABI",
    ),
    "conda-forge's list for the CPU": (
        "pytorch-2.5.1-cpu_generic_py312_h0ab8cd2_1",
        {"py": "3.12", "torch": "2.5", "cuda": "cpu"},
        "another C++ ABI",
    ),
    "ROCm with a GPU": (
        json.dumps(ROCM),
        {"platform": "win_amd64", "py": "3.12", "torch": "2.9", "cuda": "ROCm"},
        NO_ROCM,
    ),
    "ROCm without a label": (
        json.dumps({**ROCM, "torch": "2.9.1", "hip": "7.2.26015"}),
        {"platform": "win_amd64", "py": "3.12", "torch": "2.9", "cuda": "ROCm"},
        NO_ROCM,
    ),
    "collect_env of ROCm": (
        "PyTorch version: 2.9.1\nCUDA used to build PyTorch: N/A\nROCM used to build PyTorch: 6.4.43482-0f2d60242\n"
        "GPU models and configuration: AMD Instinct MI300X (gfx942:sramecc+:xnack-)\n",
        {"torch": "2.9", "cuda": "ROCm"},
        NO_ROCM,
    ),
    "another maker's card without torch": (
        json.dumps({**ROCM, "torch": None}),
        {"platform": "win_amd64", "py": "3.12", "cuda": "cpu"},
        "is not NVIDIA's: no wheels are made for ROCm",
    ),
    "an old C library": (
        RED_HAT.replace("2.28", "2.17"),
        {"platform": "linux_x86_64", "py": "3.11", "torch": "2.7", "cuda": "cu126", "gpu": "8.0"},
        "Its C library is glibc 2.17, and wheels for Linux are built with glibc 2.28",
    ),
    "the detection line with an old C library": (
        json.dumps({"python": "3.11.9", "platform": "linux", "machine": "x86_64", "torch": None, "libc": "glibc-2.17"}),
        {"platform": "linux_x86_64", "py": "3.11"},
        "Its C library is glibc 2.17",
    ),
    "a new C library": (RED_HAT.replace("2.28", "2.39"), {"torch": "2.7"}, ""),
    "musl": (
        json.dumps({"python": "3.12.1", "platform": "linux", "machine": "x86_64", "torch": None, "libc": "musl"}),
        {"platform": "Linux with musl", "py": "3.12"},
        "",
    ),
    "macOS": (MAC, {"platform": "macOS", "py": "3.12", "torch": "2.9", "cuda": "cpu"}, ""),
    "a nightly": (
        json.dumps({**ROCM, "torch": "2.11.0.dev20251217+cu128", "cuda": "12.8", "gpu": "NVIDIA GeForce RTX 5090"}),
        {"torch": "2.11.0.dev20251217", "cuda": "cu128", "gpu": "12.0"},
        "",
    ),
    "a vendor's build": ("2.10.0a0+b558c986e8.nv25.11 13.0", {"torch": "2.10.0a0", "cuda": "cu130"}, ""),
    "a release candidate": ("torch 2.9.0rc1+cu128", {"torch": "2.9.0rc1", "cuda": "cu128"}, ""),
    "an older driver": (OLD_BANNER, {}, "the newest CUDA of the driver, not torch's"),
    "a newer driver": (NEW_BANNER, {}, "the newest CUDA of the driver, not torch's"),
    "a torch that its driver is too old for": (
        "2.9.1+cu130 13.0\n" + OLD_BANNER,
        {"torch": "2.9", "cuda": "cu130"},
        "needs a newer driver: this one supports CUDA up to 12.6",
    ),
    "a toolkit": (NVCC, {}, "CUDA 12.4 is that of the toolkit (nvcc), not torch's"),
    "what torch says of a card": (
        "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch installation.\n"
        "The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.\n",
        {"gpu": "12.0"},
        "",
    ),
    "a session of Python": (
        "Python 3.13.3 (tags/v3.13.3:6280bb5, Apr  8 2025, 14:47:33) [MSC v.1943 64 bit (AMD64)] on win32\n"
        ">>> import torch\n>>> torch.__version__\n'2.8.0+cu128'\n>>> print(torch.version.cuda)\n12.8\n",
        {"platform": "win_amd64", "py": "3.13", "torch": "2.8", "cuda": "cu128"},
        "",
    ),
    "a session of Python with ROCm": (
        ">>> torch.__version__\n'2.9.1+rocm6.4'\n",
        {"torch": "2.9", "cuda": "ROCm"},
        NO_ROCM,
    ),
    "pip show": (
        "Name: torch\r\nVersion: 2.7.0+cu128\r\n"
        "Location: C:\\Users\\x\\AppData\\Local\\Programs\\Python\\Python310\\Lib\\site-packages\r\n",
        {"platform": "win_amd64", "py": "3.10", "torch": "2.7", "cuda": "cu128"},
        "",
    ),
    "what pip installed": (
        "Successfully installed sympy-1.14.0 torch-2.8.0+cu129 torchvision-0.23.0+cu129",
        {"torch": "2.8", "cuda": "cu129"},
        "",
    ),
    "uv's list": ("torch          2.9.1+cu130\ntorchvision    0.24.1+cu130\n", {"torch": "2.9", "cuda": "cu130"}, ""),
    "nvidia-smi -q": (
        "Driver Version                            : 570.86.10\nCUDA Version                              : 12.8\n"
        "GPU 00000000:01:00.0\n    Product Name                          : NVIDIA GeForce RTX 4090\n",
        {"gpu": "8.9"},
        "the newest CUDA of the driver, not torch's",
    ),
    "nvidia-smi -L": ("GPU 0: NVIDIA GeForce RTX 3090 (UUID: GPU-b8ea)\n", {"gpu": "8.6"}, ""),
    "a driver that does not say": (
        "| NVIDIA-SMI 545.46          Driver Version: 546.80       CUDA Version: ERR!     |\n"
        "|   0  NVIDIA GeForce RTX 3060 ...    On  | 00000000:01:00.0  On |                  N/A |\n",
        {"gpu": "8.6"},
        "does not say which CUDA it supports",
    ),
    "lspci": ("01:00.0 VGA: NVIDIA Corporation AD102 [GeForce RTX 4090] (rev a1)\n", {"gpu": "8.9"}, ""),
    "conda info": (
        "      python version : 3.12.7.final.0\n    virtual packages : __cuda=12.6=0\n"
        "                       __glibc=2.17=0\n            platform : linux-aarch64\n",
        {"platform": "Linux on ARM"},
        "Its C library is glibc 2.17",
    ),
    "a Jetson": (
        "PyTorch version: 2.0.0a0+ec3941ad.nv23.02\nCUDA used to build PyTorch: 11.4\n"
        "OS: Ubuntu 20.04.5 LTS (aarch64)\nPython version: 3.8.10 (default)  [GCC 9.4.0] (64-bit runtime)\n",
        {"platform": "Linux on ARM", "py": "3.8", "torch": "2.0.0a0", "cuda": "cu114"},
        "",
    ),
    "a C library that an op found too old": (
        "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.32' not found (required by "
        "/usr/local/lib/python3.10/site-packages/flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so)",
        {"platform": "linux_x86_64", "py": "3.10"},
        "older than glibc 2.32, and wheels for Linux need glibc 2.28: “ldd --version” says which it is",
    ),
    "a toolkit's last line": ("Cuda compilation tools, release 12.4, V12.4.131", {}, "not torch's"),
}


OTHERS = yaml.safe_load((Path(__file__).parent / "pastes.yaml").read_text(encoding="utf-8"))


def read(page: Page, text: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(ASK, text)
    return found


def test_each_paste_is_read_as_what_it_says(open_page: Opener, site: str) -> None:
    page = open_page(site)
    for name, (text, known, doubt) in READ.items():
        found = read(page, text)
        assert {axis: found["fixed"].get(axis) for axis in known} == known, name
        assert doubt in " ".join(found["doubts"]), name
        assert known or not found["fixed"], name
    assert read(page, RED_HAT.replace("2.28", "2.39"))["doubts"] == []
    assert "gpu" not in read(page, json.dumps(ROCM))["fixed"]
    assert (read(page, OLD_BANNER)["driver"], read(page, NEW_BANNER)["driver"]) == ("12.6", "13.3")
    assert read(page, NVCC)["heard"] == []


def test_other_shapes_of_the_same_are_read_too(open_page: Opener, site: str) -> None:
    page, wrong = open_page(site), {}
    for name, row in OTHERS["pastes"].items():
        found = read(page, row["pasted"])
        told = {axis: found["fixed"].get(axis) for axis in row.get("known", {})}
        said = (told, found.get("driver") if "driver" in row else None)
        if said != (row.get("known", {}), row.get("driver")) or row.get("doubt", "") not in " ".join(found["doubts"]):
            wrong[name] = found
    assert wrong == {}
    assert len(OTHERS["pastes"]) > 80


def test_cards_are_known_by_the_names_that_drivers_print(open_page: Opener, site: str) -> None:
    """The most letters count: an RTX 5000 Ada is no RTX 50xx, and an RTX 2050 no RTX 20xx."""
    ask = "(cards) => cards.map((card) => capabilityOf(card, model.data.cards))"
    known: dict[str, str] = OTHERS["cards"]
    assert dict(zip(known, open_page(site).evaluate(ask, list(known)), strict=True)) == known


def test_a_wheel_that_a_client_refused_is_not_the_answer(open_page: Opener, site: str) -> None:
    page = open_page(site)
    said = paste(page, OTHERS["pastes"]["pip unsupported wheel"]["pasted"])
    assert "what is in its name was tried, and is not what you have" in said
    assert page.locator("#command").count() == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OTHERS["pastes"]["32 bit python"]["pasted"], "take a 64-bit Python"),
        (OTHERS["pastes"]["pypy"]["pasted"], "torch has wheels for CPython alone"),
        (json.dumps({**ROCM, "torch": None, "gpu": None, "tag": "win32"}), "take a 64-bit Python"),
        (
            json.dumps({**ROCM, "torch": None, "gpu": None, "implementation": "PyPy"}),
            "torch has wheels for CPython alone",
        ),
    ],
    ids=["32 bits", "PyPy", "the detection line of 32 bits", "the detection line of PyPy"],
)
def test_a_python_that_torch_has_no_wheels_for_gets_its_reason(
    open_page: Opener, site: str, text: str, reason: str
) -> None:
    page = open_page(site)
    paste(page, text)
    assert reason in shown(page)
    assert page.locator("#command").count() == 0


@pytest.mark.parametrize(
    ("tag", "platform"),
    [
        ("linux_x86_64", "linux_x86_64"),
        ("manylinux1_x86_64", "linux_x86_64"),
        ("manylinux2010_x86_64", "linux_x86_64"),
        ("manylinux2014_x86_64", "linux_x86_64"),
        ("manylinux_2_28_x86_64", "linux_x86_64"),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "linux_x86_64"),
        ("manylinux_2_34_aarch64", "Linux on ARM"),
        ("musllinux_1_2_x86_64", "Linux with musl"),
        ("win_amd64", "win_amd64"),
        ("win_arm64", "Windows on ARM"),
        ("macosx_11_0_arm64", "macOS"),
    ],
)
def test_a_wheel_s_tag_is_understood_at_every_level(open_page: Opener, site: str, tag: str, platform: str) -> None:
    page = open_page(f"{site}?platform={tag.partition('.')[0]}")
    known = {"deepspeed": "0.16.5", "torch": "2.6", "cuda": "cu124", "py": "3.11", "platform": platform}
    assert read(page, f"deepspeed-0.16.5+cu124torch2.6-cp311-cp311-{tag}.whl")["fixed"] == known
    assert page.input_value("#choose-platform") == platform


def test_every_pattern_takes_time_in_proportion_to_the_text(open_page: Opener, site: str) -> None:
    page = open_page(site)
    parts = [
        *LONG.values(),
        "2.6.0+",
        "pytorch-2.5.1-py3",
        "macosx_",
        "manylinux_",
        "CUDA UMD ",
        "ldd (",
        "Radeon RX ",
        " \t",
    ]
    parts += [*PASTED.values(), *(text for text, _, _ in READ.values())]
    ask = "(texts) => { const start = performance.now(); texts.forEach(foundIn); return performance.now() - start; }"
    assert page.evaluate(ask, [(part * 60_000)[:60_000] for part in parts]) < 100 * len(parts)  # a text takes about 5
    source = page.evaluate("Object.values(PATTERNS).flat().concat(TARGET_ID, WHEEL_NAME).map(String)")
    assert [pattern for pattern in source if re.search(r"(?<!\\)[*+]", re.sub(r"\[[^]]*\]|\\\+", "", pattern))] == []


def paste(page: Page, text: str) -> str:
    """Pastes it; what the page says to it."""
    page.evaluate("document.querySelector('#detect').open = true")
    page.fill("#pasted", text)
    return page.inner_text("#understood")


def shown(page: Page) -> str:
    return page.inner_text("#answer")


@pytest.mark.parametrize("text", [NVCC, "bash: python: command not found"], ids=["a toolkit", "nothing"])
def test_an_answer_steps_back_when_a_paste_was_not_understood(open_page: Opener, site: str, text: str) -> None:
    page = open_page(site)
    assert "Published" in shown(page)
    assert "was found in that" in paste(page, text)
    assert page.locator("#command").count() == 0
    assert page.locator("#answer .published").count() == 0
    page.get_by_role("button", name="Show the answer for the form").click()
    assert page.locator("#command").count() == 1
    paste(page, text)
    paste(page, "2.6.0+cu124 12.4")
    assert "cu124torch2.6" in page.inner_text("#command")


def test_what_was_not_said_is_named(open_page: Opener, site: str) -> None:
    said = paste(open_page(site), "2.6.0+cu124 12.4")
    assert "Understood: torch 2.6, CUDA 12.4." in said
    assert re.search(r"Not said there, so look at it: Linux, Python 3\.\d+\.", said)


def test_for_rocm_no_torch_for_cuda_is_offered(open_page: Opener, site: str) -> None:
    page = open_page(site)
    assert NO_ROCM in paste(page, json.dumps(ROCM))
    answer = shown(page)
    assert "Not planned" in answer
    assert NO_ROCM in answer
    assert not re.search(r"whl/cu|CUDA 1\d|RTX 50", answer)
    assert "CPU only instead of ROCm" in answer


def test_a_nightly_gets_the_line_of_its_release_first(open_page: Opener, site: str) -> None:
    page = open_page(site)
    paste(page, "2.11.0.dev20251217+cu128 12.8")
    page.reload()  # the address keeps it
    answer = shown(page)
    assert "torch 2.11.0.dev20251217 came before the release of torch 2.11" in answer
    assert re.search(r"pip install torch==2\.11\.\d+ --index-url https://download\.pytorch\.org/whl/cu128", answer)
    assert page.locator("#command").count() == 0
    assert "torch 2.11 instead of 2.11.0.dev20251217" in page.locator(".offer").first.inner_text()


@pytest.mark.parametrize("text", [MAC, json.dumps({**ROCM, "platform": "darwin", "machine": "arm64", "torch": None})])
def test_macos_is_not_planned_and_no_other_system_is_offered(open_page: Opener, site: str, text: str) -> None:
    page = open_page(site)
    paste(page, text)
    answer = shown(page)
    assert "Not planned" in answer
    assert "No wheels are planned for macOS" in answer
    assert "cannot exist" not in answer
    assert page.locator(".offer").count() == 0


@pytest.mark.parametrize(("banner", "newest"), [(OLD_BANNER, "cu126"), (NEW_BANNER, "cu13")])
def test_a_driver_alone_gets_no_cuda_that_it_cannot_run(open_page: Opener, site: str, banner: str, newest: str) -> None:
    page = open_page(site)
    assert "Understood: a driver for CUDA up to" in paste(page, banner)
    assert page.input_value("#choose-cuda").startswith(newest)


AGENTS = {
    "Windows": ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0", "win_amd64"),
    "macOS": (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
        "macOS",
    ),
    "Linux": ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "linux_x86_64"),
    "Linux on ARM": ("Mozilla/5.0 (X11; Linux aarch64; rv:140.0) Gecko/20100101 Firefox/140.0", "Linux on ARM"),
    "an Android phone": ("Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 Chrome/140.0 Mobile", ""),
    "an iPhone": ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", ""),
    "something else": ("Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0", ""),
}


@pytest.mark.parametrize(("agent", "platform"), AGENTS.values(), ids=AGENTS.keys())
@pytest.mark.parametrize("query", ["", "?torch=2.6&cuda=12.4&py=3.11"], ids=["alone", "with a choice of others"])
def test_it_opens_on_the_visitor_s_own_system(
    open_page: Opener, site: str, agent: str, platform: str, query: str
) -> None:
    page = open_page(site + query, user_agent=agent)
    assert page.input_value("#choose-platform") == platform
    offered = platform in ("win_amd64", "linux_x86_64")
    assert page.locator("#command").count() == (1 if offered else 0)
    assert page.locator("#answer .published").count() == (1 if offered else 0)
    assert page.locator("#matrix").is_visible() == bool(platform)


def test_a_phone_is_asked_for_the_system_and_its_choice_is_answered(open_page: Opener, site: str) -> None:
    page = open_page(site, user_agent=AGENTS["an iPhone"][0], viewport={"width": 390, "height": 844})
    assert "For which system?" in shown(page)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    assert axe.run(page).response["violations"] == []
    page.get_by_role("button", name="Windows").click()
    assert page.input_value("#choose-platform") == "win_amd64"
    assert "win_amd64" in shown(page)
    assert page.locator("#command").count() == 1
    page.go_back()
    assert page.locator("#command").count() == 0


@pytest.mark.parametrize(
    ("libc", "says"), [("2.34", ""), ("2.17", "the wheel needs glibc 2.34 or newer: pip refuses it")]
)
def test_a_c_library_is_compared_with_what_the_wheel_s_tag_asks_for(
    open_page: Opener, serve: Server, libc: str, says: str
) -> None:
    """Its tag, not the machine that built it: a wheel of an older level runs with an older library."""
    target = make_target(torch="2.7.1", cuda="cu126", python="3.11", platform="linux_x86_64")
    page = open_page(serve(render([made_up(target, platform_tag="manylinux_2_34_x86_64", url=None)])))
    doubts = " ".join(read(page, RED_HAT.replace("2.28", libc))["doubts"])
    assert (says in doubts, bool(doubts)) == (True, bool(says))
    assert "wheels for Linux are built with" not in doubts


WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1280}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize(
    "name", ["ROCm with a GPU", "macOS", "a nightly", "an old C library", "a C library that an op found too old"]
)
def test_what_comes_of_a_paste_is_read_at_every_width(open_page: Opener, site: str, name: str, width: int) -> None:
    page = open_page(site, viewport={"width": width, "height": 900})
    said = paste(page, READ[name][0])
    assert READ[name][2] in said
    shown = page.inner_text("main")
    assert not re.search(r"`|\[object|undefined|NaN", shown)
    assert page.locator("#choose-cuda option:checked").inner_text() in ("ROCm", "CPU only", "12.8", "12.6", "13.2")
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "nothing is to be scrolled sideways"
    if folder := os.environ.get("PAGE_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"paste-{name.replace(' ', '-')}-{width}.png", full_page=True)
