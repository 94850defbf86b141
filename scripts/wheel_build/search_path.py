"""Which folders a compiler searches for headers: those of its command, of its variables, and its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from scripts.command import ask
from scripts.toolchain.msvc.prompt import cleaned
from scripts.wheel_build.response_files import parted

OPTIONS = (
    *("-iquote", "-isystem", "-idirafter", "-external:I", "/external:I", "-I", "/I"),
    *("--include-directory-after", "--include-directory", "--include-path", "--system-include"),
)
FORCED = ("-include", "-imacros", "--imacros", "--pre-include")  # of which the file is looked for in the folder, too
VARIABLES = ("CPATH", "CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH", "INCLUDE", "EXTERNAL_INCLUDE")
FLAG_VARIABLES = ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS", "INCLUDES", "SYSTEM_INCLUDES", "CL", "_CL_")
HANDED_ON = re.compile(r"(?:-Xcompiler|--compiler-options)(?:=|$)|-Wp,")
OF_TWO = ("--sysroot", "-isysroot", "-B", "-iprefix", "-iwithprefix", "-iwithprefixbefore")  # where they stand alone
ROOTS = (*OF_TWO, "-specs", "--specs", "-nostdinc")  # how words begin that give g++ other folders of its own
OWN = re.compile(r"^ (/.*)$", re.MULTILINE)  # how GCC lists them, a line each


def searched_folders(argv: Sequence[str], variables: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """The folders that the command searches, run in `root` with these variables beside the caller's."""
    words = all_words(argv, variables)
    started_in = [root] if any(word.startswith(FORCED) or word == "--include" for word in words) else []
    own = own_folders(_host_compiler(argv), *_roots(words))
    told = _told(argv, {**os.environ, **variables}, root)
    return tuple(dict.fromkeys([*told, *started_in, *own, *_of_toolkit(argv[0])]))


def told_folders(argv: Sequence[str], variables: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """Those of them that the command, these variables and the caller's name.

    Not those that a Visual Studio prompt names: a build sets up its own, which the compiler's identity stands for.
    """
    return _told(argv, {**cleaned(os.environ), **variables}, root)


def _told(argv: Sequence[str], environment: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    named = (environment[name].split(os.pathsep) for name in VARIABLES if environment.get(name))
    of_variables = [folder for folders in named for folder in folders]  # an empty one is where g++ is started
    return tuple(root / folder for folder in (*_of_command(all_words(argv, environment)), *of_variables))


def all_words(argv: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """The words of the command, those that it hands on, and those that compilers take from variables.

    Those are the given ones and, where none of them is given, the caller's.
    """
    return [word for each in (*argv, *_of_flags({**os.environ, **variables})) for word in _handed_on(each)]


@cache
def own_folders(compiler: str, *words: str) -> tuple[Path, ...]:
    """The folders that g++ searches by itself with these words; none for a compiler that is not asked so."""
    if not compiler:
        return ()
    argv = [compiler, *words, "-E", "-v", "-x", "c++", os.devnull, "-o", os.devnull]
    answer = ask(argv, env={**os.environ, "LC_ALL": "C"})
    _, _, listed = answer.errors.partition("search starts here")
    return tuple(Path(folder) for folder in OWN.findall(listed.partition("End of search list")[0]))


def _of_command(words: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        for option in OPTIONS:
            if word == option:
                yield from words[place + 1 : place + 2]
                break
            if word.startswith(option):
                yield word[len(option) :].removeprefix("=")
                break


def _of_flags(environment: Mapping[str, str]) -> Iterator[str]:
    """The words that compilers add to their commands by themselves."""
    yield from words_of(environment.get(name, "") for name in FLAG_VARIABLES)


def words_of(texts: Iterable[str]) -> Iterator[str]:
    """The words of texts that hold options."""
    for text in texts:
        yield from parted(text)


def _handed_on(word: str) -> list[str]:
    """The words that nvcc hands on to the host compiler, or g++ to its preprocessor; of any other word itself."""
    found = HANDED_ON.match(word)
    return word[found.end() :].split(",") if found else [word]


def _roots(words: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        if word.startswith(ROOTS):
            yield from words[place : place + (2 if word in OF_TWO else 1)]


def _host_compiler(argv: Sequence[str]) -> str:
    """The g++ that reads the headers: the command's own, or the one that nvcc is told to use."""
    name = Path(argv[0]).name
    if name == "nvcc":
        return next((word.partition("=")[2] for word in argv if word.startswith("-ccbin=")), "g++")
    return argv[0] if "g++" in name or "c++" in name else ""


def _of_toolkit(compiler: str) -> list[Path]:
    """Where nvcc looks by itself (its nvcc.profile; from 13.0 on in `cccl`, too)."""
    path = Path(compiler)
    if path.stem.lower() != "nvcc":
        return []
    root = path.parent.parent
    own = (root / "include", *sorted(root.glob("targets/*/include")))
    return [folder for each in own for folder in (each, each / "cccl") if folder.is_dir()]
