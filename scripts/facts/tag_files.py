"""deepspeed.yaml, `tag_files`: in what the archive of a tag may differ from the sdist, whose digest is pinned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from scripts.schema.annotations import Source
from scripts.schema.readers import Problems, below, choice, pattern


@dataclass(frozen=True, kw_only=True)
class TagFile:
    """Files that are not the same in both, and whose are built from."""

    path: str  # a glob below the top directory, in which * takes / too
    take: Annotated[str, choice("sdist", "tag", "none")]  # "none": setup.py writes them anew
    lines: Annotated[str, pattern] | None = (
        None  # of the tag's, where nothing else vouches for them: what a line may be
    )
    reason: str
    source: Source

    def holds(self, name: str) -> bool:
        """Whether it is about the file."""
        return fnmatchcase(name, self.path)

    def allows(self, content: bytes) -> bool:
        """Whether every line of the content is one that the row knows."""
        try:
            lines = content.decode("ascii").splitlines()
        except UnicodeDecodeError:
            return False
        return all(re.fullmatch(self.lines or "", line) for line in lines)


def check_tag_files(rows: tuple[TagFile, ...], problems: Problems) -> None:
    """Adds every row that takes files unseen, or looks at what it does not take, to `problems`."""
    for index, row in enumerate(rows):
        if (row.take == "tag") != (row.lines is not None):
            problems.add(
                below("deepspeed.yaml: tag_files", index), "needs `lines` if, and only if, it takes the tag's files"
            )
