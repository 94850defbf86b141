"""What a person sees in a real browser: the line that fits or why there is none, by mouse, keyboard, link and paste."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from scripts.index.install_line import install_command
from scripts.index.one_file import NAME
from scripts.index.page.grid import coordinates
from scripts.index.page.render import DETECT
from scripts.index.page.states import Build, excluded_state, unpublished, withdrawn
from scripts.index.uv_project import uv_project
from scripts.install.choose import choose
from scripts.plan.target import Target
from scripts.shell import Shell
from tests.index.page.factories import made_up, many_wheels, published, render, some_builds, some_wheels, world, write
from tests.install.factories import make_environment, make_machine, make_torch
from tests.plan.factories import make_plan, make_target

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opener: TypeAlias = "Callable[..., Page]"
Server: TypeAlias = Callable[[Mapping[str, bytes]], str]

GOLDEN = Path(__file__).resolve().parents[2] / "verify" / "golden"
TARGET = Target(deepspeed="0.16.5", torch="2.6.0", cuda="cu124", python="3.11", platform="win_amd64")
IMPOSSIBLE = {"platform": "win_amd64", "py": "3.11", "torch": "2.5", "cuda": "cu130", "deepspeed": "0.16.5"}
EXCLUDED = {"platform": "linux_x86_64", "py": "3.12", "torch": "2.10", "cuda": "cu128", "deepspeed": "0.17.6"}
DESKTOP: dict[str, object] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, object] = {"viewport": {"width": 390, "height": 844}}


def choice_of(target: Target) -> dict[str, str]:
    return {
        "platform": target.platform,
        "py": target.python,
        "torch": target.torch_minor,
        "cuda": target.cuda,
        "deepspeed": target.deepspeed,
    }


def linked(site: str, choice: Mapping[str, str]) -> str:
    return f"{site}?{urlencode(choice)}"


def chosen(page: Page) -> dict[str, str]:
    """What the form says."""
    return {axis: page.locator(f"#choose-{axis}").input_value() for axis in (*choice_of(TARGET), "gpu")}


def line_for(target: Target, tool: str = "pip") -> str:
    record = made_up(target)
    return install_command(record, published([record]), "uv" if tool == "uv" else "pip")


def badge(page: Page) -> str:
    return page.locator("#answer .badge").inner_text()


# ---------------------------------------------------------------- the answer


def test_choosing_shows_the_exact_line_and_what_the_wheel_is(open_page: Opener, site: str) -> None:
    page = open_page(site)
    for axis, value in choice_of(TARGET).items():
        page.select_option(f"#choose-{axis}", value)
    assert page.inner_text("#command") == line_for(TARGET)
    page.click("#tab-uv")
    assert page.inner_text("#command") == line_for(TARGET, "uv")
    page.click("#tab-pyproject")
    assert page.text_content("#command") == uv_project(TARGET, published(some_wheels()))
    record = made_up(TARGET)
    answer = page.inner_text("#answer")
    for part in (record.file, record.sha256, f"{record.bytes / 1e6:.1f} MB", *record.ops, "8.9 RTX 40xx", "AVX2"):
        assert part in answer
    assert page.get_attribute("#answer a", "href") == record.url
    page.click("text=left out, and why")
    assert all(f"{op}: {why}" in page.inner_text("#answer") for op, why in record.left_out.items())
    page.click("text=13 checks passed, 1 skipped (level full)")
    assert "skipped, no GPU there" in page.inner_text("#answer")


def test_what_was_proven_on_a_wheel_and_what_was_not_is_said_in_words(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    words = page.inner_text("#answer .proven")
    assert words.startswith("4 parts of DeepSpeed ran on this very file and did what they should.")
    assert "Its CUDA kernels were not run: there was no GPU where it was verified." in words
    page.click("text=4 parts passed")
    assert "✓ zero-1: ZeRO 1: losses and weights are torch's" in page.inner_text("#answer")
    assert page.inner_text("#parts-heading") == "What DeepSpeed 0.19.8 was seen to do"
    page.locator("#parts a.count").first.click()
    assert "ran on this very file" in page.inner_text("#answer .proven")


def test_what_to_know_of_a_wheel_stands_beside_it(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    notes = made_up(TARGET).notes
    assert notes
    assert page.locator("#answer .notes li").all_inner_texts() == [notes[id] for id in sorted(notes)]


def test_the_copy_button_puts_the_line_on_the_clipboard(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    page.get_by_role("button", name="Copy the install command").click()
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied.'")
    assert page.evaluate("navigator.clipboard.readText()") == line_for(TARGET)


def test_the_page_leads_with_the_file_that_chooses(open_page: Opener, site: str) -> None:
    page = open_page(site)
    file, line = page.get_by_role("link", name=NAME), page.locator("#file-line")
    assert file.get_attribute("href") == NAME
    assert page.locator("main h2").first.inner_text() == "Let it choose"
    page.get_by_role("button", name="Copy the line that installs").click()
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied.'")
    assert page.evaluate("navigator.clipboard.readText()") == line.inner_text() == f"python {NAME} install"


def test_without_the_clipboard_the_old_way_copies(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy the SHA-256").click()
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied.'")
    page.click("#detect summary")
    page.focus("#pasted")
    page.keyboard.press("Control+V")
    assert page.input_value("#pasted") == made_up(TARGET).sha256


def test_an_impossible_cell_says_why_and_what_comes_nearest(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, IMPOSSIBLE))
    assert "Impossible" in badge(page)
    assert "The PyTorch index has no wheel of this torch for this CUDA variant." in page.inner_text("#answer .why")
    assert "torch-cuda-variant" in page.inner_text("#answer .why")
    offers = page.locator(".offer")
    assert "CUDA 12.4 instead of 13.0" in offers.first.inner_text()
    offers.first.click()
    assert chosen(page) == {**IMPOSSIBLE, "cuda": "cu124", "gpu": ""}
    assert "deepspeed==0.16.5+cu124torch2.5" in page.inner_text("#command")
    assert page.evaluate("document.activeElement.id") == "answer"


def test_an_excluded_cell_gives_the_reason_of_the_matrix(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, EXCLUDED))
    [reason] = [row.reason for row in world()[1].exclude if row.id == "torch-newer-than-deepspeed"]
    assert "Excluded" in badge(page)
    assert reason in page.inner_text("#answer .why")


@pytest.mark.parametrize("state", ["failed", "building"])
def test_a_build_tells_what_the_workflow_saw(open_page: Opener, site: str, state: str) -> None:
    name, build = next((name, build) for name, build in some_builds().items() if build.state == state)
    page = open_page(f"{site}?id={name}")
    assert state.capitalize() in badge(page)
    assert build.message in page.inner_text("#answer .why")
    assert page.get_attribute("#answer .why a", "href") == build.url
    assert (f"invoke build --id {name}" in page.inner_text("#answer")) == (state == "failed")


def test_a_withdrawn_wheel_is_told_with_its_reason_and_without_a_line(open_page: Opener, serve: Server) -> None:
    builds = withdrawn([made_up(TARGET, yanked="Its cpu_adam adds wrongly.")])
    page = open_page(f"{serve(render([], builds=builds))}?id={TARGET.id}")
    answer = page.inner_text("#answer")
    assert "Withdrawn" in answer
    assert "Its cpu_adam adds wrongly." in answer
    assert "pip install" not in answer
    assert "invoke build" not in answer


def test_a_failure_of_many_lines_keeps_them_apart(open_page: Opener, serve: Server) -> None:
    message = "ops: 1 did not compile\n  fused_adam: nvcc fatal\n\n    Unsupported gpu architecture"
    page = open_page(f"{serve(render([], builds={TARGET.id: Build(state='failed', message=message)}))}?id={TARGET.id}")
    assert page.inner_text(".why pre") == message
    assert page.inner_text("#cell").count("\n") == 1  # the heading and one line


def test_a_planned_cell_tells_how_to_build_it(open_page: Opener, serve: Server) -> None:
    page = open_page(f"{serve(render([]))}?id={TARGET.id}")
    assert "Planned" in badge(page)
    assert f"invoke build --id {TARGET.id}" in page.inner_text("#answer")
    assert "No wheel is published yet." in page.inner_text("#answer")
    page.goto(linked(page.url.split("?")[0], IMPOSSIBLE))
    assert page.inner_text(".offers h3") == "No wheel is published yet. The nearest that are planned"
    page.locator(".offer").first.click()
    assert "Planned" in badge(page)


def test_a_wheel_without_code_for_the_gpu_is_not_offered(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, {**choice_of(TARGET), "gpu": "12.0"}))
    assert "Not for this GPU" in badge(page)
    assert "no code for compute capability 12.0 (RTX 50xx" in page.inner_text("#answer .why")
    assert page.locator("#command").count() == 0
    page.locator(".offer").first.click()
    assert "12.0 RTX 50xx" in page.inner_text("#answer")


def test_a_version_that_nobody_builds_is_explained(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, {**choice_of(TARGET), "torch": "1.13"}))
    assert "Not in the matrix: torch 1.13." in page.inner_text("#answer .why")
    assert "torch 2.4 instead of 1.13" in page.locator(".offer").first.inner_text()


def test_what_others_wrote_is_shown_as_text(open_page: Opener, serve: Server) -> None:
    bad = "</script><img src=x onerror=alert(1)><b>bold</b>"
    target, other = make_target(), make_target(python="3.12")
    builds = {other.id: Build(state="failed", message=bad, url="javascript:alert(1)")}
    address = serve(render([made_up(target, left_out={"async_io": bad})], make_plan([target, other]), builds))
    page = open_page(f"{address}?id={other.id}")
    assert bad in page.inner_text("#answer .why")
    assert page.locator("#answer .why a").count() == 0
    page.goto(f"{address}?id={target.id}")
    page.click("text=1 left out, and why")
    assert bad in page.inner_text("#answer")
    assert page.locator("img").count() == 0


def test_the_browser_counts_every_cell_and_wheel_as_we_do(open_page: Opener, site: str) -> None:
    page = open_page(site)
    cells = "[...model.data.combinations].map((_, at) => [JSON.stringify(model.choiceAt(at)), model.stateAt(at).state])"
    states = {tuple(json.loads(choice).values()): state for choice, state in page.evaluate(cells)}
    _, _, plan = world()
    going = unpublished(some_builds(), [record.target for record in some_wheels()])
    expected = {row.target: "planned" for row in plan.targets}
    expected |= {row.target: excluded_state(row) for row in plan.excluded}
    expected |= {target: build.state for target, build in going.items()}
    expected |= {record.target: "published" for record in some_wheels()}
    assert states == {tuple(reversed(coordinates(target))): state for target, state in expected.items()}
    wheels = page.evaluate("[...model.rows.keys()].map((at) => model.wheelOf(model.choiceAt(at)))")
    found = {wheel["file"]: (wheel["url"], wheel["sha256"], wheel["bytes"], tuple(wheel["ops"])) for wheel in wheels}
    assert found == {record.file: (record.url, record.sha256, record.bytes, record.ops) for record in some_wheels()}


@pytest.mark.parametrize(
    ("arches", "runs", "does_not"),
    [
        (["8.0", "8.6"], ["8.0", "8.6", "8.9"], ["7.5", "9.0"]),
        (["8.6", "12.0+PTX"], ["8.6", "12.0", "12.1", "13.0"], ["8.0", "9.0", "10.0"]),
        (["9.0a", "10.0f"], ["9.0", "10.3"], ["9.1", "12.0"]),
        ([], [], ["8.6"]),
    ],
)
def test_code_runs_on_its_architecture_and_later_minors(
    open_page: Opener, site: str, arches: list[str], runs: list[str], does_not: list[str]
) -> None:
    page = open_page(site)
    ask = "([arches, cards]) => cards.map((card) => runsOn(arches, card))"
    assert page.evaluate(ask, [arches, [*runs, *does_not]]) == [True] * len(runs) + [False] * len(does_not)


def test_the_least_distance_comes_first(open_page: Opener, serve: Server) -> None:
    wanted = make_target(cuda="cu126", torch="2.9.0", platform="win_amd64")
    there: list[dict[str, str]] = [
        {"platform": "linux_x86_64"},
        {"python": "3.12"},
        {"torch": "2.8.0"},
        {"cuda": "cu128"},
        {"cuda": "cpu"},
        {"deepspeed": "0.19.7"},
        {"deepspeed": "0.18.9"},
        {"deepspeed": "0.19.7", "python": "3.12"},
    ]
    records = [made_up(replace(wanted, **changes)) for changes in there]
    page = open_page(linked(serve(render(records, make_plan())), choice_of(wanted)))
    ask = "model.nearest(choice, 9).map((offer) => offer.changed.map((axis) => offer.choice[axis]).join())"
    assert page.evaluate(ask) == ["0.19.7", "cu128", "2.8", "3.12"]  # of another system none
    assert page.locator(".offer").count() == 3


@pytest.mark.parametrize(
    ("python", "torch", "cuda", "deepspeed"),
    [
        ("3.11", "2.6.0", "cu999", "0.19.8"),
        ("3.9", "2.9.0", "cu128", "0.18.9"),
        ("3.12", "2.2.0", "cu126", "0.19.8"),
        ("3.13", "2.11.0", "cu118", "0.19.7"),
        ("3.12", "2.9.0", "cpu", "0.15.0"),
        ("3.15", "2.99.0", "cu130", "0.17.5"),
    ],
)
@pytest.mark.parametrize("platform", ["win_amd64", "linux_x86_64"])
def test_the_page_and_invoke_find_name_the_same_nearest_wheel(
    open_page: Opener, site: str, platform: str, python: str, torch: str, cuda: str, deepspeed: str
) -> None:
    mine = make_torch(f"{torch}+{cuda}")
    asked = make_environment(version=python, platform=platform, torch=mine, machine=make_machine(driver="13.0"))
    found = choose(some_wheels(), asked, deepspeed)
    assert found.wheel is None
    assert found.nearest
    wanted = {"platform": platform, "py": python, "torch": mine.minor, "cuda": cuda, "deepspeed": deepspeed, "gpu": ""}
    [offer] = open_page(site).evaluate("(wanted) => model.nearest(wanted, 1)", wanted)
    del offer["choice"]["gpu"]
    assert offer["choice"] == choice_of(found.nearest.record.target)
    assert offer["distance"] == found.nearest.distance


def test_each_shell_has_its_own_line_where_one_needs_quotes(open_page: Opener, serve: Server) -> None:
    record = made_up(TARGET)
    site = replace(published([record]), url="https://h.example/a&b/100%25'/")
    page = open_page(linked(serve(render([record], site=site)), choice_of(TARGET)))
    marks: tuple[tuple[Shell, str], ...] = (
        ("sh", "#command"),
        ("cmd", "#command-cmd"),
        ("powershell", "#command-powershell"),
    )
    for shell, mark in marks:
        assert page.inner_text(mark) == install_command(record, site, "pip", shell)
    page.get_by_role("button", name="Copy the install command for PowerShell").click()
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied.'")
    assert page.evaluate("navigator.clipboard.readText()") == install_command(record, site, "pip", "powershell")


# ---------------------------------------------------------------- pasted

FACTS = {
    "python": "3.11.9",
    "free_threaded": False,
    "platform": "win32",
    "machine": "AMD64",
    "torch": "2.6.0+cu124",
    "cuda": "12.4",
    "gpu": "NVIDIA GeForce RTX 4090",
    "capability": [8, 9],
}
PRINTED = json.dumps(FACTS)
PASTED = {
    "the line's output": PRINTED,
    "with the line itself and a prompt": f"PS C:\\Users\\me> {DETECT}\r\n{PRINTED}\r\nPS C:\\Users\\me> ",
    "wrapped by a terminal": "\n".join(re.findall(".{1,40}", PRINTED)),
    "as Python prints it": repr(FACTS),
    "cut at both ends": PRINTED[1:-1],
    "ds_report and a system": (
        "torch version .................... 2.6.0+cu124\ntorch cuda version ............... 12.4\n"
        "python version ................... 3.11\nWindows-10\ncompute capability: 8.9\n"
    ),
    "collect_env": (
        "PyTorch version: 2.6.0+cu124\nIs debug build: False\nCUDA used to build PyTorch: 12.4\n\n"
        "OS: Microsoft Windows 11 Pro (10.0.22631 64-bit)\nGCC version: Could not collect\n"
        "Python version: 3.11.9 (tags/v3.11.9) [MSC v.1938 64 bit (AMD64)] (64-bit runtime)\n"
        "GPU models and configuration: GPU 0: NVIDIA GeForce RTX 4090\nNvidia driver version: 560.94\n"
    ),
}


CARDS = {
    "NVIDIA GeForce RTX 4090": "8.9",
    "NVIDIA GeForce RTX 3080 Laptop GPU": "8.6",
    "NVIDIA GeForce GTX 1660 Ti": "7.5",
    "NVIDIA GeForce RTX 2080 SUPER": "7.5",
    "Tesla T4": "7.5",
    "Quadro RTX 6000": "7.5",
    "NVIDIA A100-SXM4-40GB": "8.0",
    "NVIDIA A10": "8.6",
    "NVIDIA RTX A4000": "8.6",
    "NVIDIA RTX 6000 Ada Generation": "8.9",
    "NVIDIA L4": "8.9",
    "NVIDIA H100 80GB HBM3": "9.0",
    "NVIDIA GeForce RTX 5070 Ti": "12.0",
    "NVIDIA GeForce GTX 980": "5.2",
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "12.0",
    "Radeon RX 7900": None,
}


def test_a_card_is_known_by_its_name(open_page: Opener, site: str) -> None:
    page = open_page(site)
    ask = "(cards) => cards.map((card) => capabilityOf(card, model.data.cards))"
    assert dict(zip(CARDS, page.evaluate(ask, list(CARDS)), strict=True)) == CARDS


def test_what_other_tools_print_is_taken_as_far_as_it_goes(open_page: Opener, site: str) -> None:
    page = open_page(site)
    ask = "(text) => readEnvironment(text, model).fixed"
    report = (GOLDEN / "ds_report-0.19.8-cuda-no-gpu.txt").read_text(encoding="utf-8")
    assert page.evaluate(ask, report) == {"platform": "linux_x86_64", "py": "3.11", "torch": "2.13", "cuda": "cpu"}
    listed = "filelock      3.16.1\ntorch         2.6.0+cu124\ntorchvision   0.21.0+cu124\n"
    assert page.evaluate(ask, listed) == {"torch": "2.6", "cuda": "cu124"}
    driver = (
        "| NVIDIA-SMI 560.94   Driver Version: 560.94   CUDA Version: 12.6 |\n|   0  NVIDIA GeForce RTX 4090      Off |"
    )
    assert page.evaluate(ask, driver) == {"gpu": "8.9"}
    assert page.evaluate(ask, r"C:\Users\me\AppData\Local\Programs\Python\Python311\python.exe") == {
        "platform": "win_amd64",
        "py": "3.11",
    }


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED.keys())
def test_what_is_pasted_makes_the_choice(open_page: Opener, site: str, text: str) -> None:
    page = open_page(linked(site, IMPOSSIBLE))
    page.click("#detect summary")
    page.fill("#pasted", text)
    found = chosen(page)
    assert found == {**choice_of(TARGET), "gpu": "8.9", "deepspeed": found["deepspeed"]}
    assert "Understood: Windows, Python 3.11, torch 2.6, CUDA 12.4" in page.inner_text("#understood")
    best = Target(deepspeed=found["deepspeed"], torch="2.6.0", cuda="cu124", python="3.11", platform="win_amd64")
    assert page.inner_text("#command") == line_for(best)
    assert found["deepspeed"] == "0.19.8"  # the newest that has this cell


@pytest.mark.parametrize("text", [TARGET.id, TARGET.wheel_name, f"log of {TARGET.id}: failed"])
def test_an_id_or_a_wheel_s_name_is_a_choice_too(open_page: Opener, site: str, text: str) -> None:
    page = open_page(site)
    page.click("#detect summary")
    page.fill("#pasted", text)
    assert chosen(page) == {**choice_of(TARGET), "gpu": ""}


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"torch": None, "cuda": None}, "torch is not installed there"),
        ({"torch": "2.6.0+cpu", "cuda": None, "gpu": None}, "That torch is the CPU build"),
        ({"gpu": "NVIDIA Something 1", "capability": None}, "is not known here"),
        ({"platform": "darwin", "machine": "arm64"}, "Understood: macOS"),
        ({"machine": "ARM64"}, "Understood: Windows on ARM"),
        ({"free_threaded": True, "python": "3.13.1"}, "Python 3.13t"),
        ({"torch": "2.6.0+rocm6.2", "cuda": None}, "ROCm"),
    ],
)
def test_doubts_are_told(open_page: Opener, site: str, changes: dict[str, object], doubt: str) -> None:
    page = open_page(site)
    page.click("#detect summary")
    page.fill("#pasted", json.dumps({**FACTS, **changes}))
    assert doubt in page.inner_text("#understood")


def test_what_says_nothing_changes_nothing(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    page.click("#detect summary")
    page.fill("#pasted", "bash: python: command not found")
    assert "was found in that" in page.inner_text("#understood")
    assert chosen(page) == {**choice_of(TARGET), "gpu": ""}


LONG = {
    "names of cards": "NVIDIA ",
    "one long card": "NVIDIA " + "A" * 20,
    "open braces": '{"a',
    "blanks": "python \t",
    "lines": "\n",
    "quotes": "'gpu' : \"",
    "version numbers": "torch version 1.1.",
    "ids that break off": "ds1.1-torch2-",
}


@pytest.mark.parametrize("part", LONG.values(), ids=LONG.keys())
def test_a_long_text_is_read_in_no_time_and_what_was_not_read_is_told(open_page: Opener, site: str, part: str) -> None:
    page = open_page(site)
    ask = "(text) => { const start = performance.now(); const found = readEnvironment(text, model);"
    ask += "return [performance.now() - start, found.doubts.join()]; }"
    took, doubts = page.evaluate(ask, (part * 1_000_000)[:1_000_000])
    assert took < 1000  # it takes 5; with an unbounded repetition 28 000 characters took 1000 and more
    assert "Only the first 60000 of 1000000 characters were read" in doubts


def test_what_is_found_in_the_read_part_of_a_long_text_counts(open_page: Opener, site: str) -> None:
    page = open_page(site)
    page.click("#detect summary")
    page.fill("#pasted", PASTED["collect_env"] + "NVIDIA " * 20_000)
    assert chosen(page)["torch"] == "2.6"
    assert "Only the first 60000 of " in page.inner_text("#understood")
    page.fill("#pasted", "{" * 60_001)
    assert "was found in that" in page.inner_text("#understood")
    assert "Only the first 60000 of 60001" in page.inner_text("#understood")


def test_a_link_with_a_long_value_opens_at_once(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}?id={'NVIDIA+' * 4000}&torch={'1.' * 4000}")
    assert page.evaluate("performance.now()") < 10_000
    assert "Not planned" in badge(page)


# ---------------------------------------------------------------- links


def test_a_link_keeps_the_choice_and_back_goes_back(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    page.select_option("#choose-gpu", "8.9")
    page.select_option("#choose-torch", "2.5")
    query = {key: found[0] for key, found in parse_qs(urlsplit(page.url).query).items()}
    assert query == {**choice_of(TARGET), "torch": "2.5", "gpu": "8.9"}
    again = open_page(page.url)
    assert chosen(again) == query
    page.go_back()
    assert chosen(page) == {**choice_of(TARGET), "gpu": "8.9"}
    assert page.inner_text("#command") == line_for(TARGET)


def test_a_link_may_say_what_people_type_and_leave_things_out(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}?platform=windows&py=cp311&torch=2.6.1&cuda=12.4")
    assert chosen(page) == {**choice_of(TARGET), "deepspeed": "0.19.8", "gpu": ""}
    page = open_page(f"{site}?deepspeed=0.16.5&platform=linux_x86_64")
    assert (chosen(page)["deepspeed"], badge(page)) == ("0.16.5", "✓ Published")


# ---------------------------------------------------------------- the picture, the keyboard, the ear


def test_the_picture_shows_every_state_and_a_click_explains(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, EXCLUDED))
    cells = page.locator("#picture td")
    assert cells.count() == len(world()[1].torch) * len(world()[1].cuda)
    page.get_by_role("gridcell", name="torch 2.5, CUDA 13.0: impossible").click()
    assert "The PyTorch index has no wheel" in page.inner_text("#cell")
    assert chosen(page) == {**EXCLUDED, "torch": "2.5", "cuda": "cu130", "gpu": ""}
    page.select_option("#slice-deepspeed", "0.19.8")
    assert page.get_by_role("gridcell", name="torch 2.12, CUDA 13.0: published").count() == 1
    counts = [int(number) for number in re.findall(r"\d+", page.inner_text("#legend"))]
    assert sum(counts) == cells.count()


def test_everything_can_be_done_with_the_keyboard(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, {**choice_of(TARGET), "torch": "2.5"}))
    visited = []
    while "choose-torch" not in visited:
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert visited == ["skip", "", "", "copy", "choose-platform", "choose-py", "choose-torch"]  # the file comes first
    page.keyboard.press("ArrowUp")  # the list has the newest first
    assert page.inner_text("#command") == line_for(TARGET)
    while page.evaluate("document.activeElement.id") != "tab-pip":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#command") == line_for(TARGET, "uv")
    while page.evaluate("document.activeElement.tagName") != "TD":
        page.keyboard.press("Tab")
    for key in ("ArrowUp", "Home", "ArrowRight"):
        page.keyboard.press(key)
    assert "torch 2.7, CUDA 11.8: published" in page.inner_text("#cell")
    page.keyboard.press("Enter")
    assert chosen(page) == {**choice_of(TARGET), "torch": "2.7", "cuda": "cu118", "gpu": ""}
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "torch 2.7, CUDA 11.8: published"
    page.keyboard.press("Tab")  # one Tab leaves the picture
    assert page.evaluate("document.activeElement.tagName") != "TD"


def test_a_change_is_said_aloud(open_page: Opener, site: str) -> None:
    page = open_page(linked(site, choice_of(TARGET)))
    assert page.get_attribute("#said", "role") == "status"
    page.select_option("#choose-cuda", "cu130")
    assert page.inner_text("#said").startswith("Impossible: DeepSpeed 0.16.5 for torch 2.6 · CUDA 13.0")


@pytest.mark.parametrize(
    "choice", [{**choice_of(TARGET), "gpu": "8.9"}, IMPOSSIBLE, EXCLUDED], ids=["published", "impossible", "excluded"]
)
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_light_and_dark(
    open_page: Opener, site: str, choice: dict[str, str], screen: dict[str, object]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(linked(site, choice), **screen)
    for summary in page.locator("summary").all():
        summary.click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        results = axe.run(page)
        assert results.response["violations"] == [], f"{scheme}: {results.generate_report()}"


@pytest.mark.parametrize("choice", [choice_of(TARGET), EXCLUDED], ids=["published", "excluded"])
def test_nothing_is_wider_than_a_narrow_phone(open_page: Opener, site: str, choice: dict[str, str]) -> None:
    page = open_page(linked(site, choice), viewport={"width": 320, "height": 640})
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320


# ---------------------------------------------------------------- elsewhere and at size


def test_without_javascript_the_table_says_what_exists(open_page: Opener, site: str) -> None:
    page = open_page(site, java_script_enabled=False)
    assert "needs JavaScript" in page.inner_text("noscript")
    assert page.locator("#status table tbody tr").count() == len(world()[1].deepspeed)
    assert not page.locator("#chooser").is_visible()


def test_the_page_works_from_the_disk(open_page: Opener, tmp_path: Path) -> None:
    write(render(some_wheels()), tmp_path)
    page = open_page((tmp_path / "index.html").as_uri())
    for axis, value in choice_of(TARGET).items():
        page.select_option(f"#choose-{axis}", value)
    assert page.inner_text("#command") == line_for(TARGET)


def test_ten_thousand_wheels_need_no_more_of_the_browser(open_page: Opener, serve: Server) -> None:
    records = many_wheels(10_000)
    page = open_page(serve(render(records)))
    for axis, value in choice_of(records[5000].target).items():
        page.select_option(f"#choose-{axis}", value)
    assert page.inner_text("#command") == line_for(records[5000].target)
    assert made_up(records[5000].target).sha256 in page.inner_text("#answer")
    page.select_option("#choose-cuda", "cu132")
    assert page.locator(".offer").count()
    assert page.evaluate("document.querySelectorAll('*').length") < 1500


@pytest.mark.parametrize(
    ("name", "options"), [("desktop-light", {}), ("phone-dark", {**PHONE, "color_scheme": "dark"})]
)
def test_a_screenshot_is_kept(
    open_page: Opener,
    site: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    options: dict[str, object],
) -> None:
    path = Path(os.environ.get("PAGE_SCREENSHOTS") or tmp_path) / f"{name}.png"
    open_page(linked(site, {**choice_of(TARGET), "gpu": "8.9"}), **options).screenshot(path=path, full_page=True)
    with capsys.disabled():
        print(f"\n{path}")  # noqa: T201  where to look
    assert path.stat().st_size > 20_000
