"""The index of a store is made from its manifests, each read once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scripts.publish.store import Asset
from scripts.publish.store_github import GitHubStore
from scripts.publish.store_records import store_records
from tests.github.fixtures import quick_store, standin
from tests.github.rehearsal import publish_once
from tests.github.standin import StandIn
from tests.wheel.wheelhouse import fill_wheelhouse, targets, wheel_file

__all__ = ["standin"]


def no_damage(reason: str) -> None:
    raise AssertionError(reason)


class Counting:
    """A store that counts what is downloaded from it."""

    def __init__(self, store: GitHubStore) -> None:
        self.store, self.address, self.read_names = store, store.address, list[str]()
        self.releases, self.assets, self.digest = store.releases, store.assets, store.digest
        self.create, self.upload, self.rename = store.create, store.upload, store.rename
        self.delete, self.publish = store.delete, store.publish

    def read(self, asset: Asset) -> bytes:
        self.read_names.append(asset.name)
        return self.store.read(asset)


def test_every_published_wheel_has_a_record_with_its_address(standin: StandIn, tmp_path: Path) -> None:
    candidates = fill_wheelhouse(tmp_path, targets(7))
    publish_once(standin, candidates)
    store = Counting(quick_store(standin))
    records = store_records(store, {}, no_damage)
    assert {record.file for record in records} == {wheel_file(candidate.target) for candidate in candidates}
    for record in records:
        assert record.url
        assert record.url.endswith(f"/releases/download/v0.19.8/{record.file.replace('+', '%2B')}")
        assert record.metadata_sha256
    assert len(store.read_names) == 7
    assert all(name.endswith(".whl.json") for name in store.read_names)


def test_what_an_earlier_index_knows_is_not_read_again(standin: StandIn, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(4)))
    known = {record.file: record for record in store_records(quick_store(standin), {}, no_damage)}
    first = next(iter(known))
    known[first] = replace(known[first], url="https://elsewhere.example/moved.whl")
    store = Counting(quick_store(standin))
    assert {record.file: record.url for record in store_records(store, known, no_damage)}[first] != known[first].url
    assert store.read_names == [f"{first}.json"]


def test_a_wheel_is_as_old_as_its_upload_or_as_its_release_whichever_is_later(standin: StandIn, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(2)))
    early, late = (asset for asset in standin.repository.assets.values() if asset.name.endswith(".whl"))
    early.created, late.created = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"
    for release in standin.repository.releases.values():
        release.published = "2026-02-01T00:00:00Z"  # the early one lay in a draft until then
    records = {record.file: record for record in store_records(quick_store(standin), {}, no_damage)}
    assert records[early.name].uploaded == "2026-02-01T00:00:00Z"
    assert records[late.name].uploaded == "2026-03-01T00:00:00Z"
    known = {file: replace(record, uploaded=None) for file, record in records.items()}
    store = Counting(quick_store(standin))
    assert {record.file: record for record in store_records(store, known, no_damage)} == records
    assert store.read_names == []


def test_drafts_and_half_uploads_are_not_offered(standin: StandIn, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(2)))
    with standin.repository.lock:
        wheel = next(asset for asset in standin.repository.assets.values() if asset.name.endswith(".whl"))
        wheel.state = "starter"
    assert len(store_records(quick_store(standin), {}, no_damage)) == 1
    with standin.repository.lock:
        for release in standin.repository.releases.values():
            release.fields["draft"] = True
    assert store_records(quick_store(standin), {}, no_damage) == ()


def test_a_manifest_of_other_bytes_is_left_out(standin: StandIn, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(1)))
    with standin.repository.lock:
        wheel = next(asset for asset in standin.repository.assets.values() if asset.name.endswith(".whl"))
        wheel.content += b"more"
    assert_left_out(standin, wheel.name, "is not the manifest of the wheel beside it")


def test_a_manifest_that_cannot_be_read_keeps_no_other_wheel_back(standin: StandIn, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(3)))
    with standin.repository.lock:
        manifest = next(asset for asset in standin.repository.assets.values() if asset.name.endswith(".json"))
        manifest.content = b'{"schema": 1'
    assert_left_out(standin, manifest.name, "is not JSON", others=2)


def assert_left_out(standin: StandIn, name: str, reason: str, others: int = 0) -> None:
    damage: list[str] = []
    assert len(store_records(quick_store(standin), {}, damage.append)) == others
    (told,) = damage
    assert name in told
    assert reason in told
