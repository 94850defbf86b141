"""What the window offers: combinations that exist, reasons for those that do not, and words that the tasks take."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.commands.project import open_project
from scripts.errors import DataError, InputError
from scripts.plan.expand import Plan
from scripts.plan.target import parse_id
from scripts.window.older_config import read_older_config
from scripts.window.what_can_exist import ops_of, plan_for, possible, targets_of

OLDER = {
    "versions": {
        "0.15.4": {"url": "https://github.com/microsoft/DeepSpeed/archive/refs/tags/v0.15.4.zip", "cuda_min": "11.0"},
        "0.16.1": {"url": "https://example.org/other.zip", "cuda_min": "11.0"},
        "9.9.9": {"url": "https://example.org/v9.9.9.zip", "cuda_min": "99.0"},
    }
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    project = open_project()
    return plan_for(project.matrix, project.facts, "3.11", "win_amd64")


def test_only_what_exists_with_the_rest_can_be_chosen_and_the_others_say_why(plan: Plan) -> None:
    found = possible(plan, "cuda", {"deepspeed": "0.16.5", "torch": "2.6", "cuda": ""})
    targets = targets_of(plan, {"deepspeed": "0.16.5", "torch": "2.6", "cuda": ""})
    assert set(found.values) == {target.cuda for target in targets}
    assert "cu124" in found.values
    assert "cu130" in found.reasons
    assert not found.reasons.keys() & set(found.values)
    assert all(found.reasons.values())


def test_the_newest_comes_first_and_numbers_are_compared_as_numbers(plan: Plan) -> None:
    found = possible(plan, "torch", {"deepspeed": "", "torch": "", "cuda": ""})
    minors = [tuple(map(int, value.split("."))) for value in found.values]
    assert minors == sorted(minors, reverse=True)
    assert max(minors)[1] >= 10


def test_what_is_chosen_of_an_axis_does_not_narrow_that_axis(plan: Plan) -> None:
    every = possible(plan, "cuda", {"deepspeed": "0.16.5", "torch": "2.6", "cuda": ""})
    assert possible(plan, "cuda", {"deepspeed": "0.16.5", "torch": "2.6", "cuda": "cpu"}) == every


def test_an_op_that_windows_cannot_have_comes_with_its_reason(plan: Plan) -> None:
    facts = open_project().facts
    (target, *_) = targets_of(plan, {"deepspeed": "0.16.5", "torch": "2.6", "cuda": "cu124"})
    ops = {op.name: op.support.why_not.get("windows", "") for op in ops_of(facts, target)}
    assert ops["fused_adam"] == ""
    assert any(ops.values())


def test_the_older_builder_s_file_is_checked_version_by_version(tmp_path: Path) -> None:
    project = open_project()
    file = tmp_path / "deepspeed_config.json"
    file.write_text(json.dumps(OLDER), encoding="utf-8")
    newest, not_built, built = read_older_config(file, project.facts, project.matrix)
    assert (newest.deepspeed, newest.usable) == ("9.9.9", False)
    assert "no such release" in newest.says
    assert (not_built.usable, "0.16.9" in not_built.says) == (False, True)
    assert built.usable
    assert "no torch here has one before" in built.says


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ('{"versions": []}', "versions"), ("{}", "versions")])
def test_another_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    project = open_project()
    file = tmp_path / "deepspeed_config.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_older_config(file, project.facts, project.matrix)
    with pytest.raises(InputError, match="cannot be read"):
        read_older_config(tmp_path / "none.json", project.facts, project.matrix)


def test_the_wheel_that_was_filed_last_is_found_whatever_its_level_and_ops(tmp_path: Path) -> None:
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    from scripts.window.build_choices import newest_wheel

    target = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
    other = parse_id("ds0.19.8-torch2.13.0-cpu-cp312-linux_x86_64")
    home = tmp_path / target.folder
    assert newest_wheel(target, tmp_path) == home / target.wheel_name
    names = [owner.wheel_name_for(f"manylinux_2_{level}_x86_64") for owner, level in ((target, 17), (target, 34))]
    files = [home / names[0], home / "only-cpu_adam" / names[1], home / other.wheel_name_for("manylinux_2_34_x86_64")]
    for second, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (second, second))
    assert newest_wheel(target, tmp_path) == files[1]
