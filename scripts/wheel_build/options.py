"""What a person may choose about a build beside its target."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from scripts.command import Command
from scripts.plan.target import Target

SOURCES = ("auto", "tag", "sdist")
PROOFS = ("audit", "smoke", "full")


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a person may choose beside the target."""

    ops: tuple[str, ...] | None = None  # None: what the matrix says
    jobs: int = 0  # 0: every processor
    use_cache: bool = True
    precompile: bool = True
    source: str = "auto"  # one of SOURCES
    toolkit: str = "auto"  # "auto", "redist", "pip", or the folder of a CUDA toolkit
    prove: str = "full"  # one of PROOFS
    minutes: int = 0  # 0: no limit; a compile that is not done by then stops, to be resumed

    @property
    def folder(self) -> str:
        """Where a wheel of fewer ops lies below its cell's folder, so that it never replaces the full one."""
        return f"/only-{'-'.join(sorted(self.ops))}"[:80] if self.ops else ""

    def as_words(self) -> tuple[str, ...]:
        """The options as typed after `invoke build` or `nox --`."""
        named = {
            "--ops": ",".join(self.ops or ()),
            "--jobs": str(self.jobs or ""),
            "--source": self.source.removeprefix("auto"),
            "--toolkit": self.toolkit if self.toolkit != "auto" else "",
            "--prove": self.prove if self.prove != "full" else "",
            "--minutes": str(self.minutes or ""),
        }
        flags = {"--no-cache": not self.use_cache, "--no-precompile": not self.precompile}
        words = [word for name, value in named.items() if value for word in (name, value)]
        return (*words, *(name for name, given in flags.items() if given))


def repeat_command(target: Target, options: BuildOptions) -> str:
    """The line that makes this wheel again."""
    words = ["invoke", "build", "--id", target.id, *options.as_words()]
    return Command(argv=tuple(words)).as_shell(windows=sys.platform == "win32")
