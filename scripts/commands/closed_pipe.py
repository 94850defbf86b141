"""Output into a pipe that nobody reads any more, as in `invoke plan | head`: the end of the work, and no error.

Output that was never open, as after `>&-` or of a program without a console, goes nowhere.
"""

from __future__ import annotations

import atexit
import errno
import os
import select
import sys
from types import TracebackType

CLOSED = (errno.EPIPE, errno.EINVAL)  # the second is how Windows says it


def end_quietly() -> None:
    """From now on this process says nothing of it when its standard output is closed."""
    _open_nowhere()
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not (is_of_a_pipe(error) and output_is_closed()):
            before(kind, error, trace)

    sys.excepthook = hook
    atexit.register(output_is_closed)  # the interpreter flushes what is left, and would complain


def is_of_a_pipe(error: BaseException) -> bool:
    """Whether it may be that nobody reads any more; another error stays one, whoever reads."""
    return isinstance(error, OSError) and error.errno in CLOSED


def output_is_closed() -> bool:
    """Whether nobody reads standard output any more; what is left for it then goes nowhere."""
    try:
        sys.stdout.flush()
        closed = _reader_is_gone()
    except OSError as error:
        if error.errno not in CLOSED:
            raise
        closed = True
    except ValueError:  # closed by this very process, or no file at all
        return False
    if closed:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return closed


def _open_nowhere() -> None:
    """Open the outputs that are not: else the next file gets their number, and what children say is written to it."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115  to the end


def _reader_is_gone() -> bool:
    """Asked without writing: what could not be written may have been forgotten already."""
    gone = False  # nothing like it on Windows; the flush before this tells
    if sys.platform != "win32":
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))
    return gone
