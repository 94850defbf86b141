"""With the real torch: a bundle installs it without a network; a DeepSpeed that does not load leaves all as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.commands.install_options import InstallOptions
from scripts.commands.install_task import install
from scripts.errors import CommandError
from scripts.fetch.installer import environment_python, find_installer
from scripts.plan.target import Target
from tests.index.world import Person, World, publish
from tests.install.test_bundle import run_script
from tests.publish.loopback import HERE, KNOWN_PLATFORM, make_deepspeed, make_wheel, served
from tests.wheel.wheelhouse import wheel_file

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        not KNOWN_PLATFORM or sys.platform == "win32", reason="the script of Windows is tried under Wine"
    ),
]
TORCH = "2.13.0"  # 200 MB, from wherever the client looks


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    folder = tmp_path_factory.mktemp("real torch")
    installer = find_installer()
    python = environment_python(folder / "env")
    for command in (
        installer.create(folder / "env", sys.executable),
        installer.install(python, [f"torch=={TORCH}", "numpy", "hjson"]),
    ):
        check(command, run(command))
    return Person(world=None, python=python, folder=folder)  # type: ignore[arg-type]  # the real index


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, person: Person) -> Iterator[World]:
    told = subprocess.run(
        [str(person.python), "-c", "import torch; print(torch.version.cuda or '')"],
        capture_output=True,
        text=True,
        check=True,
    )
    cuda = f"cu{told.stdout.strip().replace('.', '')}" if told.stdout.strip() else "cpu"
    root = tmp_path_factory.mktemp("site")
    good = Target(deepspeed="0.16.4", torch=TORCH, cuda=cuda, **HERE)
    bad = replace(good, deepspeed="0.16.5")
    broken = {"deepspeed/__init__.py": "import torch\nraise OSError('undefined symbol')\n"}
    wheels = {
        good: make_deepspeed(root / "releases" / good.deepspeed, good),
        bad: make_wheel(root / "releases" / bad.deepspeed, wheel_file(bad), broken, [f"torch=={good.torch_minor}.*"]),
    }
    (root / "torch" / cuda).mkdir(parents=True)
    with served(root) as server:
        yield World(root=root, server=server, published=publish(root, server.url, wheels))


def says(person: Person, code: str) -> str:
    return subprocess.run([str(person.python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_one_that_does_not_load_leaves_deepspeed_and_torch_as_they_were(site: World, person: Person) -> None:
    python, index = str(person.python), site.published.url
    install(InstallOptions(python=python, index=index, deepspeed="0.16.4"))
    sums = "import torch; print(torch.__version__, (torch.ones(3) @ torch.ones(3)).item())"
    before = (person.has("deepspeed"), says(person, sums))
    with pytest.raises(CommandError, match="does not load: OSError: undefined symbol"):
        install(InstallOptions(python=python, index=index))
    assert (person.has("deepspeed"), says(person, sums)) == before


def test_a_bundle_brings_the_real_torch_without_a_network(site: World, person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "ein Bündel"
    python, index = str(person.python), site.published.url
    install(InstallOptions(python=python, index=index, deepspeed="0.16.4", bundle=str(folder)))
    command = find_installer().create(tmp_path / "offline", sys.executable)
    check(command, run(command))
    told = run_script(folder, str(tmp_path / "offline"))
    assert told.returncode == 0, told.stderr
    offline = Person(world=site, python=environment_python(tmp_path / "offline"), folder=tmp_path)
    assert (offline.has("deepspeed"), offline.has("torch")) == (person.has("deepspeed"), person.has("torch"))
    assert says(offline, "import torch; print(torch.ones(3).sum().item())") == "3.0"
