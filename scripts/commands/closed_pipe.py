"""Output into a pipe that nobody reads any more, as in `invoke plan | head`: the end of the work, and no error."""

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
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not (isinstance(error, OSError) and output_is_closed()):
            before(kind, error, trace)

    sys.excepthook = hook
    atexit.register(output_is_closed)  # the interpreter flushes what is left, and would complain


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


def _reader_is_gone() -> bool:
    """Asked without writing: what could not be written may have been forgotten already."""
    gone = False  # nothing like it on Windows; the flush before this tells
    if sys.platform != "win32":
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))
    return gone
