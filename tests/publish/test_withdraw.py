"""A withdrawn wheel stays in its store with a note beside it; the note outlives republishing and re-indexing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import DataError, InputError, PublishError
from scripts.publish.candidates import Candidate
from scripts.publish.publisher import Publisher, make_plan, published_wheels
from scripts.publish.store import STAGED, Payload, Release, Store, Watch
from scripts.publish.store_directory import DirectoryStore
from scripts.publish.store_records import store_records
from scripts.publish.withdraw import find_wheel, offer_again, withdraw
from scripts.wheel.wheelhouse import filed_wheels
from scripts.wheel.withdrawal import WITHDRAWN, read_withdrawal, withdrawal_text
from tests.github.fixtures import quick_store, standin
from tests.github.standin import StandIn
from tests.wheel.wheelhouse import ROOM, fill_wheelhouse, targets, wheel_file

__all__ = ["standin"]  # a fixture
BAD, GOOD, LATER = targets(3)
NOTE = wheel_file(BAD) + WITHDRAWN
REASON = "Its cpu_adam adds wrongly."


@pytest.fixture(params=["directory", "github"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store that has published two wheels."""
    if request.param == "github":
        found: Store = quick_store(request.getfixturevalue("standin"))
    else:
        (tmp_path / "store").mkdir()
        found = DirectoryStore(tmp_path / "store")
    publish(found, fill_wheelhouse(tmp_path / "wheels", [BAD, GOOD]))
    return found


def publish(store: Store, candidates: tuple[Candidate, ...]) -> None:
    Publisher(store=store).publish(make_plan(store, candidates, ROOM))


def names(store: Store) -> list[str]:
    return sorted(asset.name for release in store.releases() for asset in store.assets(release))


def fail(message: str) -> None:
    raise AssertionError(message)


def yanked(store: Store) -> dict[str, str | None]:
    """What an index is told of each wheel."""
    if isinstance(store, DirectoryStore):
        records = tuple(filed_wheels(store.root, fail, fail).values())
    else:
        records = store_records(store, {}, fail)
    return {record.file: record.yanked for record in records}


def test_a_withdrawn_wheel_stays_with_its_reason_and_counts_as_published(store: Store) -> None:
    before = names(store)
    assert withdraw(store, BAD, f"  {REASON}\n").changed
    assert names(store) == sorted([*before, NOTE])
    assert yanked(store) == {wheel_file(BAD): REASON, wheel_file(GOOD): None}
    assert BAD.wheel_name in published_wheels(store), "so it is not built again"


def test_withdrawing_twice_changes_nothing_and_another_reason_asks_to_undo_first(store: Store) -> None:
    withdraw(store, BAD, REASON)
    assert not withdraw(store, BAD, REASON).changed
    with pytest.raises(InputError, match="--undo first"):
        withdraw(store, BAD, "another")
    assert offer_again(store, BAD).changed
    assert not offer_again(store, BAD).changed
    assert yanked(store)[wheel_file(BAD)] is None
    assert withdraw(store, BAD, "another").changed


def test_a_dry_run_changes_nothing(store: Store) -> None:
    before = names(store)
    assert withdraw(store, BAD, REASON, dry_run=True).changed
    assert names(store) == before
    withdraw(store, BAD, REASON)
    assert offer_again(store, BAD, dry_run=True).changed
    assert NOTE in names(store)


def test_publishing_the_same_and_others_does_not_offer_it_again(store: Store, tmp_path: Path) -> None:
    withdraw(store, BAD, REASON)
    before = names(store)
    publish(store, fill_wheelhouse(tmp_path / "wheels", [BAD, GOOD]))
    assert names(store) == before, "not even new sums: a note may go again"
    publish(store, fill_wheelhouse(tmp_path / "wheels", [BAD, GOOD, LATER]))
    assert yanked(store) == {wheel_file(BAD): REASON, wheel_file(GOOD): None, wheel_file(LATER): None}


def test_what_was_never_published_cannot_be_withdrawn(store: Store) -> None:
    for target in (LATER, replace(BAD, deepspeed="0.1.0")):
        with pytest.raises(PublishError, match="has not published") as caught:
            withdraw(store, target, REASON)
        assert caught.value.id == "wheel-not-published"


def test_a_run_that_was_stopped_between_sending_and_naming_the_note_is_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        withdraw(store, BAD, "the first reason")
    monkeypatch.undo()
    assert yanked(store)[wheel_file(BAD)] is None
    assert NOTE + STAGED in names(store)
    withdraw(store, BAD, REASON)
    assert yanked(store)[wheel_file(BAD)] == REASON
    assert NOTE + STAGED not in names(store)


def test_a_note_that_arrives_damaged_is_not_put_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = store.upload

    def damaged(release: Release, payload: Payload, name: str, watch: Watch) -> object:
        return replace(upload(release, payload, name, watch), sha256="0" * 64)

    monkeypatch.setattr(store, "upload", damaged)
    with pytest.raises(PublishError, match="arrived with other bytes"):
        withdraw(store, BAD, REASON)
    assert not [name for name in names(store) if NOTE in name]


def test_a_release_that_takes_no_more_files_leaves_the_note_to_the_next_one(standin: StandIn, tmp_path: Path) -> None:
    store = quick_store(standin)
    publish(store, fill_wheelhouse(tmp_path / "wheels", [BAD]))
    (full,) = standin.repository.releases.values()
    full.immutable = True
    with pytest.raises(PublishError, match="take no more files") as caught:
        withdraw(store, BAD, REASON)
    assert caught.value.id == "release-immutable"
    publish(store, fill_wheelhouse(tmp_path / "wheels", [BAD, GOOD]))
    withdraw(store, BAD, REASON)
    assert find_wheel(store, BAD).reason == REASON
    assert yanked(store) == {wheel_file(BAD): REASON, wheel_file(GOOD): None}


@pytest.mark.parametrize(
    "content", ["{", "[]", withdrawal_text("another.whl", REASON), withdrawal_text(wheel_file(BAD), REASON)[:-9]]
)
def test_a_damaged_note_is_an_error_and_never_no_note(content: str) -> None:
    with pytest.raises(DataError, match="yanked"):
        read_withdrawal(content, NOTE)
