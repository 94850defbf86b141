"""What an attestation of the wheels says: their digests, and who reported what is seen only by running them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.publish.artifacts import Reporter
from scripts.publish.candidates import Candidate
from scripts.publish.publish_plan import PublishPlan

CHECKSUMS = "checksums.txt"  # as sha256sum writes it
PREDICATE = "predicate.json"


def coming_wheels(candidates: Sequence[Candidate], plan: PublishPlan) -> tuple[Candidate, ...]:
    """The wheels that carrying out the plan makes public: neither refused nor published before."""
    others = {*plan.already_published, *(refused.wheel for refused in plan.refused)}
    return tuple(candidate for candidate in candidates if candidate.wheel.name not in others)


def attestation_files(wheels: Sequence[Candidate], reporter: Reporter) -> dict[str, str]:
    """The subjects and the predicate by the names of their files."""
    lines = (f"{wheel.wheel.sha256}  {wheel.wheel.name}\n" for wheel in wheels)
    predicate = {
        "reported_by": reporter.as_document(),
        "wheels": {wheel.wheel.name: _said(wheel) for wheel in wheels},
    }
    return {CHECKSUMS: "".join(lines), PREDICATE: json.dumps(predicate, indent=1, sort_keys=True) + "\n"}


def _said(candidate: Candidate) -> Mapping[str, Any]:
    """What was read here of one wheel, and what was reported of running it."""
    read = {check.name: check.passed for check in candidate.audit.checks}
    told = candidate.record.verification
    assert told is not None, "only verified wheels are candidates"
    return {
        "target": candidate.target.id,
        "sha256": candidate.wheel.sha256,
        "audited": [name for name, passed in read.items() if passed],
        "reported": {
            "level": told.level,
            "passed": [name for name in told.passed if name not in read],
            "skipped": {name: reason for name, reason in told.skipped.items() if name not in read},
        },
    }
