"""The replay files that builds leave: begun anew, and completed with how each build ended and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scripts.ci.actions import this_step
from scripts.ci.results import Result
from scripts.errors import DataError, InterruptedBuildError
from scripts.fetch.installer import find_installer
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.replay import Replay, read_replay, replay_path, write_replay
from scripts.wheel_build.replay_file import begin_replay, told_error


def forget_replays(logs: Path, targets: Iterable[Target], options: BuildOptions) -> None:
    """Remove those of earlier builds, so that none is taken for that of the next."""
    for target in targets:
        with suppress(OSError):
            replay_path(logs, target.id, options.ops).unlink()


def complete_replay(logs: Path, result: Result, options: BuildOptions) -> None:
    """Add to the replay file how the build ended, and why; one that had not come so far gets a file, too.

    A job that failed also prints it: a log outlives the artifacts of a run.
    """
    path = replay_path(logs, result.target, options.ops)
    begun = _read(path) or begin_replay(result.parsed_target, options, find_installer())
    error = begun.error
    if error is None and result.exit_code:
        error = told_error(result.error, result.message or "")
    replay = replace(begun, exit_code=result.exit_code, error=error, diagnosis=result.diagnosis)
    with suppress(OSError):  # of a disk that is full; what failed is told without it
        write_replay(path, replay)
    if (step := this_step()) and result.exit_code not in (0, InterruptedBuildError.exit_code):
        step.show_folded(f"replay file of {result.target}", [json.dumps(replay.as_document())])


def _read(path: Path) -> Replay | None:
    try:
        return read_replay(path.read_bytes(), path.name)
    except (OSError, DataError):
        return None
