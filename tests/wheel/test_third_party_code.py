"""Whose code a wheel holds: every file of a release that names somebody else has a row, and so has its licence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from packaging.licenses import canonicalize_license_expression

from scripts.facts.load import load_facts
from scripts.wheel.third_party_code import code_of_others, licence_expression, notices
from tests.verify.whole_wheel import source_members

FACTS = load_facts()
PARTIES = FACTS.third_parties
OP = "deepspeed/ops/adam/fused_adam_op.cpython-311-x86_64-linux-gnu.so"
OWN = re.compile(r"Microsoft|DeepSpeed (?:Team|Contributors)|The DeepSpeed", re.IGNORECASE)
# a line that names whose the code is; the words of licences themselves name nobody
NAMES = re.compile(r"Copyright (?:\(c\) |©|\d|NVIDIA).*", re.IGNORECASE)
FOREIGN = re.compile(
    r"SPDX-License-Identifier: (?!Apache-2\.0\s*$).*|licensed under the (?:MIT|BSD).*"
    r"|(?:adapted|copied|taken|modified|ported|derived) (?:and modified )?(?:for DeepSpeed )?(?:from|triton)\b.*"
    r"(?:apex|Megatron|fairseq|fairscale|axolotl|PyTorch|TorchTitan|triton|cutlass|pytorch/pytorch).*",
    re.IGNORECASE,
)


def marks(content: bytes) -> Iterator[str]:
    """The lines in which a file names somebody else."""
    for line in content.decode("utf-8", errors="replace").splitlines():
        named = NAMES.search(line)
        if (named and not OWN.search(line)) or FOREIGN.search(line):
            yield line.strip()


def unnamed(members: Mapping[str, bytes]) -> dict[str, str]:
    """The files that name somebody else and have no row, each with the line."""
    known = {name for code in code_of_others(PARTIES.values(), list(members)) for name in code.members}
    found = {name: next(marks(content), "") for name, content in members.items() if name.startswith("deepspeed/")}
    return {name: line for name, line in found.items() if line and name not in known}


@pytest.mark.network
@pytest.mark.parametrize("release", ["0.14.5", "0.16.5", "0.19.8"])
def test_every_file_that_names_somebody_else_has_a_row(release: str) -> None:
    assert unnamed(source_members(release)) == {}


@pytest.mark.network
@pytest.mark.nightly
@pytest.mark.parametrize("release", [row.version for row in FACTS.deepspeed.values() if row.sdist_sha256])
def test_every_file_of_every_release_does(release: str) -> None:
    assert unnamed(source_members(release)) == {}


@pytest.mark.network
def test_every_row_is_of_a_release_or_of_every_op() -> None:
    members = {*source_members("0.14.5"), *source_members("0.19.8"), OP}
    held = {code.party.name for code in code_of_others(PARTIES.values(), members)}
    assert held == set(PARTIES)


def test_a_file_that_names_somebody_is_found() -> None:
    lines = (b"# Copyright (c) 2030 Somebody Else", b"# SPDX-License-Identifier: MIT", b"# adapted from NVIDIA/apex")
    for line in lines:
        assert unnamed({"deepspeed/new.py": line}) == {"deepspeed/new.py": line.decode()}
    assert unnamed({"deepspeed/new.py": b"# Copyright (c) Microsoft Corporation."}) == {}


def test_the_expression_is_one_that_installers_read_and_names_each_licence_once() -> None:
    whole = code_of_others(PARTIES.values(), ["deepspeed/ops/adam/fused_adam.py", OP, *MIT])
    assert licence_expression(whole) == "Apache-2.0 AND BSD-3-Clause AND MIT"
    assert canonicalize_license_expression(licence_expression(whole)) == licence_expression(whole)
    assert licence_expression(()) == "Apache-2.0"


MIT = ("deepspeed/runtime/data_pipeline/data_sampling/indexed_dataset.py",)


def test_the_notices_hold_each_copyright_and_each_licence_once() -> None:
    code = code_of_others(PARTIES.values(), ["deepspeed/ops/adam/fused_adam.py", OP, *MIT])
    text = notices(code, FACTS.licences)
    for each in code:
        assert all(line in text for line in each.party.copyright)
        assert each.party.project in text
    assert text.count("Redistributions in binary form must reproduce") == 1
    assert text.count("Permission is hereby granted") == 1
    assert "fairscale" not in text
