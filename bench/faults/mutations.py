"""Damage to bytes, to lines of YAML, and to JSON documents, as chance has it."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

ODD_TEXTS = (
    "",
    " ",
    "~",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    ".nan",
    "9" * 5000,
    "3.10",
    "99.0",
    "2026-02-30",
    "../../etc/passwd",
    "C:\\x",
    "a" * 20000,
    "\u202e\u0000",
    "é\u0301",
    "☃",
    "[/x]",
    "{variant}{0}{",
    "%s%n",
    "$(id)",
    "!!python/object:os.system",
    "&a [*a]",
    "*nothing",
    "<<: {a: 1}",
    "!!binary x",
    "!!set {a}",
    "0o17",
    "0x1F",
    "1:30",
    "[" * 400,
    "{" * 400,
    "? x",
    "|\n  x",
    "'",
    '"',
    "#",
    ":",
    "- - -",
    ">=0,<",
    "==*",
    "3.13t",
    "cu",
    "cu9999",
    "cpu ",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1.5,
    10**400,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"": None},
    [None],
    "\ud800",
    *(text for text in ODD_TEXTS if text.isprintable()),
)


def damage_bytes(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one thing flipped, cut out, repeated, put in or cut off."""
    at, size = chance.randrange(len(data) + 1), min(chance.choice([1, 1, 4, 64, 4096]), len(data))
    kind = chance.randrange(6)
    if kind == 0 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + size :]
    if kind == 2:
        return data[:at] + data[at : at + size] * 2 + data[at + size :]
    if kind == 3:
        return data[:at] + chance.randbytes(size) + data[at:]
    return data[:at] if kind == 4 else data[:at] + bytes(size) + data[at + size :]


def damage_text(data: bytes, chance: random.Random) -> bytes:
    """A text file with one thing wrong in its bytes, in one of its lines, or in one of its words."""
    return chance.choice([damage_bytes, _damage_lines, _damage_word, _damage_word, _encode_otherwise])(data, chance)


def _damage_lines(data: bytes, chance: random.Random) -> bytes:
    lines = data.decode("utf-8").split("\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    line = lines[at]
    edits: list[Callable[[], list[str]]] = [
        list,
        lambda: [line, line],
        lambda: [lines[other]],
        lambda: [line, lines[other]],
        lambda: ["  " + line],
        lambda: [line.removeprefix("  ")],
        lambda: ["\t" + line],
        lambda: [line + chance.choice(ODD_TEXTS)],
        lambda: [line.partition(":")[0] + ":"],
        lambda: [line.partition(":")[0] + ": " + chance.choice(ODD_TEXTS)],
    ]
    lines[at : at + 1] = chance.choice(edits)()
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _damage_word(data: bytes, chance: random.Random) -> bytes:
    """A word becomes an odd one, or another one of the file."""
    text = data.decode("utf-8")
    words = list(re.finditer(r"[^\s:,\[\]{}#]+", text))
    if not words:
        return data
    word = chance.choice(words)
    new = chance.choice([chance.choice(ODD_TEXTS), chance.choice(words)[0], word[0].strip("\"'"), word[0][::-1]])
    return (text[: word.start()] + new + text[word.end() :]).encode("utf-8", "surrogatepass")


def _encode_otherwise(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("utf-8")
    ways: list[Callable[[], bytes]] = [
        lambda: b"\xef\xbb\xbf" + data,
        lambda: text.encode("utf-16"),
        lambda: (text + "\u00e9").encode("latin-1", "replace"),
        lambda: text.replace("\n", "\r\n").encode(),
        lambda: text.replace("\n", "\r").encode(),
        lambda: data + b"\0",
        lambda: b"",
    ]
    return chance.choice(ways)()


def damage_document(document: object, chance: random.Random) -> bytes:
    """A JSON document with one or two entries changed, taken away or there twice, or damaged as bytes."""
    changed: Any = copy.deepcopy(document)
    for _ in range(chance.choice([1, 1, 1, 2])):
        changed = _damage_entry(changed, chance)
    data = json.dumps(changed).encode("utf-8", "surrogatepass")
    kind = chance.randrange(10)
    if kind == 0:
        return damage_bytes(data, chance)
    if kind == 1:
        return b"[" * 100_000 + data
    return _repeat_key(data, chance) if kind == 2 else data


def _damage_entry(document: Any, chance: random.Random) -> Any:  # noqa: ANN401  any JSON
    places = list(_places(document))
    if not places:
        return chance.choice(ODD_VALUES)
    holder, key = chance.choice(places)
    kind = chance.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[str(chance.choice(ODD_VALUES))] = holder.pop(key)
    elif kind == 2:
        other, at = chance.choice(places)
        holder[key] = copy.deepcopy(other[at]) if at in other or isinstance(other, list) else None
    else:
        holder[key] = chance.choice(ODD_VALUES)
    return document


def _places(document: Any) -> Any:  # noqa: ANN401  any JSON
    """Every entry as its mapping or list and its key."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(entries) if isinstance(document, dict | list) else ():
        yield document, key
        yield from _places(value) if isinstance(value, dict | list) else ()


def _repeat_key(data: bytes, chance: random.Random) -> bytes:
    keys = re.findall(rb'"[^"\\]*": ', data)
    if not keys:
        return data
    key = chance.choice(keys)
    return data.replace(key, key + b"null, " + key, 1)
