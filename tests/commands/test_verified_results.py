"""docs/verified.json: what verifications said of each release, and the tables that are made of it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from scripts.commands.parts_summary import parts_summary
from scripts.commands.verified_results import with_report
from scripts.commands.verify_page import ON_A_GPU, VERIFIED, read_gpu_results, read_results, unreported
from scripts.facts.load import load_facts

ROWS = load_facts().verification_parts
WHEEL = "deepspeed-0.18.9+cputorch2.13-cp311-cp311-manylinux_2_34_x86_64.whl"
PASSED, SKIPPED = {"passed": True, "seconds": 1.0, "cpu_seconds": 0.5}, {"passed": None, "reason": "no such op"}


def report(**parts: Any) -> dict[str, Any]:  # noqa: ANN401  whatever a part said
    return {"wheel": WHEEL, "level": "full", "passed": True, "checks": [], "parts": parts}


def test_a_report_takes_the_place_of_its_releases_and_leaves_the_others() -> None:
    before = {name: {"how": "then", "parts": {"train": PASSED}} for name in ("0.16.5", "0.18.9", "0.19.8")}
    after = with_report(before, report(load_ops=PASSED, unheard_of=PASSED), "now")
    assert list(after) == ["0.19.8", "0.18.9", "0.16.5"]
    assert after["0.18.9"] == {"how": "now", "wheel": WHEEL, "parts": {"load_ops": PASSED}}
    assert {name: after[name] for name in ("0.19.8", "0.16.5")} == {name: before[name] for name in ("0.19.8", "0.16.5")}


def test_the_summary_is_of_the_newest_release_and_leaves_no_part_out() -> None:
    rows = [replace(ROWS["zero-1"], name=name) for name in ("a", "b", "c", "d", "e")]
    rows.append(replace(ROWS["zero-1"], name="kernels", level="gpu"))
    failed = {"passed": False, "reason": "loss 3 -> 3"}
    runs = {"a": PASSED, "b": SKIPPED, "c": SKIPPED, "d": failed}
    lines = parts_summary({"0.9.0": {"parts": {}}, "0.10.0": {"parts": runs}}, rows).splitlines()
    assert lines[0] == "| Of DeepSpeed 0.10.0 | passed | skipped, failed or not run |"
    assert "| Parts of DeepSpeed | a | b, c (no such op); d (**failed**: loss 3 -> 3); e (not run) |" in lines
    assert "| Workloads | none | none |" in lines


def test_every_part_has_a_result_for_each_release_or_on_a_gpu_and_one_that_has_none_is_named() -> None:
    results, gpu = copy.deepcopy(read_results(VERIFIED)), copy.deepcopy(read_gpu_results(ON_A_GPU))
    assert {"0.16.5", "0.18.9", "0.19.8"} <= results.keys()
    assert unreported(results, gpu, ROWS.values()) == ()
    columns = {**{name: found["parts"] for name, found in results.items()}, "GPU": gpu["parts"]}
    asked = [
        (part.name, name) for part in ROWS.values() for name in columns if (name == "GPU") == (part.level == "gpu")
    ]
    assert len(asked) > len(ROWS)
    for part, column in asked:
        run = columns[column].pop(part)
        assert unreported(results, gpu, ROWS.values()) == (f"{part} ({column})",)
        columns[column][part] = {**run, "passed": None, "reason": "", "checks": []}
        assert unreported(results, gpu, ROWS.values()) == (f"{part} ({column})",)
        columns[column][part] = run
