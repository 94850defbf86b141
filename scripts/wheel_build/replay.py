"""`Replay`: what one build was made from and how it ended, as a file that repeats it elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from scripts.diagnose.named_cause import NamedCause
from scripts.errors import DataError
from scripts.files import write_whole
from scripts.outgoing import redacted_values
from scripts.plan.target import ID, Target, parse_id
from scripts.schema.annotations import row_reader
from scripts.schema.json_document import parse_json
from scripts.schema.readers import SHA256, Problems, below, shaped

SUFFIX = ".replay.json"
SCHEMA = 1
STEPS = ("environment", "toolchain", "source", "record", "compile", "package", "verification")  # of a build, in order
MOST_BYTES = 4_000_000

# A file may come from anybody: what becomes a word of a command, or a part of one, has the shape that it must have.
TargetId: TypeAlias = Annotated[str, shaped(ID, "a target id")]
PackageName: TypeAlias = Annotated[str, shaped(re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII), "a package's name")]
Release: TypeAlias = Annotated[str, shaped(re.compile(r"[0-9][\w.!+-]{0,99}", re.ASCII), "a package's version")]
Digest: TypeAlias = Annotated[str, shaped(SHA256, "a sha256")]


@dataclass(frozen=True, kw_only=True)
class Package:
    """One package of an environment, and the digests of the files that it can have come from."""

    name: PackageName
    version: Release
    sha256: tuple[Digest, ...] = ()  # none where the package client did not tell

    @property
    def line(self) -> str:
        """It in a file of requirements."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.sha256)])


@dataclass(frozen=True, kw_only=True)
class ReplaySource:
    """The source that was built from."""

    kind: str
    file: str
    url: str
    sha256: Digest
    patches: tuple[str, ...]
    corrections: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReplayMachine:
    """Where it was built."""

    system: str
    image: str  # of a hosted runner, "ubuntu22 20261101.1"; empty elsewhere
    python: str  # that the wheel is for, "3.11.9"
    uv: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayError:
    """What a failed build ended with."""

    id: str
    message: str
    first: str  # its first line that tells of an error
    step: str  # in which it happened; empty when none had begun


@dataclass(frozen=True, kw_only=True)
class ReplayWheel:
    """The wheel of a build."""

    file: str
    sha256: Digest


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What one build was made from and how it ended; what it did not come to is absent."""

    schema: int
    target: TargetId
    options: tuple[str, ...]
    commit: str  # of these tools; empty where it is not known
    changed: bool  # whether files differed from that commit
    machine: ReplayMachine
    arches: str | None = None
    cpu_level: str | None = None
    torch: str | None = None
    packages: tuple[Package, ...] = ()
    verified_with: tuple[Package, ...] = ()
    toolchain: Mapping[str, str] | None = None
    variables: Mapping[str, str] | None = None
    source: ReplaySource | None = None
    steps: Mapping[str, float] | None = None  # that ended well -> wall seconds
    ops: Mapping[str, str] | None = None  # op -> built, cached, failed, or how far it was
    exit_code: int | None = None  # of a build that was ended from outside it is not known
    wheel: ReplayWheel | None = None
    error: ReplayError | None = None
    diagnosis: NamedCause | None = None

    @property
    def parsed_target(self) -> Target:
        """The target itself."""
        return parse_id(self.target)

    @property
    def failed_ops(self) -> tuple[str, ...]:
        """The ops that did not compile or link."""
        return tuple(sorted(op for op, state in (self.ops or {}).items() if state == "failed"))

    def as_document(self) -> Any:  # noqa: ANN401  any JSON
        """For a file: without secrets, and without what is absent."""
        absent = {each.name: each.default for each in fields(self) if each.default is not MISSING}
        found = {name: value for name, value in asdict(self).items() if name not in absent or value != absent[name]}
        return redacted_values(found)


def replay_path(logs: Path, target: str, ops: Collection[str] = ()) -> Path:
    """The file of a target's last build, beside its log; that of one of some `ops` only is another."""
    return logs / f"{target}{part_of(ops)}{SUFFIX}"


def part_of(ops: Collection[str]) -> str:
    """What tells the files of a build of some ops from those of the whole."""
    return f".only-{'-'.join(ops)}"[:80] if ops else ""


def write_replay(path: Path, replay: Replay) -> None:
    """Write the file, whole or not at all."""
    write_whole(path, json.dumps(replay.as_document(), indent=1) + "\n")


def read_replay(content: bytes | str, name: str) -> Replay:
    """The replay in a file called `name`; raises DataError with every fault."""
    problems = Problems()
    if len(content) > MOST_BYTES:
        raise DataError(name, [f"{name}: is larger than {MOST_BYTES} bytes, which no replay file is"])
    document = parse_json(content, name, problems)
    found: Replay | None = None if problems else row_reader(Replay)(document, f"{name}:", problems)
    if found and not problems and found.schema != SCHEMA:
        where = below(f"{name}:", "schema")
        problems.add(where, f"{found.schema} is not {SCHEMA}; other tools wrote it, use those of its commit")
    if found is None or problems:
        raise DataError(name, problems)
    return found
