"""A line for cmd, given to a cmd: the program gets the very words, and no part of a word is run."""

from __future__ import annotations

import random
from pathlib import Path, PureWindowsPath

import pytest

from scripts.command import Command
from scripts.outgoing import reference
from tests.wine.lab import STANDINS, Windows, compile_c

pytestmark = pytest.mark.wine

WORDS = [
    "plain",
    "",
    "two words",
    "a&echo run",
    "a|b",
    "a<b",
    "a>b>>c",
    "a^b^^",
    "(a)",
    "a!b!",
    "100%",
    "%VALUE%",
    "%20of%20blanks",
    "https://h/%VALUE%/x?a=1&b=%VALUE:~0,1%",
    'a"b',
    '"',
    '" & echo run & "',
    'a\\"b',
    "C:\\folder\\",
    "C:\\two words\\",
    'ends\\\\"',
    "setuptools<81,>=40",
    "a;b,c=d",
    "'a'",
]


@pytest.fixture(scope="module")
def lines(windows: Windows) -> Path:
    """The program that hands lines to cmd, and shows the words."""
    program = windows.drive_c / "lines" / "lines.exe"
    compile_c(STANDINS / "lines.c", program)
    return program


def seen(windows: Windows, lines: Path, typed: list[Command]) -> list[list[str]]:
    """For each command its folder, VALUE and words, as the program behind cmd saw them."""
    file = lines.with_name("typed.txt")
    file.write_text("".join(command.as_shell(windows=True) + "\n" for command in typed), encoding="utf-8")
    output = windows.run([lines, file], env={"VALUE": "expanded"}).require()
    shown = [[*part.splitlines()] for part in output.split("line\n")[1:]]
    assert len(shown) == len(typed)
    assert all(len(part) == 1 and part[0].startswith("shown ") for part in shown), output
    return [[bytes.fromhex(word).decode() for word in part[0].removeprefix("shown ").split("|")] for part in shown]


def test_a_program_gets_the_words_of_the_line(windows: Windows, lines: Path) -> None:
    choose = random.Random(1)
    signs = ["&", "|", "<", ">", "^", "%", "!", '"', "(", ")", " ", "\\", "a", "VALUE", "%VALUE%", "echo run"]
    mixed = ["".join(choose.choices(signs, k=choose.randint(1, 8))) for _ in range(40)]
    rows = [[word, "next"] for word in (*WORDS, *mixed)] + [WORDS]
    found = seen(windows, lines, [Command(argv=(windows.path(lines), "show", *row)) for row in rows])
    assert [words for _, _, *words in found] == rows


def test_the_line_sets_the_variable_and_goes_to_the_folder(windows: Windows, lines: Path) -> None:
    folder = windows.fresh_folder("a & b (c)^ 100%")
    values = ["1 & 2", 'a"b & echo run', "C:\\two words\\", "a^b|c"]
    place = PureWindowsPath(windows.path(folder))
    typed = [Command(argv=(windows.path(lines), "show"), env={"VALUE": value}, cwd=place) for value in values]
    assert seen(windows, lines, typed) == [[str(place), value] for value in values]


def test_a_variable_that_is_named_is_read(windows: Windows, lines: Path) -> None:
    words = [f"--index={reference('VALUE')}", f"{reference('VALUE')}\\two words"]
    found = seen(windows, lines, [Command(argv=(windows.path(lines), "show", *words))])
    assert [words for _, _, *words in found] == [["--index=expanded", "expanded\\two words"]]
