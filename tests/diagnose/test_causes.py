"""Every rule decides its fixture and no other's, and every cause that is promised has a rule."""

from __future__ import annotations

import re

import pytest

from scripts.commands.reference import raised_ids
from scripts.diagnose.causes import load_causes
from scripts.diagnose.diagnosis import diagnose
from tests.diagnose.reading import FIXTURES, RULES, Case, cases, deciders


def test_every_rule_has_a_fixture() -> None:
    assert FIXTURES.keys() == RULES.keys()


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_rule_decides_its_fixture(case: Case) -> None:
    assert case.rule.id in deciders(case.log.encode())


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_the_first_answer_to_a_fixture_is_its_cause(case: Case) -> None:
    found = diagnose([case.log.encode()])
    if case.rule.noise:
        assert [finding.cause for finding in found.findings] == []
        assert case.rule.noise in {noise.explanation for noise in found.noise}
    else:
        assert found.findings[0].cause == case.rule.cause


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_the_deciding_line_stands_where_it_says(case: Case) -> None:
    log = "building\n" * 7 + case.log
    for finding in diagnose([log.encode()]).findings:
        assert finding.line in log.split("\n")[finding.line_number - 1]


def test_every_cause_says_what_to_do() -> None:
    for name, cause in load_causes().causes.items():
        assert cause.explanation.endswith("."), name
        assert cause.remedy.endswith("."), name


def test_a_rule_for_an_error_of_ours_names_an_id_that_is_raised() -> None:
    patterns = [found for rule in RULES.values() for found in (rule.pattern, rule.before) if found]
    named = {name for found in patterns for name in re.findall(r"error\\\[([\w-]+)\\\]", found.pattern)}
    assert len(named) > 15
    assert named <= raised_ids().keys()
