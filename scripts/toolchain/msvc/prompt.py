"""The prompt that we are started from: what a Visual Studio prompt left in it, and what one adds to it.

Names of variables count as Windows counts them: upper and lower case are one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from scripts.errors import PrerequisiteError

# What vcvars and VsDevCmd set and say of themselves.
PROMPT_VARIABLES = re.compile(
    r"(__)?(VSCMD|DEVENV|VCTOOLS|VCIDE|VCINSTALL|VSINSTALL|VISUALSTUDIO|WINDOWSSDK|WINDOWSLIB|UCRT|UNIVERSALCRT"
    r"|FRAMEWORK|NETFX|EXTENSIONSDK|IFCPATH|DOTNET_ADD|DOTNET_PREFERRED).*",
    re.IGNORECASE,
)
SIGNS_OF_A_PROMPT = frozenset({"VSCMD_VER", "VCINSTALLDIR", "VCTOOLSINSTALLDIR"})
SEARCH_PATHS = ("PATH", "INCLUDE", "LIB", "LIBPATH", "EXTERNAL_INCLUDE")
# Makers of computers preset Platform, to BPC or MCD: only the name of another processor says something there.
PLACES = ("SYSTEMROOT", "WINDIR", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432", "COMMONPROGRAMFILES")
OTHER_PLATFORMS = frozenset({"x86", "win32", "arm", "arm64"})


def require_64_bit(environment: Mapping[str, str], *, max_size: int = sys.maxsize) -> None:
    """Raise PrerequisiteError when this is a prompt for another processor than x64, or a 32-bit Python."""
    if max_size < 2**32:
        raise PrerequisiteError(
            f"{sys.executable} is a 32-bit Python and torch is 64-bit only; install the 64-bit Python and start again",
            id="python-not-usable",
        )
    target, platform = (value_of(environment, name).lower() for name in ("VSCMD_ARG_TGT_ARCH", "Platform"))
    if target not in ("", "x64", "amd64") or (not target and platform in OTHER_PLATFORMS):
        raise PrerequisiteError(
            f'this is a Visual Studio prompt for {target or platform}; open the "x64 Native Tools Command Prompt", or'
            " a plain one: the compiler is found without any",
            id="prompt-not-x64",
        )


def value_of(environment: Mapping[str, str], name: str) -> str:
    """The variable's value, however its name is written; empty when it is not there."""
    return next((value for key, value in environment.items() if key.upper() == name.upper()), "")


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as it was before a Visual Studio prompt was set up in it; as it is when none was.

    A prompt keeps the PATH that it found as __VSCMD_PREINIT_PATH. Its INCLUDE, LIB and LIBPATH go: vcvars would put
    its own before them, and headers of two toolsets would be mixed.
    """
    if not SIGNS_OF_A_PROMPT & {name.upper() for name in environment}:
        return dict(environment)
    found = {name: value_of(environment, f"__VSCMD_PREINIT_{name}") for name in SEARCH_PATHS}
    found["PATH"] = found["PATH"] or value_of(environment, "PATH")
    gone = {*SEARCH_PATHS, "PLATFORM"}
    rest = {
        name: value
        for name, value in environment.items()
        if not PROMPT_VARIABLES.fullmatch(name) and name.upper() not in gone
    }
    return {**rest, **{name: value for name, value in found.items() if value}}


def seen_by_vcvars(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The variables that decide what vcvars sets, sorted; a caller's hundred others change from run to run."""
    named = {*SEARCH_PATHS, *PLACES, "PLATFORM"}
    return sorted(
        (name.upper(), value)
        for name, value in environment.items()
        if name.upper() in named or PROMPT_VARIABLES.fullmatch(name)
    )


def changed(after: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """What of `after` the caller's environment does not hold, or holds with another value."""
    before = {name.upper(): value for name, value in caller.items()}
    return {name: value for name, value in after.items() if before.get(name.upper()) != value}


def merged_path(after: str, short: str, caller: str) -> str:
    """The PATH with the caller's own where vcvars was shown the `short` one."""
    first, shown, last = after.partition(short)
    return f"{first}{caller}{last}" if shown else f"{after};{caller}"
