"""third_party.yaml: code of others in a DeepSpeed wheel, and the texts of their licences."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.schema.annotations import RowName, Source

OWN_LICENCE = "Apache-2.0"  # DeepSpeed's
EVERY_OP = "*"


@dataclass(frozen=True, kw_only=True)
class ThirdParty:
    """Somebody whose code DeepSpeed's source, or each compiled op, holds."""

    name: RowName  # "apex"
    project: str
    licence: str  # its SPDX identifier
    copyright: tuple[str, ...]
    files: tuple[str, ...] = ()  # globs of the members that hold it
    ops: tuple[str, ...] = ()  # into which its headers are compiled; "*" for every one
    source: Source


@dataclass(frozen=True, kw_only=True)
class LicenceText:
    """What must come with code of one licence."""

    identifier: RowName  # of SPDX, "BSD-3-Clause"
    text: str
    source: Source
