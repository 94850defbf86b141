"""Selectors and options as typed; one JSON document or tables out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from scripts.errors import InputError
from scripts.wheel_build.options import PROOFS, SOURCES, BuildOptions

FETCHED = ("auto", "redist", "pip")


def print_document(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=False) + "\n")


def print_for_people(*renderables: RenderableType) -> None:
    """Tables and text on standard output."""
    console = Console(highlight=False)
    for renderable in renderables:
        console.print(renderable, soft_wrap=isinstance(renderable, str))


def words(values: Sequence[str] | str | None) -> tuple[str, ...]:
    """Values as typed, repeated or separated by commas, as one tuple."""
    texts = [values] if isinstance(values, str) else list(values or ())
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def build_options(
    *,
    ops: str = "",
    jobs: int = 0,
    cache: bool = True,
    precompile: bool = True,
    source: str = "auto",
    toolkit: str = "auto",
    prove: str = "full",
    minutes: int = 0,
) -> BuildOptions:
    """Checked build options; raises InputError."""
    if jobs < 0:
        raise InputError(f"--jobs {jobs}: give a number of processes from 1, or 0 for every processor")
    if minutes < 0:
        raise InputError(f"--minutes {minutes}: give the minutes that compiling may take, or 0 for no limit")
    for name, value, known in (("--source", source, SOURCES), ("--prove", prove, PROOFS)):
        if value not in known:
            raise InputError(f"{name} {value!r}: give one of {', '.join(known)}")
    if toolkit not in FETCHED and not Path(toolkit).is_dir():
        raise InputError(f"--toolkit {toolkit!r} is no folder; give that of a CUDA toolkit, or {', '.join(FETCHED)}")
    return BuildOptions(
        ops=words(ops) or None,
        jobs=jobs,
        use_cache=cache,
        precompile=precompile,
        source=source,
        toolkit=toolkit if toolkit in FETCHED else str(Path(toolkit).resolve()),
        prove=prove,
        minutes=minutes,
    )


def parse_options(posargs: Sequence[str]) -> BuildOptions:
    """Build options from the words behind `nox --`; raises InputError for unknown ones."""
    parser = argparse.ArgumentParser(prog="nox --session ID --", exit_on_error=False, add_help=False)
    parser.add_argument("--ops", default="")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--no-precompile", action="store_true")
    parser.add_argument("--source", default="auto")
    parser.add_argument("--toolkit", default="auto")
    parser.add_argument("--prove", default="full")
    parser.add_argument("--minutes", type=int, default=0)
    try:
        given, unknown = parser.parse_known_args(list(posargs))
    except argparse.ArgumentError as error:
        raise InputError(str(error)) from None
    if unknown:
        raise InputError(
            f"unknown build options {' '.join(unknown)}; "
            "known are --ops --jobs --no-cache --no-precompile --source --toolkit --prove --minutes"
        )
    return build_options(
        ops=given.ops,
        jobs=given.jobs,
        cache=not given.no_cache,
        precompile=not given.no_precompile,
        source=given.source,
        toolkit=given.toolkit,
        prove=given.prove,
        minutes=given.minutes,
    )
