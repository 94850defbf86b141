"""The note that a published wheel was withdrawn (PEP 592): a small file beside it, while the wheel itself stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.errors import DataError
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Problems, Reader, integer, keyed, text

SCHEMA = 1
WITHDRAWN = ".yanked.json"  # behind the name of the wheel
NOTE: Reader[dict[str, Any]] = keyed(dict, schema=integer, wheel=text, reason=text)


def withdrawal_text(wheel: str, reason: str) -> str:
    """The content of the note."""
    return json.dumps({"schema": SCHEMA, "wheel": wheel, "reason": reason}, indent=1, sort_keys=True) + "\n"


def read_withdrawal(content: str | bytes, name: str) -> str:
    """The reason in the note called `name`, in one line; raises DataError with every fault, each at its key."""
    problems = Problems()
    value = parse_json(content, name, problems)
    found = {} if problems else NOTE(value, f"{name}:", problems)
    if not problems and (found["schema"] != SCHEMA or found["wheel"] + WITHDRAWN != Path(name).name):
        problems.add(f"{name}:", f"is no note of schema {SCHEMA} about the wheel beside it; withdraw the wheel again")
    if problems:
        raise DataError(name, [problem.removeprefix(f"{name}: ") for problem in problems])
    return " ".join(str(found["reason"]).split()) or "withdrawn"


def reason_beside(wheel: Path) -> str | None:
    """Why the wheel in a directory was withdrawn; None when it was not."""
    note = wheel.with_name(wheel.name + WITHDRAWN)
    try:
        return read_withdrawal(note.read_bytes(), str(note))
    except FileNotFoundError:
        return None
