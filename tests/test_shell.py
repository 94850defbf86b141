"""A line to paste reaches the program word for word in every shell; what the shell would run is quoted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.command import Command
from scripts.outgoing import reference
from scripts.shell import Shell, assignment, change_folder, line_for, named_variables

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX shell")
SIGNS = st.text(st.sampled_from(" &|<>^()%!\"'\\;,=$`#~*?[]{}\n\tab1é\u2018\u2019"), max_size=10)
TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('VALUE'), os.getcwd()]))"


@posix_only
@settings(max_examples=15, deadline=None)
@given(words=st.lists(SIGNS, max_size=5), value=SIGNS)
def test_bash_hands_the_words_to_the_program(words: list[str], value: str) -> None:
    command = Command(argv=(sys.executable, "-S", "-c", TELL, *words), env={"VALUE": value})
    shell = shutil.which("bash") or "sh"
    answer = subprocess.run([shell, "-c", command.as_shell(windows=False)], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)[:2] == [words, value]


@posix_only
def test_bash_reads_a_variable_that_is_named_and_splits_nothing_of_it() -> None:
    words = [reference("VALUE"), f"--index={reference('VALUE')}/x y", f"'{reference('VALUE')}'$VALUE"]
    line = line_for("sh", [sys.executable, "-S", "-c", TELL, *words])
    held = "two  words & 'more' $HOME"
    answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, env={"VALUE": held})
    assert json.loads(answer.stdout)[0] == [held, f"--index={held}/x y", f"'{held}'$VALUE"]


@pytest.mark.parametrize(
    ("shell", "word", "written"),
    [
        ("cmd", "plain-1.0+cu124", "plain-1.0+cu124"),
        ("cmd", "", '""'),
        ("cmd", "setuptools<81", '"setuptools<81"'),
        ("cmd", "https://h/?a=1&b=2", '"https://h/?a=1&b=2"'),
        ("cmd", "a b\\", '"a b\\\\"'),
        ("cmd", "50%", '"50%"'),
        ("cmd", "%PATH%", '^"^%^"P^"ATH^%^"'),
        ("cmd", "%CD:/=x%", '^"^%^"C^"D:/=x^%^"'),
        ("cmd", "file:///C:/a%20b/c%20d", '"file:///C:/a%20b/c%20d"'),
        ("cmd", 'a"b&c', '^"a\\^"b^&c^"'),
        ("cmd", "two\nlines", '"two lines"'),
        ("powershell", "plain-1.0+cu124", "plain-1.0+cu124"),
        ("powershell", "", "''"),
        ("powershell", "https://h/?a=1&b=$x", "'https://h/?a=1&b=$x'"),
        ("powershell", "it's \u2018so\u2019", "'it''s \u2018\u2018so\u2019\u2019'"),
        ("powershell", "-vcvars_ver=14.29", "'-vcvars_ver=14.29'"),
        ("powershell", "@splat", "'@splat'"),
        ("powershell", "100%", "'100%'"),
        ("sh", "a&b", "'a&b'"),
    ],
)
def test_a_word_is_written_as_the_shell_s_documentation_asks(shell: Shell, word: str, written: str) -> None:
    assert line_for(shell, ["pip", word]) == f"pip {written}"


def test_powershell_calls_a_quoted_program() -> None:
    line = line_for("powershell", ["C:\\Program Files\\python.exe", "-m", "pip"])
    assert line == "& 'C:\\Program Files\\python.exe' -m pip"


@pytest.mark.parametrize(
    ("shell", "written"),
    [("sh", "'a b'\"$NAME\"/c"), ("cmd", '"a b%NAME%/c"'), ("powershell", '"a b${env:NAME}/c"')],
)
def test_a_variable_is_named_as_each_shell_names_it(shell: Shell, written: str) -> None:
    assert line_for(shell, ["pip", f"a b{reference('NAME')}/c"]) == f"pip {written}"


def test_the_name_of_a_variable_holds_no_command() -> None:
    word = reference('x" & calc & "')
    assert line_for("cmd", ["pip", word]).count('"') % 2 == 0
    assert "% & calc" not in line_for("cmd", ["pip", word])


def test_variables_and_folders_are_set_by_the_shell_itself() -> None:
    assert assignment("A", "1 & 2", windows=True) == 'set "A=1 & 2"'
    assert assignment("A", "C:\\x y\\", windows=True) == 'set "A=C:\\x y\\"'
    assert assignment("A", 'a"b & c', windows=True) == 'set ^"A=a^"b ^& c^"'
    assert assignment("A", "%PATH%", windows=True) == 'set ^"A=^%PATH^%^"'
    assert assignment("A", reference("B"), windows=True) == 'set "A=%B%"'
    assert assignment("A", reference("B"), windows=False) == 'A="$B"'
    assert change_folder("C:\\a & b", windows=True) == 'cd /d "C:\\a & b"'
    assert change_folder("/a b", windows=False) == "cd '/a b'"


def test_a_text_to_read_names_variables_without_quotes() -> None:
    assert named_variables(f"in {reference('A')}\\b", windows=True) == "in %A%\\b"
    assert named_variables(f"in {reference('A')}/b", windows=False) == "in $A/b"
