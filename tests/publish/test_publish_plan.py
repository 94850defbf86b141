"""Publishing is planned as a value: what is there stays, what is in the way is told, what does not fit spills over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.publish.candidates import Candidate
from scripts.publish.publish_plan import Budget, PublishPlan, ReleaseState, plan_publishing
from scripts.publish.store import STAGED, SUMS, Asset, Payload, Release, payload_of_bytes, tag_of
from tests.wheel.wheelhouse import ROOM, fill_wheelhouse, targets


def state(
    payloads: Iterable[Payload], *, number: int = 1, draft: bool = False, immutable: bool = False
) -> ReleaseState:
    release = Release(id=str(number), tag=tag_of("0.19.8", number), draft=draft, immutable=immutable)
    assets = (Asset(id=p.name, name=p.name, size=p.size, sha256=p.sha256) for p in payloads)
    return ReleaseState(release=release, assets={asset.name: asset for asset in assets})


def payloads_of(candidates: Iterable[Candidate]) -> list[Payload]:
    return [payload for candidate in candidates for payload in candidate.payloads]


def after(plan: PublishPlan, before: Iterable[Payload] = ()) -> list[Payload]:
    """What the first release of the plan holds once it is carried out."""
    job = plan.jobs[0]
    return [*before, *job.uploads]


@pytest.fixture
def candidates(tmp_path: Path) -> tuple[Candidate, ...]:
    return fill_wheelhouse(tmp_path, targets(4))


def test_from_empty_one_draft_gets_everything_and_the_sums_of_it(candidates: tuple[Candidate, ...]) -> None:
    plan = plan_publishing(candidates, [], ROOM)
    (job,) = plan.jobs
    assert (job.tag, job.release, job.removals, job.renames, job.is_draft) == ("v0.19.8", None, (), (), True)
    files = payloads_of(candidates)
    lines = sorted(f"{payload.sha256}  {payload.name}" for payload in files)
    sums = next(payload for payload in job.uploads if payload.name == SUMS)
    assert isinstance(sums.source, bytes)
    assert sorted(sums.source.decode().splitlines()) == lines
    assert set(job.expected) == {payload.name for payload in files} | {SUMS}
    assert plan.bytes == sum(payload.size for payload in [*files, sums])


def test_what_is_published_with_the_same_bytes_is_settled(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates, [], ROOM))
    plan = plan_publishing(candidates, [state(there)], ROOM)
    assert plan.jobs == ()
    assert plan.already_published == tuple(candidate.wheel.name for candidate in candidates)


def test_each_deepspeed_version_has_its_release(tmp_path: Path) -> None:
    candidates = fill_wheelhouse(tmp_path, [*targets(2), *targets(2, "0.16.5")])
    assert [job.tag for job in plan_publishing(candidates, [], ROOM).jobs] == ["v0.16.5", "v0.19.8"]


def test_other_bytes_under_a_published_name_are_refused_and_the_others_are_sent(
    candidates: tuple[Candidate, ...], tmp_path: Path
) -> None:
    there = after(plan_publishing(candidates[:2], [], ROOM))
    others = fill_wheelhouse(tmp_path / "again", targets(4), filler=b"other")
    plan = plan_publishing(others, [state(there)], ROOM)
    assert [refused.wheel for refused in plan.refused] == [candidate.wheel.name for candidate in others[:2]]
    assert all(refused.reason.endswith("remove it from the wheelhouse") for refused in plan.refused)
    assert plan.already_published == ()
    assert [p for p in plan.uploads if not p.name.startswith(SUMS)] == payloads_of(others[2:])


def test_a_public_wheel_without_manifest_that_is_in_the_way_may_be_deleted(
    candidates: tuple[Candidate, ...], tmp_path: Path
) -> None:
    others = fill_wheelhouse(tmp_path / "again", targets(1), filler=b"other")
    (refused,) = plan_publishing(others, [state([candidates[0].wheel])], ROOM).refused
    assert refused.reason.endswith("or delete the one there, which has no manifest")


def test_a_repeated_build_leaves_the_published_manifest(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates, [], ROOM))
    repeated = [replace(c, manifest=payload_of_bytes(c.manifest.name, b"other seconds")) for c in candidates]
    assert plan_publishing(repeated, [state(there)], ROOM).jobs == ()


def test_a_wheel_whose_manifest_never_came_gets_one(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates, [], ROOM))
    without = [payload for payload in there if payload.name != candidates[0].manifest.name]
    (job,) = plan_publishing(candidates, [state(without)], ROOM).jobs
    assert candidates[0].manifest in job.uploads
    assert candidates[0].manifest in job.renames
    assert candidates[0].wheel not in job.uploads


def test_new_wheels_join_a_published_release_under_staged_names_with_the_next_sums(
    candidates: tuple[Candidate, ...],
) -> None:
    there = after(plan_publishing(candidates[:2], [], ROOM))
    (job,) = plan_publishing(candidates, [state(there)], ROOM).jobs
    assert [payload.name for payload in job.uploads] == [
        *(payload.name for payload in payloads_of(candidates[2:])),
        f"{SUMS}-2",
    ]
    assert job.renames == job.uploads
    assert job.removals == ()
    assert {SUMS, f"{SUMS}-2"} <= set(job.expected)
    sums = job.uploads[-1].source
    assert isinstance(sums, bytes)
    assert len(sums.decode().splitlines()) == 12  # the whole release again, without the older sums


def test_a_staged_file_of_an_interrupted_run_is_not_sent_again(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates[:3], [], ROOM))
    staged = replace(candidates[3].wheel, name=candidates[3].wheel.name + STAGED)
    wrong = payload_of_bytes(candidates[3].manifest.name + STAGED, b"cut")
    (job,) = plan_publishing(candidates, [state([*there, staged, wrong])], ROOM).jobs
    assert candidates[3].wheel not in job.uploads
    assert candidates[3].wheel in job.renames
    assert [asset.name for asset in job.removals] == [wrong.name]
    assert candidates[3].manifest in job.uploads


def test_a_cut_off_upload_is_removed_and_sent_again(candidates: tuple[Candidate, ...]) -> None:
    there = state(after(plan_publishing(candidates, [], ROOM)), draft=True)
    name = candidates[1].wheel.name
    broken = ReleaseState(
        release=there.release, assets={**there.assets, name: replace(there.assets[name], complete=False, sha256=None)}
    )
    (job,) = plan_publishing(candidates, [broken], ROOM).jobs
    assert [asset.name for asset in job.removals] == [name]
    assert job.uploads == (candidates[1].wheel,)


def test_a_draft_keeps_what_is_right_and_loses_what_nothing_vouches_for(candidates: tuple[Candidate, ...]) -> None:
    foreign = payload_of_bytes("notes.txt", b"of the maintainer")
    old = payload_of_bytes("deepspeed-0.19.8+cputorch1.0-cp39-cp39-linux_x86_64.whl", b"from another run")
    wrong = payload_of_bytes(candidates[1].wheel.name, b"wrong")
    (job,) = plan_publishing(candidates, [state([candidates[0].wheel, wrong, old, foreign], draft=True)], ROOM).jobs
    assert {asset.name for asset in job.removals} == {wrong.name, old.name}
    assert candidates[0].wheel not in job.uploads
    assert candidates[1].wheel in job.uploads
    assert "notes.txt" in job.expected


@pytest.mark.parametrize(("assets", "tags"), [(13, 1), (12, 2), (7, 2), (4, 4)])
def test_what_does_not_fit_spills_into_numbered_releases(
    candidates: tuple[Candidate, ...], assets: int, tags: int
) -> None:
    jobs = plan_publishing(candidates, [], Budget(assets=assets, bytes_each=2**31)).jobs
    assert [job.tag for job in jobs] == ["v0.19.8", "v0.19.8-2", "v0.19.8-3", "v0.19.8-4"][:tags]
    assert all(len(job.expected) <= assets for job in jobs)
    sent = [payload for job in jobs for payload in job.uploads if payload.name != SUMS]
    assert sorted(p.name for p in sent) == sorted(p.name for p in payloads_of(candidates))


def test_a_published_release_takes_what_fits_beside_its_next_sums(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates[:2], [], ROOM))
    jobs = plan_publishing(candidates, [state(there)], Budget(assets=11, bytes_each=2**31)).jobs
    assert [(job.tag, len(job.expected)) for job in jobs] == [("v0.19.8", 11), ("v0.19.8-2", 4)]


def test_a_release_that_takes_no_more_counts_as_full(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates[:2], [], ROOM))
    (job,) = plan_publishing(candidates, [state(there, immutable=True)], ROOM).jobs
    assert job.tag == "v0.19.8-2"
    assert {payload.name for payload in job.uploads} == {p.name for p in payloads_of(candidates[2:])} | {SUMS}


def test_a_wheel_that_is_too_large_is_refused_and_the_others_are_sent(
    candidates: tuple[Candidate, ...], tmp_path: Path
) -> None:
    large = fill_wheelhouse(tmp_path / "large", targets(5)[4:], filler=b"filler" * 100)
    size = large[0].wheel.size
    plan = plan_publishing([*candidates, *large], [], Budget(assets=1000, bytes_each=size))
    (refused,) = plan.refused
    assert refused.wheel == large[0].wheel.name
    assert f"has {size} bytes; an asset must have less than {size}" in refused.reason
    assert [p for p in plan.uploads if p.name != SUMS] == payloads_of(candidates)


def with_few_parts(candidate: Candidate) -> Candidate:
    """The same, verified as hosted builds verify the wheels of all Pythons but the first."""
    told = candidate.record.verification
    assert told
    return replace(candidate, record=replace(candidate.record, verification=replace(told, level="core")))


def test_a_wheel_that_ran_few_parts_goes_with_a_sibling_that_ran_all(candidates: tuple[Candidate, ...]) -> None:
    first, second, _, other = candidates
    assert [each.family for each in candidates] == [first.family] * 3 + [other.family]
    assert other.family != first.family
    plan = plan_publishing([first, with_few_parts(second), with_few_parts(other)], [], ROOM)
    assert [each.wheel for each in plan.refused] == [other.wheel.name]
    assert "verified at level core, which is enough only beside a wheel of the same DeepSpeed" in plan.refused[0].reason
    assert {payload.name for payload in payloads_of([first, second])} <= {each.name for each in plan.uploads}
    alone = plan_publishing([with_few_parts(second)], [], ROOM)
    assert (alone.jobs, [each.wheel for each in alone.refused]) == ((), [second.wheel.name])
    assert plan_publishing([with_few_parts(second)], [], ROOM, {first.family}).refused == ()


def test_a_sibling_that_is_refused_itself_proves_nothing(candidates: tuple[Candidate, ...]) -> None:
    first, second, *_ = candidates
    in_the_way = state([payload_of_bytes(first.wheel.name, b"other bytes")])
    plan = plan_publishing([first, with_few_parts(second)], [in_the_way], ROOM)
    assert [each.wheel for each in plan.refused] == [first.wheel.name, second.wheel.name]


def test_a_wheel_that_is_published_is_not_asked_again_for_its_sibling(candidates: tuple[Candidate, ...]) -> None:
    there = after(plan_publishing(candidates[1:2], [], ROOM))
    plan = plan_publishing([with_few_parts(candidates[1])], [state(there)], ROOM)
    assert (plan.refused, plan.already_published) == ((), (candidates[1].wheel.name,))
