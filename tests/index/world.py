"""What a person's client can reach: a registry, torch's index, and our site; and persons with environments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.fetch.installer import environment_python, find_installer
from scripts.files import sha256_of, write_tree
from scripts.index.simple_index import render_index
from scripts.plan.target import Target, platform_tag_of
from scripts.wheel.core_metadata import core_metadata
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import WheelRecord
from tests.publish.loopback import (
    Loopback,
    as_run,
    client_variables,
    make_deepspeed,
    make_sdist,
    make_target,
    make_torch,
    make_wheel,
    served,
    write_registry,
)
from tests.wheel.factories import digest, make_wheel_record

TARGETS = tuple(
    make_target(torch=torch, cuda=cuda, deepspeed=deepspeed)
    for torch, cuda, deepspeed in (
        ("2.6.0", "cu124", "0.16.5"),
        ("2.6.0", "cu121", "0.16.5"),
        ("2.5.1", "cu124", "0.16.5"),
        ("2.6.0", "cu124", "0.16.4"),
        ("2.6.0", "cpu", "0.16.5"),
    )
)
VISIONS = {"2.5.1": "0.20.1", "2.6.0": "0.21.0"}  # by the torch that each asks for
UPLOADED = {"0.16.4": "2026-01-31T12:00:00Z", "0.16.5": "2026-02-28T12:00:00Z"}


@dataclass(frozen=True, kw_only=True)
class World:
    """What a person's client can reach: a registry, torch's index, and our site."""

    root: Path
    server: Loopback
    published: Published

    @property
    def registry(self) -> str:
        return f"{self.server.url}/registry/"

    def record(self, target: Target) -> WheelRecord:
        return next(record for record in self.published.wheels if record.target == target)


@dataclass(frozen=True, kw_only=True)
class Person:
    """An environment, and a client that is told to install into it."""

    world: World
    python: Path
    folder: Path

    def run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        env = client_variables(self.world.registry, self.folder / "cache")
        return subprocess.run(as_run(words, self.python), env=env, capture_output=True, text=True, check=False)

    def has(self, project: str) -> str | None:
        """The installed version."""
        listed = "{d.name: d.version for d in m.distributions()}"
        script = f"import importlib.metadata as m, json; print(json.dumps({listed}.get({project!r})))"
        told = subprocess.run([str(self.python), "-c", script], capture_output=True, text=True, check=True)
        found: str | None = json.loads(told.stdout)
        return found


def lay_out(root: Path) -> dict[Target, Path]:
    """Every file but the index: where our wheels are, by target."""
    registry, torch = root / "registry", root / "torch"
    make_sdist(registry / "deepspeed", "deepspeed", "0.19.8")  # newer than any wheel of ours
    make_wheel(registry / "hjson", "hjson-3.1.0-py3-none-any.whl", {"hjson.py": ""})
    for version in ("2.5.1", "2.6.0", "2.13.0"):
        make_torch(registry / "torch", version)  # for CPU, as on Windows
    for variant in ("cu121", "cu124", "cpu"):
        for version in ("2.5.1", "2.6.0"):
            make_torch(torch / variant / "torch", f"{version}+{variant}")
            vision = f"torchvision-{VISIONS[version]}+{variant}-py3-none-any.whl"
            make_wheel(torch / variant / "torchvision", vision, {"torchvision/__init__.py": ""}, [f"torch=={version}"])
        make_wheel(torch / variant / "hjson", "hjson-1.0.0-py2-none-any.whl", {"hjson.py": ""})  # old and no use
        write_registry(torch / variant)
    write_registry(registry)
    return {target: make_deepspeed(root / "releases" / target.deepspeed, target) for target in TARGETS}


def publish(root: Path, url: str, wheels: dict[Target, Path]) -> Published:
    records = []
    for target, wheel in wheels.items():
        metadata = core_metadata(wheel)
        wheel.with_name(wheel.name + ".metadata").write_bytes(metadata)
        address = f"{url}/releases/{target.deepspeed}/{wheel.name.replace('+', '%2B')}"
        record = make_wheel_record(target=target, sha256=sha256_of(wheel), bytes=wheel.stat().st_size, url=address)
        tag = platform_tag_of(wheel.name)
        record = replace(record, platform_tag=None if tag == target.platform else tag)
        sha256, uploaded = digest(metadata.decode()), UPLOADED[target.deepspeed]
        records.append(replace(record, metadata_sha256=sha256, requires_python=">=3.8", uploaded=uploaded))
    published = publish_records(records, url=f"{url}/site", torch_index=f"{url}/torch/{{variant}}")
    write_tree(root / "site", render_index(published))
    return published


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    wheels = lay_out(root)
    with served(root) as server:
        yield World(root=root, server=server, published=publish(root, server.url, wheels))


MakePerson = Callable[..., Person]


@pytest.fixture
def make_person(world: World, tmp_path: Path) -> MakePerson:
    def make(torch: str | None = None) -> Person:
        command = find_installer().create(tmp_path / "env", sys.executable)
        check(command, run(command))
        person = Person(world=world, python=environment_python(tmp_path / "env"), folder=tmp_path)
        if torch:
            variant = torch.partition("+")[2]
            index = f"{world.server.url}/torch/{variant}/"
            told = person.run(["uv", "pip", "install", "--default-index", index, f"torch=={torch}"])
            assert told.returncode == 0, told.stderr
        world.server.asked.clear()
        return person

    return make
