"""What lies beside our modules, read the same way from a checkout and from the one file that has no folder.

`deepspeed-wheels.pyz` (scripts/index/one_file.py) is a zip that Python runs as it is: a path inside it names a member.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

CARRIED = ("find", "install", "doctor", "verify", "diagnose", "gui")  # the tasks of the one file
HOME = Path(__file__).parent.parent  # the checkout, or the one file itself
CLONE = " in a clone"
TASK = re.compile(r"(?P<quote>[`'])invoke (?P<task>[a-z-]{1,30})(?P<more>[^`']{0,200})(?P=quote)")


@cache
def one_file() -> Path | None:
    """The one file that this runs from; None in a checkout."""
    return HOME if HOME.is_file() else None


def carried_bytes(path: Path) -> bytes:
    """What a file of ours holds; raises OSError when there is none."""
    archive = one_file()
    if archive is None:
        return path.read_bytes()
    with zipfile.ZipFile(archive) as members:
        try:
            return members.read(path.relative_to(archive).as_posix())
        except KeyError:
            raise FileNotFoundError(2, "is not in this file", str(path)) from None


@contextmanager
def carried_file(path: Path) -> Iterator[Path]:
    """A file of ours as another program can open it, for as long as the block takes."""
    if one_file() is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="deepspeed-wheels-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(carried_bytes(path))
        yield copy


@contextmanager
def carried_tree(folder: Path) -> Iterator[Path]:
    """A folder of ours or of a package, as another program can read it, for as long as the block takes."""
    archive = one_file()
    if archive is None or not folder.is_relative_to(archive):
        yield folder
        return
    inner = folder.relative_to(archive).as_posix()
    with (
        tempfile.TemporaryDirectory(prefix="deepspeed-wheels-", ignore_cleanup_errors=True) as copy,
        zipfile.ZipFile(archive) as members,
    ):
        members.extractall(copy, [name for name in members.namelist() if name.startswith(f"{inner}/")])
        yield Path(copy) / inner


def run_words(module: str) -> tuple[str, ...]:
    """What the Python that runs this is told to run a module of ours that needs the standard library alone."""
    archive = one_file()
    if archive is None:
        return (str(HOME.joinpath(*module.split(".")).with_suffix(".py")),)
    return (
        "-c",
        f"import runpy, sys; sys.path.insert(0, {str(archive)!r}); runpy.run_module({module!r}, None, '__main__')",
    )


def program() -> tuple[str, ...]:
    """The words that a task of this program begins with, as a person types them."""
    archive = one_file()
    return ("invoke",) if archive is None else ("python", archive.name)


def started() -> tuple[str, ...]:
    """The same, as another process starts it and can be heard: `pythonw.exe` has no output, `python.exe` beside it."""
    archive, python = one_file(), Path(sys.executable)
    heard = python.with_name("python.exe")
    with_output = heard if python.name.lower() == "pythonw.exe" and heard.is_file() else python
    return (str(with_output), "-m", "invoke") if archive is None else (str(with_output), str(archive))


def typed(task: str) -> str:
    """What a person types for a task: of Invoke in a checkout, of the one file where that has it."""
    archive = one_file()
    if archive is None:
        return f"invoke {task}"
    return f"python {archive.name} {task}" if task in CARRIED else f"invoke {task}{CLONE}"


def as_typed(text: str) -> str:
    """The text with each quoted `invoke TASK …` as it is typed for the program that this is."""
    archive = one_file()
    if archive is None or "invoke " not in text:
        return text

    def own(match: re.Match[str]) -> str:
        quote, task, more = match["quote"], match["task"], match["more"]
        if task in CARRIED:
            return f"{quote}python {archive.name} {task}{more}{quote}"
        return match[0] if more.endswith(CLONE) else f"{match[0]}{CLONE}"

    return TASK.sub(own, text)


def values_as_typed(document: object) -> object:
    """The JSON document with each of its texts as typed."""
    if isinstance(document, str):
        return as_typed(document)
    if isinstance(document, Mapping):
        return {key: values_as_typed(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [values_as_typed(value) for value in document]
    return document
