"""`WheelRecord`: what is to be known of a wheel that was filed or published, from its manifest or from a wheels.json.

Light to import (the standard library and packaging), since `invoke install` reads records too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from scripts.errors import DataError, InputError, VerifyError
from scripts.plan.target import Target, parse_id
from scripts.schema.json_document import parse_json
from scripts.schema.problems import Problems
from scripts.schema.readers import Optional, Reader, flag, integer, listed, mapped, number, record, specifiers, text

MANIFEST_SCHEMA = 1
WHEELS_SCHEMA = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
ADDRESS = re.compile(r"https?://[!#$%&*+,./0-9:;=?@A-Z_a-z~-]+")
NO_TARGET = Target(deepspeed="0", torch="0.0", cuda="cpu", python="3.0", platform="linux_x86_64")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How a wheel answered: names of the checks that passed and failed, and why others were skipped."""

    level: str | None  # "audit", "smoke" or "full"; None when the manifest does not say
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
        fields = {**vars(self), "source": vars(self.source), "proof": vars(self.proof) if self.proof else None}
        del fields["target"]
        return {"id": self.target.id, **fields}


@dataclass(frozen=True, kw_only=True)
class Published:
    """What an index offers, and where: the content of its wheels.json."""

    wheels: tuple[WheelRecord, ...]  # in the order of the versions
    url: str  # where the site is served, with / at its end
    torch_index: str  # where torch is had, with {variant}

    def channel(self, target: Target) -> str:
        """The address of the index of the target's CUDA variant and torch minor."""
        return f"{self.url}{channel_of(target)}"

    def torch_channel(self, target: Target) -> str:
        """The address of the index that has the target's torch."""
        return self.torch_index.replace("{variant}", target.cuda)

    def address(self, record: WheelRecord) -> str:
        """Where the wheel can be downloaded."""
        return record.url or self.url + file_path(record)


def channel_of(target: Target) -> str:
    """The folder of the target's channel below the site, `whl/cu124/torch2.6/`."""
    return f"whl/{target.cuda}/torch{target.torch_minor}/"


def file_path(record: WheelRecord) -> str:
    """Where a wheel that has no address of its own lies below the site, as it stands in a link."""
    return f"files/{record.target.deepspeed}/{quote(record.file)}"


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
        target=found["target"]["id"],
        sha256=wheel["sha256"],
        bytes=wheel["bytes"],
        ops=found["ops"],
        seconds=found["seconds"]["total"],
        proof=_proof(proof) if proof else None,
        url=url,
        metadata_sha256=metadata.get("sha256"),
        requires_python=metadata.get("requires_python"),
        **{key: found[key] for key in same},
    )


def publish_records(records: Iterable[WheelRecord], *, url: str, torch_index: str) -> Published:
    """The records in the order of their versions, as a site at `url` offers them.

    Raises InputError for two of one name, and VerifyError for a wheel that failed or has no proof.
    """
    ordered = tuple(sorted(records, key=lambda record: record.target.sort_key()))
    twice = [file for file, count in Counter(record.file for record in ordered).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} is there twice (and {len(twice) - 1} more); an index has one wheel of a name")
    unproven = [record.file for record in ordered if not record.proof or record.proof.failed]
    if unproven:
        raise VerifyError(f"{unproven[0]} failed its proof or has none (and {len(unproven) - 1} more); take it away")
    return Published(wheels=ordered, url=url.rstrip("/") + "/", torch_index=torch_index)


def read_wheels(content: str | bytes, name: str) -> Published:
    """The content of a wheels.json called `name`; raises DataError with every fault, each at its key."""
    found = _read(_WHEELS, content, name)
    return Published(**{key: value for key, value in found.items() if key != "schema"})


def write_wheels(published: Published) -> str:
    """The text of wheels.json, one line per wheel."""
    head = json.dumps({"schema": WHEELS_SCHEMA, "torch_index": published.torch_index, "url": published.url})
    rows = ",\n".join(json.dumps(record.as_document(), sort_keys=True) for record in published.wheels)
    return f'{head[:-1]}, "wheels": [\n{rows}\n]}}\n'


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


def _schema(known: int) -> Reader[int]:
    def read(value: object, where: str, problems: Problems) -> int:
        found = integer(value, where, problems)
        if found != known:
            problems.add(where, f"{found} is not known here, {known} is; update this checkout")
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


def _keys(value: object, where: str, problems: Problems) -> tuple[str, ...]:
    """The keys of a mapping, sorted."""
    if isinstance(value, dict):
        return tuple(sorted(value))
    problems.add(where, "is no mapping; write the ops by name")
    return ()


_digest = _shaped(SHA256, "sha256 (64 hex digits in lower case)")
_address = _shaped(ADDRESS, "address such as https://example.org/file")
_template = _shaped(re.compile(ADDRESS.pattern.replace("_a-z", "_a-z{}")), "address with {variant} in it")
_details = mapped(text)
_source = _part(Source, kind=text, sha256=text, url=Optional(text), patches=Optional(listed(text), ()))
_check: Reader[dict[str, Any]] = _part(dict, name=text, passed=Optional(flag), detail=text)
_MANIFEST: Reader[dict[str, Any]] = _part(
    dict,
    schema=_schema(MANIFEST_SCHEMA),
    target=_part(dict, id=_target),
    wheel=_part(dict, file=text, sha256=_digest, bytes=integer),
    metadata=Optional(_part(dict, sha256=_digest, requires_python=Optional(_specifier))),
    source=_source,
    ops=_keys,
    left_out=_details,
    toolchain=_details,
    torch=text,
    arches=Optional(_arches, ()),
    cpu_level=text,
    seconds=_part(dict, total=number),
    proof=Optional(_part(dict, level=Optional(text), passed=flag, checks=listed(_check))),
)
_known_proof = _part(Proof, level=Optional(text), passed=listed(text), failed=listed(text), skipped=_details)
_WHEELS: Reader[dict[str, Any]] = _part(
    dict,
    schema=_schema(WHEELS_SCHEMA),
    url=_address,
    torch_index=_template,
    wheels=listed(
        _part(
            _row,
            id=_target,
            sha256=_digest,
            bytes=integer,
            ops=listed(text),
            left_out=_details,
            arches=listed(text),
            cpu_level=text,
            torch=text,
            toolchain=_details,
            seconds=number,
            source=_source,
            proof=Optional(_known_proof),
            metadata_sha256=Optional(_digest),
            requires_python=Optional(_specifier),
            url=Optional(_address),
        )
    ),
)
