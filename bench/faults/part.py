"""`Part`: one kind of fault, how often it is tried, and what is called for each try."""

from __future__ import annotations

import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeAlias

from scripts.errors import WheelsError

Case: TypeAlias = Callable[[int, random.Random], None]  # number of the try, its chance; raises LostError


class LostError(Exception):
    """What did not survive a fault: a wrong wheel, a lost file, a traceback, an orphan."""


class EndlessError(BaseException):
    """A try that did not end in time; no `except Exception` of the product may keep it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One kind of fault."""

    name: str
    what: str
    cases: int  # at scale 1
    seconds: float  # that one try may take
    place: Callable[[Path], AbstractContextManager[Case]]  # makes what all tries share, in a folder of its own

    def count(self, scale: float) -> int:
        """How often it is tried at this scale."""
        return max(1, round(self.cases * scale))


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How a part ended."""

    name: str
    tried: int
    lost: tuple[str, ...]  # a line each, with the words that repeat the try
    seconds: float
    processor: float  # seconds, of this process and of those that it saw end

    @property
    def survived(self) -> int:
        """How many tries ended as they must."""
        return self.tried - len(self.lost)


def attempt(part: Part, case: Case, index: int, seed: int) -> str | None:
    """What was lost in one try; None when nothing was. The same seed and index do the same again."""
    try:
        with time_limit(part.seconds):
            case(index, random.Random(f"{seed} {part.name} {index}"))
    except LostError as error:
        return str(error)
    except EndlessError:
        return f"endless: not done after {part.seconds:g} s"
    except Exception as error:  # noqa: BLE001  whatever escapes is what is looked for
        return traceback_of(error)
    return None


def ends_well(work: Callable[[], object]) -> bool:
    """Whether the work was done; False for an error with a message. Anything else is a traceback for its user."""
    try:
        work()
    except WheelsError as error:
        if not str(error).strip():
            raise LostError(f"an error without a message: {type(error).__name__}") from None
        return False
    except SystemExit as error:
        if isinstance(error.code, int):
            return error.code == 0
        raise LostError(f"ended with {error.code!r}") from None
    except LostError:
        raise
    except Exception as error:  # noqa: BLE001  whatever escapes is what is looked for
        raise LostError(traceback_of(error)) from None
    return True


def traceback_of(error: BaseException) -> str:
    """The error and the last lines of code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"traceback: {type(error).__name__}: {str(error)[:200]!r} at {where}"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises EndlessError in the block when the time is over; without limit where the system has no such alarm."""

    if sys.platform == "win32":
        yield
    else:

        def over(number: int, frame: FrameType | None) -> None:
            raise EndlessError

        before = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
