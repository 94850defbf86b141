"""An error that says why, too: what was heard before it often knows more than its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from scripts.diagnose.named_cause import NamedCause
from scripts.errors import CommandError, VerifyError

Failure = TypeVar("Failure", bound=CommandError | VerifyError)


def explained(error: Failure, cause: NamedCause | None) -> Failure:
    """The error with the lines of its cause below its own; as it is without one."""
    if cause is None:
        return error
    return type(error)("\n".join([str(error), *cause.lines]), id=error.id)


def heard_cause(heard: Sequence[str], place: str) -> NamedCause | None:
    """The likeliest cause in the lines that a program said."""
    from scripts.diagnose.likeliest import likeliest_cause  # only here: its rules are of use for a failure only

    return likeliest_cause(["\n".join(heard).encode()], place)
