"""Where the error family is caught, once: light to import, since every task starts here."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from scripts.errors import WheelsError

P = ParamSpec("P")


def reported(task: Callable[P, None]) -> Callable[P, None]:
    """A task whose family errors end as a message on standard error and the error's exit code."""

    @functools.wraps(task)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            task(*args, **kwargs)
        except WheelsError as error:
            print_error(error)
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise SystemExit(0) from None

    return wrapper


def print_error(error: WheelsError) -> None:
    """The message for a person, in red on a terminal."""
    red, plain = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    sys.stderr.write(f"{red}error: {error}{plain}\n")
