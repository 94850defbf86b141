"""A JSON document as plain values for the readers of `reading`; a key that is there twice is a fault."""

from __future__ import annotations

import json

from scripts.schema.readers import Number, Problems


def parse_json(text: str | bytes, name: str, problems: Problems) -> object:
    """What the text holds, numbers as `Number`; None, with the fault in `problems` below `name`, when it is no JSON."""

    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = sorted({key for key, _ in pairs if sum(other == key for other, _ in pairs) > 1})
            problems.add(name, f"the key {', '.join(twice)} is there twice; keep one")
        return found

    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=mapping)
    except (ValueError, RecursionError) as error:
        problems.add(name, f"is not JSON: {error}")
        return None
