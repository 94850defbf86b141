"""What a trial leaves to send: logs, results, manifests and what the machine has, in one archive."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from scripts.ci.results import Result, read_results, result_path, write_results
from scripts.command import no_log
from scripts.diagnose.log_archive import LOG, RESULT
from scripts.dirs import Dirs
from scripts.files import write_whole
from scripts.plan.target import Target, name_without_level
from scripts.wheel_build.replay import replay_path

NO_RESULT = "It ended before it could say how; what it printed last tells why."
EARLIER = "earlier.log"  # what the log held before: a build adds to it
# A folder in C:\Users, which bears somebody's name, in short form too (JANEDO~1), and as JSON writes it.
PERSON = re.compile(
    rb"""([a-z]:(\\{1,2}|/)users\2)(?:\\u[0-9a-f]{4}|[^\\/:*?"<>|\r\n]){1,100}?(?=/|\\(?!u[0-9a-f]{4}))""", re.I
)


def write_archive(
    file: Path,
    targets: Sequence[Target],
    dirs: Dirs,
    told: Mapping[str, str],
    ops: Sequence[str] = (),
    before: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write the archive: what each target's build of these ops left, and the texts that are told beside, by name.

    `before` says how many bytes a target's log had: what is behind is what the trial's own build said.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(told.items()):
            archive.writestr(name, without_person(content.encode()))
        for target in targets:
            for name, left in _left_by(target, dirs, ops, before.get(target.id, 0)):
                archive.writestr(f"{target.id}/{name}", without_person(left))
    write_whole(file, buffer.getvalue())


def without_person(content: bytes) -> bytes:
    """The text with `~` for the folder of a person in C:\\Users, and for the home folder where it is elsewhere."""
    content = PERSON.sub(rb"\1~", content)
    home = str(Path.home())
    forms = {home, home.replace("\\", "/"), json.dumps(home)[1:-1]} if len(home) > len("C:\\") else set()
    for form in sorted(forms, key=len, reverse=True):
        content = re.sub(re.escape(form.encode()) + rb"(?![\w.-])", b"~", content, flags=re.I)
    return content


def _left_by(target: Target, dirs: Dirs, ops: Sequence[str], before: int) -> Iterator[tuple[str, bytes]]:
    """What a build of the target left, verified or failed, by its names in the archive."""
    log = dirs.log(target.id).read_bytes() if dirs.log(target.id).is_file() else b""
    start = before if before <= len(log) else 0
    yield from ((name, part) for name, part in ((LOG, log[start:]), (EARLIER, log[:start])) if part)
    result, replay = result_path(dirs.logs, target.id, ops), replay_path(dirs.logs, target.id, ops)
    for name, path in ((RESULT, result), ("replay.json", replay)):
        if path.is_file():
            yield name, path.read_bytes()
    for path in sorted(dirs.wheelhouse.rglob("*.whl.json")):
        if name_without_level(path.name) == f"{target.wheel_name}.json":
            yield f"manifest/{path.relative_to(dirs.wheelhouse).as_posix()}", path.read_bytes()


def result_of(target: Target, dirs: Dirs, ops: Sequence[str] = ()) -> Result | None:
    """How the last build of the target, of these ops, ended; None when it left no result."""
    found = (one for one in read_results(dirs.logs, no_log) if one.target == target.id)
    return next((one for one in found if one.ops == ",".join(ops)), None)


def keep_result(target: Target, dirs: Dirs, ops: Sequence[str], code: int) -> None:
    """Leave a result where a build that ended with an exit code left none."""
    if code and result_of(target, dirs, ops) is None:
        lost = Result(target=target.id, exit_code=code, wheel=None, message=NO_RESULT, ops=",".join(ops))
        with suppress(OSError):  # of a disk that cannot even take that
            write_results(dirs.logs, [lost])


def forget(target: Target, dirs: Dirs, ops: Sequence[str] = ()) -> None:
    """Remove the result of an earlier build, so that it is not taken for that of the next."""
    result_path(dirs.logs, target.id, ops).unlink(missing_ok=True)
