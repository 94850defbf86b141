"""The `pyproject.toml` for uv: locked by real uv for both systems, and synced into a real environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.commands.find_task import find
from scripts.commands.install_options import FindOptions
from scripts.errors import InputError
from scripts.fetch.installer import find_installer
from scripts.index.uv_project import uv_project
from scripts.plan.target import Target
from scripts.versions import LINUX, WINDOWS
from scripts.wheel.published import publish_records
from tests.index.world import World, lay_out, publish
from tests.publish.loopback import (
    HERE,
    KNOWN_PLATFORM,
    client_variables,
    make_deepspeed,
    make_target,
    served,
    uv_program,
)
from tests.wheel.factories import make_wheel_record

BOTH = [
    make_target(platform=platform, cuda=cuda)
    for platform, cuda in ((WINDOWS, "cu124"), (LINUX, "cu124"), (LINUX, "cu121"), (WINDOWS, "cpu"), (LINUX, "cpu"))
]
HERE_ONLY = [target for target in BOTH if target.platform == HERE["platform"]]
EXPECTED = """\
# DeepSpeed 0.16.5 for torch 2.6, Python 3.11: uv sync --extra cu124
[project]
name = "my-project"
version = "0.1.0"
requires-python = "==3.11.*"

[project.optional-dependencies]
cu124 = ["torch==2.6.*", "deepspeed==0.16.5+cu124torch2.6"]
cpu = ["torch==2.6.* ; {windows}", "deepspeed==0.16.5+cputorch2.6 ; {windows}"]

[tool.uv]
environments = ["{windows}", "{linux}"]
conflicts = [[{{ extra = "cu124" }}, {{ extra = "cpu" }}]]

[tool.uv.sources]
torch = [{{ index = "torch-cu124", extra = "cu124" }}, {{ index = "torch-cpu", extra = "cpu" }}]
deepspeed = [{{ index = "deepspeed-cu124", extra = "cu124" }}, {{ index = "deepspeed-cpu", extra = "cpu" }}]

[[tool.uv.index]]
name = "torch-cu124"
url = "https://torch.example/cu124"
explicit = true

[[tool.uv.index]]
name = "deepspeed-cu124"
url = "https://site.example/whl/cu124/torch2.6/"
explicit = true

[[tool.uv.index]]
name = "torch-cpu"
url = "https://torch.example/cpu"
explicit = true

[[tool.uv.index]]
name = "deepspeed-cpu"
url = "https://site.example/whl/cpu/torch2.6/"
explicit = true
""".format(
    windows="sys_platform == 'win32' and platform_machine == 'AMD64'",
    linux="sys_platform == 'linux' and platform_machine == 'x86_64'",
)


def test_every_variant_of_the_choice_is_an_extra_and_nothing_else() -> None:
    chosen = Target(deepspeed="0.16.5", torch="2.6.0", cuda="cu124", python="3.11", platform=WINDOWS)
    changes: list[dict[str, str]] = [
        {},
        {"platform": LINUX},
        {"cuda": "cpu"},
        {"cuda": "cu126", "torch": "2.7.0"},
        {"cuda": "cu118", "python": "3.12"},
        {"cuda": "cu121", "deepspeed": "0.16.4"},
    ]
    records = [make_wheel_record(target=replace(chosen, **change)) for change in changes]
    withdrawn = make_wheel_record(target=replace(chosen, cuda="cu128"), yanked="it is bad")
    published = publish_records(
        [*records, withdrawn], url="https://site.example", torch_index="https://torch.example/{variant}"
    )
    assert uv_project(chosen, published) == EXPECTED


@pytest.fixture(scope="module")
def two_systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    root = tmp_path_factory.mktemp("two-systems")
    lay_out(root)
    wheels = {target: make_deepspeed(root / "releases" / target.deepspeed, target) for target in BOTH}
    with served(root) as server:
        yield World(root=root, server=server, published=publish(root, server.url, wheels)), root


def uv(world: World, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**client_variables(world.registry, folder / "cache"), "UV_PYTHON": sys.executable}
    env.pop("UV_NO_CONFIG")  # which would hide the very file
    env.pop("VIRTUAL_ENV", None)
    return subprocess.run([*uv_program(), *words], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
def test_uv_locks_it_for_both_systems_and_syncs_each_extra(two_systems: tuple[World, Path], tmp_path: Path) -> None:
    world, _ = two_systems
    (tmp_path / "pyproject.toml").write_text(uv_project(HERE_ONLY[0], world.published), encoding="utf-8")
    locked = uv(world, tmp_path, "lock")
    assert locked.returncode == 0, locked.stderr
    text = (tmp_path / "uv.lock").read_text(encoding="utf-8")
    assert [record.file for record in world.published.wheels if record.sha256 not in text] == []
    for extra in ("cu124", "cpu"):
        synced = uv(world, tmp_path, "sync", "--locked", "--extra", extra)
        assert synced.returncode == 0, synced.stderr
        listed = uv(world, tmp_path, "pip", "list", "--format", "json", "--python", str(tmp_path / ".venv"))
        found = {row["name"]: row["version"] for row in json.loads(listed.stdout)}
        assert (found["deepspeed"], found["torch"]) == (f"0.16.5+{extra}torch2.6", f"2.6.0+{extra}")
        assert found["hjson"] == "3.1.0"  # of the registry: torch's index has an old one
    both = uv(world, tmp_path, "sync", "--locked", "--extra", "cpu", "--extra", "cu124")
    assert both.returncode != 0


@pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
def test_find_prints_it_also_where_no_torch_is_yet(
    two_systems: tuple[World, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    world, root = two_systems
    command = find_installer().create(tmp_path / "env", sys.executable)
    check(command, run(command))
    python = str(tmp_path / "env")
    find(FindOptions(python=python, index=world.published.url, format="uv"))
    told = capfd.readouterr().out
    [record] = [each for each in world.published.wheels if f"--extra {each.target.cuda}\n" in told][:1]
    assert told == uv_project(record.target, world.published)
    with pytest.raises(InputError, match="needs the address of a site"):
        find(FindOptions(python=python, index=str(root / "site"), format="uv"))
