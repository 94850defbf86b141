"""What a trial leaves to send: logs, results, manifests and what the machine has, in one archive."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.ci.results import SUFFIX
from scripts.dirs import Dirs
from scripts.files import write_whole
from scripts.plan.target import Target, name_without_level
from scripts.wheel_build.replay import replay_path


def write_archive(file: Path, targets: Sequence[Target], dirs: Dirs, told: Mapping[str, str]) -> None:
    """Write the archive: what each target's build left, and the texts that are told beside, by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(told.items()):
            archive.writestr(name, content)
        for target in targets:
            for name, path in _left_by(target, dirs):
                archive.writestr(f"{target.id}/{name}", path.read_bytes())
    write_whole(file, buffer.getvalue())


def _left_by(target: Target, dirs: Dirs) -> Iterator[tuple[str, Path]]:
    """The files that a build of the target left, verified or failed, by their names in the archive."""
    log, replay = dirs.log(target.id), replay_path(dirs.logs, target.id)
    for name, path in (("build.log", log), ("result.json", _result(target, dirs)), ("replay.json", replay)):
        if path.is_file():
            yield name, path
    for path in sorted(dirs.wheelhouse.rglob("*.whl.json")):
        if name_without_level(path.name) != f"{target.wheel_name}.json":
            continue
        yield f"manifest/{path.relative_to(dirs.wheelhouse).as_posix()}", path


def exit_code_of(target: Target, dirs: Dirs) -> int | None:
    """How the last build of the target ended; None when it left no result."""
    path = _result(target, dirs)
    found: int | None = json.loads(path.read_text(encoding="utf-8"))["exit_code"] if path.is_file() else None
    return found


def forget(target: Target, dirs: Dirs) -> None:
    """Remove the result of an earlier build, so that it is not taken for that of the next."""
    _result(target, dirs).unlink(missing_ok=True)


def _result(target: Target, dirs: Dirs) -> Path:
    return dirs.logs / f"{target.id}{SUFFIX}"
