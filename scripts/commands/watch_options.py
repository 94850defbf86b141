"""What `invoke watch` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.options import json_option, option, path_option


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """What becomes of what is new."""

    write: bool = option(
        False,
        "write what is new into scripts/data",
        more="write what is new into `scripts/data`: additions only, every other line as it was",
    )
    words: str = path_option(
        "",
        "write the difference in words to this file",
        more="write the difference in words to this file, too, in Markdown: the text of the pull request",
    )
    json: bool = json_option("[the difference](#other-json)")
