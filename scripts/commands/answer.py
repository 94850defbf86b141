"""The answer of a task: one JSON document, or tables and text; lines about work that goes on go to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scripts.carried import as_typed, values_as_typed
from scripts.outgoing import printable, redacted_values

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_document(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(values_as_typed(redacted_values(document)), indent=2) + "\n")


def print_answer(*renderables: RenderableType) -> None:
    """Tables and text on standard output."""
    from scripts.console import PlainConsole  # here, since an answer in JSON needs none

    console = PlainConsole()
    for renderable in renderables:
        console.print(renderable, soft_wrap=isinstance(renderable, str))


def print_lines(lines: Iterable[str]) -> None:
    """Lines on standard output as they are; what its encoding does not have becomes a question mark."""
    for line in lines:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(printable(as_typed(line)).encode(encoding, "replace").decode(encoding) + "\n")


def log_line(line: str) -> None:
    """One line on standard error, at once."""
    sys.stderr.write(printable(as_typed(line)) + "\n")
    sys.stderr.flush()
