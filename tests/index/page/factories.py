"""Wheels that were never built, for a page that needs some."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.index.page.render import NO_BUILDS, render_page
from scripts.index.page.states import Build
from scripts.index.wheel_notes import with_notes
from scripts.plan.expand import Plan, expand
from scripts.plan.matrix import Matrix, load_matrix
from scripts.plan.ops import choose_ops
from scripts.plan.target import Target
from scripts.wheel.published import Published
from scripts.wheel.record import Verification, WheelRecord, WheelSource
from tests.plan.factories import make_target

ROOT = Path(__file__).resolve().parents[3]
SITE = "https://wheels.example/"
REPOSITORY = "owner/wheels"
CHECKS = (
    "name and tags",
    "METADATA",
    "RECORD",
    "torch requirement",
    "compiled ops",
    "run paths",
    "debug information",
    "needed libraries",
    "ds_report ops",
    "load ops",
    "cpu_adam",
    "cpu_lion",
    "training",
)
PARTS = ("load_ops", "optimizers", "zero-1", "cifar")


@cache
def world() -> tuple[Facts, Matrix, Plan]:
    """The real facts, matrix and plan."""
    facts = load_facts()
    matrix = load_matrix(ROOT / "matrix.yaml", facts)
    return facts, matrix, expand(matrix, facts)


def made_up(target: Target, **changes: Any) -> WheelRecord:  # noqa: ANN401  any field
    """A record of the target as if it had been built and published."""
    facts, matrix, _ = world()
    chosen = choose_ops(facts.ops, target, None)
    digest = hashlib.sha256(target.id.encode()).hexdigest()
    fields: dict[str, Any] = {
        "target": target,
        "sha256": digest,
        "bytes": 3_000_000 + int(digest[:6], 16),
        "ops": tuple(op.name for op in chosen.chosen),
        "left_out": chosen.left_out,
        "arches": tuple(matrix.arches.get(target.cuda, "").split(";")) if target.cuda != "cpu" else (),
        "cpu_level": "avx2",
        "torch": f"{target.torch}+{target.cuda}",
        "toolchain": {"compiler": "cl 14.44"},
        "seconds": 171.0,
        "source": WheelSource(kind="tag", sha256=digest),
        "requires_python": ">=3.10",
        "verification": Verification(level="full", passed=CHECKS, skipped={"GPU kernels": "no GPU there"}, parts=PARTS),
        "url": f"https://github.com/owner/wheels/releases/download/v{target.deepspeed}/"
        + target.wheel_name.replace("+", "%2B"),
    }
    return with_notes([WheelRecord(**{**fields, **changes})], facts)[0]


def some_wheels() -> tuple[WheelRecord, ...]:
    """About half of the plan: torch minors and Pythons that look as if a few weeks of builds had gone by."""
    _, _, plan = world()
    chosen = (row.target for row in plan.targets if row.priority <= 3 or int(row.target.torch.split(".")[1]) % 3 == 0)
    return tuple(made_up(target) for target in chosen)


def some_builds() -> dict[str, Build]:
    """Builds of targets that `some_wheels` leaves open: every seventh is going on, every fifth failed."""
    _, _, plan = world()
    there = {record.target.id for record in some_wheels()}
    open_targets = [row.target.id for row in plan.targets if row.target.id not in there]
    run = "https://github.com/owner/wheels/actions/runs/1"
    failed = Build(state="failed", message="nvcc fatal: Unsupported gpu architecture 'compute_120'", url=run)
    building = Build(state="building", message="Started.", url=run)
    return {**dict.fromkeys(open_targets[::5], failed), **dict.fromkeys(open_targets[::7], building)}


def many_wheels(count: int = 10_000) -> tuple[WheelRecord, ...]:
    """So many wheels in a fifth as many channels: releases, torch minors and variants as they may be in some years."""
    targets = (
        make_target(deepspeed=f"0.{release}.0", torch=f"2.{minor}.0", cuda=cuda, python=python, platform="win_amd64")
        for release in range(20, 1000)
        for minor in range(3, 13)
        for cuda in ("cpu", "cu118", "cu121", "cu124", "cu126", "cu128", "cu129", "cu130")
        for python in ("3.10", "3.11", "3.12", "3.13", "3.14")
    )
    return tuple(made_up(target) for target, _ in zip(targets, range(count), strict=False))


def published(records: Iterable[WheelRecord]) -> Published:
    """The wheels as an index offers them."""
    _, matrix, _ = world()
    return Published(wheels=tuple(records), url=SITE, torch_index=matrix.torch_index)


def render(
    records: Iterable[WheelRecord],
    plan: Plan | None = None,
    builds: Mapping[str, Build] = NO_BUILDS,
    site: Published | None = None,
    one_file: bytes = b"the one file",
) -> dict[str, bytes]:
    """The page of these wheels, with the real facts and, unless others are given, the real plan and address."""
    facts, matrix, whole = world()
    offered = site or published(records)
    return render_page(offered, plan or whole, facts, matrix, builds=builds, repository=REPOSITORY, one_file=one_file)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Put the files below the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
