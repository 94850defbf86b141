"""Response files: words of a command that lie in a file, `@FILE` of every compiler and `--options-file` of nvcc."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

OF_NVCC = ("--options-file", "-optf")
DEEPEST = 8  # files that name one another
# learn.microsoft.com, "Parsing C command-line arguments": a backslash is one, but before a quote
ESCAPED_QUOTE = r'(?<!\\)(?:\\\\)*\\"'
WINDOWS_WORD = re.compile(rf'(?:{ESCAPED_QUOTE}|"(?:{ESCAPED_QUOTE}|[^"])*"?|[^\s"])+')


def spelled_out(words: Sequence[str], root: Path, deepest: int = DEEPEST) -> tuple[str, ...]:
    """The words of a command that is run in `root`, those of its response files behind the word that names each."""
    return tuple(_words(words, root, deepest))


def _words(words: Sequence[str], root: Path, deepest: int) -> Iterator[str]:
    for place, word in enumerate(words):
        yield word
        behind = place > 0 and words[place - 1] in OF_NVCC
        option, _, value = word.partition("=")
        named = word if behind else value if option in OF_NVCC else word[1:] if word.startswith("@") else ""
        for file in named.split(",") if behind or option in OF_NVCC else [named]:
            if file and deepest and (text := _text(root / file)) is not None:
                yield from _words(parted(text), root, deepest - 1)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except (OSError, ValueError):  # the word is no file's name: an assembler's, a linker's
        return None


def parted(text: str, *, windows: bool = os.name == "nt") -> list[str]:
    """The words of a text as compilers part it: of a file, or of a variable like CL."""
    if windows:
        return [re.sub(r'(\\*)"', _unescaped, word) for word in WINDOWS_WORD.findall(text)]
    try:
        return shlex.split(text)
    except ValueError:  # a quote without its other half
        return text.split()


def _unescaped(quote: re.Match[str]) -> str:
    """Half of the backslashes before a quote, and the quote itself where one is left over."""
    return quote[1][: len(quote[1]) // 2] + ('"' if len(quote[1]) % 2 else "")
