"""The manifest beside every wheel: its path, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.files import write_whole
from scripts.outgoing import redacted_values

SCHEMA = 1
MANIFEST = ".json"  # behind the name of its wheel


def manifest_path(wheel: Path) -> Path:
    """The path of a wheel's manifest: beside it, with .json behind its name."""
    return wheel.parent / (wheel.name + MANIFEST)


def write_manifest(path: Path, document: Mapping[str, Any]) -> None:
    """Write the manifest completely or not at all."""
    write_whole(path, json.dumps(redacted_values(document), indent=2, sort_keys=True) + "\n", durable=True)
