"""A log as text: whatever its encoding, colours and time stamps, read in pieces with the lines around each."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

AROUND = 40  # lines that a rule may look back and ahead
LONGEST_LINE = 1 << 16  # bytes; what is behind is dropped
SHOWN_HEAD, SHOWN_TAIL = 3000, 1000  # of a line, what expressions see
UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789_\n"
FOREIGN, TRANSLATED = b"foreign", b"translated"
NEVER = re.compile(rb"(?!)")
WORDS = bytes(byte if byte in KEPT else 126 if byte > 127 else 32 for byte in bytes(range(256)).lower())
COLOURS = re.compile(
    r"\x1b\[[0-9;?]{0,30}[ -/]{0,3}[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\^\[\[\d{1,3}m|\[\d{1,2}m(?= ?\[)"
)
ESCAPES = re.compile(rb"\x1b\[[0-9;?]{0,30}[A-Za-z]")
STAMPS = re.compile(
    r"(?:[^\t]{0,200}\t[^\t]{0,200}\t)?\ufeff?\[?"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]? ?"
)
SPEAKERS = re.compile(  # a rank, a host, an actor
    r"(?:\[(?:rank|default)\d{1,5}\]:|\d{1,3}(?:\.\d{1,3}){3}:|\([\w.]{1,60} pid=\d{1,9}[^)]{0,60}\))\s{1,2}"
)
NUMBERS = re.compile(r" {0,8}\d{1,7}(?:\t|:(?![\d:])|(?= {2,}\S)) ?")  # of lines: cat -n, grep -n, a viewer
ENTITIES = re.compile(r"&(?:quot|apos|lt|gt|amp|nbsp|#39|#34|#x27|#x22|#x2F|#96);")  # of what a page showed
BUILDKIT = re.compile(r"#\d{1,4} \d{1,6}\.\d{1,3} ")
TREE = re.compile(r"[\s│╰─>|]*[│╰][\s│╰─>]*")
CODE_PAGES = ("cp1252", "cp1251", "cp936")
HIGH = re.compile(rb"[\x80-\xff]+")


T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Some lines of a log, and what the words of each line that counts in it were found to be."""

    first: int  # the number of lines[0]
    lines: list[str]
    hits: list[tuple[int, T]]  # by index of the line


def pages(
    blocks: Iterable[bytes],
    words: frozenset[bytes],
    hit: Callable[[frozenset[bytes]], T | None],
    phrases: re.Pattern[bytes] = NEVER,
) -> Iterator[Page[T]]:
    """The log in pages, each line counted once, with at least `AROUND` lines before and behind it where there are.

    A line that holds one of `words` is a hit, unless `hit` returns None for all the words in it.
    """
    lines: list[str] = []
    hits: list[tuple[int, T]] = []
    first = 1
    for raw in whole_lines(as_utf8(blocks)):
        base = len(lines)
        for index, line in enumerate(words_of(raw, phrases), base):
            if not words.isdisjoint(line) and (value := hit(frozenset(line))) is not None:
                hits.append((index, value))
        lines += decode(raw).split("\n")
        done = len(lines) - AROUND
        yield Page(first=first, lines=lines, hits=[each for each in hits if each[0] < done])
        drop = max(0, done - AROUND)
        hits = [(index - drop, value) for index, value in hits if index >= done]
        lines, first = lines[drop:], first + drop
    yield Page(first=first, lines=lines, hits=hits)


def words_of(raw: bytes, phrases: re.Pattern[bytes] = NEVER) -> Iterator[list[bytes]]:
    """The words of each line in lower case, with `FOREIGN` for letters beyond ASCII and `TRANSLATED` for a phrase."""
    plain_raw = ESCAPES.sub(b" ", raw) if b"\x1b" in raw else raw
    for line, said in zip(plain_raw.translate(WORDS).split(b"\n"), plain_raw.split(b"\n"), strict=True):
        if b"~" not in line:
            yield line.split()
            continue
        special = [FOREIGN, TRANSLATED] if phrases.search(said) else [FOREIGN]
        yield [*special, *line.replace(b"~", b" ").split()]


def as_utf8(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8 where it is UTF-16, which is told by its mark or its many zeros; else the same bytes."""
    iterator = iter(blocks)
    head = next(iterator, b"")
    encoding = _utf16(head)
    if encoding is None:
        yield head.removeprefix(codecs.BOM_UTF8)
        yield from iterator
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(head).removeprefix("\ufeff").encode("utf-8", "replace")
    for block in iterator:
        yield decoder.decode(block).encode("utf-8", "replace")


def _utf16(head: bytes) -> str | None:
    for mark, encoding in UTF16:
        if head.startswith(mark):
            return encoding
    sample = head[:4096]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(sample) > 3 and sample[offset::2].count(0) > len(sample) * 0.4:
            return encoding
    return None


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut where lines end and without the last line's end; of an endless line only the beginning."""
    rest = b""
    for block in blocks:
        head, end, tail = block.rpartition(b"\n")
        if end:
            yield rest + head
            rest = tail[:LONGEST_LINE]
        else:
            rest = (rest + block)[:LONGEST_LINE]
    if rest:
        yield rest


def decode(raw: bytes) -> str:
    """Lines as text: UTF-8, and each line that is not in the Windows code page that its bytes look like."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(_decode_line(line) for line in raw.split(b"\n"))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode(_code_page(line), "replace")


def _code_page(line: bytes) -> str:
    """European text has single high bytes among letters; Chinese and Cyrillic have rows of them."""
    rows = HIGH.findall(line)
    high = b"".join(rows)
    if sum(len(row) for row in rows if len(row) > 1) * 2 < len(high):
        return "cp1252"
    if len(high) > 5 and sum(byte >= 0xC0 or byte in (0xA8, 0xB8) for byte in high) > len(high) * 0.95:
        return "cp1251"
    try:
        line.decode("cp936")
    except UnicodeDecodeError:
        return "cp1252"
    return "cp936"


@lru_cache(maxsize=1000)  # the same warning comes with every file that is compiled
def plain(line: str) -> str:
    """A line without colours, time stamp, tree of pip and surrounding blanks; of a very long one head and tail."""
    text = _unstamped(line)
    found = TREE.match(text)
    return (text[found.end() :] if found else text).strip()


def indent(line: str) -> int:
    """How far the line's text is from its left margin."""
    text = _unstamped(line)
    return len(text) - len(text.lstrip(" \t│╰─>|"))


def _unstamped(line: str) -> str:
    if len(line) > SHOWN_HEAD + SHOWN_TAIL:
        line = f"{line[:SHOWN_HEAD]} ... {line[-SHOWN_TAIL:]}"
    text = COLOURS.sub("", line).replace("\r", " ")
    if "&" in text:
        text = ENTITIES.sub(lambda found: html.unescape(found[0]), text)
    text = text.replace("\xa0", " ")
    for prefix in (NUMBERS, STAMPS, BUILDKIT, SPEAKERS):
        found = prefix.match(text)
        text = text[found.end() :] if found else text
    return text
