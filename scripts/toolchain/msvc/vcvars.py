"""The environment that vcvars64.bat sets for one toolset, captured exactly and kept: `capture_environment`.

vcvars runs in cmd.exe and a Python started by that cmd.exe writes its own environment down as JSON, so that no value
(quotes, newlines, `=`, another code page) is ever taken apart as text. It runs in an environment of our own making:
without what another Visual Studio prompt left behind, which vcvars would add to, and with a short PATH, because cmd.exe
refuses a line of more than 8191 characters and vcvars writes PATH into one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from scripts.command import ask
from scripts.errors import PrerequisiteError
from scripts.stamp import read_record, write_record
from scripts.toolchain.msvc.prompt import changed, cleaned, merged_path, require_64_bit, seen_by_vcvars, value_of
from scripts.toolchain.msvc.toolset import ChosenToolset
from scripts.toolchain.msvc.visual_studio import VisualStudio

SYSTEM_PATH = (r"System32", r"", r"System32\Wbem", r"System32\WindowsPowerShell\v1.0")
KEPT = ("version", "linker_version", "sdk", "ucrt")
TIMEOUT_SECONDS = 180
TAIL = 8
TELEMETRY = "VSCMD_SKIP_SENDTELEMETRY"  # its process would outlive cmd.exe
OURS = "VCVARS_RUN_"
DUMP = "import json, nt, os; open(os.environ['VCVARS_RUN_ANSWER'], 'w').write(json.dumps(nt.environ))"
# No path stands in the line itself: a variable's value is not parsed again, whatever signs are in it. `call` would read
# a second time, so it is given a name without any. `if errorlevel` is asked when it is reached, `%ERRORLEVEL%` is not.
LINE = (
    r"call .\vcvars64.bat -vcvars_ver=%VCVARS_RUN_TOOLSET% & if errorlevel 1 (exit 1) else"
    r' "%VCVARS_RUN_PYTHON%" -I -S -c "%VCVARS_RUN_DUMP%"'
)


@dataclass(frozen=True, kw_only=True)
class MsvcEnvironment:
    """What a compiler process needs of one toolset."""

    studio: VisualStudio
    toolset: str  # "14.44.35207"
    variables: Mapping[str, str]  # what is added to the caller's environment, or changed
    compiler: Path
    linker: Path
    version: str  # "Microsoft (R) C/C++ Optimizing Compiler Version 19.44.35207 for x64"
    linker_version: str  # "Microsoft (R) Incremental Linker Version 14.44.35207.1"
    sdk: str  # of Windows, "10.0.26100.0"
    ucrt: str  # the C runtime that the SDK brings, "10.0.26100.0"

    def identity(self) -> dict[str, str]:
        """What of it can change a binary; numbers only, since the sentences around them are translated."""
        numbers = {"compiler": _number(self.version), "linker": _number(self.linker_version)}
        return {**numbers, "toolset": self.toolset, "sdk": self.sdk, "ucrt": self.ucrt}

    def document(self) -> dict[str, object]:
        """It as plain values, for `--json` and for reading."""
        return {
            "visual_studio": self.studio.name,
            "version": self.studio.version,
            "root": str(self.studio.root),
            "toolset": self.toolset,
            "compiler": str(self.compiler),
            "linker": str(self.linker),
            "identity": self.identity(),
            "variables": dict(sorted(self.variables.items())),
        }


def capture_environment(
    chosen: ChosenToolset, cache: Path, environment: Mapping[str, str] | None = None
) -> MsvcEnvironment:
    """The environment of the chosen toolset, for a caller with `environment` (this process's); kept in `cache`.

    Raises PrerequisiteError in a prompt for another processor, in a 32-bit Python, when vcvars64.bat fails, and when
    what it sets up is not the chosen compiler.
    """
    caller = dict(os.environ if environment is None else environment)
    require_64_bit(caller)
    kept = cache / f"{_key(chosen, caller)}.json"
    found = _read(kept, chosen)
    if found is None:
        after = _run_vcvars(chosen, caller)
        found = _complete(chosen, after, changed(after, cleaned(caller)))
        _write(kept, found)
    return replace(found, variables=changed(found.variables, caller))


def _run_vcvars(chosen: ChosenToolset, caller: Mapping[str, str]) -> dict[str, str]:
    """All of the environment after vcvars64.bat, with the caller's own PATH in it."""
    script, start, short = chosen.studio.vcvars, cleaned(caller), _short_path(caller)
    if not script.is_file():
        raise PrerequisiteError(
            f"{script} is missing; repair {chosen.studio.name} with the Visual Studio Installer", id="vcvars-failed"
        )
    with tempfile.TemporaryDirectory(prefix="vcvars-", ignore_cleanup_errors=True) as directory:
        answer = Path(directory, "environment.json")
        exit_code, output = _run(_line(caller), _child(start, short, chosen.version, answer), script.parent)
        if exit_code or "[ERROR:" in output or not answer.is_file():
            raise PrerequisiteError(_failure(chosen, output), id="vcvars-failed")
        after = _without_ours(json.loads(answer.read_text(encoding="ascii")), start)
    path = value_of(start, "PATH")
    return {name: merged_path(value, short, path) if name.upper() == "PATH" else value for name, value in after.items()}


def _line(environment: Mapping[str, str]) -> str:
    """The line that starts cmd.exe; it reads the rest itself, in its own way, so nothing is quoted for it."""
    return f'"{PureWindowsPath(_windows(environment), "System32", "cmd.exe")}" /d /e:on /v:off /s /c "{LINE}"'


def _child(start: Mapping[str, str], short: str, toolset: str, answer: Path) -> dict[str, str]:
    """The environment that vcvars is run in."""
    ours = {"ANSWER": str(answer), "PYTHON": sys.executable, "DUMP": DUMP, "TOOLSET": toolset}
    own = {**{OURS + name: value for name, value in ours.items()}, "PATH": short, TELEMETRY: "1"}
    return {**{name: value for name, value in start.items() if name.upper() != "PATH"}, **own}


def _without_ours(after: Mapping[str, str], start: Mapping[str, str]) -> dict[str, str]:
    """What vcvars left, without the names that we, cmd.exe and the launcher of a virtual environment added."""
    added = {"PROMPT", "__PYVENV_LAUNCHER__", TELEMETRY} - {name.upper() for name in start}
    return {
        name: value
        for name, value in after.items()
        if name and name.upper() not in added and not name.startswith((OURS, "="))
    }


def _complete(chosen: ChosenToolset, after: Mapping[str, str], variables: Mapping[str, str]) -> MsvcEnvironment:
    """The captured environment with its programs asked for their versions; see `capture_environment` for errors."""
    compiler = _on_path("cl.exe", value_of(after, "PATH"))
    if not compiler or not _same(compiler, chosen.compiler):
        raise PrerequisiteError(
            f"vcvars64.bat of {chosen.studio.name} leads to {compiler or 'no cl.exe at all'}, not to {chosen.compiler};"
            f" repair Visual Studio with its installer, or take a directory of another compiler off PATH",
            id="vcvars-failed",
        )
    linker = chosen.compiler.with_name("link.exe")
    version, linker_version = (_banner(program, after) for program in (chosen.compiler, linker))
    if not _number(version).startswith(f"{chosen.msc_ver // 100}.{chosen.msc_ver % 100:02}."):
        raise PrerequisiteError(
            f"{chosen.compiler} calls itself {version or 'nothing'!r}, not the compiler of toolset {chosen.version};"
            f" repair {chosen.studio.name} with the Visual Studio Installer",
            id="vcvars-failed",
        )
    sdk, ucrt = (value_of(after, name).strip("\\") for name in ("WindowsSDKVersion", "UCRTVersion"))
    return MsvcEnvironment(
        studio=chosen.studio,
        toolset=chosen.version,
        variables=variables,
        compiler=chosen.compiler,
        linker=linker,
        version=version,
        linker_version=linker_version,
        sdk=sdk,
        ucrt=ucrt,
    )


def _failure(chosen: ChosenToolset, output: str) -> str:
    last = "".join(f"\n  {line}" for line in [line for line in output.splitlines() if line.strip()][-TAIL:])
    return (
        f"{chosen.studio.vcvars} -vcvars_ver={chosen.version} failed;"
        f" repair {chosen.studio.name} with the Visual Studio Installer{last}"
    )


def _run(
    program: str | Sequence[str], environment: Mapping[str, str], directory: Path | None = None
) -> tuple[int, str]:
    """Exit code and both outputs, in the code page of consoles; a program that cannot be run ends with -1."""
    code_page = "oem" if sys.platform == "win32" else "utf-8"
    answer = ask(program, env=environment, cwd=directory, seconds=TIMEOUT_SECONDS, encoding=code_page)
    return answer.exit_code, answer.output + answer.errors


def _banner(program: Path, environment: Mapping[str, str]) -> str:
    """The line by which the program names itself, in English where its language pack is there."""
    lines = _run([str(program)], {**environment, "VSLANG": "1033"})[1].splitlines()
    return next((line.strip() for line in lines if _number(line)), "")


def _number(banner: str) -> str:
    match = re.search(r"\d+(\.\d+){2,}", banner)
    return match[0] if match else ""


def _short_path(environment: Mapping[str, str]) -> str:
    return ";".join(str(PureWindowsPath(_windows(environment), directory)) for directory in SYSTEM_PATH)


def _windows(environment: Mapping[str, str]) -> str:
    return value_of(environment, "SYSTEMROOT") or value_of(environment, "WINDIR") or r"C:\Windows"


def _on_path(program: str, path: str) -> Path | None:
    directories = (Path(directory.strip('"')) for directory in path.split(";") if directory)
    return next((directory / program for directory in directories if (directory / program).is_file()), None)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.normcase(one) == os.path.normcase(other)


# ---------------------------------------------------------------- kept


def _key(chosen: ChosenToolset, caller: Mapping[str, str]) -> str:
    """Everything that the answer depends on: script, compiler, toolset, and what vcvars looks at of the caller's."""
    stamps = [[str(path), *_stamp(path)] for path in (chosen.studio.vcvars, chosen.compiler)]
    text = json.dumps([chosen.version, stamps, seen_by_vcvars(caller)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _read(kept: Path, chosen: ChosenToolset) -> MsvcEnvironment | None:
    """What was kept; None when there is nothing, when it is damaged, or when its programs or headers are gone."""
    entry = read_record(kept)
    if entry is None:
        return None
    headers = [Path(directory) for directory in entry["headers"]]
    linker = chosen.compiler.with_name("link.exe")
    if not all(path.exists() for path in (chosen.compiler, linker, *headers)):
        return None
    return MsvcEnvironment(
        studio=chosen.studio,
        toolset=chosen.version,
        compiler=chosen.compiler,
        linker=linker,
        variables=entry["variables"],
        **{name: entry[name] for name in KEPT},
    )


def _write(kept: Path, found: MsvcEnvironment) -> None:
    directories = [directory for directory in value_of(found.variables, "INCLUDE").split(";") if directory]
    headers = [directory for directory in directories if Path(directory).is_dir()]
    entry = {**{name: getattr(found, name) for name in KEPT}, "variables": dict(found.variables), "headers": headers}
    write_record(kept, entry)
