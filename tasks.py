"""What a person types. Every task is a call or two into scripts/; `invoke --list` shows them all."""

from __future__ import annotations

import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from scripts.commands.reported import reported

SELECTORS = {
    "py": "Python, such as 3.11 or cp311; repeat or separate by commas for several",
    "torch": "torch, such as 2.4 (its newest patch release) or 2.4.1",
    "cuda": "CUDA, such as 12.1, cu121 or cpu",
    "deepspeed": "DeepSpeed, such as 0.19.8",
    "platform": "win_amd64 or linux_x86_64",
    "id": "target ids, globs allowed",
}
REPEATED = ["py", "torch", "cuda", "deepspeed", "platform", "id"]
PERSON = {
    "python": "an environment's folder or Python; the active one unless given",
    "deepspeed": "a DeepSpeed release or minor line; the newest that fits unless given",
    "index": "address or folder of a site that invoke index wrote",
    "store": "dir:PATH or github:OWNER/REPO, instead of --index",
}
JSON = {"json": "print one JSON document on standard output and nothing else"}
STORE = "dir:PATH or github:OWNER/REPO; in GitHub Actions the repository itself when left out"


@task(
    iterable=REPEATED,
    help={
        **SELECTORS,
        **JSON,
        "omitted": "show every omitted combination with its reason",
        "shard": "I/N: only the I-th of N stable parts",
        "max_jobs": "split into shards of at most this many targets",
        "missing": "leave out what --store has published",
        "store": STORE,
        "matrix": "the build workflow's next jobs, at most --max-jobs, as a matrix of GitHub Actions",
    },
)
@reported
def plan(
    c: Context,
    py: list[str],
    torch: list[str],
    cuda: list[str],
    deepspeed: list[str],
    platform: list[str],
    id: list[str],
    omitted: bool = False,
    shard: str = "",
    max_jobs: int = 0,
    missing: bool = False,
    store: str = "",
    matrix: bool = False,
    json: bool = False,
) -> None:
    """Show the expanded matrix, what was left out and why, and what building it costs."""
    from scripts.commands import show

    chosen = show.selection(py, torch, cuda, deepspeed, platform, id)
    show.plan(chosen, omitted, shard, max_jobs, missing, store, matrix, json)


@task(
    iterable=REPEATED,
    help={
        **SELECTORS,
        **JSON,
        "ops": "only these ops, separated by commas",
        "jobs": "compilers at once; 0: all processors",
        "cache": "look ops up in the op cache and store them there",
        "precompile": "parse torch's headers once",
        "source": "tag, sdist, or auto: the tag's archive where it can be reached",
        "toolkit": "auto, redist, pip, or the folder of a CUDA toolkit",
        "prove": "audit, smoke or full: how far the wheel is proven",
        "minutes": "stop compiling after so many, to be resumed; 0: no limit",
        "dry_run": "print the commands and run nothing",
    },
)
@reported
def build(
    c: Context,
    py: list[str],
    torch: list[str],
    cuda: list[str],
    deepspeed: list[str],
    platform: list[str],
    id: list[str],
    ops: str = "",
    jobs: int = 0,
    cache: bool = True,
    precompile: bool = True,
    source: str = "auto",
    toolkit: str = "auto",
    prove: str = "full",
    minutes: int = 0,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Build, prove and file one wheel or more; without selectors, the one for this very host."""
    from scripts.commands import show
    from scripts.commands.cli import build_options

    options = build_options(
        ops=ops,
        jobs=jobs,
        cache=cache,
        precompile=precompile,
        source=source,
        toolkit=toolkit,
        prove=prove,
        minutes=minutes,
    )
    show.build(show.selection(py, torch, cuda, deepspeed, platform, id), options, dry_run, json)


@task(
    iterable=REPEATED,
    help={**SELECTORS, **JSON, "environment": "print the captured environment of the host compiler, name=value"},
)
@reported
def toolchain(
    c: Context,
    py: list[str],
    torch: list[str],
    cuda: list[str],
    deepspeed: list[str],
    platform: list[str],
    id: list[str],
    environment: bool = False,
    json: bool = False,
) -> None:
    """Show which compilers and CUDA toolkit this machine has for a cell, and what is missing; fetches nothing."""
    from scripts.commands import show

    show.toolchain(show.selection(py, torch, cuda, deepspeed, platform, id), environment, json)


@task(
    help={
        **JSON,
        "level": "audit (reads the file), smoke (loads every op) or full (runs them)",
        "python": "a Python that has torch and the wheel",
    }
)
@reported
def verify(c: Context, wheel: str, level: str = "audit", python: str = "", json: bool = False) -> None:
    """Prove a wheel, ours or not; smoke and full need --python, an environment with the wheel installed."""
    from scripts.commands import show

    show.verify(Path(wheel), level, Path(python) if python else None, json)


@task(iterable=["id"], help={"id": SELECTORS["id"]})
@reported
def prepare(c: Context, id: list[str]) -> None:
    """Install the system packages that building these cells needs, on a machine made for it."""
    from scripts.commands import hosted, show

    hosted.prepare(show.selection([], [], [], [], [], id))


@task(iterable=["id"], help={"id": "the id of one target", **JSON})
@reported
def keys(c: Context, id: list[str], json: bool = False) -> None:
    """Show the cache keys of a cell: what a hosted job restores before its build and saves after it."""
    from scripts.commands import hosted, show

    hosted.keys(show.selection([], [], [], [], [], id), json)


@task(help={"builds": "write the states of cells without a wheel to this file, for `invoke index --builds`", **JSON})
@reported
def report(c: Context, builds: str = "", json: bool = False) -> None:
    """Tell how the last build of each cell ended, from the results beside the logs."""
    from scripts.commands import hosted

    hosted.report(builds, json)


@task(help={**JSON, "store": STORE, "dry_run": "say what would be sent and send nothing"})
@reported
def publish(c: Context, store: str = "", dry_run: bool = False, json: bool = False) -> None:
    """Publish the proven wheels of the wheelhouse as releases, one per DeepSpeed version."""
    from scripts.commands import publishing

    publishing.publish(store, dry_run, json)


@task(
    help={
        **JSON,
        "out": "the folder of the site",
        "store": "where the wheels are, dir:PATH or github:OWNER/REPO; the wheelhouse of this checkout unless given",
        "url": "the address that the site will have",
        "previous": "folder or address of the site that this one replaces",
        "allow_shrink": "offer fewer wheels than before, or others under the same names",
        "builds": "a JSON file of the builds that are going on or failed",
        "repository": "OWNER/REPO on GitHub",
        "readme": "a Markdown file whose table of wheels is renewed",
    }
)
@reported
def index(
    c: Context,
    out: str = "site",
    store: str = "",
    url: str = "",
    previous: str = "",
    allow_shrink: bool = False,
    builds: str = "",
    repository: str = "",
    readme: str = "",
    json: bool = False,
) -> None:
    """Write the package index of the wheels in a store and the page to choose from, for any static host."""
    from scripts.commands import index_site

    options = index_site.SiteOptions(
        store=store,
        url=url,
        previous=previous,
        allow_shrink=allow_shrink,
        builds=builds,
        repository=repository,
        readme=readme,
    )
    index_site.index(Path(out), options, json)


@task(help={**JSON, **PERSON})
@reported
def find(
    c: Context, python: str = "", deepspeed: str = "", index: str = "", store: str = "", json: bool = False
) -> None:
    """Say which published wheel fits an environment, or the nearest one and what to change."""
    from scripts.commands import person

    person.find(python, deepspeed, index, store, json)


@task(help={**JSON, **PERSON, "dry_run": "print the command and run nothing"})
@reported
def install(
    c: Context,
    python: str = "",
    deepspeed: str = "",
    index: str = "",
    store: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Install the published wheel that fits an environment; its torch is never touched."""
    from scripts.commands import person

    person.install(python, deepspeed, index, store, dry_run, json)


@task(help={"fast": "leave out the real build, Windows under Wine and act", "match": "only tests whose name matches"})
def test(c: Context, fast: bool = False, match: str = "") -> None:
    """Run the tests, the real build among them."""
    _python(
        c,
        "pytest",
        *(["-m", "not real_build and not wine and not act"] if fast else []),
        *(["-k", match] if match else []),
    )


@task
def lint(c: Context) -> None:
    """Check style and types of everything."""
    _python(c, "ruff", "check", ".")
    _python(c, "ruff", "format", "--check", ".")
    for platform in ("linux", "win32"):
        _python(c, "mypy", "--platform", platform)


@task(help={"what": "plan, build, publish, index or page"})
def bench(c: Context, what: str) -> None:
    """Measure both sides in one run and print the ratio."""
    _python(c, f"bench.{what}")


def _python(c: Context, module: str, *words: str) -> None:
    from scripts.command import Command

    command = Command(argv=(sys.executable, "-m", module, *words))
    result = c.run(command.as_shell(), pty=False, warn=True)
    if result is None or result.exited:
        raise SystemExit(result.exited if result else 1)
