"""What both task files share: selectors and options as typed, one document or a table out, errors caught once."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

from rich.console import Console, RenderableType

from scripts.build.wheel import BuildOptions
from scripts.errors import FactoryError, InputError

P = ParamSpec("P")


def reported(task: Callable[P, None]) -> Callable[P, None]:
    """A task whose family errors end as a message on standard error and the error's exit code."""

    @functools.wraps(task)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            task(*args, **kwargs)
        except FactoryError as error:
            print_error(error)
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise SystemExit(0) from None

    return wrapper


def print_error(error: FactoryError) -> None:
    """The message for a person."""
    Console(stderr=True, highlight=False).print(f"error: {error}", markup=False, soft_wrap=True, style="red")


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


def build_options(ops: str, jobs: int, cache: bool, precompile: bool, source: str, minutes: int) -> BuildOptions:
    """Checked build options; raises InputError."""
    if jobs < 0:
        raise InputError(f"--jobs {jobs}: give a number of processes from 1, or 0 for every processor")
    if minutes < 0:
        raise InputError(f"--minutes {minutes}: give the minutes that compiling may take, or 0 for no limit")
    if source not in ("auto", "tag", "sdist"):
        raise InputError(f"--source {source!r}: give auto, tag or sdist")
    return BuildOptions(
        ops=words(ops) or None, jobs=jobs, use_cache=cache, precompile=precompile, source=source, minutes=minutes
    )


def parse_options(posargs: Sequence[str]) -> BuildOptions:
    """Build options from the words behind `nox --`; raises InputError for unknown ones."""
    parser = argparse.ArgumentParser(prog="nox --session ID --", exit_on_error=False, add_help=False)
    parser.add_argument("--ops", default="")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--no-precompile", action="store_true")
    parser.add_argument("--source", default="auto")
    parser.add_argument("--minutes", type=int, default=0)
    try:
        given, unknown = parser.parse_known_args(list(posargs))
    except argparse.ArgumentError as error:
        raise InputError(str(error)) from None
    if unknown:
        raise InputError(
            f"unknown build options {' '.join(unknown)}; known are --ops --jobs --no-cache --no-precompile --source"
        )
    return build_options(
        given.ops, given.jobs, not given.no_cache, not given.no_precompile, given.source, given.minutes
    )
