"""A wheel comes with what is known of it by now."""

from __future__ import annotations

from scripts.facts.load import load_facts
from scripts.index.wheel_notes import with_notes
from scripts.wheel.record import WheelRecord
from tests.wheel.factories import make_wheel_record

FACTS = load_facts()
BF16 = "bf16-off"


def notes_of(record: WheelRecord) -> dict[str, str]:
    return dict(with_notes([record], FACTS)[0].notes)


def test_the_architectures_of_the_wheel_decide_not_those_of_today() -> None:
    assert BF16 in notes_of(make_wheel_record(arches=("7.5", "8.6")))
    assert BF16 not in notes_of(make_wheel_record(arches=("8.0", "8.6")))


def test_a_text_of_now_replaces_the_one_of_the_manifest_and_others_stay() -> None:
    notes = notes_of(make_wheel_record(arches=("7.5",), notes={BF16: "as it was known", "toolset": "An old toolset."}))
    assert notes[BF16] != "as it was known"
    assert notes["toolset"] == "An old toolset."


def test_what_only_whoever_builds_must_know_is_no_note_of_a_wheel() -> None:
    builders = {rule.id for rule in FACTS.rules if rule.audience == "builder"}
    every = [make_wheel_record(cuda=cuda, torch=torch) for cuda, torch in (("cu124", "2.6.0"), ("cpu", "2.13.0"))]
    assert not builders & {id for record in every for id in notes_of(record)}


def test_a_wheel_that_the_facts_no_longer_know_keeps_its_own_notes() -> None:
    old = make_wheel_record(torch="1.0.0", notes={"kept": "As built."})
    assert notes_of(old) == {"kept": "As built."}


def test_a_wheel_that_lacks_an_op_says_so_to_who_installs_it_even_when_its_torch_is_no_longer_known() -> None:
    for torch in ("2.6.0", "1.0.0"):
        notes = notes_of(make_wheel_record(torch=torch, lacks=("async_io",)))
        assert notes["lacks-async_io"].startswith("This wheel lacks the op async_io")
