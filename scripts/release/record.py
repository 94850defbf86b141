"""`WheelRecord`: what is to be known of a wheel that was filed or published, from its manifest or from a wheels.json.

Light to import (the standard library and packaging), since `invoke install` reads records too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from scripts.errors import DataError, InputError
from scripts.matrix.json_text import parse_json
from scripts.matrix.problems import Problems
from scripts.matrix.reading import Optional, Reader, flag, integer, listed, mapped, number, record, specifiers, text
from scripts.matrix.target import Target, parse_id

MANIFEST_SCHEMAS = (1, 2)  # 1 has neither metadata nor the proof's level
WHEELS_SCHEMA = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
ADDRESS = re.compile(r"https?://[!#$%&*+,./0-9:;=?@A-Z_a-z~-]+")
NO_TARGET = Target(deepspeed="0", torch="0.0", cuda="cpu", python="3.0", platform="linux_x86_64")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How a wheel answered: names of the checks that passed and failed, and why others were skipped."""

    level: str | None  # "audit", "smoke" or "full"; None when an old manifest does not say
    passed: tuple[str, ...]
    failed: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)  # check -> reason


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a wheel was made from."""

    kind: str  # "tag" or "sdist"
    sha256: str
    url: str | None = None
    patches: tuple[str, ...] = ()  # ids, "P5"


@dataclass(frozen=True, kw_only=True)
class WheelRecord:
    """One filed or published wheel."""

    target: Target
    sha256: str
    bytes: int
    ops: tuple[str, ...]
    left_out: Mapping[str, str]  # op -> why it is not in the wheel
    arches: tuple[str, ...]  # of TORCH_CUDA_ARCH_LIST, "8.6", "12.0+PTX"; empty for CPU
    cpu_level: str  # "avx2"
    torch: str  # the full version it was built with, "2.6.0+cu124"
    toolchain: Mapping[str, str]
    seconds: float  # wall seconds of the build
    source: Source
    proof: Proof | None
    metadata_sha256: str | None = None  # of METADATA, where it is published beside the wheel (PEP 658)
    requires_python: str | None = None  # ">=3.10"
    url: str | None = None  # where the wheel can be downloaded; None: below whatever names it

    @property
    def file(self) -> str:
        """The wheel's file name: the target's, never another."""
        return self.target.wheel_name

    def as_document(self) -> dict[str, Any]:
        """The record as a row of wheels.json; `read_wheels` reads it back."""
        return {"id": self.target.id, **{key: value for key, value in asdict(self).items() if key != "target"}}


def read_manifest(content: str | bytes, name: str, url: str | None = None) -> WheelRecord:
    """The record of the manifest called `name`, whose wheel can be had at `url`; a manifest may hold more than is read.

    Raises DataError with every fault, each at its key.
    """
    found = _read(_MANIFEST, content, name)
    wheel, metadata, proof = found["wheel"], found["metadata"] or {}, found["proof"]
    named = found["target"]["id"].wheel_name
    if wheel["file"] != named:
        raise DataError(name, [f"wheel.file: {wheel['file']!r} is not what its target is called; that is {named}"])
    same = ("left_out", "arches", "cpu_level", "torch", "toolchain", "source")
    return WheelRecord(
        target=found["target"]["id"], sha256=wheel["sha256"], bytes=wheel["bytes"], ops=tuple(sorted(found["ops"])),
        seconds=found["seconds"]["total"], proof=_proof(proof) if proof else None, url=url,
        metadata_sha256=metadata.get("sha256"), requires_python=metadata.get("requires_python"),
        **{key: found[key] for key in same},
    )  # fmt: skip


def read_wheels(content: str | bytes, name: str) -> tuple[WheelRecord, ...]:
    """The records of a wheels.json called `name`, in its order; raises DataError with every fault, each at its key."""
    found: tuple[WheelRecord, ...] = _read(_WHEELS, content, name)["wheels"]
    return found


def write_wheels(records: Iterable[WheelRecord]) -> str:
    """The text of wheels.json: one line per record, in the order of the versions."""
    ordered = sorted(records, key=lambda record: record.target.sort_key())
    rows = ",\n".join(json.dumps(record.as_document(), sort_keys=True) for record in ordered)
    return f'{{"schema": {WHEELS_SCHEMA}, "wheels": [\n{rows}\n]}}\n'


def _read(reader: Reader[dict[str, Any]], content: str | bytes, name: str) -> dict[str, Any]:
    problems = Problems()
    value = parse_json(content, name, problems)
    found = {} if problems else reader(value, f"{name}:", problems)
    if problems:
        raise DataError(name, [problem.removeprefix(f"{name}: ") for problem in problems])
    return found


def _proof(found: Mapping[str, Any]) -> Proof:
    def names(verdict: bool) -> tuple[str, ...]:
        return tuple(check["name"] for check in found["checks"] if check["passed"] is verdict)

    failed = names(False) or (() if found["passed"] else ("the proof",))
    skipped = {check["name"]: check["detail"] for check in found["checks"] if check["passed"] is None}
    return Proof(level=found["level"], passed=names(True), failed=failed, skipped=skipped)


def _row(**found: Any) -> WheelRecord:  # noqa: ANN401  the fields of _WHEELS
    return WheelRecord(target=found.pop("id"), **found)


# ---------------------------------------------------------------- readers


def _part(build: Callable[..., T], **readers: Reader[Any]) -> Reader[T]:
    """A reader of a mapping that may hold more keys than are read here: a newer writer tells more."""
    whole = record(build, **readers)

    def read(value: object, where: str, problems: Problems) -> T:
        known = {key: entry for key, entry in value.items() if key in readers} if isinstance(value, dict) else value
        return whole(known, where, problems)

    return read


def _schema(*known: int) -> Reader[int]:
    def read(value: object, where: str, problems: Problems) -> int:
        found = integer(value, where, problems)
        if found not in known:
            problems.add(where, f"{found} is not known here, {known[-1]} is; update this checkout")
        return found

    return read


def _shaped(pattern: re.Pattern[str], what: str) -> Reader[str]:
    """A reader of a text that matches the whole pattern."""

    def read(value: object, where: str, problems: Problems) -> str:
        found = text(value, where, problems)
        if not pattern.fullmatch(found):
            problems.add(where, f"{found!r} is no {what}")
        return found

    return read


def _specifier(value: object, where: str, problems: Problems) -> str:
    return str(specifiers()(value, where, problems))


def _target(value: object, where: str, problems: Problems) -> Target:
    try:
        return parse_id(text(value, where, problems))
    except InputError as error:
        problems.add(where, f"{error}; correct it")
        return NO_TARGET


def _arches(value: object, where: str, problems: Problems) -> tuple[str, ...]:
    return tuple(arch for arch in re.split(r"[; ]+", text(value, where, problems)) if arch)


def _anything(value: object, where: str, problems: Problems) -> object:
    return value


_digest = _shaped(SHA256, "sha256 (64 hex digits in lower case)")
_address = _shaped(ADDRESS, "address such as https://example.org/file")
_details = mapped(text)
_source = _part(
    Source, kind=text, sha256=text, url=Optional(text), patches=Optional(listed(text), ()),
)  # fmt: skip
_check: Reader[dict[str, Any]] = _part(dict, name=text, passed=Optional(flag), detail=text)
_MANIFEST: Reader[dict[str, Any]] = _part(
    dict,
    schema=_schema(*MANIFEST_SCHEMAS),
    target=_part(dict, id=_target),
    wheel=_part(dict, file=text, sha256=_digest, bytes=integer),
    metadata=Optional(_part(dict, sha256=_digest, requires_python=Optional(_specifier))),
    source=_source, ops=mapped(_anything), left_out=_details, toolchain=_details, torch=text,
    arches=Optional(_arches, ()), cpu_level=text, seconds=_part(dict, total=number),
    proof=Optional(_part(dict, level=Optional(text), passed=flag, checks=listed(_check))),
)  # fmt: skip
_known_proof = _part(
    Proof, level=Optional(text), passed=listed(text), failed=listed(text), skipped=_details
)  # fmt: skip
_WHEELS: Reader[dict[str, Any]] = _part(
    dict,
    schema=_schema(WHEELS_SCHEMA),
    wheels=listed(
        _part(
            _row,
            id=_target, sha256=_digest, bytes=integer, ops=listed(text), left_out=_details, arches=listed(text),
            cpu_level=text, torch=text, toolchain=_details, seconds=number, source=_source,
            proof=Optional(_known_proof),
            metadata_sha256=Optional(_digest), requires_python=Optional(_specifier), url=Optional(_address),
        )
    ),
)  # fmt: skip
