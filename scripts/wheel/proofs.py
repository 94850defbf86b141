"""The proofs of a `wheels.json`: each there once, since thousands of wheels have the same one, of a hundred checks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def shared_proofs(documents: Iterable[dict[str, Any]]) -> list[Any]:
    """Each different proof of the wheels once; in the documents its number takes the proof's place."""
    numbers: dict[str, int] = {}
    for document in documents:
        if document.get("proof") is not None:
            document["proof"] = numbers.setdefault(json.dumps(document["proof"], sort_keys=True), len(numbers))
    return [json.loads(text) for text in numbers]


def with_proofs(document: Any) -> Any:  # noqa: ANN401  whatever JSON holds
    """The document, with each proof where its number (a float) stood; its reader tells any other."""
    proofs = document.get("proofs") if isinstance(document, dict) else None
    wheels = document.get("wheels") if isinstance(document, dict) else None
    if not isinstance(proofs, list) or not isinstance(wheels, list):
        return document
    for wheel in wheels:
        number = wheel.get("proof") if isinstance(wheel, dict) else None
        if isinstance(number, float) and number.is_integer() and 0 <= number < len(proofs):
            wheel["proof"] = proofs[int(number)]
    return document
