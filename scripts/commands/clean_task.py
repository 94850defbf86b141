"""`invoke clean`: what the cache holds, and what of it is freed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.task_options import CleanOptions
from scripts.dirs import default_dirs
from scripts.errors import InputError, PrerequisiteError
from scripts.wheel_build.cache_contents import KINDS, OF_STOPPED, Holding, free

HEAD = ("kind", "size", "made", "last used", "", "below the cache")
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
SPANS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"))


def clean(options: CleanOptions) -> None:
    """Free what is asked for, and print what the cache holds; raises PrerequisiteError for what cannot be removed."""
    dirs = default_dirs()
    found = free(dirs, _kinds(options), dry_run=options.dry_run, log=log_line)
    if options.json:
        print_document(document(found, str(dirs.cache), dry_run=options.dry_run))
    else:
        print_lines(table(found, dry_run=options.dry_run))
        would = "would be " if options.dry_run else ""
        freed, kept = _sum(found, "freed"), _sum(found) - _sum(found, "freed")
        print_lines([f"{size_of(freed)} {would}freed, {size_of(kept)} kept in {dirs.cache}"])
    left = [one for one in found if one.state == "left"]
    if left:
        names = "; ".join(f"{one.name}: {one.reason}" for one in left)
        raise PrerequisiteError(f"not all could be removed: {names}; see to it and run again", id="not-removed")


def _kinds(options: CleanOptions) -> Sequence[str]:
    if unknown := [kind for kind in options.what if kind not in KINDS]:
        raise InputError(
            f"--what {','.join(unknown)}: give some of {', '.join(KINDS)}, with commas", id="value-not-accepted"
        )
    if options.what and options.all:
        raise InputError("--what and --all exclude each other: --all is every kind", id="options-conflict")
    return tuple(KINDS) if options.all else options.what or OF_STOPPED


def document(found: Sequence[Holding], cache: str, *, dry_run: bool) -> dict[str, Any]:
    """The answer for JSON."""
    return {
        "cache": cache,
        "dry_run": dry_run,
        "freed_bytes": _sum(found, "freed"),
        "kept_bytes": _sum(found) - _sum(found, "freed"),
        "contents": [
            {
                "kind": one.kind,
                "name": one.name,
                "count": len(one.paths),
                "bytes": one.bytes,
                "made": _moment(one.made),
                "used": _moment(one.used),
                "state": one.state,
                "reason": one.reason or None,
            }
            for one in found
        ],
    }


def table(found: Sequence[Holding], *, dry_run: bool) -> list[str]:
    """One line for each thing that the cache holds, and one for the reason where it is held."""
    now = time.time()
    state = {"freed": "would be freed"} if dry_run else {}
    rows = [
        (
            one.kind,
            size_of(one.bytes),
            age_of(now - one.made),
            age_of(now - one.used),
            state.get(one.state, one.state),
            one.name + (f" ({len(one.paths)})" if len(one.paths) > 1 else ""),
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD) - 1)]
    lines = ["  ".join([*map(str.ljust, row[:-1], widths), row[-1]]) for row in (HEAD, *rows)] if rows else []
    reasons = [f"{one.name} is kept: {one.reason}" for one in found if one.state == "held"]
    return [*lines, *reasons]


def size_of(number: int) -> str:
    """Bytes in words, `1.2 GB`."""
    return next((f"{number / unit:.1f} {name}" for unit, name in UNITS if number >= unit), f"{number} B")


def age_of(seconds: float) -> str:
    """A span of time in words, `3 days`."""
    counts = ((int(seconds / span), name) for span, name in SPANS if seconds >= span)
    return next((f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts), "just now")


def _sum(found: Sequence[Holding], state: str = "") -> int:
    return sum(one.bytes for one in found if state in ("", one.state))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
