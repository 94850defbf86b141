"""`invoke portability`: whether the C++ of Windows targets would compile, asked of clang."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.project import open_project
from scripts.commands.task_options import PortabilityOptions
from scripts.errors import CompileError
from scripts.plan.selection import Selection
from scripts.portability.reading import FoundFault, Reader, Reading
from scripts.portability.source_sets import source_sets

SHOWN = 20  # faults that the message names


def portability(selection: Selection, options: PortabilityOptions) -> None:
    """Read the sources of the chosen Windows targets; raises CompileError, after the answer, for one with a fault."""
    project = open_project()
    targets = [planned.target for planned in project.select(selection).targets]
    reader = Reader(project.facts, project.matrix, project.dirs, log_line)
    reading = reader.read(source_sets(targets, project.facts, project.matrix))
    if options.json:
        print_document(as_document(reading))
    else:
        print_lines(as_lines(reading))
    if reading.findings:
        raise CompileError(_message(reading.findings), id="not-portable")


def as_document(reading: Reading) -> dict[str, object]:
    """What was read and found."""
    faults = [
        {
            "sets": list(found.sets),
            "op": found.op,
            "source": found.source,
            "place": found.fault.place,
            "text": found.fault.text,
        }
        for found in reading.findings
    ]
    return {
        "sets": dict(reading.sets),
        "read": reading.read,
        "from_before": reading.read - reading.asked,
        "faults": faults,
    }


def as_lines(reading: Reading) -> Iterator[str]:
    """One line for each release, accelerator and C++ standard, then the faults."""
    for label, count in reading.sets:
        faults = sum(label in found.sets for found in reading.findings)
        yield f"{label}: {count} sources, {faults or 'no'} fault{'' if faults == 1 else 's'}"
    known = reading.read - reading.asked
    yield f"{reading.read} different sources for cl were read{f', {known} of them before' if known else ''}"


def _message(findings: tuple[FoundFault, ...]) -> str:
    lines = [f"  {', '.join(found.sets)}: {found.op}: {found.fault.place}: {found.fault.text}" for found in findings]
    more = [f"  and {len(lines) - SHOWN} more; --json has all"] if len(lines) > SHOWN else []
    head = "cl would not compile what some ops are made from; mend it with a row under `patches` in deepspeed.yaml:"
    return "\n".join([head, *lines[:SHOWN], *more])
