"""`Problems`: every fault of a document, each located; and numbers that remember how they were written."""

from __future__ import annotations

import re
from collections.abc import Collection

IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")


class Number(float):
    """A YAML or JSON number with the text it was written as: 3.10 is the float 3.1, which is another version."""

    text: str

    def __new__(cls, text: str) -> Number:
        """The number that `text` spells; not-a-number for YAML's odd spellings, 0x10 and 1:30."""
        try:
            number = super().__new__(cls, text)
        except ValueError:
            number = super().__new__(cls, "nan")
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class Problems(list[str]):
    """Every fault found so far, each `file: key path: what is wrong; what to do`."""

    def __init__(self, known_sources: Collection[str] = ()) -> None:
        super().__init__()
        self.known_sources = known_sources

    def add(self, where: str, message: str) -> None:
        """Keeps one fault."""
        self.append(f"{where.removesuffix(':')}: {message}")


def below(where: str, key: object) -> str:
    """The path of `key` inside `where`: `torch.yaml: torch["2.6"].cuda[0]`."""
    if isinstance(key, int):
        return f"{where}[{key}]"
    if not IDENTIFIER.fullmatch(str(key)):
        return f'{where}["{key}"]'
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"
