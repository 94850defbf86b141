"""Publishes a wheelhouse: draft, parallel upload, everything checked as the store states it, then made public.

Every step may be interrupted: the next run reads what is there, and goes on. In a release that is published already,
files are sent under another name and get their own once they are checked, so that nobody ever sees a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event

from scripts.command import Log, no_log
from scripts.errors import DataError, PublishError
from scripts.plan.expand import Plan
from scripts.plan.target import name_without_level
from scripts.publish.candidates import Candidate, Family, family_of, has_run_all
from scripts.publish.publish_plan import Budget, Job, PublishPlan, ReleaseState, plan_publishing
from scripts.publish.store import STAGED, Asset, Payload, Release, Store, Watch
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import MANIFEST
from scripts.wheel.wheelhouse import why_not_verified

UPLOADS_AT_ONCE = 4
WHEEL = ".whl"
TRIES = 4  # for an upload that arrives with other bytes than were sent


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Carries a plan out on one store; steps are logged, `watch` gets every byte that is sent."""

    store: Store
    log: Log = no_log
    watch: Watch = lambda name, count: None
    at_once: int = UPLOADS_AT_ONCE

    def publish(self, plan: PublishPlan) -> None:
        """Every job, one release after the other; raises PublishError, and the next run resumes."""
        for job in plan.jobs:
            self._publish(job)

    def _publish(self, job: Job) -> None:
        release = job.release or self._create(job)
        for asset in job.removals:
            self.store.delete(asset)
        suffix = "" if release.draft else STAGED
        self._send(release, job.uploads, suffix)
        if release.draft:
            self._verify(release, job.expected)
            self.store.publish(release)
        else:
            self._rename(release, job.renames)
            self._verify(release, job.expected)
        self.log(f"{job.tag}: {len(job.uploads)} files sent, {len(job.expected)} checked, public")

    def _create(self, job: Job) -> Release:
        title = f"DeepSpeed {job.version}" + (f" ({job.number})" if job.number > 1 else "")
        text = (
            f"Wheels of DeepSpeed {job.version} with their ops compiled. Beside each are its manifest (.json) and its "
            "metadata; the SHA256SUMS with the highest number has the digest of every file."
        )
        return self.store.create(job.tag, title, text)

    def _send(self, release: Release, payloads: Iterable[Payload], suffix: str) -> None:
        halt = Event()

        def upload(payload: Payload) -> None:
            self._upload(release, payload, payload.name + suffix, halt)

        with ThreadPoolExecutor(self.at_once) as pool:
            running = [pool.submit(upload, payload) for payload in payloads]
            try:
                done, _ = wait(running, return_when=FIRST_EXCEPTION)
            finally:  # the others end within a block, also for Ctrl-C
                halt.set()
                for each in running:
                    each.cancel()
        for each in done:
            each.result()

    def _upload(self, release: Release, payload: Payload, name: str, halt: Event) -> None:
        """Send one file until the store states what was sent; what arrived wrong is removed, it is not published."""

        def watch(name: str, count: int) -> None:
            if halt.is_set():
                raise PublishError(f"{name}: stopped; run the same command again")
            self.watch(name, count)

        for _ in range(TRIES):
            asset = self.store.upload(release, payload, name, watch)
            if payload.is_in(_stated(self.store, asset)):
                return
            self.store.delete(asset)
        raise PublishError(
            f"{payload.name}: arrived {TRIES} times with other bytes than were sent; run again later",
            id="upload-damaged",
        )

    def _rename(self, release: Release, payloads: Sequence[Payload]) -> None:
        """Give the checked files their final names: one wheel after the other with what points at it, the sums last."""
        if not payloads:
            return
        staged = {asset.name: _stated(self.store, asset) for asset in self.store.assets(release)}
        for payload in payloads:
            asset = staged.get(payload.name + STAGED)
            if asset is None or not payload.is_in(asset):
                raise PublishError(
                    f"{release.tag}: {payload.name} does not arrive as it was sent; run again", id="upload-damaged"
                )
            self.store.rename(asset, payload.name)

    def _verify(self, release: Release, expected: Mapping[str, tuple[int, str]]) -> None:
        """Raise PublishError unless the store states every file with its bytes and digest."""
        found = {asset.name: asset for asset in self.store.assets(release) if asset.complete}
        wrong = [
            name
            for name, (size, digest) in expected.items()
            if name not in found or (found[name].size, self.store.digest(found[name])) != (size, digest)
        ]
        if wrong:
            raise PublishError(
                f"{release.tag}: did not arrive as sent: {', '.join(sorted(wrong)[:5])}; run again", id="upload-damaged"
            )


def make_plan(store: Store, candidates: Sequence[Candidate], budget: Budget, log: Log = no_log) -> PublishPlan:
    """What publishing these wheels takes, from what the store holds now."""
    versions = {candidate.target.deepspeed for candidate in candidates}
    releases = one_per_tag(store.releases(), store, log)
    states = [state_of(store, release) for release in releases if release.version in versions]
    return plan_publishing(candidates, states, budget, _proven(store, candidates, states))


def _proven(store: Store, candidates: Sequence[Candidate], states: Iterable[ReleaseState]) -> frozenset[Family]:
    """The families of candidates that have not run all parts, of which a published wheel has."""
    begins = tuple({f"deepspeed-{each.target.wheel_version}-" for each in candidates if not each.has_run_all})
    public = (asset for state in states if not state.release.draft for asset in state.assets.values())
    found: set[Family] = set()
    for asset in public:
        if asset.complete and asset.name.startswith(begins) and asset.name.endswith(WHEEL + MANIFEST):
            with suppress(DataError):  # a manifest that nobody can read proves nothing
                record = read_manifest(store.read(asset), asset.name)
                if has_run_all(record) and not why_not_verified(record.verification):
                    found.add(family_of(record.target))
    return frozenset(found)


def state_of(store: Store, release: Release) -> ReleaseState:
    """A release with its assets, their digests looked up where the store did not state them."""
    assets = [_stated(store, asset) for asset in store.assets(release)]
    return ReleaseState(release=release, assets={asset.name: asset for asset in assets})


def one_per_tag(releases: Iterable[Release], store: Store, log: Log) -> list[Release]:
    """The release of each tag: the public one, else the first that was made.

    Two publishers that begin at once make a draft each, and only one can become public: the other is told, and nothing
    of it is used.
    """
    found: dict[str, Release] = {}
    for release in sorted(releases, key=lambda each: (each.draft, len(each.id), each.id)):
        if release.tag in found:
            log(f"{store.address}: a second draft called {release.tag} is not used; delete it (its id is {release.id})")
        found.setdefault(release.tag, release)
    return list(found.values())


def published_wheels(store: Store) -> frozenset[str]:
    """Every wheel that is published whole, with its manifest, by its target's name for it; raises PublishError."""
    names: set[str] = set()
    for release in store.releases():
        if not release.draft:
            names |= {asset.name for asset in store.assets(release) if asset.complete}
    whole = (name for name in names if name.endswith(".whl") and f"{name}.json" in names)
    return frozenset(map(name_without_level, whole))


def missing_of(plan: Plan, published: frozenset[str]) -> Plan:
    """The plan without the targets whose wheels are published."""
    missing = (planned for planned in plan.targets if planned.target.wheel_name not in published)
    return replace(plan, targets=tuple(missing))


def _stated(store: Store, asset: Asset) -> Asset:
    """The asset with its digest."""
    return asset if asset.sha256 or not asset.complete else replace(asset, sha256=store.digest(asset))
