"""`WheelContent`: what is inside a wheel, read from the zip without importing anything."""

from __future__ import annotations

import ast
import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from scripts.errors import InputError

BUILD_INFO = "deepspeed/git_version_info_installed.py"
EXTENSIONS = (".so", ".pyd")
# what zipfile raises for a member that is damaged, encrypted or packed in a way it does not know
DAMAGED = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError)
TAGS = {"win": "windows", "linux": "linux", "manylinux": "linux"}
UNREADABLE = "deepspeed/git_version_info_installed.py is missing or cannot be read: not a built DeepSpeed wheel"


@dataclass(frozen=True, kw_only=True)
class BuildInfo:
    """What DeepSpeed's build wrote down about itself: it decides at run time which ops count as installed."""

    version: str
    accelerator: str
    ops: tuple[str, ...]
    torch: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class WheelContent:
    """One opened wheel: its name taken apart, its metadata, and the zip for whoever needs the bytes."""

    file_name: str
    name: str
    version: Version
    tags: frozenset[Tag]
    zip: zipfile.ZipFile
    members: tuple[str, ...]

    @property
    def extensions(self) -> tuple[str, ...]:
        """The compiled modules inside."""
        return tuple(member for member in self.members if member.endswith(EXTENSIONS))

    @property
    def system(self) -> str:
        """`windows` or `linux`, as the tags name it; empty for another, or for none in particular."""
        return next((name for start, name in TAGS.items() if any(t.platform.startswith(start) for t in self.tags)), "")

    def text(self, member: str) -> str | None:
        """The text of a member; None when it is not there or cannot be read."""
        try:
            return self.zip.read(member).decode("utf-8", errors="replace")
        except (KeyError, *DAMAGED):
            return None

    def metadata_file(self, name: str) -> str | None:
        """The text of a file of the .dist-info directory; None when it is not there."""
        found = [m for m in self.members if m.endswith(f".dist-info/{name}") and m.count("/") == 1]
        return self.text(found[0]) if len(found) == 1 else None

    def headers(self, name: str) -> Message:
        """METADATA or WHEEL as headers; empty when it is not there."""
        return Parser().parsestr(self.metadata_file(name) or "", headersonly=True)

    def record(self) -> dict[str, str]:
        """RECORD as member -> hash; empty when it is not there."""
        rows = csv.reader(io.StringIO(self.metadata_file("RECORD") or ""))
        return {row[0]: row[1] for row in rows if len(row) >= 2}

    def build_info(self) -> BuildInfo | None:
        """What DeepSpeed's build wrote down; None when it is not there or not readable."""
        text = self.text(BUILD_INFO)
        return parse_build_info(text) if text is not None else None


def parse_build_info(text: str) -> BuildInfo | None:
    """The assignments of git_version_info_installed.py, read and never run; None when one is missing or unusual."""
    try:
        statements = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
        values = {t.id: ast.literal_eval(s.value) for s in statements for t in s.targets if isinstance(t, ast.Name)}
        return BuildInfo(
            version=str(values["version"]).strip(),
            accelerator=str(values["accelerator_name"]),
            ops=tuple(sorted(str(op) for op, there in dict(values["installed_ops"]).items() if there)),
            torch=dict(values["torch_info"]),
        )
    except (SyntaxError, ValueError, KeyError, TypeError):
        return None


def is_module_of(member: str, op: str) -> bool:
    """Whether a compiled module is this op's."""
    # upstream forgets a dot: inference_core_ops is deepspeed/inference/v2/kernelsinference_core_ops.*.so
    return PurePosixPath(member).name.split(".")[0] in (op, f"{op}_op", f"kernels{op}")


@contextmanager
def open_wheel(path: Path) -> Iterator[WheelContent]:
    """The opened wheel; raises InputError for a file that is no wheel at all."""
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise InputError(f"{path}: not a wheel's file name ({error}); give a .whl file", id="not-a-wheel") from None
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise InputError(
            f"{path}: cannot be opened as a wheel ({reason}); download or build it again", id="not-a-wheel"
        ) from None
    with archive:
        members = tuple(member for member in archive.namelist() if not member.endswith("/"))
        yield WheelContent(file_name=path.name, name=name, version=version, tags=tags, zip=archive, members=members)
