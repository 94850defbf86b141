"""What is told of the calls of programs tells them whole: every word of every call, in its order."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.wine.command_log import describe_calls, told_once

WORDS = st.lists(st.sampled_from(["-std=c++17", "-std=c++20", "-Ia", "-Ib", "/MD", "-DONE"]), max_size=6)


def call(*words: str) -> dict[str, object]:
    return {"program": "nvcc", "argv": list(words), "cwd": r"C:\work", "env": {}}


def told(common: Sequence[str], own: str) -> list[str]:
    """The words of a call, read back out of what is told."""
    mine = {number: words.split() for number, words in re.findall(r"\((\d+)\) ((?:(?!\(\d+\)).)*)", own + " ")}
    words: list[str] = []
    for line in common:
        found = re.match(r"\((\d+)\)", line)
        words += [*mine.get(found[1], []), *line.split()[1:]] if found else line.split()
    return words


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_every_call_can_be_read_back_to_the_letter(calls: list[list[str]]) -> None:
    common, own = told_once(calls)
    assert [told(common, each) for each in own] == calls


@given(st.lists(WORDS, min_size=1, max_size=6).flatmap(lambda calls: st.tuples(st.just(calls), st.permutations(calls))))
def test_the_order_in_which_programs_started_does_not_count(both: tuple[list[list[str]], list[list[str]]]) -> None:
    first, second = (told_once(calls) for calls in both)
    assert (first[0], sorted(first[1])) == (second[0], sorted(second[1]))


def test_another_order_of_two_standards_or_directories_is_another_text() -> None:
    words = ("-Ifirst", "-Isecond", "-std=c++17", "-O3", "-std=c++20")
    calls = [{**call(*words), "program": program} for program in ("cl", "nvcc", "link")]
    for changed in ((4, 3, 2, 1, 0), (0, 1, 4, 3, 2), (1, 0, 2, 3, 4)):
        other = [{**each, "argv": [words[place] for place in changed]} for each in calls]
        assert describe_calls(other, {}) != describe_calls(calls, {})
