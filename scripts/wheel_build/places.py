"""Places: the folders of one build by names, so that the same work has the same key in any folder of any machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFINES = ("-D", "/D", "--define-macro")
MACRO = re.compile(r"(?:^|[=,])(?:[-/]D|--define-macro=)[A-Za-z_]\w*(?:\([^)]*\))?[=#]")  # cl takes a # for the =
NAME_ENDS = r"(?![\w.+-])"  # a folder beside a place, whose name only begins like its, is another one


@dataclass(frozen=True)
class Places:
    """Folders (or files) by the name that stands for each, `{source}`; one inside another is named first."""

    folders: tuple[tuple[str, str], ...]  # path, name in braces

    @classmethod
    def of(cls, directories: Mapping[str, str]) -> Places:
        """The places of these directories by name; an empty one is no place."""
        named = [(path, "{" + name + "}") for name, path in directories.items() if path]
        return cls(tuple(sorted(named, key=lambda one: (-len(one[0]), one))))

    def words(self, words: Sequence[str], own: Mapping[str, str] | None = None) -> list[str]:
        """The words of a command with every place by its name; `own` are more texts, each with its name.

        Not in what a macro stands for: a path in there ends up in what is compiled.
        """
        swaps = sorted([*self.folders, *(own or {}).items()], key=lambda one: -len(one[0]))
        named = list(words)
        for path, name in swaps:
            whole = re.compile(re.escape(path) + NAME_ENDS)
            named = [whole.sub(name, word) if path in word else word for word in named]
        before = ("", *words)
        return [
            word if MACRO.search(word) or previous in DEFINES else now
            for previous, word, now in zip(before, words, named, strict=False)
        ]

    def named(self, path: str) -> str:
        """The path with the place that it lies in by its name, and with forward slashes."""
        text = path.replace(os.sep, "/")
        for folder, name in self.folders:
            place = folder.replace(os.sep, "/").rstrip("/")
            if _same(text[: len(place)], place) and text[len(place) : len(place) + 1] in ("", "/"):
                return name + text[len(place) :]
        return text

    def path(self, named: str) -> Path:
        """The path on this machine of what `named` gave."""
        for folder, name in self.folders:
            if named.startswith(name) and named[len(name) : len(name) + 1] in ("", "/"):
                return Path(folder + named[len(name) :])
        return Path(named)


def _same(one: str, other: str) -> bool:
    """Whether two paths name one folder; cl writes those that it read in small letters."""
    return one.casefold() == other.casefold() if os.name == "nt" else one == other
