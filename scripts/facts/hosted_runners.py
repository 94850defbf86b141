"""runners.yaml: hosted runners, the images in which they build, which of them build what, and the service's limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scripts.schema.annotations import RowName, Source, VersionText
from scripts.schema.readers import integer, keyed, source


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A hosted runner image."""

    name: RowName
    visual_studio: str | None  # "2022 Enterprise 17.14"
    toolsets: tuple[VersionText, ...]
    source: Source


@dataclass(frozen=True, kw_only=True)
class ContainerImage:
    """A container image in which a hosted runner builds."""

    name: RowName  # "manylinux_2_28"
    address: str
    glibc: VersionText  # a wheel that is built in it may ask for no newer one
    pythons: str  # "/opt/python", where each has a folder named by its tag
    programs: tuple[str, ...]
    source: Source

    def with_python(self, tag: str) -> dict[str, Any]:
        """The image as the `container` of a job whose `python` is the one of this tag, "cp311-cp311"."""
        path = ":".join([f"{self.pythons}/{tag}/bin", *self.programs])
        return {"image": self.address, "env": {"PATH": path}}


@dataclass(frozen=True, kw_only=True)
class BuildsOn:
    """The hosted runner that builds the targets of a system, where no row of msvc.yaml names one."""

    runner: str
    image: str | None  # in which it builds; on the runner itself where there is none
    reason: str
    source: Source


def _value_of_limit(value: int, source: Iterable[str]) -> int:
    return value


LIMIT = keyed(_value_of_limit, value=integer, source=source)
