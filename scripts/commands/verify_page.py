"""docs/verify.md, written from the rows of parts.yaml and from what verifications said (docs/verified.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.dirs import CHECKOUT
from scripts.facts.load import load_facts
from scripts.facts.verification_parts import BESIDE, GROUPS, VerificationPart
from scripts.verify.explained import explained_checks

VERIFY_PAGE = CHECKOUT / "docs" / "verify.md"
VERIFIED = (
    CHECKOUT / "docs" / "verified.json"
)  # by release, the `parts` of what `invoke verify --json` said of its wheel
WORDS = {True: "passed", False: "**failed**", None: "skipped"}
INTRODUCTION = """\
# What a verification proves

`invoke verify WHEEL` reads the file; `--level` says how far it is run beyond that, `--with` adds what takes longer.
This page is written by `python -m scripts.commands.reference` from `scripts/data/parts.yaml` and `docs/verified.json`;
more on the checks of the file is in the [reference](reference.md#levels-of-verification).

One Python imports torch and DeepSpeed, and forks for each part; parts run side by side, as many processes at once as
there are processors. Where there is a GPU, or no fork (Windows), each part is a process of its own. Without `--python`
that Python is a fresh environment's, with the torch that the wheel was built for; with it, what is installed there is
compared with the wheel's RECORD first. A part that cannot run says why, and is not counted as passed. Nothing is
compiled: an op that the wheel lacks is an error, where DeepSpeed would compile it. Data are made up, models tiny; where
torch can do the same alone, its losses, weights, logits or words are what counts, not only that a loss falls.
"""
THE_FILE = """\
## The file

Nothing of the wheel is run, so any system reads any wheel. One cause gives one failure: what waits on a check that
failed is skipped.
"""


def verify_page() -> str:
    """docs/verify.md."""
    facts = load_facts()
    lines = [INTRODUCTION, "## Levels", "", "| level | proves |", "| --- | --- |"]
    for level in facts.verification_levels.values():
        former = f" (formerly `{level.alias}`)" if level.alias else ""
        lines.append(f"| `{level.name}`{former} | {level.proves} |")
    lines += ["", "A wheel's manifest says which parts passed, were skipped and why (`proof.parts`), with seconds.", ""]
    lines += [THE_FILE, "| check | holds when it passes |", "| --- | --- |"]
    lines += [f"| {name} | {holds} |" for name, holds in explained_checks().items()]
    parts = list(facts.verification_parts.values())
    lines += ["", "## Parts", "", "The processes of a part stand behind its name; on a GPU each has one.", ""]
    for group, title in GROUPS.items():
        lines += [f"### {title}", "", "| part | from level | proves |", "| --- | --- | --- |"]
        lines += [row_of(part) for part in parts if part.group == group]
        lines.append("")
    return "\n".join([*lines, *results_table(read_results(VERIFIED), parts)])


def row_of(part: VerificationPart) -> str:
    """The part's row."""
    count = f" ({', then '.join(map(str, part.processes))})" if max(part.processes) > 1 else ""
    level = {"gpu": "[on a GPU](gpu.md)"}.get(part.level, f"`{part.level}`")
    level = f"`--with {part.level}`" if part.level in BESIDE else level
    return f"| {part.name}{count} | {level} | {part.proves}{_limits(part)} |"


def _limits(part: VerificationPart) -> str:
    limits = [f"needs {', '.join(part.ops)}"] if part.ops else []
    limits += [f"needs {', '.join(part.packages)}"] if part.packages else []
    where = " on a CPU" if part.cpu_versions else ""
    limits += [f"DeepSpeed {part.versions or part.cpu_versions}{where} ({part.why_not})"] if part.why_not else []
    return f"; {'; '.join(limits)}" if limits else ""


def read_results(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """By release: the wheel, the machine and how each part ended; nothing where there is no such file."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def results_table(results: Mapping[str, Mapping[str, Any]], parts: Iterable[VerificationPart]) -> Iterator[str]:
    """Each part that needs no GPU, with its last result and seconds by release."""
    if not results:
        return
    yield from ("## Last results", "")
    for release, found in results.items():
        yield f"- {release}: {found['how']}"
    yield from (
        "",
        "Seconds are those of the processors, of all processes of a part; what is skipped says why below.",
        "",
    )
    yield f"| part | {' | '.join(results)} |"
    yield f"| --- |{' --- |' * len(results)}"
    reasons: dict[str, list[str]] = {}
    for part in parts:
        runs = {release: found["parts"].get(part.name) for release, found in results.items()}
        if part.level == "gpu":
            continue
        yield f"| {part.name} | {' | '.join(cell_of(run) for run in runs.values())} |"
        for release, run in runs.items():
            if run and run["passed"] is not True:
                reasons.setdefault(f"{WORDS[run['passed']]}: {run['reason']}", []).append(f"{part.name} ({release})")
    yield ""
    yield from (f"- {reason}: {', '.join(where)}" for reason, where in reasons.items())
    yield ""


def cell_of(run: Mapping[str, Any] | None) -> str:
    """How a part ended, and its seconds."""
    if run is None:
        return "not run"
    return WORDS[run["passed"]] + (f", {run['cpu_seconds']:.1f} s" if run["passed"] is not None else "")
