"""`invoke install --repair` with the real client: what something else moved is brought back, its lines shown first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.commands.install_options import InstallOptions
from scripts.commands.install_task import install
from scripts.errors import CommandError, NothingToDoError
from tests.index.world import MakePerson, Person, World
from tests.install.factories import make_machine
from tests.publish.loopback import KNOWN_PLATFORM, use_client

pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
SET = {"torch": "2.6.0+cu124", "torchvision": "0.21.0+cu124", "deepspeed": "0.16.5+cu124torch2.6"}


@pytest.fixture(autouse=True)
def client(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's own settings: the registry is their default index; a card of 8.6 is here."""
    use_client(monkeypatch, world.registry, tmp_path / "cache")
    machine = make_machine("8.6", flags=("avx2", "avx512f"))
    monkeypatch.setattr("scripts.install.environment.read_machine", lambda: machine)


def options(world: World, person: Person, *, dry_run: bool = False) -> InstallOptions:
    return InstallOptions(python=str(person.python), index=world.published.url, repair=True, dry_run=dry_run)


def put(world: World, person: Person, variant: str, *words: str) -> None:
    """What something else does to an environment."""
    index = f"{world.server.url}/torch/{variant}/"
    told = person.run(["uv", "pip", "install", "--no-deps", "--default-index", index, *words])
    assert told.returncode == 0, told.stderr


def has(person: Person) -> dict[str, str | None]:
    return {name: person.has(name) for name in SET}


@pytest.fixture
def whole(world: World, make_person: MakePerson) -> Person:
    """An environment with a set that fits."""
    person = make_person(SET["torch"])
    put(world, person, "cu124", f"torchvision=={SET['torchvision']}")
    install(InstallOptions(python=str(person.python), index=world.published.url))
    assert has(person) == SET
    return person


def test_a_torch_that_was_moved_is_brought_back_and_the_lines_come_first(
    world: World, whole: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    put(world, whole, "cu121", "torch==2.5.1+cu121")
    assert has(whole) == {**SET, "torch": "2.5.1+cu121"}
    capfd.readouterr()
    install(options(world, whole))
    told = capfd.readouterr()
    assert has(whole) == SET
    lines = [line for line in told.err.splitlines() if line]
    assert "torch==2.6.0+cu124 torchvision --default-index " in lines[0]
    assert lines[1] == "# constraints.txt: torch==2.6.0+cu124"
    assert "0.16.5%2Bcu124torch2.6" in lines[2]
    assert "torch==2.6.0+cu124" not in "".join(lines[3:]).replace(" + torch==2.6.0+cu124", "")  # uv says it once
    assert "it can be imported" in told.out


def test_a_torchvision_that_was_moved_follows_the_torch(world: World, whole: Person) -> None:
    put(world, whole, "cu124", "torchvision==0.20.1+cu124")
    install(options(world, whole))
    assert has(whole) == SET


def test_without_torch_both_are_brought(world: World, make_person: MakePerson) -> None:
    person = make_person()
    install(options(world, person))
    assert has(person) == {**SET, "torchvision": None}


def test_half_a_torch_is_made_whole(world: World, whole: Person) -> None:
    (folder,) = (whole.folder / "env").rglob("site-packages/torch")
    (folder / "__init__.py").unlink()
    with pytest.raises(NothingToDoError, match=r"to bring it back, and the wheel with it: invoke install .*--repair"):
        install(replace(options(world, whole), repair=False))
    install(options(world, whole))
    assert has(whole) == SET
    assert (folder / "__init__.py").exists()


def test_a_dry_run_shows_the_lines_of_the_torch_that_would_be_there_and_changes_nothing(
    world: World, whole: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    put(world, whole, "cu121", "torch==2.5.1+cu121")
    capfd.readouterr()
    install(options(world, whole, dry_run=True))
    first, constraints, last = capfd.readouterr().out.splitlines()
    assert "torch==2.6.0+cu124 torchvision --default-index " in first
    assert constraints == "# constraints.txt: torch==2.6.0+cu124"
    assert "0.16.5%2Bcu124torch2.6" in last
    assert has(whole) == {**SET, "torch": "2.5.1+cu121"}


def test_a_torch_that_cannot_be_had_leaves_all_as_it_was(
    world: World, whole: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, whole, "cu121", "torch==2.5.1+cu121")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "nothing kept"))
    index, away = world.root / "torch" / "cu124", world.root / "away"
    shutil.move(index, away)
    try:
        with pytest.raises(CommandError, match="exit code"):
            install(options(world, whole))
    finally:
        shutil.move(away, index)
    assert has(whole) == {**SET, "torch": "2.5.1+cu121"}


def test_a_set_that_fits_stays(world: World, whole: Person) -> None:
    world.server.asked.clear()
    install(options(world, whole))
    assert has(whole) == SET
    assert not [path for path in world.server.asked if path.startswith("/torch/")]
