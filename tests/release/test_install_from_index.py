"""Real pip and real uv take the right wheel from our index; the line that we give avoids every trap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.fetch.digest import sha256_of
from scripts.fetch.installer import environment_python, find_installer
from scripts.matrix.target import Target
from scripts.release.command_line import Tool, install_words
from scripts.release.core_metadata import core_metadata
from scripts.release.index import render_index
from scripts.release.record import Published, WheelRecord, publish_records
from scripts.release.tree import write_tree
from tests.release.factories import digest, make_wheel_record
from tests.release.loopback import (
    KNOWN_PLATFORM,
    Loopback,
    as_run,
    client_variables,
    make_cell,
    make_deepspeed,
    make_sdist,
    make_torch,
    make_wheel,
    served,
    write_registry,
)

pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no cell is for this platform")
CELLS = tuple(
    make_cell(torch=torch, cuda=cuda, deepspeed=deepspeed)
    for torch, cuda, deepspeed in (
        ("2.6.0", "cu124", "0.16.5"), ("2.6.0", "cu121", "0.16.5"), ("2.5.1", "cu124", "0.16.5"),
        ("2.6.0", "cu124", "0.16.4"), ("2.6.0", "cpu", "0.16.5"),
    )
)  # fmt: skip
TOOLS: tuple[Tool, ...] = ("pip", "uv")


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
    """Every file but the index: where our wheels are, by cell."""
    registry, torch = root / "registry", root / "torch"
    make_sdist(registry / "deepspeed", "deepspeed", "0.19.8")  # newer than any wheel of ours
    make_wheel(registry / "hjson", "hjson-3.1.0-py3-none-any.whl", {"hjson.py": ""})
    for version in ("2.5.1", "2.6.0", "2.13.0"):
        make_torch(registry / "torch", version)  # for CPU, as on Windows
    for variant in ("cu121", "cu124", "cpu"):
        for version in ("2.5.1", "2.6.0"):
            make_torch(torch / variant / "torch", f"{version}+{variant}")
        make_wheel(torch / variant / "hjson", "hjson-1.0.0-py2-none-any.whl", {"hjson.py": ""})  # old and no use
        write_registry(torch / variant)
    write_registry(registry)
    return {cell: make_deepspeed(root / "releases" / cell.deepspeed, cell) for cell in CELLS}


def publish(root: Path, url: str, wheels: dict[Target, Path]) -> Published:
    records = []
    for cell, wheel in wheels.items():
        metadata = core_metadata(wheel)
        wheel.with_name(wheel.name + ".metadata").write_bytes(metadata)
        address = f"{url}/releases/{cell.deepspeed}/{wheel.name.replace('+', '%2B')}"
        record = make_wheel_record(target=cell, sha256=sha256_of(wheel), bytes=wheel.stat().st_size, url=address)
        records.append(replace(record, metadata_sha256=digest(metadata.decode()), requires_python=">=3.8"))
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


CELL = CELLS[0]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_line_takes_the_wheel_of_the_cell_and_leaves_the_persons_torch_alone(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person("2.6.0+cu124")
    told = person.run(install_words(world.record(CELL), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.5+cu124torch2.6", "2.6.0+cu124")
    assert person.has("hjson") == "3.1.0"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_line_brings_the_cells_torch_and_never_the_registrys(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person()
    told = person.run(install_words(world.record(CELL), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0+cu124"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_channel_by_itself_is_enough_to_find_the_wheel(world: World, make_person: MakePerson, tool: Tool) -> None:
    person = make_person("2.6.0+cu124")
    channel = world.published.channel(CELL)
    program = {"pip": ["python", "-m", "pip"], "uv": ["uv", "pip"]}[tool]
    option = {"pip": "--index-url", "uv": "--default-index"}[tool]
    told = person.run([*program, "install", "--no-deps", option, channel, "deepspeed"])
    assert told.returncode == 0, told.stderr
    assert person.has("deepspeed") == "0.16.5+cu124torch2.6"


@pytest.mark.parametrize("tool", TOOLS)
def test_only_metadata_is_fetched_of_the_wheels_that_a_client_turns_down(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person("2.5.1+cu124")
    (person.folder / "c.txt").write_text("torch==2.5.1+cu124\n")
    everything = f"{world.published.url}whl/"
    line = install_words(world.record(CELL), world.published, tool)
    words = [word.replace(world.published.channel(CELL), everything) for word in line]
    words[words.index(f"deepspeed=={CELL.wheel_version}")] = "deepspeed==0.16.5"
    told = person.run([*words, "-c", str(person.folder / "c.txt")])
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.5+cu124torch2.5", "2.5.1+cu124")
    asked = [path for path in world.server.asked if path.startswith("/releases/")]
    assert sum(path.endswith(".whl.metadata") for path in asked) > 1
    assert {path.rpartition("/")[2] for path in asked if path.endswith(".whl")} == {
        CELLS[2].wheel_name.replace("+", "%2B")
    }


# ---------------------------------------------------------------- hashes


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wheel_with_other_bytes_is_refused(tool: Tool, tmp_path: Path, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cu124")
    wheels = {CELL: make_deepspeed(tmp_path / "releases" / CELL.deepspeed, CELL)}
    with served(tmp_path) as server:
        published = publish(tmp_path, server.url, wheels)
        make_wheel(wheels[CELL].parent, CELL.wheel_name, {"deepspeed/__init__.py": "evil = 1"})
        words = [*install_words(published.wheels[0], published, tool), "--no-deps"]
        told = person.run(words)
    assert told.returncode != 0
    assert "hash" in told.stderr.lower()
    assert person.has("deepspeed") is None


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_require_hashes_takes_the_right_hash_only(
    world: World, make_person: MakePerson, tool: Tool, right: bool
) -> None:
    person = make_person("2.6.0+cu124")
    record = world.record(CELL)
    pinned = record.sha256 if right else digest("another")
    (person.folder / "r.txt").write_text(f"deepspeed=={CELL.wheel_version} --hash=sha256:{pinned}\n")
    program = {"pip": ["python", "-m", "pip"], "uv": ["uv", "pip"]}[tool]
    index = {"pip": "--index-url", "uv": "--default-index"}[tool]
    words = [*program, "install", "--require-hashes", "--no-deps", index, world.published.channel(CELL)]
    told = person.run([*words, "-r", str(person.folder / "r.txt")])
    assert (told.returncode == 0) is right, told.stderr
    assert person.has("deepspeed") == (CELL.wheel_version if right else None)


# ---------------------------------------------------------------- traps


def test_without_our_words_pip_falls_back_to_the_sdist_and_with_them_never(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.6.0+cu124")
    channel = ("--extra-index-url", world.published.channel(CELL))
    naive = person.run(["python", "-m", "pip", "install", "deepspeed", *channel])
    assert naive.returncode != 0  # the trap: the newer sdist, which cannot be built
    assert any(path.endswith("deepspeed-0.19.8.tar.gz") for path in world.server.asked)
    world.server.asked.clear()
    gone = replace(world.record(CELL), target=replace(CELL, deepspeed="0.16.6"))  # not on the index: what then?
    told = person.run(install_words(gone, world.published))
    assert told.returncode != 0
    assert not any(path.endswith(".tar.gz") for path in world.server.asked)
    assert (person.has("deepspeed"), person.has("torch")) == (None, "2.6.0+cu124")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wheel_of_another_torch_never_brings_torch_for_cpu(world: World, make_person: MakePerson, tool: Tool) -> None:
    person = make_person("2.5.1+cu124")
    told = person.run(install_words(world.record(CELL), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0+cu124"  # the cell's own, which the line asks for by naming 2.6


def test_without_the_torch_index_of_the_line_torch_would_become_the_registrys(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.5.1+cu124")
    words = install_words(world.record(CELL), world.published)
    told = person.run(words[: words.index(world.published.torch_channel(CELL)) - 1])
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0"  # the trap: for CPU; so the line names the torch index
