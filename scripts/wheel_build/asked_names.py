"""Which names the text of a source file asks for, and whether it takes in what no list of the files read tells.

More names than are really looked for cost nothing but a look; one too few is a wrong hit. So every name on the line of
an #if, #elif or #define counts, too: `#if FMT_HAS_INCLUDE(<x>)` asks for x as `__has_include(<x>)` does.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

SPLICE = re.compile(rb"\\\r?\n")
SPACE = rb"(?:[ \t]|/\*(?:[^*]|\*(?!/))*\*/)*"
HASH = rb"(?:#|%:)" + SPACE
ASKED = re.compile(
    rb"(?:" + HASH + rb"(?:include_next|include|import|embed)|__has_(?:include(?:_next)?|embed)" + SPACE + rb"\()"
    + SPACE + rb'(?:<([^>\n]+)>|"([^"\n]+)")'
)  # fmt: skip
LINE = re.compile(HASH + rb'(?:if|elif|define)\b[^\n<"]*([<"][^\n]*)')
NAME = re.compile(rb'<([\w./+-]+)>|"([\w./+-]+)"')
BY_MACRO = re.compile(HASH + rb"(?:include_next|include|import)" + SPACE + rb"[A-Za-z_]")
UNLISTED = (b".incbin", b"__DATE__", b"__TIME__", b"__TIMESTAMP__")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a text asks for."""

    names: frozenset[str]
    quoted: frozenset[str]  # those of them in quotes
    by_macro: bool  # whether an #include names its file by a macro
    unlisted: bool  # whether it takes in what no list tells: a file by the assembler's .incbin, or the time of day


def asked_in(content: bytes) -> Asked:
    """What the text asks for, whatever #if stands around it."""
    if b"\\\n" in content or b"\\\r\n" in content:
        content = SPLICE.sub(b"", content)
    found = [*ASKED.findall(content), *(one for line in LINE.findall(content) for one in NAME.findall(line))]
    quoted = frozenset(_name(quoted) for _, quoted in found if quoted)
    return Asked(
        names=quoted | {_name(angled) for angled, _ in found if angled},
        quoted=quoted,
        by_macro=bool(BY_MACRO.search(content)),
        unlisted=any(word in content for word in UNLISTED),
    )


def _name(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").replace(os.sep, "/")
