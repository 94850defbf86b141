"""Releases of a repository that hold wheels by their names alone, for who only asks what is there."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.plan.target import Target
from tests.ci.requests import PUBLISHED
from tests.github.repository import Repository

BASE = "http://127.0.0.1"


def publish_names(repository: Repository, targets: Iterable[Target] = PUBLISHED) -> None:
    """Publish the targets' wheels, each with its manifest, of no content that counts."""
    numbers: dict[str, int] = {}
    for target in targets:
        if target.deepspeed not in numbers:
            _, release = repository.create_release({"tag_name": f"v{target.deepspeed}"}, BASE)
            numbers[target.deepspeed] = int(release["id"])
        for name in (target.wheel_name, f"{target.wheel_name}.json"):
            repository.upload(numbers[target.deepspeed], name, None, "application/octet-stream", b"w", BASE)
