"""`matrix.yaml`: the shipped one is read; each fault is told with its key path and cure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import DataError
from scripts.facts.load import load_facts
from scripts.plan.matrix import Matrix, load_matrix
from tests.plan.factories import ROOT, make_target

FORECAST: dict[str, Any] = {
    "workers": 4,
    "unit_seconds": 30,
    "job_minutes": 240,
}
GOOD: dict[str, Any] = {
    "deepspeed": ["0.16.5", "0.19.8"],
    "torch": ["2.6", "2.13"],
    "cuda": ["cpu", "cu126"],
    "python": ["3.10", "3.11"],
    "platform": ["linux_x86_64"],
    "cpu_level": "avx2",
    "ops": "all",
    "torch_index": "https://torch.example/{variant}",
    "arches": {"cu126": "8.0;9.0+PTX"},
    "exclude": [{"id": "too-old", "when": {"python": "3.10"}, "reason": "It ended."}],
    "priorities": [
        {"priority": 1, "name": "new", "when": {"deepspeed": ">=0.19"}},
        {"priority": 2, "name": "rest", "when": {}},
    ],
    "forecast": FORECAST,
}


def read(tmp_path: Path, text: str) -> Matrix:
    path = tmp_path / "matrix.yaml"
    path.write_text(text, encoding="utf-8")
    return load_matrix(path, load_facts())


def problems_of(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 12
    return caught.value.problems


def with_changes(**changes: object) -> str:
    return yaml.safe_dump({**GOOD, **changes}, sort_keys=False)


def test_the_shipped_matrix_is_read_without_a_problem() -> None:
    matrix = load_matrix(ROOT / "matrix.yaml", load_facts())
    assert {"0.16.4", "0.16.5", "0.19.7"} < set(matrix.deepspeed)
    assert matrix.cpu_level == "avx2"
    assert all(row.reason for row in matrix.exclude)


def test_a_good_matrix_becomes_values(tmp_path: Path) -> None:
    matrix = read(tmp_path, with_changes())
    assert matrix.torch == ("2.6", "2.13")
    assert matrix.arches_for(make_target(cuda="cu126")) == "8.0;9.0+PTX"
    assert [row.priority for row in matrix.priorities] == [1, 2]
    assert matrix.forecast.unit_seconds == 30.0


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"python": [3.1]}, "python[0]", "write it in quotes"),
    ({"python": ["3.11", "3.11"]}, "python", "'3.11' is there twice"),
    ({"python": ["2.7"]}, "python[0]", "'2.7' is not known; add it to python.yaml"),
    ({"deepspeed": ["0.99.0"]}, "deepspeed[0]", "add it to deepspeed.yaml"),
    ({"torch": ["2.6.0"]}, "torch[0]", "which names minors"),
    ({"torch": []}, "torch", "leaves no target at all"),
    ({"cuda": ["cu999"]}, "cuda[0]", "torch.yaml and cuda.yaml"),
    ({"platform": ["win32"]}, "platform[0]", "win_amd64, linux_x86_64"),
    ({"platform": "linux_x86_64"}, "platform", "a list is expected"),
    ({"cpu_level": "avx9"}, "cpu_level", "cpu.yaml"),
    ({"ops": ["cpu_adam", "gpu_adam"]}, "ops[1]", "'gpu_adam' is not known"),
    ({"torch_index": "https://torch.example"}, "torch_index", "has no {variant}"),
    ({"arches": {"cu126": "sm_80"}}, "arches.cu126", 'write one such as "8.0;8.6;12.0+PTX"'),
    ({"arches": {}}, "arches", "the key 'cu126' is missing"),
    ({"arches": {"cu126": "8.0", "cu128": "8.0"}}, "arches.cu128", "not on the cuda axis"),
    ({"exclude": [{"id": "x", "when": {}, "reason": ""}]}, "exclude[0].reason", "is empty"),
    ({"exclude": [{"id": "x", "when": {}}]}, "exclude[0]", "the key 'reason' is missing"),
    ({"exclude": [{"id": "Too Old", "when": {}, "reason": "r"}]}, "exclude[0].id", "lower-case words"),
    ({"exclude": [{"id": "x", "when": {"pyhton": "3.10"}, "reason": "r"}]}, "exclude[0].when.pyhton", "no target has"),
    ({"exclude": [{"id": "x", "when": {"toolkit-major": "13"}, "reason": "r"}]}, "exclude[0].when", "before a build"),
    (
        {"exclude": [{"id": "x", "when": {"python": "3.9"}, "reason": "r"}]},
        "exclude[0].when",
        "no python of the matrix",
    ),
    ({"exclude": [{"id": "x", "when": {}, "reason": "r"}] * 2}, "exclude", "'x' is there twice"),
    ({"priorities": [{"priority": 1, "name": "n", "when": {"python": "3.10"}}]}, "priorities", "end with `when: {}`"),
    ({"priorities": []}, "priorities", "end with `when: {}`"),
    ({"forecast": {**FORECAST, "workers": 0}}, "forecast.workers", "write 1 or more"),
    ({"pythons": ["3.11"]}, "pythons", "unknown key"),
]


@pytest.mark.parametrize(
    ("changes", "key", "message"), FAULTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_fault_is_told_with_its_key_path_and_cure(
    tmp_path: Path, changes: dict[str, Any], key: str, message: str
) -> None:
    found = problems_of(tmp_path, with_changes(**changes))
    place = re.compile(rf"matrix\.yaml:[0-9]+: {re.escape(key)}( \([A-Za-z -]*\))?: ")
    assert any(place.match(each) and message in each for each in found), found


def test_a_fault_is_told_with_its_line_and_the_rows_own_name(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, with_changes(exclude=[{"id": "too-old", "when": {"python": 3.1}, "reason": "."}]))
    line = (
        with_changes(exclude=[{"id": "too-old", "when": {"python": 3.1}, "reason": "."}])
        .splitlines()
        .index("    python: 3.1")
    )
    assert problem.startswith(f"matrix.yaml:{line + 1}: exclude[0].when.python (too-old): 3.1 is not text to YAML")


def test_an_exclusion_of_everything_is_refused(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, with_changes(exclude=[{"id": "too-old", "when": {}, "reason": "It ended."}]))
    assert "exclude[0].when (too-old): excludes every target" in problem


@pytest.mark.parametrize("arch", ["99.0", "12.1", "3.5"])
def test_an_architecture_that_would_drop_every_target_of_a_variant_is_refused(tmp_path: Path, arch: str) -> None:
    [problem] = problems_of(tmp_path, with_changes(arches={"cu126": f"8.0;{arch}"}))
    assert f"arches.cu126: this CUDA compiles for no {arch}; take some of 5.0" in problem


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = with_changes(python=["2.7"], cpu_level="avx9", exclude=[{"id": "x", "when": {}}])
    assert len(problems_of(tmp_path, text)) == 3


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    [problem] = problems_of(
        tmp_path, yaml.safe_dump({key: value for key, value in GOOD.items() if key != "priorities"})
    )
    assert "the key 'priorities' is missing; add it" in problem


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n", "python: [3.10]\npython: [3.11]\n"])
def test_what_is_no_matrix_at_all_is_told(tmp_path: Path, text: str) -> None:
    assert all(problem.startswith("matrix.yaml") for problem in problems_of(tmp_path, text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_matrix(tmp_path / "matrix.yaml", load_facts())
