"""`Result`: how the last build of a target ended, kept beside its log, locally as in a workflow."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import Literal

from scripts.command import Log
from scripts.diagnose.named_cause import NamedCause
from scripts.errors import CommandError, DataError, InterruptedBuildError, PrerequisiteError, WheelsError
from scripts.fetch.download import read_small
from scripts.fetch.transfer import NotThereError
from scripts.files import write_whole
from scripts.index.page.states import Build, read_builds
from scripts.outgoing import redacted_values
from scripts.plan.target import ID, Target, parse_id
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Optional, Problems, Reader, below, flag, integer, keyed, mapped, text
from scripts.wheel.wheelhouse import ONLY, WITHOUT
from scripts.wheel_build.replay import part_of

SUFFIX = ".result.json"
BUILDS = "builds.json"  # of the site
NOT_READY = "The machine that was to build it was not ready for that; the log of the run says why."
NO_RESULT = "Its job left no result: its setup failed, the runner was lost, or the job ran into its time limit."


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one build ended."""

    target: str  # the id
    exit_code: int
    wheel: str | None  # where it was filed
    message: str | None  # why there is none
    ops: str = ""  # of a build of only some, "async_io,cpu_adam"; it says nothing of the target's full wheel
    error: str = ""  # the id of the error
    diagnosis: NamedCause | None = None  # of a failed build, where a cause is known
    begun: bool = True  # not so where the build before it was stopped: it is still in the queue
    # op -> "compiled", "cache", or the name of the published wheel that it was taken out of
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    unchanged: bool = False  # the wheel was there, verified, and nothing had changed: nothing was built

    @property
    def state(self) -> Literal["built", "building", "queued", "failed"]:
        """`building` for one that was stopped in good order and goes on in the next run, `queued` for one not begun."""
        if not self.begun:
            return "queued"
        if self.exit_code == InterruptedBuildError.exit_code:
            return "building"
        return "failed" if self.exit_code else "built"

    @property
    def subset(self) -> str:
        """The directory of a wheel of fewer ops, such as `without-async_io`; empty for one of all."""
        folder = PurePath(self.wheel or "").parent.name
        return folder if folder.startswith((ONLY, WITHOUT)) else ""

    @property
    def parsed_target(self) -> Target:
        """The target itself."""
        return parse_id(self.target)

    @property
    def error_line(self) -> str:
        """The message behind the id of its error, as it is printed."""
        return f"error[{self.error}]: {self.message}" if self.error else self.message or ""

    @property
    def cause_lines(self) -> tuple[str, ...]:
        """The likeliest cause, to stand below the message."""
        return self.diagnosis.lines if self.diagnosis else ()

    @property
    def first_lines(self) -> str:
        """The first lines of the message: what is wrong, without the rest of the log."""
        return "\n".join((self.message or "").splitlines()[:12])


def failure(target: Target, error: WheelsError) -> Result:
    """The result of a target that could not be built."""
    return Result(target=target.id, exit_code=error.exit_code, wheel=None, message=str(error), error=error.id)


def not_begun(target: Target, why: str) -> Result:
    """The result of a target that is still in the queue."""
    told = InterruptedBuildError(f"not begun: {why}; the same command builds it", id="not-begun")
    return replace(failure(target, told), begun=False)


def write_results(directory: Path, results: Iterable[Result]) -> None:
    """Put each result beside the log of its target."""
    for result in results:
        path = result_path(directory, result.target, result.ops.split(",") if result.ops else ())
        write_whole(path, json.dumps(redacted_values(asdict(result)), indent=2) + "\n")


def result_path(directory: Path, target: str, ops: Collection[str] = ()) -> Path:
    """Where the result of a target's last build lies; that of one of some `ops` only is another file."""
    return directory / f"{target}{part_of(ops)}{SUFFIX}"


def read_results(directory: Path, damage: Log) -> tuple[Result, ...]:
    """Every result in the directory of logs, by target id; why one cannot be read is handed to `damage`."""
    found = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            found.append(_read(path))
        except (OSError, DataError) as error:
            damage(str(error))
    return tuple(found)


def queued_results(artifacts: Path, queue: Mapping[str, Collection[str]]) -> tuple[Result, ...]:
    """The results in a run's artifacts, a folder each, of the ids that were queued under its name, and no others.

    One that cannot be read is left out, as if its job had left none: it must not keep back what the others say.
    """
    found = []
    for name, ids in sorted(queue.items()):
        for target in sorted(ids):
            path = artifacts / name / "logs" / f"{target}{SUFFIX}"
            with suppress(OSError, DataError):
                result = None if path.is_symlink() or path.parent.is_symlink() else _read(path)
                if result and result.target == target:
                    found.append(result)
    return tuple(found)


def _read(path: Path) -> Result:
    problems = Problems()
    value = parse_json(path.read_bytes(), path.name, problems)
    result = RESULT(value, f"{path.name}:", problems) if not problems else None
    if result and not problems and not ID.fullmatch(result.target):
        problems.add(below(f"{path.name}:", "target"), f"{result.target!r} is not a target id")
    if problems or result is None:
        told = [*problems[:-1], *(f"{last}; delete the file or build its target again" for last in problems[-1:])]
        raise DataError(path.name, told)
    return result


def lost_results(queued: Iterable[str], results: Iterable[Result]) -> tuple[Result, ...]:
    """A failure for each target of a run, by its id, whose job ended without a result."""
    known = {result.target for result in results if not result.ops}
    failed = CommandError.exit_code
    return tuple(
        Result(target=name, exit_code=failed, wheel=None, message=NO_RESULT) for name in queued if name not in known
    )


def known_builds(site: str, log: Log) -> dict[str, Build]:
    """The builds of the site at an address, which the run before left there.

    None for an empty address, for a site that is not there, and for one that cannot be read, which is logged: it
    decides the order of the queue, not what is built.
    """
    if not site:
        return {}
    try:
        return read_builds(read_small(site + BUILDS), site + BUILDS)
    except NotThereError:
        return {}
    except (PrerequisiteError, DataError) as error:
        log(f"what failed before is not known: {error}")
        return {}


def builds_document(
    results: Iterable[Result], before: Mapping[str, Build], planned: Collection[str], url: str | None
) -> dict[str, dict[str, str]]:
    """The states of planned targets without a wheel, as the page reads them: of `before`, less what was tried since.

    What is planned no more, such as the target of an older torch patch release, is not tried again and has no state.
    """
    tried = {result.target: result for result in results if result.begun and not result.ops}
    known = {name: _entry(build.state, build.message, build.url) for name, build in before.items() if name not in tried}
    now = {
        name: _entry(result.state, _for_readers(result), url)
        for name, result in tried.items()
        if result.state != "built"
    }
    return dict(sorted((name, entry) for name, entry in {**known, **now}.items() if name in planned))


def _for_readers(result: Result) -> str:
    """Why there is no wheel, for who only wants one: what the builder's machine lacks is of no use there."""
    return NOT_READY if result.exit_code == PrerequisiteError.exit_code else result.first_lines


def _entry(state: str, message: str, url: str | None) -> dict[str, str]:
    return {"state": state, "message": message, **({"url": url} if url else {})}


CAUSE: Reader[NamedCause] = keyed(NamedCause, cause=text, line=text, where=text, explanation=text, remedy=text)
RESULT: Reader[Result] = keyed(
    Result,
    target=text,
    exit_code=integer,
    wheel=Optional(text),
    message=Optional(text),
    ops=Optional(text, ""),
    error=Optional(text, ""),
    diagnosis=Optional(CAUSE),
    begun=Optional(flag, True),
    origins=Optional(mapped(text), {}),
    unchanged=Optional(flag, False),
)
