"""Which rule decides a line of a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from functools import lru_cache

from scripts.diagnose.causes import Causes, LogRule
from scripts.diagnose.log_text import CODE_PAGES, indent, plain

REMEMBERED = 1000  # lines
FRAME = re.compile(r'File ".{1,400}", line \d+')
NOT_SAID = re.compile(  # a command that is echoed, or source code that a traceback quotes
    r"(?:\$|\+{1,4}|#|set|export|echo|raise|assert|warnings\.warn|##\[(?:command|group)\])(?:\s|\(|$)|##\[(?:command|group)\]"
    r"|>{0,3} ?\$env:\w{1,60} ?="
    # the prompts of cmd, PowerShell and bash
    r"|(?:\([^()]{1,60}\) ?)?(?:PS )?[A-Za-z]:\\[^<>:\"'|?*()]{0,200}>"
    r"|(?:\([^()]{1,60}\) ?)?[\w.-]{1,60}@[\w.-]{1,60}:[^$#:\s]{1,200}[$#] "
)
WARNED = re.compile(
    r"(?:##\[warning\]|::warning|\W{0,6}(?:warn(?:ing)?|info|debug|note|notice)\b|\[?[WID]\d{4} \d\d:\d\d:)"
    r"|\S.{0,300}?:\d{1,6}: \w{0,40}Warning:"
    r"|(?:.{0,400}?[\s:])?warning(?: ?[A-Z]{1,4}\d{1,5}| #\d{1,5}(?:-D)?)? ?:",
    re.IGNORECASE,
)


class LineRules:
    """The rules, each looked for only in lines that hold its words."""

    def __init__(self, causes: Causes) -> None:
        self.causes = causes
        self._others = {
            word.encode() for end in (causes.error, causes.success) for words in end.words for word in words
        }
        self._rules: dict[bytes, list[tuple[int, Set[bytes]]]] = {}
        for place, rule in enumerate(causes.rules):
            for words in rule.words:
                key, *others = (word.encode() for word in words)
                self._rules.setdefault(key, []).append((place, frozenset(others)))
        self.words = frozenset((*self._rules, *self._others))
        self.phrases = _as_bytes(phrase for row in causes.phrases.values() for phrase in row)
        self.places = lru_cache(REMEMBERED)(self._find_places)
        self._matches = lru_cache(REMEMBERED)(self._matching)  # the same lines come with every file that is compiled

    def _find_places(self, words: frozenset[bytes]) -> tuple[int, ...] | None:
        """Which rules a line with these words may hold for, in order; None for a line that says nothing of interest."""
        found = {place for word in words & self._rules.keys() for place, others in self._rules[word] if others <= words}
        return tuple(sorted(found)) if found or words & self._others else None

    def decide(self, lines: Sequence[str], index: int, places: tuple[int, ...]) -> LogRule | None:
        """The first of the rules at `places` that holds for the line at `index`, given the lines around it."""
        rules = self._matches(plain(lines[index]), places)
        return next((rule for rule in rules if _holds_here(rule, lines, index)), None)

    def _matching(self, line: str, places: tuple[int, ...]) -> tuple[LogRule, ...]:
        """Those of the rules whose pattern the line matches."""
        warned = is_warning(line)
        rules = (self.causes.rules[place] for place in places)
        return tuple(
            rule for rule in rules if (not warned or rule.warnings or rule.noise) and rule.pattern.search(line)
        )


def _as_bytes(phrases: Iterable[str]) -> re.Pattern[bytes]:
    """Those with letters beyond ASCII, in each encoding that a log is read in."""
    found = set()
    for phrase in phrases:
        for encoding in () if phrase.isascii() else ("utf-8", *CODE_PAGES):
            with suppress(UnicodeEncodeError):
                found.add(phrase.encode(encoding))
    return re.compile(b"|".join(map(re.escape, sorted(found))))


@lru_cache(REMEMBERED)
def is_warning(line: str) -> bool:
    """Whether the line only warns."""
    return WARNED.match(line) is not None


@lru_cache(REMEMBERED)
def _is_quoted(line: str) -> bool:
    return NOT_SAID.match(line) is not None or FRAME.match(line) is not None


def is_said(lines: Sequence[str], index: int, line: str) -> bool:
    """Whether a program says the line, not a traceback that quotes code, nor a shell that echoes a command."""
    if _is_quoted(line):
        return False
    above = lines[index - 1] if index else ""
    framed = ("File " in above or "File&" in above) and FRAME.match(plain(above))
    return not framed or indent(lines[index]) <= indent(above)


def _holds_here(rule: LogRule, lines: Sequence[str], index: int) -> bool:
    before = lines[max(0, index - rule.reach) : index] if rule.before else ()
    after = lines[index + 1 : index + 1 + rule.reach] if rule.after else ()
    return _around(rule.before, before) and _around(rule.after, after)


def _around(pattern: re.Pattern[str] | None, lines: Sequence[str]) -> bool:
    return pattern is None or any(pattern.search(plain(line)) for line in lines)
