"""Real pip and real uv take the right wheel from our index; the line that we give avoids every trap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.index.install_line import PROGRAMS, Tool, install_words
from tests.index.world import TARGETS, MakePerson, World, publish
from tests.publish.loopback import KNOWN_PLATFORM, make_deepspeed, make_wheel, served
from tests.wheel.factories import digest
from tests.wheel.wheelhouse import wheel_file

pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
TOOLS: tuple[Tool, ...] = ("pip", "uv")
TARGET = TARGETS[0]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_line_takes_the_wheel_of_the_target_and_leaves_the_persons_torch_alone(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person("2.6.0+cu124")
    told = person.run(install_words(world.record(TARGET), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.5+cu124torch2.6", "2.6.0+cu124")
    assert person.has("hjson") == "3.1.0"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_line_brings_the_targets_torch_and_never_the_registrys(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person()
    told = person.run(install_words(world.record(TARGET), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0+cu124"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_channel_by_itself_is_enough_to_find_the_wheel(world: World, make_person: MakePerson, tool: Tool) -> None:
    person = make_person("2.6.0+cu124")
    channel = world.published.channel(TARGET)
    program = {"pip": ["python", "-m", "pip"], "uv": ["uv", "pip"]}[tool]
    option = {"pip": "--index-url", "uv": "--default-index"}[tool]
    told = person.run([*program, "install", "--no-deps", option, channel, "deepspeed"])
    assert told.returncode == 0, told.stderr
    assert person.has("deepspeed") == "0.16.5+cu124torch2.6"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_index_of_a_cuda_variant_gives_the_wheel_of_the_pinned_torch(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person()
    told = person.run(pinned_words(world, tool))
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.5+cu124torch2.5", "2.5.1+cu124")


def test_without_the_pin_the_index_of_a_cuda_variant_brings_another_torch(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.5.1+cu124")
    told = person.run([word for word in pinned_words(world, "uv") if word != "torch==2.5.1"])
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0+cu124"  # the trap: so the documents say to name torch


def pinned_words(world: World, tool: Tool) -> list[str]:
    """The line of the documents for whoever pins torch and leaves the wheel to the client."""
    option = "--extra-index-url" if tool == "pip" else "--index"
    indexes = (f"{world.published.url}whl/cu124/", world.published.torch_channel(TARGET))
    named = [word for index in indexes for word in (option, index)]
    return [*PROGRAMS[tool], "deepspeed", "torch==2.5.1", "--only-binary", "deepspeed", *named]


@pytest.mark.parametrize("tool", TOOLS)
def test_only_metadata_is_fetched_of_the_wheels_that_a_client_turns_down(
    world: World, make_person: MakePerson, tool: Tool
) -> None:
    person = make_person("2.5.1+cu124")
    (person.folder / "c.txt").write_text("torch==2.5.1+cu124\n")
    everything = f"{world.published.url}whl/"
    line = install_words(world.record(TARGET), world.published, tool)
    words = [word.replace(world.published.channel(TARGET), everything) for word in line]
    words[words.index(f"deepspeed=={TARGET.wheel_version}")] = "deepspeed==0.16.5"
    told = person.run([*words, "-c", str(person.folder / "c.txt")])
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.5+cu124torch2.5", "2.5.1+cu124")
    asked = [path for path in world.server.asked if path.startswith("/releases/")]
    assert sum(path.endswith(".whl.metadata") for path in asked) > 1
    assert {path.rpartition("/")[2] for path in asked if path.endswith(".whl")} == {
        wheel_file(TARGETS[2]).replace("+", "%2B")
    }


@pytest.mark.parametrize(
    ("day", "version"),
    [("2026-01-30", None), ("2026-02-15", "0.16.4+cu124torch2.6"), ("2026-03-01", TARGET.wheel_version)],
)
def test_who_waits_some_days_before_taking_a_file_gets_the_wheel_that_is_as_old(
    world: World, make_person: MakePerson, day: str, version: str | None
) -> None:
    person = make_person()
    channel = world.published.channel(TARGET)
    words = ["uv", "pip", "install", "--no-deps", "--default-index", channel, "deepspeed", "--exclude-newer", day]
    told = person.run(words)
    assert (told.returncode == 0) is (version is not None), told.stderr
    assert person.has("deepspeed") == version


# ---------------------------------------------------------------- hashes


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wheel_with_other_bytes_is_refused(tool: Tool, tmp_path: Path, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cu124")
    wheels = {TARGET: make_deepspeed(tmp_path / "releases" / TARGET.deepspeed, TARGET)}
    with served(tmp_path) as server:
        published = publish(tmp_path, server.url, wheels)
        make_wheel(wheels[TARGET].parent, wheel_file(TARGET), {"deepspeed/__init__.py": "evil = 1"})
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
    record = world.record(TARGET)
    pinned = record.sha256 if right else digest("another")
    (person.folder / "r.txt").write_text(f"deepspeed=={TARGET.wheel_version} --hash=sha256:{pinned}\n")
    program = {"pip": ["python", "-m", "pip"], "uv": ["uv", "pip"]}[tool]
    index = {"pip": "--index-url", "uv": "--default-index"}[tool]
    words = [*program, "install", "--require-hashes", "--no-deps", index, world.published.channel(TARGET)]
    told = person.run([*words, "-r", str(person.folder / "r.txt")])
    assert (told.returncode == 0) is right, told.stderr
    assert person.has("deepspeed") == (TARGET.wheel_version if right else None)


# ---------------------------------------------------------------- traps


def test_without_our_words_pip_falls_back_to_the_sdist_and_with_them_never(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.6.0+cu124")
    channel = ("--extra-index-url", world.published.channel(TARGET))
    naive = person.run(["python", "-m", "pip", "install", "deepspeed", *channel])
    assert naive.returncode != 0  # the trap: the newer sdist, which cannot be built
    assert any(path.endswith("deepspeed-0.19.8.tar.gz") for path in world.server.asked)
    world.server.asked.clear()
    gone = replace(world.record(TARGET), target=replace(TARGET, deepspeed="0.16.6"))  # not on the index: what then?
    told = person.run(install_words(gone, world.published))
    assert told.returncode != 0
    assert not any(path.endswith(".tar.gz") for path in world.server.asked)
    assert (person.has("deepspeed"), person.has("torch")) == (None, "2.6.0+cu124")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wheel_of_another_torch_never_brings_torch_for_cpu(world: World, make_person: MakePerson, tool: Tool) -> None:
    person = make_person("2.5.1+cu124")
    told = person.run(install_words(world.record(TARGET), world.published, tool))
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0+cu124"  # the target's own, which the line asks for by naming 2.6


def test_without_the_torch_index_of_the_line_torch_would_become_the_registrys(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.5.1+cu124")
    words = install_words(world.record(TARGET), world.published)
    told = person.run(words[: words.index(world.published.torch_channel(TARGET)) - 1])
    assert told.returncode == 0, told.stderr
    assert person.has("torch") == "2.6.0"  # the trap: for CPU; so the line names the torch index
