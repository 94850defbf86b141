"""Puts a chosen wheel into an environment: this very file, checked by its hash, and never another torch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import CommandError
from scripts.install.environment import Environment, read_environment
from scripts.install.keeping import Loaded, kept, load_all
from scripts.install.package_client import client_words, only_from, run_client
from scripts.install.path_lengths import require_short_paths
from scripts.shell import WINDOWS, shell_line
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A wheel, the environment that it is for, and how it gets in."""

    record: WheelRecord
    published: Published
    environment: Environment
    replaces_itself: bool = False  # the same version is there and cannot be used, so the client must not keep it
    file: Path | None = None  # the wheel, where it is on this machine; None: the client fetches it

    @property
    def constraints(self) -> str:
        """What the client may not change: the wheel asks for a minor of torch, and that has builds for CPU, too."""
        torch = self.environment.torch
        return f"torch=={torch.installed}\n" if torch else ""

    def words(self, constraints: Path) -> list[str]:
        """The command, with the constraints in that file; raises PrerequisiteError where there is no package client."""
        wheel = f"deepspeed @ {self.published.address(self.record)}#sha256={self.record.sha256}"
        again = self._again() if self.replaces_itself else ()
        return [
            *client_words(self.environment),
            *again,
            "--only-binary",
            "deepspeed",
            "--constraint",
            str(constraints),
            wheel,
        ]

    def _again(self) -> Sequence[str]:
        """What makes the client put in a version that it takes for installed, and that alone."""
        if self.environment.deepspeed != self.record.target.wheel_version:
            return ()
        return ("--force-reinstall", "--no-deps") if self.environment.has_pip else ("--reinstall-package", "deepspeed")

    def lines(self, *, windows: bool = WINDOWS) -> list[str]:
        """What is done, to read or to paste into this system's shell."""
        line = shell_line(self.words(Path("constraints.txt")), windows=windows)
        return [f"# constraints.txt: {self.constraints.strip()}", line]

    def run(self, heard: Log = no_log) -> Loaded:
        """Install, and say which ops load; raises CommandError when the client fails, or what is there does not load.

        Raises PrerequisiteError before anything is changed where Windows would refuse the path of a file.

        The DeepSpeed that was there before is there again then. `heard` takes what the client says on standard error.
        """
        if self.file:
            require_short_paths(self.file, self.environment)
        with kept(self.environment.python):
            self._install(heard)
            self._check()
            return load_all(self.environment.python)

    def _install(self, heard: Log) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
            constraints = Path(directory) / "constraints.txt"
            constraints.write_text(self.constraints, encoding="utf-8")
            for words in self._steps(constraints):
                run_client(words, heard)

    def _steps(self, constraints: Path) -> Sequence[Sequence[str]]:
        """The wheel by itself, from its file, then what it requires: so the client writes down no path of today."""
        if self.file is None:
            return (self.words(constraints),)
        client, exact = client_words(self.environment), f"deepspeed=={self.record.target.wheel_version}"
        again = [word for word in self._again() if word != "--no-deps"] if self.replaces_itself else []
        alone = ("--no-deps", "--no-index", "--find-links", str(self.file.parent))
        needs = ("--only-binary", "deepspeed", "--constraint", str(constraints))
        return ([*client, *again, *alone, exact], [*client, *needs, exact])

    def _check(self) -> None:
        now = read_environment(str(self.environment.python), machine=self.environment.machine)
        wanted = self.record.target.wheel_version
        if now.deepspeed != wanted or now.torch != self.environment.torch:
            torch = now.torch.version if now.torch else "no torch"
            raise CommandError(
                f"the package client left deepspeed {now.deepspeed} and {torch}; {wanted} was asked for",
                id="torch-mismatch",
            )


def torch_words(
    record: WheelRecord, published: Published, environment: Environment, *, same: bool = False
) -> list[str]:
    """What brings the torch of a wheel, and of its set what of torchvision and torchaudio is installed.

    `same`: the torch that is installed is the one, and only the others have to follow.
    """
    torch = environment.torch
    wanted = f"torch=={record.target.torch}+{record.target.cuda}"
    if same and torch:
        wanted = f"torch=={torch.installed}"
    again = ["--force-reinstall"] if environment.has_pip else ["--reinstall-package", "torch"]
    extra = again if torch and torch.gone else []
    index = published.torch_channel(record.target)
    return only_from(index, [*client_words(environment), *extra, wanted, *environment.companions])


def torch_line(record: WheelRecord, published: Published, environment: Environment, *, windows: bool = WINDOWS) -> str:
    """The line that brings the torch a wheel was built with, for this system's shell."""
    index = published.torch_channel(record.target)
    client, wanted = client_words(environment), f"torch=={record.target.torch}"
    return shell_line(only_from(index, [*client, wanted]), windows=windows)
