"""The data of scripts/data: it loads; its rows agree with one another; a row added is a row that counts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts.errors import DataError
from scripts.facts.load import DATA, load_facts
from scripts.facts.rules import Rule
from scripts.plan.notes import for_users, notes_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


def problems_of(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_facts(folder)
    return "\n".join(caught.value.problems)


def cuda_context(**names: str | bool) -> dict[str, str | bool]:
    """The context of a CUDA 12.4 target of Windows with some names changed; `cuda_major` stands for `cuda-major`."""
    context: dict[str, str | bool] = {
        "os": "windows",
        "accelerator": "cuda",
        "cuda": "cu124",
        "cuda-version": "12.4",
        "cuda-major": "12",
        "torch": "2.6.0",
        "deepspeed": "0.16.5",
        "python": "3.11",
        "free-threaded": False,
        "torch-has-cuda": True,
        "torch-has-python": True,
        "deepspeed-accepts-cuda": True,
        "arch": "8.0",
        "arch-max": "9.0",
    }
    return {**context, **{name.replace("_", "-"): value for name, value in names.items()}}


def cpu_context(**names: str | bool) -> dict[str, str | bool]:
    context = cuda_context(os="linux", accelerator="cpu", cuda="cpu", **names)
    return {name: value for name, value in context.items() if not name.startswith(("cuda-", "arch"))}


def refusals(context: dict[str, str | bool]) -> list[str]:
    return [rule.id for rule in load_facts().rules if rule.level == "refuse" and rule.when.holds(context)]


def test_of_the_patch_releases_of_a_torch_the_newest_is_taken() -> None:
    assert load_facts().torch["2.5"].newest == "2.5.1"


@pytest.mark.parametrize("deepspeed", ["0.14.5", "0.16.5", "0.17.6", "0.18.9", "0.19.8"])
def test_cpu_targets_of_linux_are_not_refused(deepspeed: str) -> None:
    assert refusals(cpu_context(deepspeed=deepspeed, torch="2.13.0")) == []


def test_the_official_combination_of_windows_is_not_refused() -> None:
    assert refusals(cuda_context()) == []


@pytest.mark.parametrize(
    ("rule", "context"),
    [
        (
            "pre-turing",
            cuda_context(cuda="cu130", cuda_version="13.0", cuda_major="13", torch="2.15.0", arch="7.0"),
        ),
        ("deepspeed-python", cuda_context(deepspeed="0.19.8", python="3.9")),
        ("free-threaded", cuda_context(python="3.13t", free_threaded=True)),
        ("torch-knows-arch", cuda_context(arch_max="12.0")),
        ("cpp20-headers", cuda_context(torch="2.13.0", std="17")),
        ("pip-cu12", cuda_context(toolkit_source="pip", toolkit_major="12")),
    ],
)
def test_a_rule_refuses_its_targets(rule: str, context: dict[str, str | bool]) -> None:
    assert rule in refusals(context)


CUDA_13 = {"cuda": "cu130", "cuda_version": "13.0", "cuda_major": "13"}


@pytest.mark.parametrize(
    ("rule", "context"),
    [
        ("ds-windows-using-std", cuda_context(torch="2.9.1", **CUDA_13)),
        ("ds-cpp20-host", cuda_context(os="linux", torch="2.12.1", deepspeed="0.19.4")),
        ("ds-cpp20-nvcc", cuda_context(os="linux", torch="2.14.1", deepspeed="0.19.6", **CUDA_13)),
        ("ds-blackwell-arch", cuda_context(torch="2.7.1", deepspeed="0.16.3", arch_max="12.0")),
    ],
)
def test_what_an_enabled_patch_cures_is_fixed_and_not_refused(rule: str, context: dict[str, str | bool]) -> None:
    [found] = [each for each in load_facts().rules if each.id == rule]
    assert found.when.holds(context)
    assert found.level == "fix"
    assert refusals(context) == []


def test_on_windows_torch_tells_nvcc_the_standard_and_deepspeed_needs_no_change() -> None:
    facts, context = load_facts(), cuda_context(torch="2.13.0", deepspeed="0.19.6", **CUDA_13)
    assert refusals(context) == []
    assert "ds-cpp20-nvcc" not in [rule.id for rule in facts.rules if rule.when.holds(context)]
    assert "P13" not in [patch.id for patch in facts.patches if patch.when.holds(context)]


def notes(context: dict[str, str | bool]) -> list[str]:
    """The rules that a user is shown of a wheel of these names."""
    return [note.id for note in for_users(notes_for(load_facts(), context))]


@pytest.mark.parametrize(("torch", "warned"), [("2.3.1", False), ("2.4.1", True), ("2.6.0", True), ("2.7.1", False)])
def test_a_torch_for_windows_that_asks_for_libuv_and_has_none_is_warned_of(torch: str, warned: bool) -> None:
    assert ("torch-libuv" in notes(cuda_context(torch=torch))) is warned
    assert "torch-libuv" not in notes(cuda_context(os="linux", torch=torch))


def test_kernels_that_msvc_never_compiled_as_cpp20_are_warned_of() -> None:
    assert "cpp20-msvc-untried" in notes(cuda_context(torch="2.12.1", deepspeed="0.19.8", **CUDA_13))
    assert "cpp20-msvc-untried" not in notes(cuda_context(torch="2.11.0", deepspeed="0.19.8", **CUDA_13))


@pytest.mark.parametrize(("minor", "holds"), [("13.0", True), ("13.2", True), ("13.3", False)])
def test_minors_of_which_some_metapackage_pins_nvcc_alone_are_fixed(minor: str, holds: bool) -> None:
    [rule] = [rule for rule in load_facts().rules if rule.id == "pip-cu13-pins"]
    assert rule.when.holds({"toolkit-source": "pip", "toolkit-version": minor}) is holds


def test_a_rule_added_as_a_row_takes_effect(folder: Path) -> None:
    row = (
        "rules:\n  - {id: no-monday, level: refuse, when: {torch: 2.6.0}, reason: Because., source: [common-knowledge]}"
    )
    change(folder, "rules.yaml", "rules:", row)
    added = load_facts(folder).rules[0]
    assert isinstance(added, Rule)
    assert added.id == "no-monday"
    assert added.when.holds(cuda_context())


FAULTS = {
    "duplicate row": ("cpu.yaml", "  avx2:", "  scalar:", "levels.scalar: the key is there twice"),
    "row without source": ("gpu.yaml", "    source: [", "    sourced: [", "gpu[0]: the key 'source' is missing"),
    "unknown source": (
        "rules.yaml",
        "[torch-build-matrix]",
        "[rumour]",
        "rules[0].source[0] (torch-cuda-variant): 'rumour' is not known",
    ),
    "unquoted version": ("python.yaml", '"3.10"', "3.10", 'python["3.10"]: the key 3.10 is not text'),
    "unquoted patch": ("msvc.yaml", '["11.8", ', "[11.8, ", "choices[0].cuda[0]: 11.8 is a number"),
    "dead condition": ("rules.yaml", '"<3.10"', '"<3.1"', ".when.python (deepspeed-python): '<3.1' matches nothing"),
    "unknown name": ("rules.yaml", "torch-has-cuda", "torch-has-cud", "no target has a 'torch-has-cud'"),
    "unknown level": (
        "rules.yaml",
        "    level: refuse",
        "    level: forbid",
        "rules[0].level (torch-cuda-variant): 'forbid' is not known here",
    ),
    "fix without hint": (
        "rules.yaml",
        "    level: refuse",
        "    level: fix",
        "rules[0].hint (torch-cuda-variant): is missing",
    ),
    "two rules of one id": ("rules.yaml", "id: torch-python", "id: torch-cuda-variant", "two rows are called"),
    "unknown Python": ("torch.yaml", '"3.8"', '"3.7"', "pythons.windows: '3.7' has no row of its own"),
    "variant without arches": ("torch.yaml", "cuda: [cu117, ", "cuda: [cu116, cu117, ", "'cu116' is missing"),
    "release in a wrong row": ("torch.yaml", '"2.0.1"', '"2.1.1"', "2.1.1 is not a release of 2.0"),
    "unknown Visual Studio": ("msvc.yaml", '      "16": ', '      "15": ', "toolsets[0].components: '15' has no row"),
    "digest that is none": ("deepspeed.yaml", "sdist_sha256: 4f8", "sdist_sha256: 4F8", "is not a sha256"),
    "version that is none": ("torch.yaml", '"2.0.1"', '"2.0.x"', "'2.0.x' is not a version"),
    "variant that is none": ("torch.yaml", "cuda: [cu117, ", "cuda: [cu, cu117, ", "'cu' is not a CUDA variant"),
    "architectures that are none": ("torch.yaml", '"3.7+PTX;5.0', '"3.7+PTX;sm50', "is not a list of architectures"),
    "pattern that is none": ("flags.yaml", 'drop: ["-g', 'drop: ["(-g', "is not a regular expression"),
    "alias without its anchor": ("deepspeed.yaml", "&to-12-5", "", "deepspeed.yaml:16: is not YAML: found undefined"),
    "unknown toolset": ("msvc.yaml", 'toolset: "14.29"', 'toolset: "14.28"', "'14.28' has no row"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_data_is_named_with_its_file_and_key_path(folder: Path, fault: str) -> None:
    name, old, new, message = FAULTS[fault]
    change(folder, name, old, new)
    problems = problems_of(folder)
    assert message in problems
    assert name in problems


def test_faults_of_several_files_are_reported_together(folder: Path) -> None:
    change(folder, "gpu.yaml", "sm: 35", 'sm: "35"')
    change(folder, "flags.yaml", "id: no-warnings", "id: 1")
    (folder / "cuda.yaml").unlink()
    problems = problems_of(folder)
    assert all(name in problems for name in (": gpu[0].sm", ": flags[1].id", "cuda.yaml: cannot be"))


def test_a_note_says_of_no_target_that_it_was_tried() -> None:
    """Notes are shown of targets that have no wheel yet, too; what was tried of a wheel is in its manifest."""
    assert [rule.id for rule in load_facts().rules if re.search(r"\bhas (been )?tried it\b", rule.reason)] == []
