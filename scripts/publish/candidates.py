"""What of a wheelhouse may be published: verified wheels of all their ops, each with its manifest and its METADATA."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scripts.errors import DataError, InputError, PublishError, WheelsError
from scripts.plan.target import Target
from scripts.publish.store import Payload, payload_of_bytes, payload_of_file
from scripts.publish.wheel_audit import audit_of, contradictions
from scripts.verify.check import Report
from scripts.wheel.core_metadata import SUFFIX, core_metadata
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel.record import WheelRecord
from scripts.wheel.wheelhouse import REQUIRED_LEVEL, why_not_complete, why_not_from, why_not_portable, why_not_verified

Family: TypeAlias = tuple[str, str, str, str]  # DeepSpeed, torch minor, CUDA, platform


def family_of(target: Target) -> Family:
    """The wheels of all Pythons for the same DeepSpeed, torch, CUDA and platform."""
    return target.deepspeed, target.torch_minor, target.cuda, target.platform


def has_run_all(record: WheelRecord) -> bool:
    """Whether all parts of DeepSpeed have run on the wheel."""
    return record.verification is not None and record.verification.level == REQUIRED_LEVEL


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A wheel that may be published, with what is published beside it."""

    record: WheelRecord
    audit: Report  # of the file, made here
    wheel: Payload
    metadata: Payload
    manifest: Payload

    @property
    def target(self) -> Target:
        """What the wheel is for."""
        return self.record.target

    @property
    def family(self) -> Family:
        """What it has in common with those of other Pythons."""
        return family_of(self.target)

    @property
    def has_run_all(self) -> bool:
        """Whether all parts have run on it, or only those that each wheel has to run."""
        return has_run_all(self.record)

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """All three; the manifest last, since whoever finds one relies on the wheel."""
        return (self.wheel, self.metadata, self.manifest)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A wheel that is not published, and why."""

    wheel: str  # its path below the wheelhouse
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wheelhouse:
    """What was found."""

    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]
    refused: tuple[Skipped, ...] = ()  # those that are not what they say


def read_wheelhouse(directory: Path) -> Wheelhouse:
    """Every wheel below `directory`: a candidate, skipped or refused with its reason; nothing of a wheel is run."""

    def read(wheel: Path) -> Candidate:
        if reason := _why_not_from(wheel.relative_to(directory)):
            raise InputError(reason)
        return read_candidate(wheel)

    return judged(directory, sorted(directory.rglob("*.whl")), read)


def judged(directory: Path, wheels: Iterable[Path], read: Callable[[Path], Candidate]) -> Wheelhouse:
    """What `read` makes of each wheel: one that raises PublishError is refused, another error of ours skips it."""
    candidates: list[Candidate] = []
    skipped: list[Skipped] = []
    refused: list[Skipped] = []
    for wheel in wheels:
        path = wheel.relative_to(directory).as_posix()
        try:
            candidates.append(read(wheel))
        except PublishError as error:
            refused.append(Skipped(wheel=path, reason=str(error)))
        except WheelsError as error:
            skipped.append(Skipped(wheel=path, reason=str(error)))
    ordered = sorted(candidates, key=lambda candidate: candidate.target.sort_key())
    return Wheelhouse(candidates=tuple(ordered), skipped=tuple(skipped), refused=tuple(refused))


def _why_not_from(path: Path) -> str | None:
    """Why nothing of this directory is published."""
    misplaced = None if len(path.parts) == 3 else "it is not in <deepspeed>/<cuda>-torch<minor>/"
    return why_not_from(path) or misplaced


def read_candidate(wheel: Path) -> Candidate:
    """The wheel with what is beside it, read again: its file audited and compared with its manifest.

    Raises PublishError for one that is not what it says, another error of ours for one that is not to be published.
    """
    try:
        content = manifest_path(wheel).read_bytes()
        record = read_manifest(content, manifest_path(wheel).name)
    except FileNotFoundError:
        raise InputError("it has no manifest beside it") from None
    except OSError as error:
        raise _refusal(f"its manifest cannot be read: {error.strerror}") from None
    except DataError as error:
        raise _refusal(str(error)) from None
    if reason := why_not_verified(record.verification) or why_not_complete(record) or why_not_portable(record):
        raise InputError(reason)
    try:
        return _audited(wheel, record, content)
    except OSError as error:
        raise _refusal(f"it cannot be read: {error.strerror}") from None
    except InputError as error:
        raise _refusal(str(error)) from None


def _audited(wheel: Path, record: WheelRecord, content: bytes) -> Candidate:
    payload = payload_of_file(wheel)
    metadata = payload_of_bytes(wheel.name + SUFFIX, core_metadata(wheel))
    for what, stated, found in (
        ("name", record.file, wheel.name),
        ("sha256", record.sha256, payload.sha256),
        ("metadata.sha256", record.metadata_sha256, metadata.sha256),
    ):
        if stated != found:
            raise _refusal(f"its manifest is another wheel's: {what} is {stated} there, and {found} here; build again")
    audit = audit_of(wheel, record)
    if not audit.passed:
        faults = "; ".join(f"{check.name}: {check.detail}" for check in audit.failed) or "nothing of it can be checked"
        raise _refusal(f"it fails its audit: {faults}; 'invoke verify' shows all of it, build again")
    if untrue := next(contradictions(wheel, record), None):
        raise _refusal(f"{untrue}; build again")
    manifest = payload_of_bytes(manifest_path(wheel).name, content)
    return Candidate(record=record, audit=audit, wheel=payload, metadata=metadata, manifest=manifest)


def _refusal(reason: str) -> PublishError:
    return PublishError(reason, id="wheel-not-as-described")
