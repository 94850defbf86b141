"""`invoke publish`: the verified wheels of the wheelhouse, as releases of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.task_options import PublishOptions
from scripts.dirs import default_dirs
from scripts.errors import NothingToDoError, PublishError
from scripts.facts.load import load_facts
from scripts.publish.candidates import Wheelhouse, read_wheelhouse
from scripts.publish.publish_plan import Budget, PublishPlan
from scripts.publish.publisher import Publisher, make_plan
from scripts.publish.store import Watch
from scripts.publish.store_address import open_store


def publish(options: PublishOptions) -> None:
    """Publish the wheelhouse, or print what that takes; raises PublishError in the end for wheels that were refused."""
    dry_run = options.dry_run
    store = open_store(options.store, writing=not dry_run, log=log_line)
    directory = default_dirs().wheelhouse
    wheelhouse = read_wheelhouse(directory)
    if not wheelhouse.candidates:
        reasons = [f"  {skipped.wheel}: {skipped.reason}" for skipped in wheelhouse.skipped]
        raise NothingToDoError(
            "\n".join([f"{directory} has no wheel that may be published", *reasons]), id="nothing-to-publish"
        )
    plan = make_plan(store, wheelhouse.candidates, budget())
    if not dry_run:
        with _progress(plan) as watch:
            Publisher(store=store, log=log_line, watch=watch).publish(plan)
    if options.json:
        print_document(_document(store.address, wheelhouse, plan, dry_run))
    else:
        print_answer(*_lines(store.address, wheelhouse, plan, dry_run))
    if plan.refused and not dry_run:
        reasons = [f"  {refused.reason}" for refused in plan.refused]
        raise PublishError(
            "\n".join(
                [
                    f"refused {len(plan.refused)} of {len(wheelhouse.candidates)} wheels, the others are published:",
                    *reasons,
                ]
            ),
            id="wheels-refused",
        )


def budget() -> Budget:
    """What a release may hold, from scripts/data/runners.yaml."""
    limits = load_facts().limits
    return Budget(assets=limits["release_assets_per_release"], bytes_each=limits["release_asset_bytes"])


def _document(address: str, wheelhouse: Wheelhouse, plan: PublishPlan, dry_run: bool) -> dict[str, Any]:
    return {
        "store": address,
        "dry_run": dry_run,
        "releases": [
            {
                "tag": job.tag,
                "action": "create" if job.release is None else "resume" if job.is_draft else "add",
                "uploads": [payload.name for payload in job.uploads],
                "bytes": sum(payload.size for payload in job.uploads),
                "assets": len(job.expected),
            }
            for job in plan.jobs
        ],
        "bytes": plan.bytes,
        "published_before": list(plan.already_published),
        "refused": [{"wheel": refused.wheel, "reason": refused.reason} for refused in plan.refused],
        "skipped": [{"wheel": skipped.wheel, "reason": skipped.reason} for skipped in wheelhouse.skipped],
    }


def _lines(address: str, wheelhouse: Wheelhouse, plan: PublishPlan, dry_run: bool) -> Iterator[str]:
    for skipped in wheelhouse.skipped:
        yield f"skipped {skipped.wheel}: {skipped.reason}"
    for refused in plan.refused if dry_run else ():
        yield f"refused {refused.wheel}: {refused.reason}"
    for job in plan.jobs if dry_run else ():
        yield f"{job.tag}: {len(job.uploads)} files to send, {len(job.expected)} in the end"
        yield from (f"  {payload.name} ({payload.size} bytes)" for payload in job.uploads)
    verb = "would be sent" if dry_run else "sent"
    there, wheels = len(plan.already_published), len(wheelhouse.candidates)
    yield f"{address}: {plan.bytes} bytes {verb}; {there} of {wheels} wheels were already published"


@contextmanager
def _progress(plan: PublishPlan) -> Iterator[Watch]:
    """What counts every byte that is sent: a bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("uploading", total=plan.bytes)
        yield lambda name, count: bar.update(task, advance=count)
