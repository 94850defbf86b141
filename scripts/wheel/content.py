"""`WheelContent`: what is inside a wheel, read from the zip without importing anything."""

from __future__ import annotations

import ast
import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from scripts.errors import InputError
from scripts.wheel.members import Members, open_members

BUILD_INFO = "deepspeed/git_version_info_installed.py"
# what the build record assigns; compatible_ops went with 0.8
RECORDED_NAMES = {
    "version",
    "git_hash",
    "git_branch",
    "installed_ops",
    "compatible_ops",
    "accelerator_name",
    "torch_info",
}
NEEDED_NAMES = RECORDED_NAMES - {"compatible_ops"}  # without one `import deepspeed` ends
PLAIN_WORD = re.compile(r"[A-Za-z0-9_./+-]*")  # of git: a hash, a branch
EXTENSIONS = (".so", ".pyd")
TAGS = {"win": "windows", "linux": "linux", "manylinux": "linux"}
_CLAUSE = r"""[a-z_]+ [<=>!~]{1,3} "[^"']*\""""
OF_AN_EXTRA = re.compile(rf"""(?:{_CLAUSE} and )*extra == "[^"']*"(?: and {_CLAUSE})*""")  # no other form is believed
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
    """One opened wheel: its name taken apart, its metadata, and its members for whoever needs the bytes."""

    file_name: str
    name: str
    version: Version
    tags: frozenset[Tag]
    files: Members
    build: str = ""  # the build tag of the file name, which hardly any has

    @property
    def members(self) -> tuple[str, ...]:
        """The names of what is inside."""
        return self.files.names

    @cached_property
    def info_folder(self) -> str:
        """The .dist-info directory; empty when there is none, or more than one."""
        found = {member.partition("/")[0] for member in self.members if "/" in member}
        folders = [folder for folder in found if folder.endswith(".dist-info")]
        return folders[0] if len(folders) == 1 else ""

    @property
    def extensions(self) -> tuple[str, ...]:
        """The compiled modules of the package."""
        return tuple(m for m in self.members if m.startswith("deepspeed/") and m.lower().endswith(EXTENSIONS))

    @property
    def system(self) -> str:
        """`windows` or `linux`, as the tags name it; empty for another, or for none in particular."""
        return next((name for start, name in TAGS.items() if any(t.platform.startswith(start) for t in self.tags)), "")

    def text(self, member: str) -> str | None:
        """The text of a member; None when it is not there or cannot be read."""
        try:
            return self.files.read_small(member).decode("utf-8", errors="replace")
        except InputError:
            return None

    def metadata_file(self, name: str) -> str | None:
        """The text of a file of the .dist-info directory; None when it is not there."""
        return self.text(f"{self.info_folder}/{name}") if self.info_folder else None

    def headers(self, name: str) -> Message:
        """METADATA or WHEEL as headers; empty when it is not there."""
        return Parser().parsestr(self.metadata_file(name) or "", headersonly=True)

    def requirements(self) -> tuple[Requirement, ...]:
        """What installing the wheel installs, extras aside: METADATA's Requires-Dist, but for those of one extra."""
        found = map(read_requirement, self.headers("METADATA").get_all("Requires-Dist", []))
        return tuple(r for r in found if r and not OF_AN_EXTRA.fullmatch(str(r.marker)))

    def record(self) -> dict[str, tuple[str, str]]:
        """RECORD as member -> hash and size; empty when it is not there or cannot be read."""
        return {row[0]: (row[1], row[2]) for row in self.record_rows() if len(row) == 3}

    def record_rows(self) -> list[list[str]]:
        """The rows of RECORD as they are; none when it is not there or cannot be read."""
        try:
            return list(csv.reader(io.StringIO(self.metadata_file("RECORD") or "", newline="")))
        except csv.Error:
            return []

    def build_info(self) -> BuildInfo | None:
        """What DeepSpeed's build wrote down; None when it is not there or not readable."""
        text = self.text(BUILD_INFO)
        return parse_build_info(text) if text is not None else None


def parse_build_info(text: str) -> BuildInfo | None:
    """The assignments of git_version_info_installed.py, read and never run; None when one is missing or unusual."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes: nobody runs this text
            statements = ast.parse(text).body
        if not all(isinstance(node, ast.Assign) for node in statements):
            return None  # it is run at `import deepspeed`: upstream's only assigns
        assigned = [node for node in statements if isinstance(node, ast.Assign)]
        if any(line.lstrip().startswith("#") for line in text.splitlines()):
            return None  # upstream writes no comment; one may name another encoding
        targets = [t.id if isinstance(t, ast.Name) else "" for s in assigned for t in s.targets]
        if not NEEDED_NAMES <= set(targets) <= RECORDED_NAMES or len(set(targets)) < len(targets):
            return None  # a name that DeepSpeed does not have, one that is there twice or is not, or a part of one
        values = {t.id: ast.literal_eval(s.value) for s in assigned for t in s.targets if isinstance(t, ast.Name)}
        if not all(PLAIN_WORD.fullmatch(str(values[name])) for name in ("git_hash", "git_branch")):
            return None
        return BuildInfo(
            version=str(values["version"]).strip(),
            accelerator=str(values["accelerator_name"]),
            ops=tuple(sorted(str(op) for op, there in dict(values["installed_ops"]).items() if there)),
            torch=dict(values["torch_info"]),
        )
    except (SyntaxError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return None


def read_requirement(text: str) -> Requirement | None:
    """The requirement; None for what is none."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def is_module_of(member: str, op: str) -> bool:
    """Whether a compiled module is this op's."""
    # upstream forgets a dot: inference_core_ops is deepspeed/inference/v2/kernelsinference_core_ops.*.so
    return PurePosixPath(member).name.split(".")[0] in (op, f"{op}_op", f"kernels{op}")


@contextmanager
def open_wheel(path: Path) -> Iterator[WheelContent]:
    """The opened wheel; raises InputError for a file that is no wheel at all, and for one that is damaged."""
    try:
        name, version, build, tags = parse_wheel_filename(path.name)
    except ValueError as error:
        raise InputError(f"{path}: not a wheel's file name ({error}); give a .whl file", id="not-a-wheel") from None
    with open_members(path) as files:
        yield WheelContent(
            file_name=path.name, name=name, version=version, tags=tags, files=files, build="".join(map(str, build))
        )
