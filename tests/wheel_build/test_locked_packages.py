"""What an environment holds is listed with the digests that its client tells, and installed again by them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.fetch.installer import Installer
from scripts.wheel_build.locked_packages import install_locked, installed_packages, lock_command
from scripts.wheel_build.replay import Package
from tests.wheel_build.factories import write_tree

WHEEL, SDIST = "ab" * 32, "cd" * 32
LOCK = f"""lock-version = "1.0"
[[packages]]
name = "some-thing"
version = "1.2"
sdist = {{ url = "https://a.example/some_thing-1.2.tar.gz", hashes = {{ sha256 = "{SDIST}" }} }}
wheels = [{{ url = "https://a.example/some_thing-1.2-py3-none-any.whl", hashes = {{ sha256 = "{WHEEL}" }} }}]

[[packages]]
name = "other"
version = "3"
sdist = {{ url = "https://a.example/other-3.tar.gz", hashes = {{ sha256 = "{SDIST}" }} }}
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts of a POSIX shell")


def program(path: Path, script: str) -> Path:
    write_tree(path.parent, {path.name: f"#!/bin/sh\n{script}"})
    path.chmod(0o755)
    return path


def environment(folder: Path) -> Path:
    """A Python that lists two packages and one that was built here."""
    return program(
        folder / "bin" / "python", """echo '[["Some_Thing", "1.2"], ["deepspeed", "1"], ["other", "3"]]'\n"""
    )


@posix
def test_packages_have_the_digests_of_the_wheels_that_fit_else_of_the_sdist(tmp_path: Path) -> None:
    uv = program(tmp_path / "uv", f"cat > {tmp_path}/asked\necho \"$*\" > {tmp_path}/words\ncat <<'END'\n{LOCK}END\n")
    found = installed_packages(
        Installer(uv=str(uv)), environment(tmp_path), "https://t.example", print, without="deepspeed"
    )
    assert found == (
        Package(name="Some_Thing", version="1.2", sha256=(WHEEL,)),
        Package(name="other", version="3", sha256=(SDIST,)),
    )
    assert (tmp_path / "asked").read_text() == "Some_Thing==1.2\nother==3\n"
    assert "--index https://t.example" in (tmp_path / "words").read_text()


@posix
@pytest.mark.parametrize("client", ["exit 1", "echo nonsense", "none"])
def test_without_digests_the_packages_are_known_all_the_same(client: str, tmp_path: Path) -> None:
    uv = None if client == "none" else str(program(tmp_path / "uv", f"cat > {tmp_path}/asked\n{client}\n"))
    said: list[str] = []
    found = installed_packages(Installer(uv=uv), environment(tmp_path), None, said.append, without="deepspeed")
    assert [(one.name, one.sha256) for one in found] == [("Some_Thing", ()), ("other", ())]
    assert bool(said) == (client == "exit 1")


@posix
def test_an_environment_that_does_not_answer_holds_nothing_that_is_known(tmp_path: Path) -> None:
    said: list[str] = []
    python = program(tmp_path / "python", "exit 3\n")
    assert installed_packages(Installer(uv=None), python, None, said.append) == ()
    assert "is not known" in said[0]


@posix
def test_exactly_these_are_installed_and_digests_are_checked_where_all_are_known(tmp_path: Path) -> None:
    uv = program(tmp_path / "uv", f'echo "$*" > {tmp_path}/words\n')
    packages = [Package(name="a", version="1", sha256=(WHEEL, SDIST)), Package(name="b", version="2", sha256=(WHEEL,))]
    file = tmp_path / "locked.txt"
    install_locked(Installer(uv=str(uv)), tmp_path / "python", packages, file, None, print)
    assert file.read_text() == f"a==1 --hash=sha256:{WHEEL} --hash=sha256:{SDIST}\nb==2 --hash=sha256:{WHEEL}\n"
    assert (tmp_path / "words").read_text().endswith(f"--no-deps --require-hashes -r {file}\n")
    bare = lock_command(Installer(uv=None), Path("python"), [Package(name="a", version="1")], file, None)
    assert "--require-hashes" not in bare.argv
