"""What publishing has to do, as a value: which wheel goes into which release, what is sent, what is in the way.

Nothing published is ever replaced. A wheel that is published with other bytes is refused, and the others go on; one
with the same bytes is already published, and its manifest stays (a repeated build takes other seconds). A draft
belongs to us alone: whatever in it the wheelhouse does not vouch for is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from scripts.plan.target import name_without_level
from scripts.publish.candidates import Candidate, Family, Skipped
from scripts.publish.store import STAGED, SUMS, Asset, Payload, Release, payload_of_bytes, tag_of
from scripts.wheel.manifest import MANIFEST
from scripts.wheel.wheelhouse import REQUIRED_LEVEL
from scripts.wheel.withdrawal import WITHDRAWN

SUMS_NAME = re.compile(rf"{SUMS}(?:-(?P<number>[0-9]+))?")
FILES_PER_WHEEL = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one release may hold."""

    assets: int
    bytes_each: int


@dataclass(frozen=True, kw_only=True)
class ReleaseState:
    """A release that is there, with its assets by name; every digest is known."""

    release: Release
    assets: Mapping[str, Asset]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done to one release."""

    tag: str
    version: str
    number: int
    release: Release | None  # None: it is to be made
    removals: tuple[Asset, ...]  # leftovers of an interrupted run, none of them published
    uploads: tuple[Payload, ...]
    renames: tuple[Payload, ...]  # in a published release: what gets its final name once it is there and checked
    expected: Mapping[str, tuple[int, str]]  # name -> bytes and digest, of all that must be there in the end

    @property
    def is_draft(self) -> bool:
        """Whether the release is still to be published."""
        return self.release is None or self.release.draft


@dataclass(frozen=True, kw_only=True)
class PublishPlan:
    """Every job, in order; the wheels that are published already, by file name; those that cannot be, and why."""

    jobs: tuple[Job, ...]
    already_published: tuple[str, ...]
    refused: tuple[Skipped, ...] = ()

    @property
    def uploads(self) -> tuple[Payload, ...]:
        """Everything that is sent."""
        return tuple(chain.from_iterable(job.uploads for job in self.jobs))

    @property
    def bytes(self) -> int:
        """How many bytes are sent."""
        return sum(payload.size for payload in self.uploads)


def plan_publishing(
    candidates: Sequence[Candidate],
    states: Sequence[ReleaseState],
    budget: Budget,
    proven: Collection[Family] = (),
) -> PublishPlan:
    """What makes the releases hold these wheels; `states` are those of their versions.

    Refused are a wheel with a file that is too large, one that is published with other bytes, and one that has run only
    some parts where no wheel of its family, published (`proven`) or here, has run all; the others go on.
    """
    reasons = {each.wheel.name: [*_too_large(each, budget), *_conflicts(each, states)] for each in candidates}
    families = {*proven, *(each.family for each in candidates if each.has_run_all and not reasons[each.wheel.name])}
    for each in candidates:
        reasons[each.wheel.name] += () if _published_at(each.wheel, states) else _alone(each, families)
    refused = tuple(Skipped(wheel=name, reason=found[0]) for name, found in reasons.items() if found)
    welcome = [candidate for candidate in candidates if not reasons[candidate.wheel.name]]
    jobs: list[Job] = []
    for version, group in groupby(welcome, key=lambda candidate: candidate.target.deepspeed):
        own = sorted((s for s in states if s.release.version == version), key=lambda s: s.release.number)
        jobs += _jobs_of_version(version, list(group), own, budget)
    already_published = tuple(candidate.wheel.name for candidate in welcome if _published_at(candidate.wheel, states))
    return PublishPlan(jobs=tuple(jobs), already_published=already_published, refused=refused)


def _alone(candidate: Candidate, families: Collection[Family]) -> Iterator[str]:
    if not candidate.has_run_all and candidate.family not in families:
        told = candidate.record.verification
        yield (
            f"it was verified at level {told.level if told else 'unknown'}, which is enough only beside a wheel of the "
            f"same DeepSpeed, torch, CUDA and system that has run all parts; publish that one with it, or build it "
            f"again with --verify {REQUIRED_LEVEL}"
        )


def _too_large(candidate: Candidate, budget: Budget) -> Iterator[str]:
    for payload in candidate.payloads:
        if payload.size >= budget.bytes_each:
            yield f"{payload.name} has {payload.size} bytes; an asset must have less than {budget.bytes_each}"


def _conflicts(candidate: Candidate, states: Sequence[ReleaseState]) -> Iterator[str]:
    public = [state for state in states if not state.release.draft]
    for name, release in ((name, state.release) for state in public for name in state.assets):
        if name_without_level(name) == candidate.target.wheel_name and name != candidate.wheel.name:
            yield (
                f"{name} is published in {release.tag}: the same wheel for another manylinux level, and a target "
                "has one; remove it from the wheelhouse"
            )
    published = _published_at(candidate.wheel, states)
    for payload, state in ((p, s) for p in candidate.payloads for s in public):
        asset = state.assets.get(payload.name)
        if asset and asset.complete and not payload.is_in(asset) and not (published and payload is candidate.manifest):
            yield (
                f"{payload.name} is published in {state.release.tag} with other bytes (sha256 {asset.sha256}, here "
                f"{payload.sha256}) and is never replaced; {_hint(candidate, state)}"
            )


def _hint(candidate: Candidate, state: ReleaseState) -> str:
    """What to do about a conflict; a wheel without its manifest counts as missing, and is built again and again."""
    offered = candidate.wheel.name + MANIFEST in state.assets
    return "remove it from the wheelhouse" + ("" if offered else ", or delete the one there, which has no manifest")


def _published_at(payload: Payload, states: Iterable[ReleaseState]) -> ReleaseState | None:
    """The published release that holds these very bytes under this name."""
    public = (state for state in states if not state.release.draft)
    return next((state for state in public if payload.is_in(state.assets.get(payload.name))), None)


def _jobs_of_version(
    version: str, candidates: Sequence[Candidate], states: Sequence[ReleaseState], budget: Budget
) -> list[Job]:
    placed: dict[int, list[Candidate]] = {state.release.number: [] for state in states}
    waiting = []
    for candidate in candidates:
        home = _release_with(candidate, states)
        placed[home.release.number].append(candidate) if home else waiting.append(candidate)
    by_number = {state.release.number: state for state in states}
    number = 1
    while waiting:
        capacity = _capacity(by_number.get(number), placed.setdefault(number, []), budget)
        placed[number] += waiting[:capacity]
        del waiting[:capacity]
        number += 1
    jobs = (_job(version, number, mine, by_number.get(number)) for number, mine in sorted(placed.items()))
    return [job for job in jobs if job]


def _release_with(candidate: Candidate, states: Iterable[ReleaseState]) -> ReleaseState | None:
    """The release that has some of the wheel's files already, under their final names or not."""
    names = {name for payload in candidate.payloads for name in (payload.name, payload.name + STAGED)}
    return next((state for state in states if names & state.assets.keys()), None)


def _capacity(state: ReleaseState | None, placed: Sequence[Candidate], budget: Budget) -> int:
    """How many more wheels fit, with one SHA256SUMS to come."""
    if state and state.release.immutable:
        return 0
    coming = {payload.name for candidate in placed for payload in candidate.payloads}
    staying = {name for name, asset in state.assets.items() if _stays(asset, state.release)} if state else set()
    return max(0, (budget.assets - 1 - len(coming | staying)) // FILES_PER_WHEEL)


def _stays(asset: Asset, release: Release) -> bool:
    """Whether an asset that no wheel at hand vouches for is left alone."""
    ours = asset.name.startswith("deepspeed-") or SUMS_NAME.fullmatch(asset.name) is not None
    return not (asset.name.endswith(STAGED) or (ours and release.draft))


def _job(version: str, number: int, candidates: Sequence[Candidate], state: ReleaseState | None) -> Job | None:
    """What one release lacks; None when it lacks nothing."""
    release, assets = (state.release, state.assets) if state else (None, {})
    if (release and release.immutable) or not (candidates or release):
        return None
    public = release is not None and not release.draft
    wanted = [p for candidate in candidates for p in _wanted(candidate, assets, public)]
    kept = {name: asset for name, asset in assets.items() if release and asset.complete and _stays(asset, release)}
    expected = {name: (asset.size, asset.sha256 or "") for name, asset in kept.items()}
    expected |= {payload.name: (payload.size, payload.sha256) for payload in wanted}
    sums = _sums(expected, assets if public else {})
    wanted += [sums] if sums else []
    expected |= {sums.name: (sums.size, sums.sha256)} if sums else {}
    lacking = [payload for payload in wanted if not payload.is_in(assets.get(payload.name))]
    suffix = STAGED if public else ""
    uploads = [payload for payload in lacking if not payload.is_in(assets.get(payload.name + suffix))]
    removals = [asset for asset in assets.values() if release and _goes(asset, release, wanted, lacking)]
    nothing_to_do = not (lacking or removals) if public else not candidates
    if nothing_to_do:
        return None
    return Job(
        tag=tag_of(version, number),
        version=version,
        number=number,
        release=release,
        removals=tuple(removals),
        uploads=tuple(uploads),
        renames=tuple(lacking) if public else (),
        expected=expected,
    )


def _wanted(candidate: Candidate, assets: Mapping[str, Asset], public: bool) -> list[Payload]:
    """The wheel's files as they should be there; a manifest that is published with its wheel stays as it is."""
    manifest = assets.get(candidate.manifest.name)
    there = public and candidate.wheel.is_in(assets.get(candidate.wheel.name)) and manifest and manifest.complete
    return [payload for payload in candidate.payloads if not (there and payload is candidate.manifest)]


def _goes(asset: Asset, release: Release, wanted: Sequence[Payload], lacking: Sequence[Payload]) -> bool:
    """Whether an asset is in the way, or a leftover; never one that anybody can download under its final name."""
    if release.draft:
        in_place = any(payload.is_in(asset) for payload in wanted if payload.name == asset.name)
        return not in_place and (not _stays(asset, release) or any(p.name == asset.name for p in wanted))
    if asset.name.endswith(STAGED):
        return not any(p.is_in(asset) for p in lacking if p.name + STAGED == asset.name)
    return not asset.complete and any(p.name == asset.name for p in lacking)


def _sums(expected: Mapping[str, tuple[int, str]], published: Mapping[str, Asset]) -> Payload | None:
    """The SHA256SUMS to add; None when the newest published one is complete.

    A published one is never replaced: the next, with a number behind its name, covers the whole release again.
    """
    listed = {
        name: digest
        for name, (_, digest) in expected.items()
        if not (SUMS_NAME.fullmatch(name) or name.endswith(WITHDRAWN))  # a note may go again
    }
    content = "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items())).encode()
    numbers = [int(match["number"] or 1) for name in published if (match := SUMS_NAME.fullmatch(name))]
    newest = max((n for n in numbers if published[_sums_name(n)].complete), default=0)
    if newest and payload_of_bytes(_sums_name(newest), content).is_in(published[_sums_name(newest)]):
        return None
    return payload_of_bytes(_sums_name(newest + 1), content)


def _sums_name(number: int) -> str:
    return SUMS if number == 1 else f"{SUMS}-{number}"
