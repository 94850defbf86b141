"""Our errors as a message on standard error and an exit code, whatever it was that a person started.

Light to import, since every task starts here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from scripts.commands.closed_pipe import is_of_a_pipe, output_is_closed
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.outgoing import printable
from scripts.stop_signals import stop_signals


@contextmanager
def reported() -> Iterator[None]:
    """Our errors end as a message on standard error and the error's exit code; a signal ends with its own code."""
    with stop_signals() as stops:
        try:
            yield
        except WheelsError as error:
            print_error(error)
            raise SystemExit(stops.exit_code or error.exit_code) from None
        except KeyboardInterrupt:
            print_error(InterruptedBuildError(f"stopped by {stops.name}"))
            raise SystemExit(stops.exit_code or InterruptedBuildError.exit_code) from None
        except SystemExit as end:
            raise SystemExit(stops.exit_code or end.code) from None
        except OSError as error:
            if is_of_a_pipe(error) and output_is_closed():
                raise SystemExit(0) from None
            found = _of_the_disk(error)
            if found is None:
                raise
            print_error(found)
            raise SystemExit(found.exit_code) from None


def _of_the_disk(error: OSError) -> WheelsError | None:
    from scripts.disk_space import disk_error  # only here: every task starts with this module

    return disk_error(error)


def print_error(error: WheelsError) -> None:
    """The id and the message on standard error, in red on a terminal."""
    from scripts.carried import as_typed  # the same

    red, plain = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    with suppress(OSError):  # a terminal that was closed
        sys.stderr.write(f"{red}{printable(as_typed(error.line))}{plain}\n")
