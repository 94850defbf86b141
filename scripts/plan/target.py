"""`Target`: one combination of the matrix, and every name that is derived from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from packaging.version import Version

from scripts.errors import InputError
from scripts.versions import MANYLINUX, SYSTEMS, cuda_version, minor_of, without_level

ID = re.compile(
    r"ds(?P<deepspeed>[0-9][0-9.]*)-torch(?P<torch>[0-9][0-9.]*)-(?P<cuda>cpu|cu[0-9]+)"
    r"-cp(?P<major>3)(?P<minor>[0-9]+)(?P<threads>t?)-(?P<platform>win_amd64|linux_x86_64)"
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A wheel that should exist: exact DeepSpeed and torch releases, CUDA variant, Python, platform."""

    deepspeed: str  # "0.19.8"
    torch: str  # a full release, "2.6.0"
    cuda: str  # "cpu" or a variant of the PyTorch index, "cu124"
    python: str  # "3.11", or "3.13t" for the free-threaded build
    platform: str  # "win_amd64" or "linux_x86_64"

    @property
    def id(self) -> str:
        """The one name: in the plan, nox, CI, logs, messages, manifests and reproduction."""
        return f"ds{self.deepspeed}-torch{self.torch}-{self.cuda}-{self.python_tag}-{self.platform}"

    @property
    def torch_minor(self) -> str:
        """`2.6` of `2.6.0`: DeepSpeed compares no more than this when it loads an op."""
        return minor_of(self.torch)

    @property
    def cuda_version(self) -> str | None:
        """`12.4` of `cu124`; None for CPU."""
        return cuda_version(self.cuda)

    @property
    def python_tag(self) -> str:
        """`cp311`; `cp313t` for a free-threaded build."""
        return "cp" + self.python.replace(".", "")

    @property
    def system(self) -> str:
        """`windows` or `linux`, as the facts name them."""
        return SYSTEMS[self.platform]

    @property
    def accelerator(self) -> str:
        """DeepSpeed's accelerator name, `cpu` or `cuda`: it decides which ops exist."""
        return "cpu" if self.cuda == "cpu" else "cuda"

    @property
    def local_version(self) -> str:
        """The wheel's local version label, `cu124torch2.6`."""
        return f"{self.cuda}torch{self.torch_minor}"

    @property
    def wheel_version(self) -> str:
        """DeepSpeed's version with our local label, `0.16.5+cu124torch2.6`."""
        return f"{self.deepspeed}+{self.local_version}"

    @property
    def wheel_name(self) -> str:
        """The wheel's file name; on Linux it has its manylinux level for the platform, which only its code tells."""
        return self.wheel_name_for(self.platform)

    def wheel_name_for(self, platform_tag: str) -> str:
        """The file name of the target's wheel that has this platform tag, `manylinux_2_28_x86_64`."""
        return f"deepspeed-{self.wheel_version}-{self.tag_for(platform_tag)}.whl"

    def tag_for(self, platform_tag: str) -> str:
        """The wheel's whole tag, `cp311-cp311-manylinux_2_28_x86_64`."""
        return f"{self.python_tag.removesuffix('t')}-{self.python_tag}-{platform_tag}"

    @property
    def folder(self) -> str:
        """Where the wheel lies below the wheelhouse, with forward slashes."""
        return f"{self.deepspeed}/{self.cuda}-torch{self.torch_minor}"

    def sort_key(self) -> tuple[object, ...]:
        """Orders targets by versions, not by text (2.10 after 2.9)."""
        free_threaded = self.python.endswith("t")
        python = Version(self.python.removesuffix("t"))
        return (Version(self.deepspeed), Version(self.torch), self.cuda, python, free_threaded, self.platform)


def name_without_level(file: str) -> str:
    """The file name by which a target knows its wheel, whatever manylinux level the wheel has."""
    return MANYLINUX.sub(lambda match: without_level(match[0]), file)


def platform_tag_of(file: str) -> str:
    """The platform tag in a wheel's file name."""
    return file.removesuffix(".whl").rpartition("-")[2]


AXES = tuple(field.name for field in fields(Target))  # of the matrix, in the order in which they are shown everywhere


def parse_id(text: str) -> Target:
    """The target that `text` names; raises InputError for anything that is not an id."""
    match = ID.fullmatch(text)
    if not match:
        raise InputError(
            f"{text!r} is not a target id such as ds0.16.5-torch2.6.0-cu124-cp311-win_amd64", id="not-a-target-id"
        )
    python = f"{match['major']}.{match['minor']}{match['threads']}"
    return Target(
        deepspeed=match["deepspeed"],
        torch=match["torch"],
        cuda=match["cuda"],
        python=python,
        platform=match["platform"],
    )
