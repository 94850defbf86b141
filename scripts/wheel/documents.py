"""Manifests and `wheels.json`: records as documents, read with every fault located, and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from scripts.errors import DataError, InputError
from scripts.plan.target import Target, name_without_level, parse_id, platform_tag_of
from scripts.schema.json_document import parse_json
from scripts.schema.readers import (
    Optional,
    Problems,
    Reader,
    digest,
    flag,
    integer,
    keyed,
    listed,
    mapped,
    number,
    shaped,
    shared,
    specifiers,
    text,
    version,
)
from scripts.schema.utc_time import utc_time
from scripts.versions import MANYLINUX, SYSTEMS
from scripts.wheel.proofs import shared_proofs, with_proofs
from scripts.wheel.published import Published
from scripts.wheel.record import Verification, WheelRecord, WheelSource

MANIFEST_SCHEMA = 1
WHEELS_SCHEMA = 1
# keys that stand only where they say something
RARE = ("yanked", "platform_tag", "glibc", "libstdcxx", "manifest_sha256")
ADDRESS = re.compile(r"https?://[!#$%&*+,./0-9:;=?@A-Z_a-z~-]+")
# how writers before 0.2 said that a wheel lacks an op which others of its name have
ABSENT = re.compile(r"the header (\S+) is not on this machine; install it with: .*")
NOT_ASKED_FOR = "not among the ops that were asked for"
NO_TARGET = Target(deepspeed="0", torch="0.0", cuda="cpu", python="3.0", platform="linux_x86_64")

T = TypeVar("T")


def read_manifest(content: str | bytes, name: str, url: str | None = None) -> WheelRecord:
    """The record of the manifest called `name`, whose wheel is available at `url`; other keys are ignored.

    Raises DataError with every fault, each at its key.
    """
    found = _with_lacks(_read(_MANIFEST, content, name))
    wheel, metadata, verification = found["wheel"], found["metadata"] or {}, found["proof"]
    named = found["target"]["id"].wheel_name
    if name_without_level(wheel["file"]) != named:
        raise DataError(name, [f"wheel.file: {wheel['file']!r} is not the name of its target's wheel, {named}"])
    same = ("left_out", "lacks", "arches", "cpu_level", "torch", "toolchain", "source")
    return WheelRecord(
        target=found["target"]["id"],
        sha256=wheel["sha256"],
        bytes=wheel["bytes"],
        ops=found["ops"],
        seconds=found["seconds"]["total"],
        verification=_verification(verification) if verification else None,
        notes={note["id"]: _words(note) for note in found["notes"] if note["audience"] == "user"},
        url=url,
        metadata_sha256=metadata.get("sha256"),
        requires_python=metadata.get("requires_python"),
        platform_tag=None if wheel["file"] == named else platform_tag_of(wheel["file"]),
        glibc=found["needs"].get("glibc"),
        libstdcxx=found["needs"].get("libstdcxx"),
        uploaded=found["built"],
        **{key: found[key] for key in same},
    )


def read_wheels(content: str | bytes, name: str, url: str | None = None) -> Published:
    """The content of a wheels.json called `name`, found at `url`, else at the address that it was written for.

    Raises DataError with every fault, each at its key.
    """
    found = _read(_WHEELS_THERE if url else _WHEELS, content, name, with_proofs)
    texts = found["notes"]
    wheels = tuple(_with_texts(wheel, texts) if wheel.notes else wheel for wheel in found["wheels"])
    return Published(wheels=wheels, url=url or found["url"], torch_index=found["torch_index"])


def _with_texts(wheel: WheelRecord, texts: Mapping[str, str]) -> WheelRecord:
    return replace(wheel, notes={id: texts[id] for id in wheel.notes if id in texts})


def write_wheels(published: Published) -> str:
    """The text of wheels.json, one line per wheel; a proof or a note's text that many wheels have stands there once."""
    notes = {id: text for wheel in published.wheels for id, text in wheel.notes.items()}
    documents = [_line(wheel) for wheel in published.wheels]
    proofs = shared_proofs(documents)
    head = {"schema": WHEELS_SCHEMA, "torch_index": published.torch_index, "url": published.url, "notes": notes}
    head["proofs"] = proofs
    rows = ",\n".join(json.dumps(document, sort_keys=True) for document in documents)
    return f'{json.dumps(head, sort_keys=True)[:-1]}, "wheels": [\n{rows}\n]}}\n'


def _line(wheel: WheelRecord) -> dict[str, Any]:
    found = {**wheel.as_document(), "notes": sorted(wheel.notes)}
    return {key: value for key, value in found.items() if value is not None or key not in RARE}


def _read(
    reader: Reader[dict[str, Any]],
    content: str | bytes,
    name: str,
    prepared: Callable[[Any], Any] = lambda value: value,
) -> dict[str, Any]:
    problems = Problems()
    value = prepared(parse_json(content, name, problems))
    found = {} if problems else reader(value, f"{name}:", problems)
    if problems:
        raise DataError(name, [problem.removeprefix(f"{name}: ") for problem in problems])
    return found


def _words(note: Mapping[str, Any]) -> str:
    return " ".join(part for part in (note["text"], note["hint"]) if part)


def _verification(found: Mapping[str, Any]) -> Verification:
    def names(verdict: bool) -> tuple[str, ...]:
        return tuple(check["name"] for check in found["checks"] if check["passed"] is verdict)

    failed = names(False) or (() if found["passed"] else ("verification",))
    skipped = {check["name"]: check["detail"] for check in found["checks"] if check["passed"] is None}
    parts = tuple(name for name, run in found["parts"].items() if run["passed"])
    return Verification(level=found["level"], passed=names(True), failed=failed, skipped=skipped, parts=parts)


def _row(**found: Any) -> WheelRecord:  # noqa: ANN401  the fields of _WHEELS
    return WheelRecord(target=found.pop("id"), verification=found.pop("proof"), **_with_lacks(found))


def _with_lacks(found: dict[str, Any]) -> dict[str, Any]:
    """The same with `lacks`, which writers before 0.2 left to the reasons, beside a line for whoever builds."""
    if not found or found["lacks"] is not None:
        return found
    if found["left_out"] is None:  # a row without it is a fault that is told already
        return {**found, "lacks": ()}
    told = found["left_out"]
    lacks = (op for op, reason in told.items() if ABSENT.fullmatch(reason) or reason == NOT_ASKED_FOR)
    reasons = {op: ABSENT.sub(r"the machine that built it did not have the header \1", why) for op, why in told.items()}
    return {**found, "left_out": reasons, "lacks": tuple(sorted(lacks))}


# ---------------------------------------------------------------- readers


def _part(build: Callable[..., T], **readers: Reader[Any]) -> Reader[T]:
    """A reader of a mapping that may hold more keys than are read here: a newer writer writes more."""
    strict = keyed(build, **readers)

    def read(value: object, where: str, problems: Problems) -> T:
        known = {key: entry for key, entry in value.items() if key in readers} if isinstance(value, dict) else value
        return strict(known, where, problems)

    return read


def _schema(known: int) -> Reader[int]:
    def read(value: object, where: str, problems: Problems) -> int:
        found = integer(value, where, problems)
        if found != known:
            problems.add(where, f"{found} is not {known}, the version that is understood; update this checkout")
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
    words = [arch for arch in re.split(r"[; ]+", text(value, where, problems)) if arch]
    return listed(_arch)(words, where, problems)


def _keys(value: object, where: str, problems: Problems) -> tuple[str, ...]:
    """The keys of a mapping, sorted."""
    if isinstance(value, dict):
        return tuple(sorted(value))
    problems.add(where, "is not a mapping; write the ops by name")
    return ()


def _names(value: object, where: str, problems: Problems) -> dict[str, str]:
    """Ids of notes, whose texts `read_wheels` fills in."""
    return dict.fromkeys(listed(text)(value, where, problems), "")


_arch = shaped(re.compile(r"[0-9]{1,2}\.[0-9][af]?(\+PTX)?"), "an architecture such as 8.6 or 12.0+PTX")
_address = shaped(ADDRESS, "an address such as https://example.org/file")
_template = shaped(re.compile(ADDRESS.pattern.replace("_a-z", "_a-z{}")), "an address with {variant} in it")
_details = mapped(text)
_platform_tag = shaped(re.compile(rf"{'|'.join(SYSTEMS)}|{MANYLINUX.pattern}"), "a tag such as manylinux_2_28_x86_64")
_source = _part(WheelSource, kind=text, sha256=text, url=Optional(text), patches=Optional(listed(text), ()))
_note: Reader[dict[str, Any]] = _part(dict, id=text, text=text, hint=Optional(text), audience=Optional(text, "user"))
_check: Reader[dict[str, Any]] = _part(dict, name=text, passed=Optional(flag), detail=text)
_run: Reader[dict[str, Any]] = _part(dict, passed=Optional(flag))
_MANIFEST: Reader[dict[str, Any]] = _part(
    dict,
    schema=_schema(MANIFEST_SCHEMA),
    target=_part(dict, id=_target),
    wheel=_part(dict, file=text, sha256=digest, bytes=integer),
    metadata=Optional(_part(dict, sha256=digest, requires_python=Optional(_specifier))),
    source=_source,
    ops=_keys,
    left_out=_details,
    lacks=Optional(listed(text)),
    toolchain=_details,
    torch=text,
    arches=Optional(_arches, ()),
    cpu_level=text,
    needs=Optional(_part(dict, glibc=Optional(version), libstdcxx=Optional(version)), {}),
    seconds=_part(dict, total=number),
    built=Optional(utc_time),
    notes=Optional(listed(_note), ()),
    proof=Optional(
        _part(dict, level=Optional(text), passed=flag, checks=listed(_check), parts=Optional(mapped(_run), {}))
    ),
)
_known_verification = _part(
    Verification,
    level=Optional(text),
    passed=listed(text),
    failed=listed(text),
    skipped=_details,
    parts=Optional(listed(text), ()),
)
_KEYS: dict[str, Reader[Any]] = {
    "schema": _schema(WHEELS_SCHEMA),
    "torch_index": _template,
    "notes": Optional(mapped(text), {}),
    "wheels": listed(
        _part(
            _row,
            id=_target,
            sha256=digest,
            bytes=integer,
            ops=shared(listed(text)),
            left_out=shared(_details),
            lacks=Optional(listed(text)),
            arches=shared(listed(_arch)),
            cpu_level=text,
            torch=text,
            toolchain=shared(_details),
            seconds=number,
            source=shared(_source),
            proof=Optional(shared(_known_verification)),
            notes=Optional(shared(_names), {}),
            metadata_sha256=Optional(digest),
            manifest_sha256=Optional(digest),
            requires_python=Optional(shared(_specifier)),
            platform_tag=Optional(shared(_platform_tag)),
            glibc=Optional(shared(version)),
            libstdcxx=Optional(shared(version)),
            url=Optional(_address),
            uploaded=Optional(utc_time),
            yanked=Optional(text),
        )
    ),
}
_WHEELS: Reader[dict[str, Any]] = _part(dict, url=_address, **_KEYS)
_WHEELS_THERE: Reader[dict[str, Any]] = _part(dict, **_KEYS)
