"""The difference in words: for the terminal, and as the text of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.watch.consequence import ReleaseChange
from scripts.watch.difference import DIFFERS, GONE, NOTE, Remark
from scripts.watch.watching import Watching

HEADS = {
    GONE: "Gone, and left in the data",
    DIFFERS: "Different, and left as it is in the data",
    NOTE: "To know",
}
NOTHING = "The data have all that the world serves, as far as it answered."


def in_words(found: Watching) -> Iterator[str]:
    """Lines of Markdown, the same for the same findings."""
    additions = found.difference.additions
    if additions:
        yield f"## New: {len(additions)}"
        yield ""
        for addition in additions:
            yield f"- **{addition.row}**: {addition.words}"
            yield from (f"  - look: {each}" for each in addition.look)
        yield ""
        yield from _meaning(found)
    else:
        yield NOTHING
        yield ""
    for kind, head in HEADS.items():
        yield from _remarks(head, [each for each in found.difference.remarks if each.kind == kind])
    if found.silent:
        yield "## Unknown: these sources did not answer"
        yield ""
        yield from (f"- {answer.source}: {_without(answer.reason, answer.source)}" for answer in found.silent)
        yield ""


def _without(reason: str, source: str) -> str:
    return reason.removeprefix(source).removeprefix(": ")


def _remarks(head: str, remarks: list[Remark]) -> Iterator[str]:
    if remarks:
        yield f"## {head}"
        yield ""
        yield from (f"- **{remark.row}**: {remark.words}" for remark in remarks)
        yield ""


def _meaning(found: Watching) -> Iterator[str]:
    yield "## What it means for the plan"
    yield ""
    if found.consequence is None:
        yield "- unknown: the edited data do not fit together:"
        yield from (f"  - {problem}" for problem in found.problems)
        yield ""
        return
    for each in found.consequence.targets:
        how = f"with {each.needs} of matrix.yaml" if each.needs else "at once"
        yield f"- {each.what}: {each.targets} new targets, {each.hours} hours of building, {how}"
    if not found.consequence.targets:
        yield "- no new target"
    for change in found.consequence.releases:
        yield from _release(change)
    if any(addition.row.startswith(("torch", "CUDA")) for addition in found.difference.additions):
        yield "- torch and the toolkit are part of every op's key: no cache serves an op for a new one of them"
    yield ""


def _release(change: ReleaseChange) -> Iterator[str]:
    for accelerator, ops in change.changed.items():
        same = change.same[accelerator]
        if ops or same:
            yield (
                f"- DeepSpeed {change.deepspeed} for {accelerator}: {len(ops)} ops are not those of {change.before} "
                f"({', '.join(ops) or 'none'}) and are compiled; {len(same)} come from the cache"
            )
    found = ", ".join(change.patches) or "none is needed"
    yield f"- DeepSpeed {change.deepspeed}: patches that find their place: {found}"
    for id, why in change.misplaced.items():
        yield f"  - look: end the range of patch {id}: {why}"
    if change.default_arches:
        yield f"  - look: its default architectures are {change.default_arches}, not those of {change.before}"


def as_document(found: Watching, *, written: bool) -> dict[str, object]:
    """The same for programs."""
    consequence = found.consequence
    return {
        "additions": [
            {
                "row": each.row,
                "words": each.words,
                "files": sorted({e.file for e in each.edits}),
                "look": list(each.look),
            }
            for each in found.difference.additions
        ],
        **{
            kind: [{"row": each.row, "words": each.words} for each in found.difference.remarks if each.kind == kind]
            for kind in HEADS
        },
        "unknown": [{"source": answer.source, "reason": answer.reason} for answer in found.silent],
        "plan": None
        if consequence is None
        else {
            "targets": [
                {"what": each.what, "targets": each.targets, "hours": each.hours, "needs": each.needs or None}
                for each in consequence.targets
            ],
            "releases": [
                {
                    "deepspeed": each.deepspeed,
                    "before": each.before,
                    "changed_ops": {key: list(ops) for key, ops in each.changed.items()},
                    "same_ops": {key: list(ops) for key, ops in each.same.items()},
                    "patches": list(each.patches),
                    "misplaced_patches": dict(each.misplaced),
                }
                for each in consequence.releases
            ],
        },
        "problems": list(found.problems),
        "written": sorted(found.texts) if written else [],
    }
