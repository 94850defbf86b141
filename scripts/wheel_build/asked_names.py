"""Which names the text of a source file asks for, and whether it takes in what no list of the files read tells.

More names than are really looked for cost nothing but a look; one too few is a wrong hit. So every name on the line of
an #if, #elif or #define counts, too: `#if FMT_HAS_INCLUDE(<x>)` asks for x as `__has_include(<x>)` does.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

SPLICE = re.compile(rb"\\[ \t\f\v]*\r?\n")  # GCC lets a line go on that ends with blanks, too
SPACE = rb"(?:[ \t\f\v]|/\*(?:[^*]|\*(?!/))*\*/)*"
HASH = rb"(?:#|%:)" + SPACE
ASKED = re.compile(
    rb"(?:" + HASH + rb"(?:include_next|include|import|embed)|__has_(?:include(?:_next)?|embed)" + SPACE + rb"\()"
    + SPACE + rb'(?:<([^>\n]+)>|"([^"\n]+)")'
)  # fmt: skip
LINE = re.compile(HASH + rb'(?:if|elif|define)\b[^\n<"]*([<"][^\n]*)')
ONE = rb'(?:[^\s<>"]+|[^<>"\n]*\.\w{1,4})'  # a name with a blank only where it ends as a file's does
NAME = re.compile(b"<(" + ONE + b')>|"(' + ONE + b')"')
BY_MACRO = re.compile(HASH + rb"(?:include_next|include|import)" + SPACE + rb"[A-Za-z_]")
# The time of day, a file that the assembler reads, and a name that a macro makes where only its being there counts.
UNLISTED = re.compile(
    rb"__(?:DATE|TIME|TIMESTAMP)__|\.incbin\b|" + rb'["\s;(]\.include[ \t]+\\*"'
    rb"|__has_include(?:_next)?" + SPACE + rb"\(" + SPACE + rb"\w+" + SPACE + rb"\("
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a text asks for."""

    names: frozenset[str]
    quoted: frozenset[str]  # those of them in quotes
    by_macro: bool  # whether an #include names its file by a macro
    unlisted: bool  # whether it takes in what no list tells: see UNLISTED


def asked_in(content: bytes) -> Asked:
    """What the text asks for, whatever #if stands around it."""
    if b"\\" in content:
        content = SPLICE.sub(b"", content)
    found = [*ASKED.findall(content), *(one for line in LINE.findall(content) for one in NAME.findall(line))]
    quoted = frozenset(_name(quoted) for _, quoted in found if quoted)
    return Asked(
        names=quoted | {_name(angled) for angled, _ in found if angled},
        quoted=quoted,
        by_macro=bool(BY_MACRO.search(content)),
        unlisted=bool(UNLISTED.search(content)),
    )


def _name(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").replace(os.sep, "/")
