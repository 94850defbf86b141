"""Options stated once: the fields of a frozen class carry default, type, help and accepted values.

The signature of a task, the arguments of a nox session, the words for a child process, the variables that a workflow
hands over and the table of the reference are made from these fields.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from scripts.errors import InputError

T = TypeVar("T")
KEY = "option"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a field says of its option beside name and default."""

    help: str
    more: str  # for the reference, in Markdown; the help where it says enough
    choices: tuple[str, ...]
    directory: bool  # an existing directory is accepted beside the choices
    path: bool  # a path, alone or behind `dir:`; a leading ~ is the home directory, whatever the shell makes of it
    several: bool  # must be given, by position, once or more; the value is a tuple
    wanted: str  # what a number counts
    aliases: tuple[str, ...]  # other names, understood everywhere and written nowhere
    variable: str  # the environment variable that holds it where nothing is typed


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a class of options."""

    name: str
    default: Any  # MISSING for one that must be given
    stated: Statement

    @property
    def flag(self) -> str:
        """As it is typed, `--dry-run`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def kind(self) -> type:
        """str, int, bool or tuple."""
        return str if self.default is MISSING else type(self.default)

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.stated.aliases)

    def read(self, given: object) -> Any:  # noqa: ANN401  of the field's own type
        """The value that `given` means; raises InputError for one that is not accepted."""
        if self.stated.several:
            words = [given] if isinstance(given, str) else list(given if isinstance(given, Sequence) else ())
            return tuple(home_named(str(word)) if self.stated.path else str(word) for word in words)
        if self.kind is tuple:
            return split_words(given if isinstance(given, str | Sequence) else ())
        if self.kind is int:
            return self._number(given)
        return self._text(home_named(given) if self.stated.path else given) if isinstance(given, str) else given

    def _number(self, given: object) -> int:
        try:
            number = int(str(given))
        except ValueError:
            number = -1
        if number < 0:
            raise InputError(f"{self.flag} {given!r}: give {self.stated.wanted}", id="value-not-accepted")
        return number

    def _text(self, given: str) -> str:
        choices, directory = self.stated.choices, self.stated.directory
        if given in choices or given == self.default or not choices:
            return given
        if directory and given and Path(given).is_dir():
            return str(Path(given).resolve())
        known = ", ".join(choices)
        if directory:
            raise InputError(
                f"{self.flag} {given!r} is not a directory; give an existing one, or one of {known}",
                id="not-a-directory",
            )
        raise InputError(f"{self.flag} {given!r}: give one of {known}", id="value-not-accepted")


def option(
    default: Any = MISSING,  # noqa: ANN401  of the field's own type
    help: str = "",
    *,
    more: str = "",
    choices: tuple[str, ...] = (),
    directory: bool = False,
    path: bool = False,
    several: bool = False,
    wanted: str = "a number from 0",
    aliases: tuple[str, ...] = (),
    variable: str = "",
) -> Any:  # noqa: ANN401  a dataclass field
    """A field that is an option; one without a default must be given, by position or by name."""
    stated = Statement(
        help=help,
        more=more or help,
        choices=choices,
        directory=directory,
        path=path or directory,
        several=several,
        wanted=wanted,
        aliases=aliases,
        variable=variable,
    )
    return field(default=default, metadata={KEY: stated})


def path_option(default: Any = MISSING, help: str = "", *, more: str = "") -> Any:  # noqa: ANN401  a dataclass field
    """A field for a path, or for `dir:` and a path."""
    return option(default, help, more=more, path=True)


def json_option(more: str) -> Any:  # noqa: ANN401  a dataclass field
    """The option that every task with an answer has; `more` says for the reference what the document holds."""
    return option(False, "print one JSON document on standard output and nothing else", more=more)


def options_of(kind: type) -> tuple[Option, ...]:
    """The options of a class, in the order of its fields."""
    return tuple(
        Option(name=each.name, default=each.default, stated=each.metadata[KEY])
        for each in fields(kind)
        if KEY in each.metadata
    )


def read_options(kind: type[T], given: Mapping[str, object]) -> T:
    """The options as typed, by name, as values; raises InputError for the first that is not accepted."""
    return kind(**{each.name: each.read(given[each.name]) for each in options_of(kind) if each.name in given})


def read_variables(kind: type[T]) -> T:
    """The options that the environment holds; a workflow never writes what was typed into a command line."""
    return read_options(
        kind, {each.name: os.environ.get(each.stated.variable, "") for each in options_of(kind) if each.stated.variable}
    )


def parse_words(kind: type[T], words: Sequence[str]) -> T:
    """The options in the words of a command line, as `as_words` gives them; raises InputError for other words."""
    flags = {f"--{name.replace('_', '-')}": each for each in options_of(kind) for name in each.names}
    given: dict[str, object] = {}
    left = list(words)
    while left:
        flag, equals, value = left.pop(0).partition("=")
        found = flags.get(flag) or flags.get(flag.replace("--no-", "--", 1))
        if found is None or (flag not in flags and found.kind is not bool):
            raise InputError(f"unknown option {flag}; known are {' '.join(_spellings(kind))}", id="option-unknown")
        if found.kind is bool and equals:
            raise InputError(f"{flag} takes no value", id="value-not-accepted")
        if found.kind is bool:
            given[found.name] = flag in flags
        elif equals or left:
            given[found.name] = value if equals else left.pop(0)
        else:
            raise InputError(f"{flag} needs a value", id="value-not-accepted")
    return read_options(kind, given)


def as_words(options: object) -> tuple[str, ...]:
    """The options that differ from their defaults, as typed after `invoke TASK` or `nox --`."""
    words: list[str] = []
    for each in options_of(type(options)):
        value = getattr(options, each.name)
        if value == each.default:
            continue
        if each.kind is bool:
            words.append(each.flag if value else each.flag.replace("--", "--no-", 1))
        else:
            words += [each.flag, ",".join(value) if each.kind is tuple else str(value)]
    return tuple(words)


def home_named(text: str) -> str:
    """A path, or `dir:` and a path, in which a leading ~ has become the home directory."""
    kind = "dir:" if text.startswith("dir:") else ""
    path = text.removeprefix(kind)
    try:
        return kind + (str(Path(path).expanduser()) if path.startswith("~") else path)
    except RuntimeError:  # nobody has that name
        return text


def split_words(given: Sequence[str] | str) -> tuple[str, ...]:
    """Values as typed, repeated or separated by commas, as one tuple."""
    texts = [given] if isinstance(given, str) else list(given)
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def _spellings(kind: type) -> list[str]:
    return [
        each.flag.replace("--", "--no-", 1) if each.kind is bool and each.default else each.flag
        for each in options_of(kind)
    ]
