"""The commands that installing a wheel makes: DeepSpeed's, all of them, and no other program's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.verify.check import Verdict, verdict
from scripts.verify.source_match import SourceMatch

# what DeepSpeed's commands are called: another one would take the place of pip, or of Python, in the environment
GROUPS = ("[console_scripts]", "[gui_scripts]", "[pytest_randomly.random_seeder]")  # upstream has the last one
COMMAND = re.compile(r"(?:deepspeed|ds)[A-Za-z0-9_.]*")
OF_WINDOWS = ("ds", "deepspeed.bat", "ds_report", "ds_report.bat")  # what each setup.py lists there, 0.14.5 to 0.19.8
ENTRY_POINTS = "dist-info/entry_points.txt"


def check_commands(match: SourceMatch) -> Verdict:
    """Scripts and entry points are those of the release's source; of an unknown release, called like DeepSpeed's."""
    scripts = sorted(name.removeprefix("scripts/") for name in match.members if name.startswith("scripts/"))
    faults = list(_misnamed(match, scripts)) or list(_unlike_source(match, scripts))
    return verdict(faults, ", ".join(scripts) or "none")


def _misnamed(match: SourceMatch, scripts: list[str]) -> Iterator[str]:
    for name in scripts:
        if not COMMAND.fullmatch(name):
            yield f"{name!r} would be a command that is not DeepSpeed's"
    text = match.recorded.content.metadata_file("entry_points.txt") or ""
    lines = [line.strip() for line in text.splitlines()]
    for line in (line for line in lines if line and line[0] not in "#;"):
        if line not in GROUPS and not COMMAND.fullmatch(line.partition("=")[0].strip()):
            yield f"entry_points.txt has {line!r}, which is no command of DeepSpeed's"


def _unlike_source(match: SourceMatch, scripts: list[str]) -> Iterator[str]:
    """What the source has otherwise, where it is known."""
    if match.source is None:
        return
    listed = [name.removeprefix("scripts/") for name in match.source.files if name.startswith("scripts/")]
    windows = match.recorded.content.system == "windows"
    wanted = OF_WINDOWS if windows else tuple(name for name in listed if not name.endswith(".bat"))
    faults = {name.rpartition("/")[2] for name in match.recorded.faults}
    for name in wanted:
        if name in listed and name not in scripts and name not in faults:
            yield f"the command {name} is missing"
    for name in scripts:
        if name not in listed:
            yield f"{name!r} is no command of DeepSpeed {match.source.release}"
        elif match.variant(f"scripts/{name}") is None:
            yield f"the command {name} is not as in the source"
    if ENTRY_POINTS in match.source.files and ENTRY_POINTS not in match.members:
        yield "entry_points.txt is missing"
    elif ENTRY_POINTS in match.members and match.variant(ENTRY_POINTS) is None:
        yield "entry_points.txt is not as in the source"
