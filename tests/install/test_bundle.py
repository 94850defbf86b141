"""A bundle is written whole, and its script installs it where there is no network, into what is there or nothing."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.commands.install_options import InstallOptions
from scripts.commands.install_task import install
from scripts.errors import CommandError, InputError, NothingToDoError
from scripts.fetch.installer import environment_python, find_installer
from tests.index.world import TARGETS, MakePerson, Person, World
from tests.install.factories import make_machine
from tests.publish.loopback import KNOWN_PLATFORM, make_wheel, use_client, write_registry
from tests.wheel.wheelhouse import wheel_file

pytestmark = [
    pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform"),
    pytest.mark.skipif(sys.platform == "win32", reason="the script of Windows is tried under Wine"),
]
TARGET = TARGETS[0]
DEAD = "http://127.0.0.1:9"  # nobody listens there
FOLDER = "ein Bündel, größer 中文"


@pytest.fixture(scope="module")
def registry_with_pip(world: World) -> World:
    """The world, in whose registry the client finds pip itself."""
    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    folder = world.root / "registry" / "pip"
    folder.mkdir()
    shutil.copyfile(bundled, folder / bundled.name)
    write_registry(world.root / "registry")
    return world


@pytest.fixture(autouse=True)
def client(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_client(monkeypatch, world.registry, tmp_path / "cache")
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(tmp_path / "downloads"))
    gpu = make_machine("8.6", flags=("avx2", "avx512f"))
    monkeypatch.setattr("scripts.install.environment.read_machine", lambda: gpu)


@pytest.fixture
def bundle(made: list[Path], registry_with_pip: World, make_person: MakePerson, tmp_path: Path) -> Path:
    """A bundle for torch 2.6 and CUDA 12.4 of one's own: pip makes it once."""
    if not made:
        made.append(write(registry_with_pip, make_person("2.6.0+cu124"), tmp_path / "first"))
    return Path(shutil.copytree(made[0], tmp_path / FOLDER))


@pytest.fixture(scope="module")
def made() -> list[Path]:
    """The bundle that was made, once it was."""
    return []


def write(world: World, person: Person, folder: Path) -> Path:
    install(InstallOptions(python=str(person.python), index=world.published.url, bundle=str(folder)))
    return folder


def there(world: World, folder: Path) -> Person:
    """An environment of the machine without a network, with no pip in it."""
    command = find_installer().create(folder, sys.executable)
    check(command, run(command))
    return Person(world=world, python=environment_python(folder), folder=folder.parent)


def run_script(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The script on that machine: every request would go to where nobody listens."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), DEAD)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "VIRTUAL_ENV"))}
    env = {**kept, **proxies, "PIP_INDEX_URL": DEAD, "no_proxy": "", "NO_PROXY": ""}
    return subprocess.run(
        ["sh", str(bundle / "install.sh"), *words], env=env, cwd="/", capture_output=True, text=True, check=False
    )


def test_it_installs_without_a_network_into_an_environment_without_pip(
    registry_with_pip: World, make_person: MakePerson, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = write(registry_with_pip, make_person("2.6.0+cu124"), tmp_path / FOLDER)
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == f"there, with Python {TARGET.python}: sh install.sh PYTHON"
    names = {path.name.split("-")[0] for path in (bundle / "wheels").iterdir()}
    assert names == {"deepspeed", "torch", "hjson"}
    offline = there(registry_with_pip, tmp_path / "ohne Netz")
    registry_with_pip.server.asked.clear()
    told = run_script(bundle, str(tmp_path / "ohne Netz"))
    assert told.returncode == 0, told.stderr
    assert "it can be imported" in told.stdout
    assert [offline.has(name) for name in ("deepspeed", "torch", "hjson")] == [
        TARGET.wheel_version,
        "2.6.0+cu124",
        "3.1.0",
    ]
    assert run_script(bundle, str(offline.python)).returncode == 0  # again is no harm
    assert registry_with_pip.server.asked == []


def test_its_requirements_have_the_digest_of_every_file(bundle: Path) -> None:
    pinned = (bundle / "requirements.txt").read_text().splitlines()
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (bundle / "wheels").iterdir()}
    assert {line.rpartition("--hash=sha256:")[2] for line in pinned} == digests
    assert pinned[0].startswith(f"deepspeed=={TARGET.wheel_version} --hash")
    told = json.loads((bundle / "inside" / "bundle.json").read_text())
    assert digests < set(told["files"].values())  # and pip itself


def test_what_is_damaged_missing_or_for_another_torch_changes_nothing(
    registry_with_pip: World, bundle: Path, make_person: MakePerson, tmp_path: Path
) -> None:
    offline = there(registry_with_pip, tmp_path / "offline")
    wheel = next((bundle / "wheels").glob("hjson-*"))
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:-1])
    told = run_script(bundle, str(offline.python))
    assert (told.returncode, "hjson" in told.stderr, "is damaged; copy the bundle again" in told.stderr) == (
        1,
        True,
        True,
    )
    wheel.unlink()
    assert "is missing; copy the bundle again" in run_script(bundle, str(offline.python)).stderr
    wheel.write_bytes(whole)
    other = make_person("2.5.1+cu124")
    told = run_script(bundle, str(other.python))
    assert "torch 2.5.1+cu124 is here, and this bundle is for 2.6.0+cu124" in told.stderr
    assert (other.has("torch"), other.has("deepspeed"), offline.has("deepspeed")) == ("2.5.1+cu124", None, None)


def test_a_python_that_it_is_not_for_is_told(bundle: Path) -> None:
    document = bundle / "inside" / "bundle.json"
    told = json.loads(document.read_text())
    document.write_text(json.dumps({**told, "python": "3.7", "platform": "win_amd64"}))
    refused = run_script(bundle, sys.executable)
    assert (refused.returncode, "is for CPython 3.7, win_amd64, and" in refused.stderr) == (1, True)


def test_what_does_not_load_leaves_what_was_there(registry_with_pip: World, bundle: Path, tmp_path: Path) -> None:
    offline = there(registry_with_pip, tmp_path / "offline")
    assert run_script(bundle, str(offline.python)).returncode == 0
    [module] = (tmp_path / "offline").rglob("deepspeed/__init__.py")
    before = module.read_text()
    newer = replace(TARGET, deepspeed="0.16.6")
    next((bundle / "wheels").glob("deepspeed-*")).unlink()
    wheel = make_wheel(bundle / "wheels", wheel_file(newer), {"deepspeed/__init__.py": "raise OSError('no library')\n"})
    document = bundle / "inside" / "bundle.json"
    told = json.loads(document.read_text())
    files = {name: digest for name, digest in told["files"].items() if not name.startswith("wheels/deepspeed-")}
    files[f"wheels/{wheel.name}"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    document.write_text(json.dumps({**told, "deepspeed": newer.wheel_version, "files": files}))
    refused = run_script(bundle, str(offline.python))
    assert (refused.returncode, "does not load: OSError: no library" in refused.stderr) == (1, True)
    assert (offline.has("deepspeed"), module.read_text()) == (TARGET.wheel_version, before)


def test_who_has_no_torch_gets_one_with_the_wheel(
    registry_with_pip: World, make_person: MakePerson, tmp_path: Path
) -> None:
    folder = write(registry_with_pip, make_person(), tmp_path / "for a new machine")
    assert (folder / "wheels" / "torch-2.6.0+cu124-py3-none-any.whl").is_file()


def test_nothing_is_written_over_and_nothing_half(
    registry_with_pip: World, make_person: MakePerson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_person("2.6.0+cu124")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(InputError, match="something is there already"):
        write(registry_with_pip, person, tmp_path / "taken")
    python, index = str(person.python), registry_with_pip.published.url
    both = InstallOptions(python=python, index=index, bundle=str(tmp_path / "b"), repair=True)
    with pytest.raises(InputError, match="give one of them"):
        install(both)
    monkeypatch.setenv("PIP_INDEX_URL", f"{registry_with_pip.server.url}/nothing/")
    with pytest.raises(CommandError, match="exit code"):
        write(registry_with_pip, person, tmp_path / "new" / "bundle")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_torch_without_a_wheel_is_told_as_ever(
    registry_with_pip: World, make_person: MakePerson, tmp_path: Path
) -> None:
    with pytest.raises(NothingToDoError, match=r"torch 2\.5\.1\+cu121"):
        write(registry_with_pip, make_person("2.5.1+cu121"), tmp_path / "none")
