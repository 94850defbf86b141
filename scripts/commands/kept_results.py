"""What a build leaves beside its target's log: how it ended and why, and the replay file that repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.ci.results import Result, failure, not_begun, result_path, write_results
from scripts.commands.answer import log_line
from scripts.commands.build_diagnosis import log_ends, with_cause
from scripts.commands.build_replay import complete_replay, forget_replays
from scripts.errors import WheelsError
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions

WAITING = "what was to be built before it has not ended"


@dataclass(frozen=True, kw_only=True)
class KeptResults:
    """Keeps each result in the directory of logs as soon as it is known: later builds may be cut off."""

    logs: Path
    options: BuildOptions  # of all the builds
    ends: dict[str, int] = field(default_factory=dict)  # target id -> bytes of its log before its build

    def begin(self, targets: Sequence[Target]) -> None:
        """Builds of these targets begin, the first at once: what is left of earlier ones is not theirs."""
        forget_replays(self.logs, targets, self.options)
        self.ends.update(log_ends(self.logs, [target.id for target in targets]))
        write_results(self.logs, [self._of_ops(not_begun(target, WAITING)) for target in targets[1:]])

    def begin_next(self, target: Target) -> None:
        """The build of the target begins: when it is cut off it leaves no result, as when its machine is lost."""
        result_path(self.logs, target.id, self.options.ops).unlink(missing_ok=True)

    def ended(self, result: Result) -> Result:
        """The result of a build that has begun, with its cause."""
        found = with_cause(self._of_ops(result), self.logs, self.ends[result.target])
        write_results(self.logs, [found])
        if found.begun:
            complete_replay(self.logs, found, self.options)
        return found

    def unchanged(self, target: Target, wheel: Path) -> Result:
        """The result of a target whose wheel lies there, and of which nothing has changed."""
        found = self._of_ops(Result(target=target.id, exit_code=0, wheel=str(wheel), message=None, unchanged=True))
        write_results(self.logs, [found])
        return found

    def failed(self, targets: Sequence[Target], error: WheelsError) -> list[Result]:
        """The results of targets that cannot even be begun."""
        with suppress(OSError):  # of a disk that cannot even take that
            self.begin(targets)  # no build adds anything to their logs
            return [self.ended(failure(target, error)) for target in targets]
        return [self._of_ops(failure(target, error)) for target in targets]

    @contextmanager
    def as_failures(self, targets: Sequence[Target]) -> Iterator[None]:
        """An error of the block is the result of these targets, and raised."""
        try:
            yield
        except WheelsError as error:
            show_causes(self.failed(targets, error))
            raise

    def _of_ops(self, result: Result) -> Result:
        return replace(result, ops=",".join(self.options.ops))


def show_causes(results: Iterable[Result]) -> None:
    """The likeliest cause of each failure, once where several targets share one."""
    for line in dict.fromkeys("\n".join(result.cause_lines) for result in results if result.cause_lines):
        log_line(line)
