"""On any store: what was planned is there in the end, checked, and a second run sends nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import InputError, PublishError
from scripts.plan.target import name_without_level
from scripts.publish.candidates import Candidate
from scripts.publish.publisher import Publisher, make_plan, published_wheels
from scripts.publish.store import STAGED, SUMS, Asset, Payload, Release, Watch
from scripts.publish.store_address import open_store
from scripts.publish.store_directory import PART, DirectoryStore
from tests.github.fixtures import quick_store, standin
from tests.github.rehearsal import publish_once
from tests.github.standin import StandIn
from tests.wheel.wheelhouse import ROOM, expected_files, fill_wheelhouse, targets

__all__ = ["standin"]  # a fixture


class Interrupted(Exception):
    """Stands for the end of the process."""


class Breaking(DirectoryStore):
    """A folder whose publisher dies before its n-th write, or whose writes arrive wrong."""

    def __init__(self, root: Path, *, steps: int = 10**6, wrong: Sequence[str] = ()) -> None:
        super().__init__(root)
        self.steps, self.wrong = steps, list(wrong)

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Interrupted

    def upload(self, release: Release, payload: Payload, name: str, watch: Watch) -> Asset:
        self._step()
        if name in self.wrong:
            self.wrong.remove(name)
            payload = replace(payload, source=b"damaged on the way")
        return super().upload(release, payload, name, watch)

    def rename(self, asset: Asset, name: str) -> None:
        self._step()
        super().rename(asset, name)

    def publish(self, release: Release) -> None:
        self._step()
        super().publish(release)


def run(store: DirectoryStore, candidates: Sequence[Candidate]) -> int:
    """Bytes that a whole run sends."""
    sent = []
    plan = make_plan(store, candidates, ROOM)
    Publisher(store=store, watch=lambda name, count: sent.append(count), at_once=1).publish(plan)
    return sum(sent)


def public_files(root: Path) -> dict[str, str]:
    """Name and digest of every published file."""
    files = (path for folder in root.iterdir() if folder.suffix != ".draft" for path in folder.iterdir())
    final = (path for path in files if path.suffix not in (STAGED, PART))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in final}


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Candidate, ...]:
    return fill_wheelhouse(tmp_path / "wheels", targets(3))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def test_everything_is_there_and_a_second_run_sends_nothing(root: Path, wheels: tuple[Candidate, ...]) -> None:
    store = DirectoryStore(root)
    assert run(store, wheels) == sum(path.stat().st_size for path in (root / "v0.19.8").iterdir())
    files = public_files(root)
    assert files.pop(SUMS) == hashlib.sha256((root / "v0.19.8" / SUMS).read_bytes()).hexdigest()
    assert files == expected_files(wheels)
    assert run(store, wheels) == 0
    assert published_wheels(store) == {candidate.target.wheel_name for candidate in wheels}


def test_a_published_sibling_that_ran_all_parts_is_enough(root: Path, wheels: tuple[Candidate, ...]) -> None:
    told = wheels[1].record.verification
    assert told
    few = replace(wheels[1], record=replace(wheels[1].record, verification=replace(told, level="core")))
    store = DirectoryStore(root)
    assert [each.wheel for each in make_plan(store, [few], ROOM).refused] == [few.wheel.name]
    run(store, wheels[:1])
    assert make_plan(store, [few], ROOM).refused == ()
    manifest = root / "v0.19.8" / wheels[0].manifest.name
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"full"', '"core"'), encoding="utf-8")
    assert [each.wheel for each in make_plan(store, [few], ROOM).refused] == [few.wheel.name]
    manifest.write_text("{", encoding="utf-8")
    assert [each.wheel for each in make_plan(store, [few], ROOM).refused] == [few.wheel.name]


@pytest.mark.parametrize("steps", range(13))
@pytest.mark.parametrize("before", [0, 1])
def test_a_run_that_dies_anywhere_is_taken_up_by_the_next(
    root: Path, wheels: tuple[Candidate, ...], steps: int, before: int
) -> None:
    """With a release that is public already (`before`), and without one."""
    run(DirectoryStore(root), wheels[:before]) if before else None
    public = public_files(root)
    try:
        run(Breaking(root, steps=steps), wheels)
    except Interrupted:
        assert public.items() <= public_files(root).items()
    run(DirectoryStore(root), wheels)
    files = {name: digest for name, digest in public_files(root).items() if not name.startswith(SUMS)}
    assert files == expected_files(wheels)
    assert public.items() <= public_files(root).items()
    assert run(DirectoryStore(root), wheels) == 0
    assert [path.name for path in root.iterdir()] == ["v0.19.8"]


@pytest.mark.parametrize("steps", range(7, 14))
def test_wheels_that_join_a_release_become_public_one_after_the_other_each_with_its_manifest(
    root: Path, wheels: tuple[Candidate, ...], steps: int
) -> None:
    """A public wheel without its manifest counts as missing: it would be built again, with other bytes perhaps."""
    run(DirectoryStore(root), wheels[:1])
    with pytest.raises(Interrupted):
        run(Breaking(root, steps=steps), wheels)
    names = set(public_files(root))
    public = [wheel for wheel in names if wheel.endswith(".whl")]
    assert len(public) == 1 + -(-(steps - 7) // 3)
    assert sum(f"{wheel}.json" not in names for wheel in public) <= 1


def test_a_draft_is_nobodys_business_until_it_is_whole(root: Path, wheels: tuple[Candidate, ...]) -> None:
    with pytest.raises(Interrupted):
        run(Breaking(root, steps=4), wheels)
    assert published_wheels(DirectoryStore(root)) == frozenset()
    assert [path.name for path in root.iterdir()] == ["v0.19.8.draft"]


@pytest.mark.parametrize("before", [0, 1])
def test_what_arrives_wrong_is_sent_again(root: Path, wheels: tuple[Candidate, ...], before: int) -> None:
    run(DirectoryStore(root), wheels[:before]) if before else None
    suffix = STAGED if before else ""
    store = Breaking(root, wrong=[wheels[1].wheel.name + suffix, wheels[2].manifest.name + suffix] * 2)
    run(store, wheels)
    assert store.wrong == []
    assert expected_files(wheels).items() <= public_files(root).items()


def test_what_never_arrives_right_is_not_published(root: Path, wheels: tuple[Candidate, ...]) -> None:
    run(DirectoryStore(root), wheels[:1])
    public = public_files(root)
    name = wheels[1].wheel.name
    with pytest.raises(PublishError, match=f"{name.replace('+', '.')}: arrived 4 times with other bytes"):
        run(Breaking(root, wrong=[name + STAGED] * 9), wheels)
    assert public_files(root) == public


def test_a_cut_off_file_is_not_published(root: Path, wheels: tuple[Candidate, ...]) -> None:
    run(DirectoryStore(root), wheels)
    (root / "v0.19.8" / "deepspeed-9+cputorch9-cp39-cp39-linux_x86_64.whl.part").write_bytes(b"cut")
    assert published_wheels(DirectoryStore(root)) == {candidate.target.wheel_name for candidate in wheels}


def test_a_wheel_without_its_manifest_does_not_count_as_published(root: Path, wheels: tuple[Candidate, ...]) -> None:
    run(DirectoryStore(root), wheels)
    (root / "v0.19.8" / wheels[0].manifest.name).unlink()
    assert published_wheels(DirectoryStore(root)) == {candidate.target.wheel_name for candidate in wheels[1:]}


def test_a_draft_beside_the_public_release_of_its_name_is_told_and_passed_over(
    root: Path, wheels: tuple[Candidate, ...]
) -> None:
    store, told = DirectoryStore(root), list[str]()
    run(store, wheels[:1])
    (root / "v0.19.8.draft").mkdir()
    Publisher(store=store).publish(make_plan(store, wheels, ROOM, told.append))
    assert published_wheels(store) == {name_without_level(candidate.wheel.name) for candidate in wheels}
    assert told == [f"{store.address}: a second draft called v0.19.8 is not used; delete it (its id is v0.19.8.draft)"]


def test_of_two_drafts_of_one_name_the_first_is_finished(standin: StandIn, wheels: tuple[Candidate, ...]) -> None:
    store = quick_store(standin)
    first, second = (store.create("v0.19.8", "", "") for _ in range(2))
    publish_once(standin, wheels)
    assert {release.id: release.draft for release in store.releases()} == {first.id: False, second.id: True}
    assert publish_once(standin, wheels).bytes == 0


def test_nothing_is_written_over_a_file_that_is_there(root: Path, wheels: tuple[Candidate, ...]) -> None:
    store = DirectoryStore(root)
    release = store.create("v0.19.8", "", "")
    store.upload(release, wheels[0].wheel, "a", lambda name, count: None)
    with pytest.raises(PublishError, match="is there already"):
        store.upload(release, wheels[1].wheel, "a", lambda name, count: None)
    assert (root / "v0.19.8.draft" / "a").stat().st_size == wheels[0].wheel.size


def test_a_folder_that_is_not_there_is_no_empty_store(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="is not a directory"):
        open_store(f"dir:{tmp_path / 'none'}")
    (tmp_path / "store").mkdir()
    store = open_store(f"dir:{tmp_path / 'store'}")
    (tmp_path / "store").rmdir()
    with pytest.raises(PublishError, match="cannot read"):
        published_wheels(store)


def test_a_file_in_a_draft_with_its_own_leftover_beside_it_is_published_without(tmp_path: Path) -> None:
    wheels = fill_wheelhouse(tmp_path / "wheels", targets(2))
    draft = tmp_path / "store" / "v0.19.8.draft"
    draft.mkdir(parents=True)
    for name in (wheels[0].wheel.name, wheels[1].wheel.name, "SHA256SUMS"):
        (draft / f"{name}{PART}").write_bytes(b"cut")
    (draft / wheels[0].wheel.name).write_bytes(wheels[0].wheel.source.read_bytes())  # type: ignore[union-attr]
    store = open_store(f"dir:{tmp_path / 'store'}", writing=True)
    Publisher(store=store).publish(make_plan(store, wheels, ROOM))
    names = {path.name for path in (tmp_path / "store" / "v0.19.8").iterdir()}
    assert names == {*expected_files(wheels), "SHA256SUMS"}


@pytest.mark.parametrize("address", ["", "dir:", "somewhere", "s3:bucket"])
def test_an_address_of_another_form_is_told_the_known_ones(address: str) -> None:
    with pytest.raises(InputError, match="give dir:PATH or github:OWNER/REPO"):
        open_store(address)
