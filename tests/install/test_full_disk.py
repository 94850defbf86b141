"""A disk that fills up in the middle of `invoke install` leaves the environment as it was; the next try succeeds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from tests.index.world import TARGETS, MakePerson, Person, World, lay_out, publish
from tests.publish.loopback import KNOWN_PLATFORM, client_variables, make_deepspeed, make_wheel, served
from tests.wheel.wheelhouse import wheel_file

pytestmark = [
    pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform"),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits the size of a file"),
]
NEWER = TARGETS[4]
OLDER = replace(NEWER, deepspeed="0.16.4")
LARGE = 3_000_000  # bytes of a member, which pack to a few thousand


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("large")
    lay_out(root)
    wheels = {OLDER: make_deepspeed(root / "releases" / OLDER.deepspeed, OLDER), NEWER: large_wheel(root)}
    with served(root) as server:
        yield World(root=root, server=server, published=publish(root, server.url, wheels))


def large_wheel(root: Path) -> Path:
    members = {"deepspeed/__init__.py": "", "deepspeed/large.txt": "0" * LARGE}
    stored = make_wheel(root / "made", wheel_file(NEWER), members, [f"torch=={NEWER.torch_minor}.*", "hjson"])
    wheel = root / "releases" / NEWER.deepspeed / stored.name
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            packed.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return wheel


def install(site: World, person: Person, *words: str, most: int = 0) -> subprocess.CompletedProcess[str]:
    """`invoke install`, by which no file grows beyond `most` bytes."""

    def limit() -> None:
        if most and sys.platform != "win32":
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    cache = {"DEEPSPEED_WHEELS_CACHE": str(person.folder / "wheels"), "PYTHONDONTWRITEBYTECODE": "1"}
    env = {**client_variables(site.registry, person.folder / "client"), **cache}
    line = [sys.executable, "-m", "invoke", "install", "--python", str(person.python), "--index", site.published.url]
    return subprocess.run(
        [*line, *words], cwd=CHECKOUT, env=env, preexec_fn=limit, capture_output=True, text=True, check=False
    )


def tree(person: Person) -> dict[str, bytes]:
    """Every file of the environment but bytecode."""
    found = (path for path in (person.folder / "env").rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): path.read_bytes() for path in found if "__pycache__" not in path.parts}


@pytest.mark.parametrize(("most", "what"), [(1000, "disk-full"), (1_000_000, "package-client-failed")])
def test_what_was_there_is_there_and_the_next_try_goes_through(
    site: World, make_person: MakePerson, most: int, what: str
) -> None:
    person = replace(make_person("2.6.0+cpu"), world=site)
    assert install(site, person, "--deepspeed", OLDER.deepspeed).returncode == 0
    before = tree(person)
    failed = install(site, person, most=most)
    assert f"error[{what}]" in failed.stderr, failed.stderr
    assert "Traceback" not in failed.stderr
    assert tree(person) == before
    assert install(site, person).returncode == 0
    assert (person.has("deepspeed"), person.has("torch")) == (NEWER.wheel_version, "2.6.0+cpu")
    assert list((person.folder / "wheels").rglob("*.whl*")) == []
