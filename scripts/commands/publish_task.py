"""`invoke publish`: the verified wheels of the wheelhouse, as releases of a store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from scripts.ci.actions import this_step
from scripts.ci.jobs import QUEUE, read_queue
from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.project import open_project
from scripts.commands.store_options import PublishOptions
from scripts.console import PlainConsole
from scripts.dirs import default_dirs
from scripts.errors import InputError, NothingToDoError, PublishError
from scripts.facts.load import load_facts
from scripts.files import make_directory, write_whole
from scripts.publish.artifacts import Reporter, read_artifacts
from scripts.publish.attestation import attestation_files, coming_wheels
from scripts.publish.candidates import Wheelhouse, read_wheelhouse
from scripts.publish.expectation import expectation_of
from scripts.publish.publish_plan import Budget, PublishPlan
from scripts.publish.publisher import Publisher, make_plan
from scripts.publish.store import Watch
from scripts.publish.store_address import open_store
from scripts.publish.store_directory import DirectoryStore


def publish(options: PublishOptions) -> None:
    """Publish the wheelhouse, or print what that takes; raises PublishError in the end for wheels that were refused."""
    dry_run = options.dry_run
    store = open_store(options.store, writing=not dry_run, may_be_new=True, log=log_line)
    directory = Path(options.artifacts) if options.artifacts else default_dirs().wheelhouse
    wheelhouse = _queued(directory) if options.artifacts else read_wheelhouse(directory)
    if not wheelhouse.candidates:
        reasons = [f"  {each.wheel}: {each.reason}" for each in (*wheelhouse.refused, *wheelhouse.skipped)]
        raise NothingToDoError(
            "\n".join([f"{directory} has no wheel that may be published", *reasons]), id="nothing-to-publish"
        )
    plan = make_plan(store, wheelhouse.candidates, budget(), log_line)
    if options.attest:
        _write_attested(Path(options.attest), wheelhouse, plan)
    if not dry_run and plan.bytes and isinstance(store, DirectoryStore):
        store.require_room(plan.bytes)
    if not dry_run:
        with _progress(plan) as watch:
            Publisher(store=store, log=log_line, watch=watch).publish(plan)
    if options.json:
        print_document(_document(store.address, wheelhouse, plan, dry_run))
    else:
        print_answer(*_lines(store.address, wheelhouse, plan, dry_run))
    if not dry_run:
        _require_all(wheelhouse, plan)


def _queued(directory: Path) -> Wheelhouse:
    """The wheels of a run's artifacts, as far as they are what its queue and this checkout say."""
    queue = os.environ.get(QUEUE)
    if not queue:
        raise InputError(f"--artifacts needs the matrix of their run in {QUEUE}", id="value-not-accepted")
    project = open_project()
    return read_artifacts(
        directory,
        read_queue(queue, QUEUE),
        lambda target: expectation_of(target, project.facts, project.matrix),
        _reporter(),
    )


def _reporter() -> Reporter:
    """The workflow that this runs in; at home nobody who could be named."""
    step = this_step()
    return Reporter(workflow=step.workflow, run=step.run_url) if step else Reporter(workflow="", run="")


def _write_attested(directory: Path, wheelhouse: Wheelhouse, plan: PublishPlan) -> None:
    wheels = coming_wheels(wheelhouse.candidates, plan)
    make_directory(directory)
    for name, text in attestation_files(wheels, _reporter()).items():
        write_whole(directory / name, text)
    if step := this_step():
        step.set_outputs({"wheels": str(len(wheels))})


def _require_all(wheelhouse: Wheelhouse, plan: PublishPlan) -> None:
    """Raise PublishError for wheels that were refused, whether for what they are or for what is published."""
    refused = (*wheelhouse.refused, *plan.refused)
    if refused:
        count = len(wheelhouse.candidates) + len(wheelhouse.refused)
        reasons = [f"  {each.wheel}: {each.reason}" for each in refused]
        head = f"refused {len(refused)} of {count} wheels, the others are published:"
        raise PublishError("\n".join([head, *reasons]), id="wheels-refused")


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
        "refused": [
            {"wheel": refused.wheel, "reason": refused.reason} for refused in (*wheelhouse.refused, *plan.refused)
        ],
        "skipped": [{"wheel": skipped.wheel, "reason": skipped.reason} for skipped in wheelhouse.skipped],
    }


def _lines(address: str, wheelhouse: Wheelhouse, plan: PublishPlan, dry_run: bool) -> Iterator[str]:
    for skipped in wheelhouse.skipped:
        yield f"skipped {skipped.wheel}: {skipped.reason}"
    for refused in (*wheelhouse.refused, *plan.refused) if dry_run else ():
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
    console = PlainConsole(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("uploading", total=plan.bytes)
        yield lambda name, count: bar.update(task, advance=count)
