"""The error family: one base class, one exit code each.

A message says what happened, to which target or file, and what to do next. The task files catch
`WheelsError` once and end with its `exit_code`; anything else that escapes is a bug.
Codes 1 and 2 are left to invoke and nox themselves.
"""

from __future__ import annotations

from collections.abc import Sequence


class WheelsError(Exception):
    """Base of every failure a person can act on."""

    exit_code = 10


class InputError(WheelsError):
    """A selector, option or file name that cannot be used as given."""

    exit_code = 11


class DataError(WheelsError):
    """Faults in matrix.yaml or scripts/data; every problem at once, each with its key path."""

    exit_code = 12

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{file}: {count}", *(f"  {problem}" for problem in self.problems)]))


class NothingToDoError(WheelsError):
    """A selection that names no target: an empty success would hide the mistake."""

    exit_code = 13


class PrerequisiteError(WheelsError):
    """This host lacks something that the work needs; the message names the command that adds it."""

    exit_code = 14


class SourceError(WheelsError):
    """The DeepSpeed source could not be fetched, checked, unpacked or patched."""

    exit_code = 15


class BuildEnvironmentError(WheelsError):
    """A virtual environment could not be made, or holds another torch than the cell asks for."""

    exit_code = 16


class CompileError(WheelsError):
    """An op did not compile; what did is kept in the op cache."""

    exit_code = 17


class PackageError(WheelsError):
    """The wheel could not be assembled or does not say what it must."""

    exit_code = 18


class VerifyError(WheelsError):
    """A wheel exists but failed its proof; it is kept aside, named as failed."""

    exit_code = 19


class CommandError(WheelsError):
    """A program ended with an exit code other than zero, or ran out of time."""

    exit_code = 20


class PublishError(WheelsError):
    """A store could not be read or written, or holds other bytes under a name that was to be published."""

    exit_code = 21


class InterruptedBuildError(WheelsError):
    """Stopped by Ctrl-C or a signal; everything finished is kept and the next run resumes."""

    exit_code = 130
