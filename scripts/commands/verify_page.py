"""docs/verify.md, written from the rows of parts.yaml and from what verifications said (docs/verified.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from scripts.dirs import CHECKOUT
from scripts.facts.load import load_facts
from scripts.facts.verification_parts import BESIDE, GROUPS, VerificationPart
from scripts.verify.explained import explained_checks

VERIFY_PAGE = CHECKOUT / "docs" / "verify.md"
VERIFIED = CHECKOUT / "docs" / "verified.json"  # by release, the `parts` of `invoke verify --json`
ON_A_GPU = CHECKOUT / "docs" / "gpu-report.json"  # of scripts.verify.gpu_trial
WORDS = {True: "passed", False: "**failed**", None: "skipped"}
INTRODUCTION = """\
# What a verification proves

`invoke verify WHEEL` reads the file; `--level` says how far it is run beyond that, `--with` adds what takes longer.
This page is written by `python -m scripts.commands.reference` from the checks themselves, `scripts/data/parts.yaml` and
`docs/verified.json`; the options are in the [reference](reference.md#invoke-verify).

One Python imports torch and DeepSpeed, and forks for each part; parts run side by side, so that no processor waits.
Where there is a GPU, or no fork (Windows), each part is a process of its own. Without `--python`
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

BY_WINE = """\
## Windows wheels on Linux

The file of a `win_amd64` wheel is read anywhere. To run it on Linux, too, `--python` takes a Windows Python, or
the folder of its environment, in a [Wine](https://www.winehq.org) prefix:
`invoke verify deepspeed-….whl --level core --python ~/.wine/drive_c/venv`. That environment needs torch of the wheel's
minor, setuptools, and the wheel; what torch's requirements have in `Library\\bin` (MKL, of torch 2.3) belongs into that
folder of the environment, where `pip install` in it puts it. Wine 8 starts no numpy 2 (`numpy==1.26.4` works), and no
Python 3.12 whose `DLLs\\_wmi.pyd` is there.

Every symbol of the ops is looked up in that torch's DLLs; ops load and the parts of one process run, each in a process
of its own, with six times the time. With the registry's torch for Windows, which is for CPU, the CUDA ops of a wheel
do not load ("DLL load failed"): the answer names the DLLs and is skipped, since that is not the wheel's fault. An op
with AVX-512 is not called on a processor without it, there and everywhere: that is told instead.
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
    lines += [BY_WINE]
    return "\n".join([*lines, *results_table(read_results(VERIFIED), read_gpu_results(ON_A_GPU), parts)])


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


def read_gpu_results(file: Path) -> Mapping[str, Any]:
    """The trial's wheel and, by name, how each part ended on its GPU."""
    found = json.loads(file.read_text(encoding="utf-8"))
    parts = {part["name"]: {**part, "cpu_seconds": part["seconds"]} for part in found["parts"]}
    return {"wheel": found["wheel"], "parts": parts}


def unreported(
    results: Mapping[str, Mapping[str, Any]], gpu: Mapping[str, Any], parts: Iterable[VerificationPart]
) -> tuple[str, ...]:
    """`PART (RELEASE)` for each part that a verification should have said something of and did not."""
    asked = [
        (part.name, column, runs["parts"])
        for part in parts
        for column, runs in ([("GPU", gpu)] if part.level == "gpu" else results.items())
    ]
    return tuple(f"{name} ({column})" for name, column, runs in asked if not is_told(runs.get(name)))


def is_told(run: Mapping[str, Any] | None) -> bool:
    """Whether the part passed or failed in some seconds, or was skipped for a reason."""
    if run is None or (run["passed"] is not True and not (run.get("reason") or run.get("checks"))):
        return False
    return run["passed"] is None or run["cpu_seconds"] > 0


def results_table(
    results: Mapping[str, Mapping[str, Any]], gpu: Mapping[str, Any], parts: Sequence[VerificationPart]
) -> Iterator[str]:
    """Each part with its last result and seconds by release, and on a GPU."""
    if not results:
        return
    yield from ("## Last results", "")
    for release, found in results.items():
        yield f"- {release}: {found['how']}"
    on_gpu = f"{parse_wheel_filename(gpu['wheel'])[1].public} on a GPU"
    yield f"- {on_gpu}: [the trial](gpu.md#what-was-run), with what failed there."
    yield from (
        "",
        "Seconds are those of the processors, of all processes of a part, and on a GPU those on the clock; why a part",
        "was skipped stands below.",
        "",
    )
    yield f"| part | {' | '.join(results)} | {on_gpu} |"
    yield f"| --- |{' --- |' * len(results)} --- |"
    for part in parts:
        absent = "on a GPU only" if part.level == "gpu" else "not run"
        cells = [cell_of(found["parts"].get(part.name), absent) for found in results.values()]
        cells.append(cell_of(gpu["parts"].get(part.name), "on a CPU only" if part.where == "cpu" else "not run"))
        yield f"| {part.name} | {' | '.join(cells)} |"
    yield from ("", *reasons(results, parts), "")


def reasons(results: Mapping[str, Mapping[str, Any]], parts: Iterable[VerificationPart]) -> Iterator[str]:
    """Why parts did not pass, those with one reason together."""
    found: dict[str, list[str]] = {}
    for part in parts:
        runs = {release: result["parts"].get(part.name) for release, result in results.items()}
        for release, run in runs.items():
            if run and run["passed"] is not True:
                found.setdefault(f"{WORDS[run['passed']]}: {run['reason']}", []).append(f"{part.name} ({release})")
    yield from (f"- {reason}: {', '.join(where)}" for reason, where in found.items())


def cell_of(run: Mapping[str, Any] | None, absent: str) -> str:
    """How a part ended, and its seconds."""
    if run is None:
        return absent
    return WORDS[run["passed"]] + (f", {run['cpu_seconds']:.1f} s" if run["passed"] is not None else "")
