"""What of a run's artifacts may be published: nothing of them is believed that can be read again here.

A job that built a wheel ran other people's code, so its artifact may hold anything. It counts only for the ids that
were queued under its name, and its wheels only when they are what the plan of this checkout says they must be.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.errors import InputError, PublishError, WheelsError
from scripts.plan.target import Target, name_without_level, parse_id
from scripts.publish.candidates import Candidate, Skipped, Wheelhouse, judged, read_candidate
from scripts.publish.expectation import Expectation, unreported
from scripts.publish.store import payload_of_bytes
from scripts.wheel.wheelhouse import why_not_from

WHEELHOUSE = "wheels"  # the folder of an artifact that holds them

Expect = Callable[[Target], Expectation]


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Who says what was seen when the wheels were run, since nobody can read that from a file."""

    workflow: str  # "OWNER/REPO/.github/workflows/build.yml@refs/heads/main"
    run: str  # the page of the run

    def as_document(self) -> dict[str, str]:
        """Both, for JSON."""
        return {"workflow": self.workflow, "run": self.run}


def read_artifacts(
    directory: Path, queue: Mapping[str, Collection[str]], expect: Expect, reporter: Reporter
) -> Wheelhouse:
    """The wheels of the artifacts below `directory`, a folder each; `queue` has the ids queued under each name.

    Raises InputError when there is no such directory.
    """
    if not directory.is_dir():
        raise InputError(f"--artifacts {directory} is not a directory", id="not-a-directory")
    found = [_read_artifact(folder, queue, expect, reporter) for folder in sorted(directory.iterdir())]
    once = {candidate.target: candidate for wheelhouse in found for candidate in wheelhouse.candidates}
    return Wheelhouse(
        candidates=tuple(once[target] for target in sorted(once, key=Target.sort_key)),
        skipped=tuple(skipped for wheelhouse in found for skipped in wheelhouse.skipped),
        refused=tuple(refused for wheelhouse in found for refused in wheelhouse.refused),
    )


def _read_artifact(
    folder: Path, queue: Mapping[str, Collection[str]], expect: Expect, reporter: Reporter
) -> Wheelhouse:
    try:
        wheels = _wheels(folder, queue)
    except PublishError as error:
        return Wheelhouse(candidates=(), skipped=(), refused=(Skipped(wheel=folder.name, reason=str(error)),))
    ids = {parse_id(name).wheel_name: name for name in queue[folder.name]}

    def read(wheel: Path) -> Candidate:
        path = PurePosixPath(wheel.relative_to(folder).as_posix())
        if path.parts[0] == WHEELHOUSE and (reason := why_not_from(Path(*path.parts[1:]))):
            raise InputError(reason)
        if name_without_level(wheel.name) not in ids:
            raise _refusal(f"no wheel of this name was queued for the artifact {folder.name}")
        target = parse_id(ids[name_without_level(wheel.name)])
        if path != PurePosixPath(WHEELHOUSE, target.folder, wheel.name):
            raise _refusal(f"it is not in {WHEELHOUSE}/{target.folder}/ of its artifact")
        return _trusted(wheel, expect(target), reporter)

    return judged(folder.parent, wheels, read)


def _wheels(folder: Path, queue: Mapping[str, Collection[str]]) -> list[Path]:
    """The wheels in an artifact's folder; raises PublishError for an artifact of which nothing is taken."""
    if folder.name not in queue:
        raise _refusal("no artifact of this name was queued in this run")
    return sorted(path for path in _entries(folder) if path.suffix == ".whl")


def _entries(folder: Path) -> Iterator[Path]:
    """The files below the folder; a link or a device may lead to what the run that publishes must not read."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            waiting += path.iterdir()
        elif stat.S_ISREG(mode):
            yield path
        else:
            raise _refusal(f"{path.name} in it is neither a file nor a directory")


def _trusted(wheel: Path, expected: Expectation, reporter: Reporter) -> Candidate:
    """The candidate; raises PublishError for whatever keeps it from being one: a sound job leaves no such wheel."""
    try:
        found = read_candidate(wheel)
    except PublishError:
        raise
    except WheelsError as error:
        raise _refusal(str(error)) from None
    document = json.loads(found.manifest.open().read())
    if missing := unreported(found.record, found.audit):
        raise _refusal(f"its manifest reports otherwise than the audit here: {', '.join(missing)}")
    if reason := next(expected.misses(found.record), None):
        raise _refusal(reason)
    if not expected.is_repeat(document.get("repeat")):
        raise _refusal(f"repeat is {document.get('repeat')!r} in its manifest, which is no line that builds it")
    content = json.dumps(_told(document, found, reporter), indent=2, sort_keys=True) + "\n"
    return replace(found, manifest=payload_of_bytes(found.manifest.name, content.encode()))


def _told(document: dict[str, Any], found: Candidate, reporter: Reporter) -> dict[str, Any]:
    """The manifest with who reported what was seen by running, and with what was read again here."""
    checks = [{"name": check.name, "passed": check.passed, "detail": check.detail} for check in found.audit.checks]
    proof = {**document["proof"], "reported_by": reporter.as_document()}
    return {**document, "proof": proof, "audit": {"audited_by": reporter.as_document(), "checks": checks}}


def _refusal(reason: str) -> PublishError:
    return PublishError(reason, id="artifact-refused")
