r"""A command as a line to paste, quoted for the shell that it is pasted into. Light to import.

- `sh`: every POSIX shell.
- `cmd`, at its prompt: inside quotes only `%NAME%` is read, and a program takes `\"` for a quote
  (learn.microsoft.com, "cmd" of the Windows commands, "Parsing C command-line arguments"). A `%` that begins no name
  stays as it is. `!` is a plain sign unless cmd was started with `/v:on`. No line break can be quoted; a blank stands
  for it.
- `powershell`: a word in single quotes is taken as it is, and a typographic single quote counts as one
  (learn.microsoft.com, about_Quoting_Rules and about_Parsing). Before 7.3 it loses `"` on the way to a program; no line
  of ours holds one there.

What a variable holds that is secret, and what `scripts.outgoing.reference` names, becomes that variable in the line.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from scripts.outgoing import CLOSE, OPEN, with_references

Shell = Literal["sh", "cmd", "powershell"]
WINDOWS = os.name == "nt"
CMD_SIGNS = re.compile(r'[\s&|<>^()%!"]')
# What may be the name of a variable, up to its first letter: cmd.exe expands %NAME%, %NAME:~1,2% and %NAME:A=B%.
CMD_NAME = re.compile(r'(%[^\w%:/\\" ]{0,99})(\w)(?=[^%:/\\" ]{0,999}(?::[^%]{0,999})?%)', re.ASCII)
POWERSHELL_WORD = re.compile(r"[A-Za-z0-9_./\\:=+~-]+")
POWERSHELL_SPLIT = re.compile(r"-[^.:]*[.:]")  # PowerShell makes two words of -D.x and of -D:x
MARKED = re.compile(f"{OPEN}([A-Za-z_][A-Za-z0-9_]*){CLOSE}")


def line_for(shell: Shell, words: Iterable[str]) -> str:
    """The words as one line for the shell."""
    quoted = [_QUOTED[shell](with_references(word)) for word in words]
    call = "& " if shell == "powershell" and quoted and quoted[0][0] in "'\"" else ""
    return call + " ".join(quoted)


def shell_line(words: Iterable[str], *, windows: bool = WINDOWS) -> str:
    """The words as one line for a POSIX shell, or for cmd.exe when `windows`."""
    return line_for("cmd" if windows else "sh", words)


def assignment(name: str, value: str, *, windows: bool = WINDOWS) -> str:
    """What sets a variable: `NAME=value` before a command or after `export`; in cmd.exe the command `set`."""
    value = with_references(value)
    return f"set {_cmd_text(f'{name}={value}')}" if windows else f"{name}={_sh_word(value)}"


def change_folder(folder: str, *, windows: bool = WINDOWS) -> str:
    """The command that goes to a folder, on another drive too."""
    folder = with_references(folder)
    return f"cd /d {_cmd_text(folder)}" if windows else f"cd {_sh_word(folder)}"


def with_input(line: str, stdin: str | None, nothing: str) -> str:
    """The line with `stdin` as its input; `nothing` is the file that holds nothing."""
    if stdin is None:
        return line
    return f"echo {stdin} | {line}" if stdin else f"{line} < {nothing}"


def named_variables(text: str, *, windows: bool = WINDOWS) -> str:
    """The text, for reading, with each variable that it refers to as the shell names it."""
    return MARKED.sub(r"%\1%" if windows else r"$\1", text)


def _sh_word(word: str) -> str:
    if not MARKED.search(word):
        return shlex.quote(word)
    parts = MARKED.split(word)  # a text, a name, a text and so on
    return "".join((f'"${part}"' if index % 2 else shlex.quote(part)) for index, part in enumerate(parts) if part)


def _cmd_word(word: str) -> str:
    """The word as cmd.exe and the program behind it both read it: `setuptools<81` alone would be a redirection."""
    if word and not CMD_SIGNS.search(word) and not MARKED.search(word):
        return word
    for_program = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + ('\\"' if found[2] else ""), word)
    return _cmd_text(for_program if MARKED.search(word) else CMD_NAME.sub(r'\1"\2"', for_program))


def _cmd_text(text: str) -> str:
    """A text in quotes for cmd.exe; where something is read even there, every sign has its caret, the quotes too."""
    text = re.sub(r"[\r\n]+", " ", text)
    if MARKED.search(text):  # what the variable holds must stay in quotes
        return MARKED.sub(r"%\1%", f'"{text.replace(chr(34), chr(39))}"')
    if '"' not in text and not CMD_NAME.search(text):
        return f'"{text}"'
    return re.sub(r'[&|<>^()%!"]', r"^\g<0>", f'"{text}"')


def _powershell_word(word: str) -> str:
    if MARKED.search(word):
        return '"' + MARKED.sub(r"${env:\1}", re.sub(r'[`$"\u201c-\u201e]', r"`\g<0>", word)) + '"'
    if POWERSHELL_WORD.fullmatch(word) and not POWERSHELL_SPLIT.match(word):
        return word
    return "'" + re.sub("['\u2018-\u201b]", r"\g<0>\g<0>", word) + "'"


_QUOTED: Mapping[Shell, Callable[[str], str]] = {"sh": _sh_word, "cmd": _cmd_word, "powershell": _powershell_word}
