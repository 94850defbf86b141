"""The data says of every target what it is and of every wheel what its record says, and is small."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from scripts.index.install_line import install_command
from scripts.index.page.data import FIRST, TOOLS, page_data
from scripts.index.page.states import Build
from scripts.plan.expand import Plan
from scripts.wheel.published import Published
from scripts.wheel.record import Verification, WheelRecord
from tests.index.page.factories import made_up, many_wheels, published, some_builds, some_wheels, world
from tests.plan.factories import make_plan, make_target

NOTHING = make_plan()


def data_of(*records: WheelRecord, plan: Plan = NOTHING, builds: dict[str, Build] | None = None) -> dict[str, Any]:
    facts, matrix, _ = world()
    document = page_data(published(records), plan, facts, matrix, builds or {}, None)
    found: dict[str, Any] = json.loads(json.dumps(document))
    return found


def state_at(data: dict[str, Any], place: int) -> list[str]:
    reason: list[str] = data["reasons"][ord(data["combinations"][place]) - FIRST]
    return reason


def row_of(data: dict[str, Any], row: int) -> dict[str, Any]:
    wheels = data["wheels"]
    return {name: wheels["tables"][name][column[row]] for name, column in wheels["columns"].items()}


def test_planned_excluded_and_unknown_targets_say_so() -> None:
    planned, excluded = make_target(), make_target(cuda="cu130", python="3.12")
    data = data_of(plan=make_plan([planned], [excluded]))
    assert data["axes"]["cuda"] == ["cpu", "cu130"]  # the targets: cpu 3.11, cpu 3.12, cu130 3.11, cu130 3.12
    assert [state_at(data, place)[0] for place in range(4)] == ["planned", "unplanned", "unplanned", "impossible"]
    assert state_at(data, 3)[1:] == ["no-wheel", "There is none."]
    assert "not in the matrix" in state_at(data, 1)[2]


def test_a_wheel_is_told_as_its_record_says() -> None:
    record = made_up(make_target(cuda="cu130", platform="win_amd64"))
    data = data_of(record)
    assert base64.b64decode(data["wheels"]["sha256"] + "=").hex() == record.sha256
    assert data["wheels"]["bytes"] == [record.bytes]
    row = row_of(data, 0)
    assert row["ops"] == list(record.ops)
    assert row["leftOut"] == [list(item) for item in sorted(record.left_out.items())]
    assert (row["arches"], row["cpu"], row["torch"]) == (list(record.arches), "avx2", record.torch)
    assert record.verification
    skipped = [list(item) for item in record.verification.skipped.items()]
    assert row["verification"] == ["full", list(record.verification.passed), [], skipped]
    assert record.url == row["base"] + record.file.replace("+", "%2B")


def test_a_wheel_says_in_words_what_was_proven_on_it_and_what_was_not() -> None:
    skipped = {"gpu": "it needs a GPU, and there is none here", "zero-1: fp16 learns": "this processor has no fp16"}
    proof = Verification(level="core", passed=("load cpu_adam",), skipped=skipped, parts=("load_ops", "optimizers"))
    data = data_of(made_up(make_target(cuda="cu130", platform="win_amd64"), verification=proof))
    row = row_of(data, 0)
    assert row["proven"] == [
        "2 parts of DeepSpeed ran on this very file and did what they should.",
        "The other parts ran on the wheel for another Python of the same DeepSpeed, torch and CUDA.",
        "Its CUDA kernels were not run: there was no GPU where it was verified.",
        "Not tried on it: workloads, integrations and autotuning.",
    ]
    assert row["partsLeft"] == [["gpu", skipped["gpu"]], ["zero-1", "this processor has no fp16"]]
    assert data["parts"].keys() == {"load_ops", "optimizers"}
    assert "`" not in json.dumps(data["parts"])


def test_a_wheel_for_cpu_that_ran_everything_has_nothing_unproven() -> None:
    parts = ("load_ops", "gpu", "cifar", "accelerate", "autotuning", "a part of tomorrow")
    rows = [
        row_of(data_of(made_up(target, verification=Verification(level="full", passed=("x",), parts=parts))), 0)
        for target in (make_target(), make_target(cuda="cu130"))
    ]
    assert [row["proven"] for row in rows] == [
        ["6 parts of DeepSpeed ran on this very file and did what they should."]
    ] * 2
    silent = made_up(make_target(), verification=Verification(level="full", passed=("x",)))
    assert row_of(data_of(silent), 0)["proven"] == []  # its manifest names no parts


def test_a_note_of_many_wheels_is_written_once() -> None:
    record = made_up(make_target(), notes={"bf16-off": "No BF16 kernels."})
    data = data_of(record, replace(record, target=make_target(python="3.12"), url=None))
    assert data["notes"]["bf16-off"] == "No BF16 kernels."
    assert all("bf16-off" in row_of(data, row)["notes"] for row in (0, 1))
    assert json.dumps(data).count("No BF16 kernels.") == 1


def test_a_wheel_without_a_verification_or_an_address_of_its_own_says_so() -> None:
    record = made_up(make_target(), verification=None, url=None)
    row = row_of(data_of(record), 0)
    assert (row["verification"], row["manifest"]) == (None, False)
    assert row["base"] + record.file.replace("+", "%2B") == published([record]).address(record)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_lines_to_paste_are_those_of_the_index(tool: Any) -> None:  # noqa: ANN401  pip or uv
    records = some_wheels()
    data = data_of(*records)
    offered: Published = published(records)
    for index, record in enumerate(sorted(records, key=lambda record: record.target.sort_key())):
        target = record.target
        words = {"version": target.wheel_version, "channel": f"{target.cuda}/torch{target.torch_minor}"}
        [[shell, line]] = row_of(data, index)[tool]
        assert (shell, line.format(cuda=target.cuda, **words)) == ("", install_command(record, offered, tool))
    assert len(data["wheels"]["tables"][tool]) == 1


def test_an_id_names_the_patch_release_of_torch_that_is_planned_and_not_one_that_was_published() -> None:
    there, planned = make_target(torch="2.9.9"), make_target(torch="2.9.10", python="3.12")
    data = data_of(made_up(there), made_up(make_target(torch="2.8.0")), plan=make_plan([planned]))
    assert data["patches"] == {"2.8": "2.8.0", "2.9": "2.9.10"}


def test_a_wheel_that_left_the_matrix_is_still_offered() -> None:
    data = data_of(made_up(make_target(deepspeed="0.14.0")), plan=make_plan([make_target()]))
    assert data["axes"]["deepspeed"] == ["0.14.0", "0.19.8"]
    assert data["wheels"]["number"] == [0]


def test_builds_stand_at_their_targets_and_a_published_wheel_has_none() -> None:
    there, failed = make_target(), make_target(python="3.12")
    build = Build(state="failed", message="no memory", url="https://ci.example/")
    builds = {there.id: build, failed.id: build}
    data = data_of(made_up(there), plan=make_plan([there, failed]), builds=builds)
    assert data["builds"] == {"1": ["failed", "no memory", "https://ci.example/"]}


def test_the_order_of_wheels_and_builds_does_not_matter() -> None:
    _, _, plan = world()
    records, builds = some_wheels(), some_builds()
    turned = dict(reversed(builds.items()))
    assert data_of(*records, plan=plan, builds=builds) == data_of(*reversed(records), plan=plan, builds=turned)


def test_a_wheel_costs_little_more_than_its_digest() -> None:
    records = many_wheels(10_000)
    _, _, plan = world()
    text = json.dumps(data_of(*records, plan=plan), separators=(",", ":"), ensure_ascii=False)
    assert len({(record.target.deepspeed, record.target.local_version) for record in records}) == 2000
    assert len(text.encode()) < 120 * len(records)
