"""A plan in parts, stable from one run to the next: a part is chosen by the hash of the id, not by position."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from scripts.errors import InputError
from scripts.plan.expand import ExcludedTarget, Plan, PlannedTarget

MAX_JOBS = 256  # of one matrix in GitHub Actions
SHARD = re.compile(r"(\d+)(?:/(\d+))?")


def shard(plan: Plan, index: int, count: int) -> Plan:
    """Part `index` (from 1) of `count`; the parts of a plan hold each target and each excluded target exactly once."""
    if not 1 <= index <= count:
        raise InputError(f"shard {index}/{count}: the first number goes from 1 to the second", id="value-not-accepted")
    return _parts(plan, count)[index - 1]


def split(plan: Plan, max_jobs: int = MAX_JOBS) -> tuple[Plan, ...]:
    """The plan in as few parts as hold `max_jobs` targets at most; one more target rarely moves another."""
    return _parts(plan, parts_needed(plan, max_jobs))


def parts_needed(plan: Plan, max_jobs: int = MAX_JOBS) -> int:
    """The smallest number of parts none of which has more than `max_jobs` targets."""
    if max_jobs < 1:
        raise InputError(f"--max-jobs {max_jobs}: give a number from 1", id="value-not-accepted")
    ids = [planned.target.id for planned in plan.targets]
    count = max(1, -(-len(ids) // max_jobs))
    while max(Counter(part_of(name, count) for name in ids).values(), default=0) > max_jobs:
        count += 1
    return count


def shard_of(plan: Plan, text: str, max_jobs: int = 0) -> Plan:
    """The part that `I/N` names, or `I` of as many as `max_jobs` needs; the plan itself when both are left out."""
    if not text and not max_jobs:
        return plan
    needed = parts_needed(plan, max_jobs) if max_jobs else 0
    if not text:
        if needed > 1:
            raise InputError(
                f"{len(plan.targets)} targets need {needed} parts; ask for --shard 1/{needed} and so on",
                id="too-many-targets",
            )
        return plan
    match = SHARD.fullmatch(text)
    if not match or not (match[2] or needed):
        raise InputError(f"--shard {text!r}: write I/N, such as 1/4", id="value-not-accepted")
    part = shard(plan, int(match[1]), int(match[2] or needed))
    if max_jobs and len(part.targets) > max_jobs:
        raise InputError(
            f"--shard {text} holds {len(part.targets)} targets; {needed} parts hold {max_jobs} at most",
            id="too-many-targets",
        )
    return part


def part_of(name: str, count: int) -> int:
    """The part of 0 … count - 1 that the name falls into; with one part more, 1/count of the names move, all there.

    Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    part, following = -1, 0
    while following < count:
        part = following
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        following = int((part + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return part


def _parts(plan: Plan, count: int) -> tuple[Plan, ...]:
    targets: list[list[PlannedTarget]] = [[] for _ in range(count)]
    excluded: list[list[ExcludedTarget]] = [[] for _ in range(count)]
    for planned in plan.targets:
        targets[part_of(planned.target.id, count)].append(planned)
    for row in plan.excluded:
        excluded[part_of(row.target.id, count)].append(row)
    pairs = zip(targets, excluded, strict=True)
    return tuple(Plan(targets=tuple(kept), excluded=tuple(left)) for kept, left in pairs)
