"""What a user may choose about a build beside its target, stated once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.options import as_words, option
from scripts.shell import shell_line

if TYPE_CHECKING:
    from scripts.plan.target import Target  # the task file imports this module, and needs no more than the options


LEVELS = ("file", "load", "core", "full", "hosted")  # the last one is one of the two before it
FORMER = ("audit", "smoke")  # names of the first two before 0.3
HOSTED = "hosted"


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What a user may choose beside the target; `invoke build` and a nox session take the same."""

    ops: tuple[str, ...] = option(
        (),
        "only these ops, separated by commas",
        more="only these ops; one that the target cannot have is an error with the reason. The wheel's name stays the "
        "same, so it is filed in a directory of its own, `only-<ops>`, beside the full one",
    )
    allow_missing: bool = option(
        False,
        "leave out the ops for which this machine lacks a header",
        more="leave out the ops for which this machine lacks a header, which is an error otherwise. Such a wheel is "
        "filed in a directory of its own, `without-<ops>`, and never published",
    )
    jobs: int = option(
        0,
        "compilers at once; 0: all processors",
        more="compilers at once; 0, the default, is every processor this process may use",
        wanted="a number of processes from 1, or 0 for every processor",
    )
    cache: bool = option(
        True,
        "look ops up in the op cache and store them there",
        more="look ops and their units up in the caches, store them there, and take the environment that the target's "
        "last build left when it is as it was",
    )
    headers: str = option(
        "auto",
        "auto, precompiled, small or torch: which of torch's headers g++ reads",
        more="which of torch's headers g++ reads: `torch` is all of `torch/extension.h`, as upstream has it; `small` "
        "what the unit asks for of it; `precompiled` the same, parsed once for many units; `auto` (the default) is "
        "`precompiled` with few compilers at once, and `small` with many, which would wait for it. GCC's code differs "
        "a little between them, so each has cache entries of its own",
        choices=("auto", "precompiled", "small", "torch"),
    )
    source: str = option(
        "auto",
        "tag, sdist, or auto: the tag's archive where it can be reached",
        more="`tag`, `sdist`, or `auto` (the default): the tag's archive, else the sdist",
        choices=("auto", "tag", "sdist"),
    )
    toolkit: str = option(
        "auto",
        "auto, redist, pip, or the directory of a CUDA toolkit",
        more="for CUDA targets: `auto` (the default) finds a toolkit of the target's version or fetches one; `redist` "
        "or `pip` fetch it that way; a directory names one. See [CUDA](cuda.md)",
        choices=("auto", "redist", "pip"),
        directory=True,
    )
    verify: str = option(
        "full",
        "file, load, core, full or hosted: how far the wheel is verified",
        more="how far the wheel is verified, as the [levels](verify.md) of `invoke verify`; `full` is the default, and "
        "only such a wheel, or one of `core`, is published, or offered by `index`, `find` and `install`. `hosted` "
        "means `full` for the first planned Python of a release, torch and CUDA, and `core` for the others. `--prove` "
        "is its former name, understood for one release, `audit` and `smoke` those of `file` and `load`",
        choices=(*LEVELS, *FORMER),
        aliases=("prove",),
    )
    wait: bool = option(
        True,
        "wait for another build of the target; --no-wait: fail at once",
        more="while another process builds the target, in this checkout or another one with the same cache, wait for "
        "it and go on from what it made; `--no-wait` is an error at once, which names that process",
    )
    minutes: int = option(
        0,
        "stop compiling after so many, to be resumed; 0: no limit",
        more="stop compiling after so many minutes, of several targets all together, and begin none after them; what "
        "is finished is kept and the same command resumes. 0, the default, is no limit",
        wanted="the minutes that compiling may take, or 0 for no limit",
    )

    def as_words(self) -> tuple[str, ...]:
        """The options as typed after `invoke build` or `nox --`."""
        return as_words(self)


def repeat_command(target: Target, options: BuildOptions, *, windows: bool = sys.platform == "win32") -> str:
    """The line that makes this wheel again, for cmd.exe when `windows`."""
    words = ("invoke", "build", "--id", target.id, *options.as_words())
    return shell_line(words, windows=windows)
