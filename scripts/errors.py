"""The error family: one base class, one exit code each, and a short stable id for each situation.

A message says what happened, to which target or file, and what to do next. The task files catch `WheelsError` once,
print `error[ID]: MESSAGE` and end with its `exit_code`; anything else that escapes is a bug. `scripts/data/errors.yaml`
explains every id. Codes 1 and 2 are left to invoke and nox themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from scripts.outgoing import redacted


class WheelsError(Exception):
    """Base of every failure that a user can act on."""

    exit_code = 10
    id = "build-not-reported"  # of the class, where a situation has no id of its own

    def __init__(self, message: str, *, id: str = "") -> None:
        super().__init__(redacted(message))
        self.id = id or type(self).id

    @property
    def line(self) -> str:
        """What is printed: the id to search for, and the message."""
        return f"error[{self.id}]: {self}"


class InputError(WheelsError):
    """A selector, option or file name that cannot be used as given."""

    exit_code = 11
    id = "invalid-input"


class DataError(WheelsError):
    """Faults in matrix.yaml or scripts/data; every problem at once, each with its key path."""

    exit_code = 12
    id = "invalid-data"

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{file}: {count}", *(f"  {problem}" for problem in self.problems)]))


class NothingToDoError(WheelsError):
    """A selection that names no target: an empty success would hide the mistake."""

    exit_code = 13
    id = "nothing-to-do"


class PrerequisiteError(WheelsError):
    """This host lacks something that the work needs; the message names the command that adds it."""

    exit_code = 14
    id = "prerequisite-missing"


class SourceError(WheelsError):
    """The DeepSpeed source could not be fetched, checked, unpacked or patched."""

    exit_code = 15
    id = "source-not-usable"


class BuildEnvironmentError(WheelsError):
    """A virtual environment could not be made, or holds another torch than the target asks for."""

    exit_code = 16
    id = "environment-not-usable"


class CompileError(WheelsError):
    """An op did not compile; what did is kept in the op cache."""

    exit_code = 17
    id = "compile-failed"


class PackageError(WheelsError):
    """The wheel could not be assembled or lacks what it must contain."""

    exit_code = 18
    id = "package-failed"


class VerifyError(WheelsError):
    """A wheel exists but failed its verification; it is kept aside, named as failed."""

    exit_code = 19
    id = "verification-failed"


class CommandError(WheelsError):
    """A program ended with an exit code other than zero, or ran out of time."""

    exit_code = 20
    id = "command-failed"


class PublishError(WheelsError):
    """A store could not be read or written, or holds other bytes under a name that was to be published."""

    exit_code = 21
    id = "publish-failed"


class InterruptedBuildError(WheelsError):
    """Stopped by Ctrl-C or a signal; everything finished is kept and the next run resumes."""

    exit_code = 130
    id = "interrupted"
