"""What leaves this process, for a screen, a log, a message or a file: text without secrets that drives no terminal.

A secret is what a variable named like one holds (`GITHUB_TOKEN`, `UV_INDEX_X_PASSWORD`), what an address carries
between `//` and `@` or in a part of its query that is named like one, and a password of the person's netrc file. A
command to paste names the variable that holds it instead, see `scripts.shell`. Every repetition in a pattern has a
bound, since the texts come from outside.
"""

from __future__ import annotations

import codecs
import locale
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from typing import IO
from urllib.parse import unquote

MASK = "***"
# for a Python that is read: that of Windows prints into a pipe in the system's code page, which lacks letters
SAYING = {"PYTHONIOENCODING": "utf-8:replace"}
IN_CODE_PAGE = "in-code-page"  # what `in_code_page` is registered as
CODE_PAGE = "oem" if sys.platform == "win32" else "utf-8"
SHORTEST = 6  # characters of a secret that is looked for wherever it stands; a shorter one is part of common words
OPEN, CLOSE = "\ue000", "\ue001"  # around the name of a variable that stands for its value; of no use in any text

_NAMES = "token|password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credentials|auth"
_SECRET_NAME = re.compile(f"(?:^|_)(?:{_NAMES})$", re.I)
_USER = re.compile(r"""(?<=://)[^\s/'"<>]{1,2000}@""")
_QUERY = re.compile(
    r"((?<=[?&;_-])(?:" + _NAMES + r"|key|sig|signature|credential|jwt|sas)=)" + r"""([^&;\s'"<>#]{1,4000})""", re.I
)
_OPTION = re.compile(r"((?<=-)(?:" + _NAMES + r")[ =])" + r"""([^\s'"]{1,4000})""", re.I)
_HEADER = re.compile(
    r"""((?:authorization|private-token|x-api-key|cookie)['"]?\s{0,4}[:=]\s{0,4}['"]?(?:(?:bearer|basic|token)\s{1,4})?)"""
    r"""([^\s'",]{1,4000})""",
    re.I,
)
_BEARER = re.compile(r"\bBearer\s{1,4}[\w.~+/=-]{12,4000}", re.I)
_SHAPED = re.compile(r"\b(?:gh[pousr]_|github_pat_|pypi-|glpat-)\w[\w-]{15,500}")
_HINTS = ("token", "passw", "passphrase", "secret", "key", "cred", "auth", "cookie", "bearer")  # of all but addresses
_SHAPES = ("gh", "pypi-", "glpat-")
_SEQUENCE = re.compile(r"\x1b\[[0-9;:?<=>]{0,60}[ -/]{0,2}[@-~]|\x1b\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)?")
_RUNNER_ORDER = re.compile(r"^([^\S\n]*):(?=:)", re.M)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ue000\ue001]")


def redacted(text: str) -> str:
    """The text with a mask for every secret."""
    for secret in _known().parts:
        text = text.replace(secret, MASK)
    return _without_patterns(text)


def redacted_values(document: object) -> object:
    """The JSON document with a mask for every secret in its texts, those of its keys too."""
    if isinstance(document, str):
        return redacted(document)
    if isinstance(document, Mapping):
        return {redacted_values(key): redacted_values(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [redacted_values(value) for value in document]
    return document


def printable(text: str) -> str:
    """The text without secrets, colours and what else a terminal or GitHub's runner would obey; lines and tabs stay.

    The runner obeys `::set-env …` at the beginning of a line that any program prints, and `##[…` anywhere in it.
    """
    plain = _printable(text)
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return plain
    return _RUNNER_ORDER.sub(r"\1\\x3a", plain).replace("##[", r"##\x5b")


def runner_order(line: str) -> str:
    """A line that GitHub's runner is to obey, else as `printable`."""
    return _printable(line)


def _printable(text: str) -> str:
    plain = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return redacted(_CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", plain))


def pass_on(said: IO[bytes] | None, heard: Callable[[str], None]) -> None:
    """Print what a program says on our standard error, and hand it on, line by line, until it says no more."""
    with said or nullcontext(()) as lines:
        for raw in lines:
            line = printable(_decoded(raw))
            sys.stderr.write(line)
            sys.stderr.flush()
            heard(line.rstrip("\n"))


def _decoded(raw: bytes) -> str:
    """The text in UTF-8, or in this system's own encoding, which programs use on Windows."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(locale.getpreferredencoding(False), "replace")


def in_code_page(error: UnicodeError, code_page: str = CODE_PAGE) -> tuple[str, int]:
    """How a text in UTF-8 goes on where a line of it is not: that line in the code page of this system's consoles.

    cl and link speak the language of the Visual Studio that is installed, and write it as consoles do.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    line = error.object[error.start :].partition(b"\n")[0]
    return line.decode(code_page, "replace"), error.start + len(line)


codecs.register_error(IN_CODE_PAGE, in_code_page)


def reference(name: str) -> str:
    """What stands for the value of a variable in a word of a command, until a shell's line is made of it."""
    return f"{OPEN}{name}{CLOSE}"


def with_references(word: str) -> str:
    """The word with a reference for each secret that a variable holds, and a mask for every other."""
    for value, name in _known().variables.items():
        word = word.replace(value, reference(name) if name.isidentifier() else MASK)
    return redacted(word)


def forget_secrets() -> None:
    """Look at the variables anew the next time: for tests, which change them."""
    _known.cache_clear()


class _Known:
    """The secrets of this process: whole values by their variable, and the parts of addresses; the longest first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        variables: dict[str, str] = {}
        parts = set(_netrc_passwords(environ))
        for name, value in environ.items():
            if _SECRET_NAME.search(name) and len(value.strip()) >= SHORTEST:
                variables[value.strip()] = name
                parts.add(value.strip())
            elif found := set(_parts_of(value)):
                variables[value] = name
                parts |= found
        self.variables = dict(sorted(variables.items(), key=lambda item: -len(item[0])))
        self.parts = sorted((part for part in parts if len(part) >= SHORTEST), key=lambda part: (-len(part), part))


@cache
def _known() -> _Known:
    return _Known(os.environ)


def _parts_of(value: str) -> Iterator[str]:
    """What is secret in the addresses of a value, as it stands there and as it is meant."""
    for match in _USER.finditer(value):
        user, _, password = match[0][:-1].partition(":")
        yield from {password or user, unquote(password or user)}
        if password in ("", "x-oauth-basic"):
            yield user
    for match in _QUERY.finditer(value):
        yield from {match[2], unquote(match[2])}


def _netrc_passwords(environ: Mapping[str, str]) -> Iterator[str]:
    """The passwords of the file that pip and requests read; none where it cannot be read."""
    import netrc

    for file in (environ.get("NETRC"), os.path.expanduser("~/.netrc"), os.path.expanduser("~/_netrc")):  # noqa: PTH111  raises nothing
        if file and os.path.isfile(file):  # noqa: PTH113  raises nothing
            try:
                hosts = netrc.netrc(file).hosts
            except (OSError, ValueError, netrc.NetrcParseError):
                return
            yield from (password for _, _, password in hosts.values() if password)
            return


def _without_patterns(text: str) -> str:
    """The text without what looks like a secret; most texts are asked for a few words and are done."""
    lower = text.lower()
    if "://" in lower or "?" in lower:
        text = _QUERY.sub(_masked, _USER.sub(f"{MASK}@", text))
    if any(hint in lower for hint in _HINTS):
        text = _HEADER.sub(_masked, _OPTION.sub(_masked, text))
        text = _BEARER.sub(MASK, text)
    return _SHAPED.sub(MASK, text) if any(shape in lower for shape in _SHAPES) else text


def _masked(match: re.Match[str]) -> str:
    """What names the secret, and the mask; a reference to a variable is none."""
    return match[0] if match[2].startswith(OPEN) else f"{match[1]}{MASK}"
