"""What holds for every test, how tests are divided among processes, and what each part of them took."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from scripts.fetch.index_client import pip_settings
from scripts.outgoing import forget_secrets
from scripts.wheel_build.build_environment import reachable
from tests.verify.small_source import list_small_sources

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ("SELECT_", "SITE", "QUEUE", "ALLOW_SHRINK")  # variables that only a workflow sets
# Each is one group, since its tests share a thing that takes minutes to make; they wait most, so they are begun first.
GROUPS = ("wine", "real_build", "act", "portability", "faults", "browser")
QUICK = "quick tests"
COLLECTED = pytest.StashKey[set[Path]]()

# Whoever starts the tests by nohup would have every process that they start ignore it, too.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("patient", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--smoke-but", action="append", metavar="PATH", help="one test of every file, and every test below PATH"
    )


@pytest.fixture(autouse=True)
def fresh_client() -> Iterator[None]:
    for forget in (pip_settings.cache_clear, reachable.cache_clear, forget_secrets):
        forget()
    yield
    for forget in (pip_settings.cache_clear, reachable.cache_clear, forget_secrets):
        forget()


@pytest.fixture(autouse=True)
def no_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that runs in GitHub Actions finds what it finds at home."""
    for name in os.environ:
        if name.startswith(("GITHUB_", *(f"DEEPSPEED_WHEELS_{kind}" for kind in WORKFLOW))):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def small_wheels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The audit takes the tests' small wheels for whole, here and in processes that are started."""
    list_small_sources(tmp_path_factory.mktemp("listing") / "small_source_files.txt")


@pytest.fixture(autouse=True, scope="session")
def ctrl_c() -> None:
    """Processes can be interrupted, even when this one was started with `nohup … &`, which has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note every file that is collected, and begin with the groups."""
    config.stash[COLLECTED] = {item.path for item in items}
    if paths := config.getoption("smoke_but"):
        chosen = smoke(items, [Path(config.rootpath, path) for path in paths])
        config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
        items[:] = chosen
    items.sort(key=lambda item: (*GROUPS, "").index(group_of(item)))


def smoke(items: Sequence[pytest.Item], whole: Sequence[Path]) -> list[pytest.Item]:
    """Every test below the paths, and the first quick one of each other file that can run here."""
    seen: set[Path] = set()
    chosen = []
    for item in items:
        if not any(item.path.is_relative_to(path) for path in whole):
            if item.path in seen or group_of(item) or any(item.iter_markers("skipif")):
                continue
            seen.add(item.path)
        chosen.append(item)
    return chosen


def group_of(item: pytest.Item) -> str:
    """The first of the groups that the test is marked with; an empty text for a quick test."""
    return next((name for name in GROUPS if item.get_closest_marker(name)), "")


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a whole group, or else a whole file, to one process.

    Not the `loadgroup` of xdist 3.8: it changes the ids of tests, and pytest 9.2 takes no notice of that.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of_file(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    return GroupScheduling(config, log)


@cache
def group_of_file(name: str) -> str:
    """The first of the groups that the file's tests are marked with, else its own name."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return next((group for group in GROUPS if f"pytest.mark.{group}" in text), name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long the tests of each group took, one after the other."""
    seconds: dict[str, float] = dict.fromkeys((*GROUPS, QUICK), 0.0)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[next((name for name in GROUPS if name in report.keywords), QUICK)] += report.duration
    terminalreporter.write_line("; ".join(f"{name}: {spent:.0f} s" for name, spent in seconds.items() if spent))
