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


def origins_of(wheel: Path) -> dict[str, str]:
    """Where each op of the wheel came from, as its manifest says; none where that cannot be read."""
    try:
        ops = json.loads(manifest_path(wheel).read_bytes())["ops"]
        return {op: str(found["from"]) for op, found in sorted(ops.items())}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
