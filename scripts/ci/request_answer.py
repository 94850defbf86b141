"""What is said to somebody who asks for a wheel: published, planned, possible or not possible, by the plan alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.version import InvalidVersion, Version

from scripts.ci.request_form import AskedWheel
from scripts.facts.facts import Facts
from scripts.index.install_line import target_words
from scripts.index.page.states import OUR_CHOICE
from scripts.plan.distance import by_numbers, distance
from scripts.plan.expand import Plan, axes_of, expand
from scripts.plan.matrix import Matrix
from scripts.plan.off_axis import why_never
from scripts.plan.target import AXES, Target
from scripts.shell import line_for
from scripts.versions import minor_of
from scripts.wheel.published import Published

Kind = Literal["published", "planned", "possible", "not possible", "not understood"]
DATA_OF = {"deepspeed": "deepspeed.yaml", "torch": "torch.yaml", "cuda": "cuda.yaml", "python": "python.yaml"}
FIRST_LABEL = "build-first"  # on the issue of a request: its target is built before all others


@dataclass(frozen=True, kw_only=True)
class RequestAnswer:
    """What is said, and of which target."""

    kind: Kind
    lines: tuple[str, ...]  # Markdown; nothing in it was written by who asked
    target: str = ""  # the id, where there is one
    nearest: str = ""

    @property
    def markdown(self) -> str:
        """The comment."""
        return "\n".join([f"**{self.kind.capitalize()}.** {self.lines[0]}", *self.lines[1:]]) + "\n"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an answer is made from."""

    matrix: Matrix
    facts: Facts
    plan: Plan  # of the whole matrix
    published: frozenset[str]  # names of the wheels
    withdrawn: Mapping[str, str]  # name of a wheel -> why it is offered no more
    queue: Sequence[str]  # ids that are not published, in the order in which they are built
    site: Published


def answer(asked: AskedWheel, known: Known) -> RequestAnswer:
    """What is said to who asks for this wheel."""
    if asked.faults:
        lines = ["The form leaves open which wheel is meant; edit it, and this answer changes:", ""]
        return RequestAnswer(kind="not understood", lines=(*lines, *(f"- {fault}" for fault in asked.faults)))
    for axis in AXES:
        if reason := why_never(axis, getattr(asked, axis), known.facts):
            return _not_possible(asked, known, f"no {axis} of that kind. {reason.rstrip('.')}")
    axes = axes_of(known.matrix, known.facts)
    words = {axis: _on_axis(axis, getattr(asked, axis), axes[axis]) for axis in AXES}
    unknown = [axis for axis in AXES if not _is_known(axis, words[axis], known.facts)]
    if unknown:
        return _unknown(unknown, words, asked, known)
    target = Target(**words)
    missing = [axis for axis in AXES if words[axis] not in axes[axis]]
    found = expand(known.matrix, known.facts, axes={axis: (words[axis],) for axis in AXES})
    if found.excluded:
        [row] = found.excluded
        if not row.rule.startswith(OUR_CHOICE):
            return _not_possible(asked, known, f"{row.reason.rstrip('.')} (rule `{row.rule}`)", target)
        name = row.rule.removeprefix(OUR_CHOICE)
        why = f"`{target.id}` is left out by choice: {row.reason}"
        return _possible(target, why, [f"the exclusion `{name}` of `matrix.yaml` taken out or narrowed"])
    if missing:
        rows = [f'`"{_row(axis, words[axis])}"` on the axis `{axis}` of `matrix.yaml`' for axis in missing]
        if "cuda" in missing:
            rows.append(f"its architectures under `arches` of `matrix.yaml`, as `{words['cuda']}`")
        return _possible(target, f"Nothing speaks against `{target.id}` but that the matrix does not name it.", rows)
    return _of_plan(target, known)


def _of_plan(target: Target, known: Known) -> RequestAnswer:
    """The answer about a target that is planned."""
    if reason := known.withdrawn.get(target.wheel_name):
        withdrawn = [f"The wheel of `{target.id}` was withdrawn, and is not offered any more.", ""]
        return RequestAnswer(
            kind="not possible", lines=(*withdrawn, f"It was withdrawn because: {_quoted(reason)}"), target=target.id
        )
    if target.wheel_name in known.published:
        line = line_for("sh", target_words(target, known.site))
        told = (f"The wheel of `{target.id}` can be installed with", "", "```", line, "```")
        return RequestAnswer(kind="published", lines=told, target=target.id)
    place = known.queue.index(target.id) + 1
    lines = (
        f"`{target.id}` is in the plan: number {place} of the {len(known.queue)} wheels that are still to be built.",
        "",
        f"A maintainer's label `{FIRST_LABEL}` puts it at the front.",
    )
    return RequestAnswer(kind="planned", lines=lines, target=target.id)


def _possible(target: Target, why: str, rows: Sequence[str]) -> RequestAnswer:
    lines = (why, "", "To have it, add:", "", *(f"- {row}" for row in rows))
    return RequestAnswer(kind="possible", lines=lines, target=target.id)


def _unknown(unknown: Sequence[str], words: Mapping[str, str], asked: AskedWheel, known: Known) -> RequestAnswer:
    """The answer about values of which no row is here: newer ones may be possible, others are none."""
    strange = [axis for axis in unknown if axis not in DATA_OF or not _is_newer(axis, words[axis], known.facts)]
    if strange:
        names = ", ".join(f"{axis} `{words[axis]}`" for axis in strange)
        return _not_possible(asked, known, f"nothing is known here of {names}, and it is no newer one")
    rows = [f"facts of {axis} `{words[axis]}` in `scripts/data/{DATA_OF[axis]}`, with their source" for axis in unknown]
    rows += [f'`"{_row(axis, words[axis])}"` on the axis `{axis}` of `matrix.yaml`' for axis in unknown]
    names = ", ".join(f"{axis} `{words[axis]}`" for axis in unknown)
    lines = (f"Nothing is known here yet of {names}.", "", "If it is released, add:", "", *(f"- {row}" for row in rows))
    return RequestAnswer(kind="possible", lines=lines)


def _not_possible(asked: AskedWheel, known: Known, reason: str, target: Target | None = None) -> RequestAnswer:
    near = _nearest(asked, known)
    state = "published" if near.wheel_name in known.published else "planned"
    lines = (f"There can be no such wheel: {reason}.", "", f"Nearest: `{near.id}`, which is {state}.")
    return RequestAnswer(kind="not possible", lines=lines, target=target.id if target else "", nearest=near.id)


def _nearest(asked: AskedWheel, known: Known) -> Target:
    """The planned target that is fewest changes away; of two as near a published one, then the newest."""
    values = {axis: by_numbers([getattr(row.target, axis) for row in known.plan.targets]) for axis in AXES}

    def far(target: Target) -> float:
        pairs = ((axis, getattr(asked, axis), getattr(target, axis)) for axis in AXES)
        return sum(_axis_distance(axis, mine, other, values[axis]) for axis, mine, other in pairs)

    newest_first = sorted((row.target for row in known.plan.targets), key=Target.sort_key, reverse=True)
    return min(newest_first, key=lambda target: (round(far(target), 6), target.wheel_name not in known.published))


def _axis_distance(axis: str, mine: str, other: str, values: Sequence[str]) -> float:
    same = minor_of(mine) == minor_of(other) if axis == "torch" else mine == other
    return 0.0 if same else distance(axis, mine, other, values)


def _on_axis(axis: str, word: str, known: Sequence[str]) -> str:
    """The value of an axis that a word means: of a torch the patch release that is built, of a line its newest."""
    line = [value for value in known if minor_of(value) == minor_of(word)] if axis == "torch" else []
    if axis == "deepspeed" and word.count(".") == 1:
        line = [value for value in known if minor_of(value) == word]
    return max(line, key=Version) if line else word


def _is_known(axis: str, word: str, facts: Facts) -> bool:
    if axis == "torch":
        return minor_of(word) in facts.torch
    if axis == "cuda":
        return word == "cpu" or f"{word[2:-1]}.{word[-1:]}" in facts.cuda
    if axis == "platform":
        return word in ("win_amd64", "linux_x86_64")
    return word in {"deepspeed": facts.deepspeed, "python": facts.pythons}[axis]


def _is_newer(axis: str, word: str, facts: Facts) -> bool:
    """Whether it can be a release that came out since the newest that is known."""
    known = {"deepspeed": facts.deepspeed, "torch": facts.torch, "cuda": facts.cuda, "python": facts.pythons}[axis]
    text = f"{word[2:-1]}.{word[-1:]}" if axis == "cuda" else word.removesuffix("t")
    try:
        newest, found = max(Version(one.removesuffix("t")) for one in known), Version(text)
    except InvalidVersion:
        return False
    return newest < found and found.major <= newest.major + 1


def _row(axis: str, value: str) -> str:
    return minor_of(value) if axis == "torch" else value


def _quoted(text: str) -> str:
    """A maintainer's own text in one line."""
    return " ".join(text.split()).replace("`", "'")
