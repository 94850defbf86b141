"""What a trial leaves to send: logs, results, manifests and what the machine has, in one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.ci.results import Result, read_results, result_path
from scripts.command import no_log
from scripts.diagnose.log_archive import LOG, RESULT
from scripts.dirs import Dirs
from scripts.files import write_whole
from scripts.plan.target import Target, name_without_level
from scripts.wheel_build.replay import replay_path


def write_archive(
    file: Path, targets: Sequence[Target], dirs: Dirs, told: Mapping[str, str], ops: Sequence[str] = ()
) -> None:
    """Write the archive: what each target's build of these ops left, and the texts that are told beside, by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(told.items()):
            archive.writestr(name, content)
        for target in targets:
            for name, path in _left_by(target, dirs, ops):
                archive.writestr(f"{target.id}/{name}", path.read_bytes())
    write_whole(file, buffer.getvalue())


def _left_by(target: Target, dirs: Dirs, ops: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The files that a build of the target left, verified or failed, by their names in the archive."""
    result, replay = result_path(dirs.logs, target.id, ops), replay_path(dirs.logs, target.id, ops)
    for name, path in ((LOG, dirs.log(target.id)), (RESULT, result), ("replay.json", replay)):
        if path.is_file():
            yield name, path
    for path in sorted(dirs.wheelhouse.rglob("*.whl.json")):
        if name_without_level(path.name) != f"{target.wheel_name}.json":
            continue
        yield f"manifest/{path.relative_to(dirs.wheelhouse).as_posix()}", path


def result_of(target: Target, dirs: Dirs, ops: Sequence[str] = ()) -> Result | None:
    """How the last build of the target, of these ops, ended; None when it left no result."""
    found = (one for one in read_results(dirs.logs, no_log) if one.target == target.id)
    return next((one for one in found if one.ops == ",".join(ops)), None)


def forget(target: Target, dirs: Dirs, ops: Sequence[str] = ()) -> None:
    """Remove the result of an earlier build, so that it is not taken for that of the next."""
    result_path(dirs.logs, target.id, ops).unlink(missing_ok=True)
