"""python.yaml: the Pythons that there are."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.schema.annotations import RowVersion, Source


@dataclass(frozen=True, kw_only=True)
class PythonVersion:
    """One CPython minor (or its free-threaded build)."""

    version: RowVersion  # "3.11", "3.13t"
    source: Source
