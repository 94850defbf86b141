"""The log that builds of a target add to: where its last build, and the last step of that, begins.

A step that began says that those before it went well, whatever was tried in them: an index without torch, say, before
the one that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

BLOCK, LONGEST_LINE = 1 << 20, 1 << 16
BUILD = re.compile(rb"\S{19,40} ==== ds[\w.+-]{1,200}\s*$")  # the first line that a build adds
# "▸ compile", or what GitHub's runner folds; and within a step, the route that led to torch after others
STEP = re.compile(rb"\S{19,40} (?:\xe2\x96\xb8 \w|::group::\w|torch came from )")


def blocks_of(log: BinaryIO) -> Iterator[bytes]:
    """The whole log; of a target's own its first line, which names the target, and its last step, where they stand."""
    if BUILD.match(first := log.readline(LONGEST_LINE)):
        yield first
        yield b"\n" * go_to_last_step(log)
    else:
        log.seek(0)
    yield from iter(lambda: log.read(BLOCK), b"")


def go_to_last_step(log: BinaryIO) -> int:
    """Go on to where the last build, or its last step, begins; the lines that lie between."""
    place, passed, between = log.tell(), 0, 0
    while line := log.readline(LONGEST_LINE):
        if STEP.match(line) or BUILD.match(line):
            place, between = log.tell() - len(line), passed
        passed += line.endswith(b"\n")
    log.seek(place)
    return between
