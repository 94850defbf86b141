"""What to know of a target: the rules that hold for it without refusing it, as values."""

from __future__ import annotations

from dataclasses import replace

from scripts.plan.notes import Note, for_users, notes_for
from tests.plan.factories import make_facts, make_rule

CONTEXT = {"os": "windows", "torch": "2.6.0"}


def test_what_warns_and_what_is_fixed_are_notes_and_a_refusal_is_none() -> None:
    rules = [make_rule("no", os="windows"), make_rule("warned", "warn", os="windows"), make_rule("fixed", "fix")]
    assert notes_for(make_facts(rules), CONTEXT) == (
        Note(
            id="warned",
            level="warn",
            audience="user",
            text="because of warned",
            hint=None,
            source=("test",),
        ),
        Note(
            id="fixed",
            level="fix",
            audience="user",
            text="because of fixed",
            hint="do fixed",
            source=("test",),
        ),
    )


def test_a_note_about_a_toolchain_waits_until_there_is_one() -> None:
    facts = make_facts([make_rule("waiting", "warn", toolset="<14.40")])
    assert notes_for(facts, CONTEXT) == ()
    assert [note.id for note in notes_for(facts, {**CONTEXT, "toolset": "14.29"})] == ["waiting"]


def test_a_note_is_read_with_its_hint() -> None:
    fixed, warned = notes_for(make_facts([make_rule("a", "fix"), make_rule("b", "warn")]), CONTEXT)
    assert (str(fixed), str(warned)) == ("because of a do a", "because of b")


def test_whoever_installs_a_wheel_is_spared_what_only_its_builder_needs() -> None:
    rules = [make_rule("for-users", "warn"), replace(make_rule("for-builders", "warn"), audience="builder")]
    assert [note.id for note in for_users(notes_for(make_facts(rules), CONTEXT))] == ["for-users"]
