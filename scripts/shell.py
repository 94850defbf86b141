"""A command as a line to paste, quoted for the shell of the system that it is pasted into. Light to import."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable

WINDOWS = os.name == "nt"
CMD_SIGNS = "&|<>^()%"  # a variable may stand for a path with blanks


def shell_line(words: Iterable[str], *, windows: bool = WINDOWS) -> str:
    """The words as one line for a POSIX shell, or for cmd.exe when `windows`."""
    return " ".join(_cmd_word(word) for word in words) if windows else shlex.join(words)


def with_input(line: str, stdin: str | None, nothing: str) -> str:
    """The line with `stdin` as its input; `nothing` is the file that holds nothing."""
    if stdin is None:
        return line
    return f"echo {stdin} | {line}" if stdin else f"{line} < {nothing}"


def _cmd_word(word: str) -> str:
    """The word as cmd.exe and the program behind it both read it: `setuptools<81` alone would be a redirection."""
    quoted = subprocess.list2cmdline([word])
    return f'"{word}"' if quoted == word and any(sign in word for sign in CMD_SIGNS) else quoted
