"""What tests that talk to the stand-in share: the checked stand-in, a client without patience, an observer."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from scripts.publish.github_client import GitHubClient, Patience
from scripts.publish.store import STAGED
from scripts.publish.store_github import GitHubStore
from tests.github.contract import load_contract
from tests.github.repository import Repository
from tests.github.standin import REPOSITORY, TOKEN, StandIn, serving


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in with an empty repository; every request and answer is checked against GitHub's description.

    On Windows, where the checker is not installed, they are not: what the calls do is tested there, too.
    """
    with serving(StandIn(contract=None if sys.platform == "win32" else load_contract())) as found:
        yield found
    assert found.violations == []
    assert found.leaked == []


def quick_client(standin: StandIn, slept: list[float] | None = None, token: str = TOKEN) -> GitHubClient:
    """A client that notes its waits instead of waiting."""
    waits = slept if slept is not None else []
    return GitHubClient(standin.address, token, Patience(attempts=9, sleep=waits.append, glance=1e9))


def quick_store(standin: StandIn, slept: list[float] | None = None) -> GitHubStore:
    """The stand-in's repository as a store."""
    return GitHubStore(REPOSITORY, quick_client(standin, slept))


def published_files(repository: Repository) -> dict[str, str]:
    """Name and digest of everything that anybody can download under its final name."""
    with repository.lock:
        return {
            asset.name: hashlib.sha256(asset.content).hexdigest()
            for asset in repository.assets.values()
            if not repository.releases[asset.release].fields["draft"]
            and asset.state == "uploaded"
            and not asset.name.endswith(STAGED)
        }


@dataclass
class Observer:
    """Looks at what is published, again and again; every change that is no addition is a fault."""

    repository: Repository
    seen: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    looks: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        now = published_files(self.repository)
        self.faults += [f"{name} is missing" for name in self.seen if name not in now]
        self.faults += [f"{name} is different" for name, digest in self.seen.items() if now.get(name, digest) != digest]
        self.seen |= now
        self.looks += 1

    def watch(self) -> None:
        while not self._stop.is_set():
            self.look()
            time.sleep(0.005)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def observed(repository: Repository) -> Iterator[Observer]:
    """An observer at work during the block."""
    observer = Observer(repository)
    thread = threading.Thread(target=observer.watch, daemon=True)
    thread.start()
    try:
        yield observer
    finally:
        observer.stop()
        thread.join()
        observer.look()
