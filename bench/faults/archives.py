"""Damaged wheels through `invoke verify`, publishing and the index; the whole wheel beside each is not held up."""

from __future__ import annotations

import hashlib
import io
import json
import random
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from bench.faults.part import Case, LostError, Part, ends_well
from bench.faults.wheels import damage_wheel
from scripts.commands.store_wheels import offered
from scripts.commands.verify_options import VerifyOptions
from scripts.commands.verify_task import verify
from scripts.errors import WheelsError
from scripts.publish.candidates import read_wheelhouse
from scripts.wheel.core_metadata import core_metadata
from tests.wheel.wheelhouse import file_wheel, targets, wheel_file


@contextmanager
def _wheels(folder: Path) -> Iterator[Case]:
    beside, target = targets(2)
    file_wheel(folder, beside)
    wheel = file_wheel(folder, target, ops=("cpu_adam",))
    manifest = wheel.with_name(f"{wheel.name}.json")
    whole, told = wheel.read_bytes(), json.loads(manifest.read_text(encoding="utf-8"))

    def case(index: int, chance: random.Random) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile's, of a name that is there twice
            data = damage_wheel(whole, chance)
        wheel.write_bytes(data)
        manifest.write_text(json.dumps(_matching(told, wheel) if chance.random() < 0.5 else told), encoding="utf-8")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            passed = {
                "verified": ends_well(lambda: verify(VerifyOptions(wheel=(str(wheel),)))),
                "to be published": wheel.name in _judged(folder, wheel_file(beside)),
            }
            _require_offered(folder, wheel_file(beside))
            if any(passed.values()) and _contents(data) != _contents(whole):
                raise LostError(f"a damaged wheel is {' and '.join(name for name, done in passed.items() if done)}")

    yield case


def _matching(told: dict[str, object], wheel: Path) -> dict[str, object]:
    """The manifest of somebody who knows what he does: its digests are those of the damaged file."""
    data = wheel.read_bytes()
    described = {"file": wheel.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    found = {**told, "wheel": described}
    with suppress(WheelsError):
        found["metadata"] = {"sha256": hashlib.sha256(core_metadata(wheel)).hexdigest(), "requires_python": None}
    return found


def _judged(folder: Path, beside: str) -> set[str]:
    """The wheels that would be published; raises LostError when the whole one is not among them."""
    found: set[str] = set()
    ends_well(lambda: found.update(candidate.wheel.name for candidate in read_wheelhouse(folder).candidates))
    if beside not in found:
        raise LostError("a damaged wheel keeps the others from being published")
    return found


def _require_offered(folder: Path, beside: str) -> None:
    found: set[str] = set()
    ends_well(lambda: found.update(record.file for record in offered(f"dir:{folder}", ()).records))
    if beside not in found:
        raise LostError("a damaged wheel keeps the others from the index")


def _contents(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


WHEELS = Part(name="wheels", what="a wheel, damaged", cases=500, seconds=60, place=_wheels)
