"""The bill of materials is CycloneDX as its own schema has it, the same bytes each time, and read as it was written."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from scripts.facts.load import load_facts
from scripts.wheel.bill_of_materials import Provenance, bill_text, read_bill
from scripts.wheel.record import WheelSource
from scripts.wheel.third_party_code import NOTICES, code_of_others, licence_expression, notices

FACTS = load_facts()
MEMBERS = (
    "deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so",
    "deepspeed/ops/adam/fused_adam.py",
    "deepspeed/runtime/data_pipeline/data_sampling/indexed_dataset.py",
    "deepspeed/utils/groups.py",
)
CODE = code_of_others(FACTS.third_parties.values(), MEMBERS)
TOLD = {f"licenses/{NOTICES}": notices(CODE, FACTS.licences).encode(), "licenses/LICENSE": b"Apache"}
PROVENANCE = Provenance(
    version="0.19.8+cputorch2.13",
    target="ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64",
    source=WheelSource(kind="sdist", sha256="0" * 64, patches=("P17",)),
    edits={"P17": "digest"},
    titles={"P17": "Ask the kernel itself"},
    torch="2.13.0+cpu",
    toolchain={"compiler": "g++ (Debian 12.2.0-14) 12.2.0", "setuptools": "80.9.0"},
    choices={"cpu-level": "avx2"},
    commit="0123456789abcdef",
)


def text(provenance: Provenance = PROVENANCE) -> str:
    return bill_text(provenance, CODE, licence_expression(CODE), TOLD)


@pytest.mark.skipif("sys.platform == 'win32'", reason="the checker is not installed there")
def test_the_published_schema_has_nothing_to_say_about_it_and_would() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert sys.platform != "win32"
    checker = JsonStrictValidator(SchemaVersion.V1_6)
    assert checker.validate_str(text()) is None
    assert checker.validate_str(text(replace(PROVENANCE, commit="", edits={}, titles={}))) is None
    assert checker.validate_str(text().replace('"unofficial"', '"ours"')) is not None
    assert checker.validate_str(text().replace('"BSD-3-Clause"', '"BSD-3"')) is not None


def test_it_is_the_same_bytes_whatever_the_order() -> None:
    tools = dict(reversed(list(PROVENANCE.toolchain.items())))
    files = dict(reversed(list(TOLD.items())))
    assert bill_text(replace(PROVENANCE, toolchain=tools), CODE, licence_expression(CODE), files) == text()
    assert text().isascii()


def test_what_was_written_is_read() -> None:
    found = read_bill(text())
    assert (found.version, found.kind, found.source_sha256) == (PROVENANCE.version, "sdist", "0" * 64)
    assert (found.torch, found.toolchain) == (PROVENANCE.torch, PROVENANCE.toolchain)
    assert found.patches == {"P17": "digest"}
    assert found.parties == {"apex", "fairseq", "Megatron-LM", "pybind11", "PyTorch"}
    assert set(found.licences) == set(TOLD)


def test_it_says_where_each_part_is_and_who_made_it() -> None:
    parts = {each["name"]: each for each in json.loads(text())["components"]}
    assert parts["apex"]["evidence"]["occurrences"] == [{"location": "deepspeed/ops/adam/fused_adam.py"}]
    assert parts["apex"]["copyright"] == "Copyright NVIDIA/apex"
    assert [each["location"] for each in parts["pybind11"]["evidence"]["occurrences"]] == [MEMBERS[0]]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "7", '{"bomFormat": "CycloneDX"}', "[" * 100_000])
def test_what_is_no_bill_is_one_plain_error(content: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever json says of it
        read_bill(content)


def test_a_text_that_hides_in_a_tool_does_not_reach_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_0123456789abcdefghijklmnop")
    assert "ghp_" not in text(replace(PROVENANCE, toolchain={"compiler": "g++ ghp_0123456789abcdefghijklmnop"}))
