"""Which files a compiler really read: the words that make it write them down, and what it wrote.

`-MD` of g++ and nvcc and `/sourceDependencies` of cl change no byte of the object.
Sources: GCC's manual ("Preprocessor Options"), NVIDIA's nvcc manual ("--generate-dependencies-with-compile"),
Microsoft's reference of `/sourceDependencies` (Visual Studio 2019 16.7 and later).
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PureWindowsPath

NAME = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
ESCAPED = re.compile(r"\\([ #:\\])|\$(\$)")
COMPILED_HEADERS = (".gch", ".pch")


def words_to_list(compiler: str, listing: Path) -> tuple[str, ...]:
    """What is added to a command of `compiler` so that it lists in a file what it read."""
    name = PureWindowsPath(compiler).stem.lower()
    if name == "cl":
        return ("/sourceDependencies", str(listing))
    # Without -fpch-deps GCC names a precompiled header, not what it was made from.
    return ("-MD", "-MF", str(listing), *(() if name == "nvcc" else ("-fpch-deps",)))


def listed(listing: Path) -> tuple[str, ...] | None:
    """The files that the compiler listed, as it spells them; None when it wrote no list that can be read.

    Headers in their compiled form are left out: what they were made from is in the list.
    """
    try:
        text = listing.read_text(encoding="utf-8", errors="surrogateescape")
        found = _of_json(text) if text.lstrip("\ufeff").startswith("{") else _of_rule(text)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return tuple(file for file in found if not file.endswith(COMPILED_HEADERS)) or None


def _of_rule(text: str) -> list[str]:
    """The files behind the colon of a makefile's rule."""
    target, colon, files = text.replace("\\\r\n", " ").replace("\\\n", " ").partition(": ")
    if not colon:
        raise ValueError(f"no rule: {target[:80]!r}")
    first_rule = files.split("\n", 1)[0]  # -MP would add a rule for each
    return [ESCAPED.sub(r"\1\2", word) for word in NAME.findall(first_rule)]


def _of_json(text: str) -> list[str]:
    data = json.loads(text.lstrip("\ufeff"))["Data"]
    return [data["Source"], *data["Includes"]]
