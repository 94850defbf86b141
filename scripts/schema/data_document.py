"""A data file of ours as plain values: YAML in a checkout, in the one file the JSON that was made of it.

Whoever only looks for a wheel has no YAML library; what is in the file was read and checked where it was made.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from scripts.carried import carried_bytes, one_file
from scripts.schema.readers import Number, Problems

NUMBER, DATE = "=number", "=date"  # the only key of a mapping that stands for such a value


def read_data(path: Path, problems: Problems) -> object:
    """What the file holds; None, and the fault in `problems`, when it cannot be read."""
    archive = one_file()
    if archive is None or not path.is_relative_to(archive):
        from scripts.schema.yaml_document import read_document  # the one file is without

        return read_document(path, problems)
    try:
        return json.loads(carried_bytes(path.with_suffix(".json")), object_hook=_value)
    except (OSError, ValueError) as error:
        problems.add(path.name, f"cannot be read ({error}); download {archive.name} again")
        return None


def as_json(document: object) -> str:
    """What `read_data` makes the same values of."""
    return json.dumps(_tagged(document), ensure_ascii=False, separators=(",", ":"))


def _tagged(value: object) -> object:
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, Number):
        return {NUMBER: value.text}
    return {DATE: value.isoformat()} if isinstance(value, date) else value


def _value(mapping: dict[str, object]) -> object:
    if len(mapping) == 1 and (found := mapping.get(NUMBER)):
        return Number(str(found))
    if len(mapping) == 1 and (found := mapping.get(DATE)):
        return date.fromisoformat(str(found))
    return mapping
