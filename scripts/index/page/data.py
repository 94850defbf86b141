"""The page's data: one compact document of every combination and every wheel, decoded by browser/model.js.

Ten thousand wheels repeat the same few ops, architectures and proofs, so columns hold numbers of rows in small tables.
What cannot be shortened is one digest a wheel: 43 characters of base64.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scripts.facts.facts import Facts
from scripts.facts.verification_parts import Parts
from scripts.index.install_line import Tool, install_lines, torch_lines
from scripts.index.page.grid import Grid, grid_of
from scripts.index.page.proven import not_proven, proven
from scripts.index.page.states import Build, excluded_state, unpublished
from scripts.plan.distance import DECIMALS, LOSES_GPU, OLDER, WEIGHTS
from scripts.plan.expand import Plan
from scripts.plan.matrix import Matrix
from scripts.plan.off_axis import reasons_of_absence
from scripts.plan.target import Target
from scripts.wheel.published import Published
from scripts.wheel.record import Verification, WheelRecord

SCHEMA = 1
FIRST = ord("]")  # the character of reason 0; from here on no character needs an escape in JSON
ABSENT = ("unplanned", "", "This combination is not in the matrix: one of its versions is not built here.")
TOOLS: tuple[Tool, ...] = ("pip", "uv")


class Numbering:
    """Rows of a table, each there once, numbered as they come."""

    def __init__(self, rows: Iterable[Hashable] = ()) -> None:
        self.numbers: dict[Hashable, int] = {}
        for row in rows:
            self.number(row)

    def number(self, row: Hashable) -> int:
        """The number of the row, a new one when it was not there."""
        return self.numbers.setdefault(row, len(self.numbers))

    @property
    def rows(self) -> list[Any]:
        """The rows, in the order of their numbers."""
        return list(self.numbers)


def page_data(
    published: Published, plan: Plan, facts: Facts, matrix: Matrix, builds: Mapping[str, Build], repository: str | None
) -> dict[str, Any]:
    """The document behind the page; the same for the same wheels, in whatever order they come."""
    wheels = sorted(published.wheels, key=lambda record: record.target.sort_key())  # names are unique
    going = unpublished(builds, (record.target for record in wheels))
    planned = [row.target for row in plan.targets]
    grid = grid_of([*planned, *(row.target for row in plan.excluded), *(record.target for record in wheels), *going])
    combinations, reasons = _combinations(plan, grid)
    ran = {part for record in wheels if record.verification for part in record.verification.parts}
    patches = {target.torch_minor: target.torch for target in [*(record.target for record in wheels), *planned]}
    return {
        "schema": SCHEMA,
        "repository": repository,
        "axes": grid.values,
        "combinations": combinations,
        "reasons": reasons,
        "patches": patches,
        "site": published.url,
        "torchIndex": published.torch_index,
        "torchLines": list(torch_lines(published.torch_index).items()),
        "glibc": facts.linux_glibc,
        "never": [list(row) for row in reasons_of_absence(facts)],
        "arches": {variant: arches.split(";") for variant, arches in matrix.arches.items()},
        "gpus": [[f"{gpu.sm // 10}.{gpu.sm % 10}", gpu.names] for gpu in facts.gpus],
        "cards": {f"{gpu.sm // 10}.{gpu.sm % 10}": gpu.cards for gpu in facts.gpus},
        "distance": {"weights": WEIGHTS, "losesGpu": LOSES_GPU, "older": OLDER, "decimals": DECIMALS},
        "builds": _builds(going, grid),
        "notes": {id: text for record in wheels for id, text in record.notes.items()},
        "parts": {name: row.proves.replace("`", "") for name, row in facts.verification_parts.items() if name in ran},
        "wheels": _wheels(published, wheels, grid, facts.verification_parts),
    }


def _combinations(plan: Plan, grid: Grid) -> tuple[str, list[Any]]:
    """One character per combination, which names its reason; and the reasons."""
    reasons = Numbering([ABSENT])
    combinations = [0] * grid.size
    last = max((row.priority for row in plan.targets), default=0)
    for number, planned in zip(grid.numbers(row.target for row in plan.targets), plan.targets, strict=True):
        combinations[number] = reasons.number(("planned", "", f"It has priority {planned.priority} of {last}."))
    for number, row in zip(grid.numbers(row.target for row in plan.excluded), plan.excluded, strict=True):
        combinations[number] = reasons.number((excluded_state(row), row.rule, row.reason))
    return "".join(chr(FIRST + code) for code in combinations), reasons.rows


def _builds(builds: Mapping[Target, Build], grid: Grid) -> dict[str, Any]:
    rows = zip(grid.numbers(builds), builds.values(), strict=True)
    return {str(number): [build.state, build.message, build.url] for number, build in rows}


def _wheels(published: Published, records: Sequence[WheelRecord], grid: Grid, rows: Parts) -> dict[str, Any]:
    tables: dict[str, Numbering] = defaultdict(Numbering)
    columns: dict[str, list[int]] = defaultdict(list)
    for record in records:
        for name, row in _repeated(published, record, rows).items():
            columns[name].append(tables[name].number(row))
    return {
        "number": grid.numbers(record.target for record in records),
        "bytes": [record.bytes for record in records],
        "sha256": "".join(_short(record.sha256) for record in records),
        "columns": columns,
        "tables": {name: table.rows for name, table in tables.items()},
    }


def _repeated(published: Published, record: WheelRecord, rows: Parts) -> dict[str, Hashable]:
    """What many wheels have in common, by the name of the column."""
    found = record.verification
    return {
        **{tool: tuple(_patterns(install_lines(record, published, tool), record)) for tool in TOOLS},
        "base": published.address(record).removesuffix(quote(record.file)),
        "platformTag": record.platform_tag or record.target.platform,
        "torch": record.torch,
        "ops": tuple(record.ops),
        "leftOut": tuple(sorted(record.left_out.items())),
        "arches": tuple(record.arches),
        "cpu": record.cpu_level,
        "verification": _verification(record.verification),
        "proven": proven(record, rows),
        "parts": found.parts if found else (),
        "partsLeft": not_proven(found, rows.values()) if found else (),
        "manifest": record.url is not None,
        "notes": tuple(sorted(record.notes)),
    }


def _patterns(lines: Mapping[str, str], record: WheelRecord) -> Iterator[tuple[str, str]]:
    """Each shell and its line with the names of values for the values, so that it is the same for most wheels."""
    target = record.target
    channel, variant = f"{target.cuda}/torch{target.torch_minor}", f"/{target.cuda}"
    for shell, line in lines.items():
        named = line.replace(target.wheel_version, "{version}").replace(channel, "{channel}")
        yield shell, named.replace(variant, "/{cuda}")


def _verification(found: Verification | None) -> Hashable:
    return found and (found.level, tuple(found.passed), tuple(found.failed), tuple(sorted(found.skipped.items())))


def _short(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode("ascii").rstrip("=")
