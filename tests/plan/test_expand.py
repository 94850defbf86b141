"""The plan is exact: every combination is a target or an excluded target with its first reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from scripts.facts.load import load_facts
from scripts.plan.context import context_of, parse_arches, runs_everywhere
from scripts.plan.expand import Plan, axes_of, combinations, expand
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target
from tests.plan.factories import ROOT, make_exclusion, make_facts, make_matrix, make_priority, make_rule, make_target


@pytest.fixture(scope="module")
def shipped() -> Plan:
    facts = load_facts()
    return expand(load_matrix(ROOT / "matrix.yaml", facts), facts)


def targets_of(plan: Plan) -> list[Target]:
    return [planned.target for planned in plan.targets]


def rules_of(plan: Plan, **wanted: str) -> set[str | None]:
    """The rules by which these combinations are excluded; None for a target."""
    rules: dict[Target, str | None] = {row.target: row.rule for row in plan.excluded}
    known = [*rules, *targets_of(plan)]
    return {
        rules.get(target) for target in known if all(getattr(target, axis) == value for axis, value in wanted.items())
    }


# ---------------------------------------------------------------- the expansion


def test_a_combination_that_nothing_refuses_is_a_target_with_the_newest_torch() -> None:
    plan = expand(make_matrix(torch=("2.14",)), make_facts())
    assert [target.id for target in targets_of(plan)] == ["ds0.19.8-torch2.14.1-cpu-cp311-linux_x86_64"]
    assert plan.excluded == ()


def test_of_several_rules_the_first_gives_the_reason() -> None:
    rules = [make_rule("for-cuda", cuda="cu126"), make_rule("first", python="3.11"), make_rule("second", os="linux")]
    [row] = expand(make_matrix(), make_facts(rules)).excluded
    assert (row.rule, row.reason) == ("first", "because of first")


def test_an_exclusion_of_ours_is_distinguished_from_a_rule() -> None:
    matrix = make_matrix(python=("3.10", "3.11"), exclude=(make_exclusion("too-old", python="<3.11"),))
    plan = expand(matrix, make_facts())
    assert [(o.target.python, o.rule, o.reason) for o in plan.excluded] == [
        ("3.10", "matrix:too-old", "not wanted: too-old")
    ]
    assert [target.python for target in targets_of(plan)] == ["3.11"]


def test_what_fixes_or_warns_is_kept_on_the_target() -> None:
    rules = [
        make_rule("warned", "warn", os="linux"),
        make_rule("fixed", "fix", torch=">=2.12"),
        make_rule("no", os="windows"),
    ]
    [planned] = expand(make_matrix(), make_facts(rules)).targets
    assert [(note.id, note.level, note.hint) for note in planned.notes] == [
        ("warned", "warn", None),
        ("fixed", "fix", "do fixed"),
    ]


def test_a_rule_about_what_only_a_build_knows_waits() -> None:
    plan = expand(make_matrix(), make_facts([make_rule("toolkit", toolkit_major="13")]))
    assert len(plan.targets) == 1


def test_a_rule_about_cuda_leaves_the_cpu_alone() -> None:
    rules = [make_rule("new", any=[{"cuda-major": "13"}, {"torch": ">=2.9"}])]
    matrix = make_matrix(cuda=("cpu", "cu126"), arches={"cu126": "8.0"})
    assert [target.cuda for target in targets_of(expand(matrix, make_facts(rules)))] == ["cpu"]


def test_the_first_priority_that_holds_counts() -> None:
    priorities = (make_priority(1, python="3.12"), make_priority(2, python=">=3.11"), make_priority(3))
    plan = expand(make_matrix(python=("3.10", "3.11", "3.12"), priorities=priorities), make_facts())
    assert [(planned.target.python, planned.priority) for planned in plan.targets] == [
        ("3.10", 3),
        ("3.11", 2),
        ("3.12", 1),
    ]


def test_a_plan_is_in_the_order_of_versions_whatever_the_order_of_the_matrix() -> None:
    changes = {"deepspeed": ("0.19.8", "0.16.5"), "torch": ("2.10", "2.9"), "python": ("3.11", "3.9", "3.10")}
    targets = targets_of(expand(make_matrix(**changes), make_facts()))
    assert targets == sorted(targets, key=Target.sort_key)


@given(st.data())
def test_the_plan_says_what_asking_every_rule_of_every_target_would(data: st.DataObject) -> None:
    facts = load_facts()
    shipped = load_matrix(ROOT / "matrix.yaml", facts)
    axes: dict[str, Any] = {
        axis: tuple(data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True), label=axis))
        for axis, values in {
            "deepspeed": tuple(facts.deepspeed),
            "torch": tuple(facts.torch),
            "cuda": shipped.cuda,
            "python": tuple(facts.pythons),
            "platform": shipped.platform,
        }.items()
    }
    matrix = replace(shipped, **axes)
    plan = expand(matrix, facts)
    rules = {row.target: row.rule for row in plan.excluded}
    notes = {planned.target: [note.id for note in planned.notes] for planned in plan.targets}
    known = list(combinations(axes_of(matrix, facts)))
    assert len(plan.targets) + len(plan.excluded) == len(known) == len({*rules, *notes})
    for target in known:
        context = matrix.context_of(target, facts)
        held = [rule for rule in facts.rules if rule.when.holds(context)]
        refusals = [rule.id for rule in held if rule.level == "refuse"]
        refusals += [f"matrix:{row.id}" for row in matrix.exclude if row.when.holds(context)]
        assert rules.get(target) == (refusals[0] if refusals else None)
        if not refusals:
            assert notes[target] == [rule.id for rule in held]


# ---------------------------------------------------------------- the context


def test_a_cpu_target_has_no_cuda_names() -> None:
    context = context_of(make_target(), load_facts(), None)
    assert {"cuda-version", "cuda-major", "arch", "arch-max", "arch-supported", "arch-in-torch"}.isdisjoint(context)
    assert context["torch-has-cuda"] is True


def test_the_context_of_a_cuda_target() -> None:
    context = context_of(make_target(cuda="cu130", platform="win_amd64"), load_facts(), "8.6;10.0;7.5")
    assert (context["arch"], context["arch-max"], context["cuda-major"]) == ("7.5", "10.0", "13")
    assert context["arch-supported"] is True


@pytest.mark.parametrize(
    ("arches", "code", "expected"),
    [
        ("8.9", "8.6", True),
        ("8.0", "8.6", False),
        ("12.0", "9.0", False),
        ("12.0", "9.0+PTX", True),
        ("7.5", "8.0+PTX", False),
        ("6.1;9.0", "6.0;9.0", True),
    ],
)
def test_code_runs_on_the_same_major_and_ptx_on_all_that_is_newer(arches: str, code: str, expected: bool) -> None:
    assert runs_everywhere(arches, code) is expected


def test_architectures_may_carry_a_suffix() -> None:
    assert parse_arches("9.0a;10.0+PTX") == {(9, 0): False, (10, 0): True}


# ---------------------------------------------------------------- the shipped matrix


def test_torch_2_4_has_no_windows_wheel_for_python_3_13(shipped: Plan) -> None:
    for cuda in ("cpu", "cu118", "cu121", "cu124"):
        target = {"torch": "2.4.1", "python": "3.13", "platform": "win_amd64", "cuda": cuda}
        assert rules_of(shipped, **target) == {"torch-python"}


def test_torch_2_8_has_no_cuda_13_0(shipped: Plan) -> None:
    assert rules_of(shipped, torch="2.8.0", cuda="cu130") == {"torch-cuda-variant"}


@pytest.mark.parametrize(
    ("system", "deepspeed", "torch"),
    [
        ("linux_x86_64", "0.16.5", "2.11.0"),
        ("linux_x86_64", "0.17.6", "2.12.1"),
        ("linux_x86_64", "0.18.9", "2.13.0"),
        ("win_amd64", "0.14.5", "2.7.1"),
    ],
)
def test_an_older_deepspeed_is_untried_with_a_torch_that_came_much_later(
    shipped: Plan, system: str, deepspeed: str, torch: str
) -> None:
    target = {
        "deepspeed": deepspeed,
        "cuda": "cu118" if torch == "2.7.1" else "cu130",
        "platform": system,
        "python": "3.11",
    }
    assert rules_of(shipped, torch=torch, **target) == {"matrix:torch-newer-than-deepspeed"}


def test_what_is_left_out_as_newer_came_later_by_what_its_reason_says(shipped: Plan) -> None:
    facts = load_facts()
    for row in shipped.excluded:
        if row.rule == "matrix:torch-newer-than-deepspeed":
            first = min(filter(None, facts.torch[row.target.torch_minor].patches.values()))
            later = first - facts.deepspeed[row.target.deepspeed].date
            assert later.days >= (182 if "half a year" in row.reason else 1), row.target.id


def test_a_cuda_that_is_too_new_for_a_deepspeed_is_one_that_its_list_has_not(shipped: Plan) -> None:
    """CUDA 12.6 came a fortnight before DeepSpeed 0.14.5, which does not know it all the same."""
    facts = load_facts()
    found = [row for row in shipped.excluded if row.rule == "matrix:cuda-newer-than-deepspeed"]
    for row in found:
        known = facts.deepspeed[row.target.deepspeed].cuda_minors
        assert row.target.cuda_version not in known
        assert f"knows no CUDA after {known[-1]}" in row.reason


@pytest.mark.parametrize("row", ["cuda-newer-than-deepspeed", "torch-newer-than-deepspeed"])
def test_the_way_out_that_an_exclusion_names_is_a_target(shipped: Plan, row: str) -> None:
    planned = {(one.target.deepspeed, replace(one.target, deepspeed="")) for one in shipped.targets}
    for excluded in shipped.excluded:
        if excluded.rule == f"matrix:{row}":
            own, rest = excluded.target.deepspeed, replace(excluded.target, deepspeed="")
            named = re.search(r"take .*DeepSpeed ([\d.]+\d)", excluded.reason)
            ways = [named[1]] if named else [name for name in load_facts().deepspeed if Version(name) > Version(own)]
            assert any((name, rest) in planned for name in ways), excluded.target.id


def test_no_one_is_told_of_a_probe_that_the_release_has_not(shipped: Plan) -> None:
    """Upstream's CPU set has async_io since 0.15.3; what probes for cufile.lib is in the CUDA set alone."""
    told = [planned.target for planned in shipped.targets if "windows-aio-probe" in {note.id for note in planned.notes}]
    assert {target.platform for target in told} == {"win_amd64"}
    assert "0.14.5" not in {target.deepspeed for target in told if target.cuda == "cpu"}
    assert {"0.14.5", "0.19.7"} <= {target.deepspeed for target in told if target.cuda != "cpu"}
    assert {"0.15.4", "0.19.7"} <= {target.deepspeed for target in told if target.cuda == "cpu"}


@pytest.mark.parametrize(
    ("deepspeed", "torch"), [("0.15.4", "2.11.0"), ("0.16.5", "2.12.1"), ("0.17.6", "2.15.0"), ("0.18.9", "2.13.0")]
)
def test_on_windows_it_is_a_target_where_its_sources_were_read_with_that_torch(
    shipped: Plan, deepspeed: str, torch: str
) -> None:
    wanted = f"ds{deepspeed}-torch{torch}-cu130-cp311-win_amd64"
    assert wanted in {planned.target.id for planned in shipped.targets}


def test_one_target_of_each_cuda_that_msvc_compiles_as_cpp20_comes_first(shipped: Plan) -> None:
    first = [planned for planned in shipped.targets if planned.priority == 1]
    assert [(p.target.cuda, p.target.platform) for p in first] == [("cu130", "win_amd64"), ("cu132", "win_amd64")]
    assert all("cpp20-msvc-untried" in [note.id for note in planned.notes] for planned in first)


def test_torch_2_3_is_a_target_of_newer_deepspeed_with_a_warning_about_zenflow_alone(shipped: Plan) -> None:
    targets = [p for p in shipped.targets if p.target.torch_minor == "2.3" and p.target.deepspeed == "0.19.8"]
    assert {planned.target.cuda for planned in targets} == {"cpu", "cu118", "cu121"}
    for planned in targets:
        [note] = [note for note in planned.notes if note.id == "zenflow-torch"]
        assert (note.level, note.audience) == ("warn", "user")
        assert "ZenFlow is off" in note.text


@pytest.mark.parametrize("cuda", ["cu130", "cu132"])
def test_torch_2_15_refuses_sm_70(cuda: str) -> None:
    matrix = make_matrix(torch=("2.15",), cuda=(cuda,), arches={cuda: "7.0;8.0"})
    facts = load_facts()
    plan = expand(matrix, facts)
    assert plan.targets == ()
    assert {row.rule for row in plan.excluded} <= {"arch-range", "pre-turing"}


@pytest.mark.parametrize("deepspeed", ["0.16.5", "0.17.6", "0.18.9", "0.19.8"])
def test_the_linux_cpu_combinations_that_are_built_everywhere_are_targets(shipped: Plan, deepspeed: str) -> None:
    assert make_target(deepspeed=deepspeed) in targets_of(shipped)


def test_no_architecture_that_we_ask_for_is_refused_or_unknown_to_torch(shipped: Plan) -> None:
    own_fault = {"arch-range", "pre-turing", "torch-knows-arch"}
    assert own_fault.isdisjoint(row.rule for row in shipped.excluded)
    assert not any(note.id == "arch-not-in-torch" for planned in shipped.targets for note in planned.notes)


def test_every_release_torch_platform_and_python_has_a_target(shipped: Plan) -> None:
    facts = load_facts()
    matrix = load_matrix(ROOT / "matrix.yaml", facts)
    targets = targets_of(shipped)
    assert {target.deepspeed for target in targets} == set(matrix.deepspeed)
    assert {target.torch_minor for target in targets} == set(matrix.torch)
    assert {target.cuda for target in targets} == set(matrix.cuda)
    assert {target.python for target in targets} == set(matrix.python)
    assert {target.platform for target in targets} == set(matrix.platform)


def test_every_exclusion_excludes_something(shipped: Plan) -> None:
    matrix = load_matrix(ROOT / "matrix.yaml", load_facts())
    used = {row.rule for row in shipped.excluded}
    assert {f"matrix:{row.id}" for row in matrix.exclude} <= used


def test_the_official_windows_wheels_have_their_targets(shipped: Plan) -> None:
    for python in ("3.10", "3.11", "3.12"):
        target = make_target(deepspeed="0.16.5", torch="2.6.0", cuda="cu124", python=python, platform="win_amd64")
        assert target in targets_of(shipped)
