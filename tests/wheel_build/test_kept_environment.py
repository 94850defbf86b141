"""The environment that a build left is taken again when it is what that build left, and never when it is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import pytest

from scripts.command import Command, no_log
from scripts.fetch.installer import Installer
from scripts.stamp import STAMP
from scripts.wheel_build import environments, preflight
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.environments import Environments
from scripts.wheel_build.kept_environment import keep_environment, kept_packages, needs_of
from scripts.wheel_build.replay import Package
from scripts.wheel_build.replay_file import ReplayFile, replay_of
from tests.wheel_build.factories import write_tree
from tests.wheel_build.plans import make_plan
from tests.wheel_build.stub_deepspeed import TARGET

PACKAGES = (Package(name="torch", version="2.13.0", sha256=("a" * 64,)), Package(name="wheel", version="1"))
MODULE = "lib/site-packages/torch/version.py"
COMPILED = "lib/site-packages/torch/__pycache__/version.cpython-311.pyc"
FILES = {"pyvenv.cfg": "home = /usr\n", MODULE: "one = 1\n", COMPILED: "compiled"}
LONG_AGO = 1_700_000_000
NEEDS = "what it must hold"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    root = write_tree(tmp_path / "environment", FILES)
    for name in FILES:
        os.utime(root / name, (LONG_AGO, LONG_AGO))
    keep_environment(root, NEEDS, PACKAGES)
    return root


def test_what_was_left_is_taken_with_its_packages(left: Path) -> None:
    assert kept_packages(left, NEEDS, no_log) == PACKAGES


def test_other_needs_take_nothing(left: Path) -> None:
    assert kept_packages(left, "another torch", no_log) == ()


def another_module(root: Path) -> None:
    (root / "lib" / "site-packages" / "sitecustomize.py").write_text("import os\n")


def flipped(name: str) -> Callable[[Path], None]:
    def flip(root: Path) -> None:
        content = (root / name).read_text()
        (root / name).write_text(content.replace("o", "0"))

    return flip


SPOILED: dict[str, Callable[[Path], object]] = {
    "a module is gone": lambda root: (root / MODULE).unlink(),
    "a module is another": flipped(MODULE),
    "a compiled module is another": flipped(COMPILED),
    "a module came": another_module,
    "a link came": lambda root: (root / "lib64").symlink_to("lib"),
    "the stamp is gone": lambda root: (root / STAMP).unlink(),
    "the stamp is cut": lambda root: (root / STAMP).write_text((root / STAMP).read_text()[:-9]),
    "the stamp is another": lambda root: (root / STAMP).write_text(
        (root / STAMP).read_text().replace("2.13.0", "2.12.0")
    ),
}


@pytest.mark.parametrize("name", [name for name in SPOILED if os.name != "nt" or "link" not in name])  # needs a right
def test_a_spoiled_one_is_not_taken(left: Path, name: str) -> None:
    SPOILED[name](left)
    assert kept_packages(left, NEEDS, no_log) == ()


def test_what_python_compiled_since_is_removed_and_the_rest_is_taken(left: Path) -> None:
    new = left / "lib" / "site-packages" / "__pycache__" / "other.cpython-311.pyc"
    new.parent.mkdir()
    new.write_text("cut when the machine")
    assert kept_packages(left, NEEDS, no_log) == PACKAGES
    assert not new.exists()
    assert (left / COMPILED).exists()


def test_a_disk_that_takes_no_stamp_keeps_no_build_back(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (left / STAMP).unlink()
    (left / STAMP).mkdir()
    keep_environment(left, NEEDS, PACKAGES)
    assert kept_packages(left, NEEDS, no_log) == ()


# ---------------------------------------------------------------- what decides the contents

PLAN = make_plan(TARGET)
PIP = Installer(uv=None)


def test_the_same_plan_has_the_same_needs() -> None:
    assert needs_of(PLAN, PIP, "") == needs_of(make_plan(TARGET), PIP, "")


CHANGES: dict[str, Callable[[], str]] = {
    "the torch": lambda: needs_of(replace(PLAN, target=replace(TARGET, torch="2.0.0")), PIP, ""),
    "a requirement": lambda: needs_of(replace(PLAN, requirements=(*PLAN.requirements, "numpy")), PIP, ""),
    "where torch comes from": lambda: needs_of(replace(PLAN, routes=()), PIP, ""),
    "the Python": lambda: needs_of(PLAN, PIP, __file__),
    "the client": lambda: needs_of(PLAN, Installer(uv="/somewhere/uv"), ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_decides_the_contents_changes_the_needs(name: str) -> None:
    assert CHANGES[name]() != needs_of(PLAN, PIP, "")


@pytest.mark.parametrize("name", ["PIP_CONSTRAINT", "UV_INDEX"])
def test_a_variable_of_the_client_changes_the_needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = needs_of(PLAN, Installer(uv="uv"), "")
    monkeypatch.setenv(name, "https://user:secret@example.org/simple")
    assert needs_of(PLAN, Installer(uv="uv"), "") != before


# ---------------------------------------------------------------- a build and the next one


@dataclass
class Checkout:
    """The environments of one checkout's builds, whose installations are counted."""

    folder: Path
    installed: list[str] = field(default_factory=list)

    def environments(self, plan: BuildPlan, place: str = "") -> Environments:
        root = Path(place) if place else preflight.environment_of(plan.target)
        python = root / "bin" / "python"
        return Environments(plan=plan, installer=Stub(uv=None), python=python, interpreter="", work=self.folder)

    def fill(self, plan: BuildPlan, place: str = "", during: Callable[[Path], None] | None = None) -> Environments:
        """Fill the environment as a build does, and leave it to the next one."""
        one, replay = self.environments(plan, place), ReplayFile(self.folder / "replay.json", replay_of(plan, PIP))
        one.fill(replay, no_log)
        assert replay.replay.packages == PACKAGES
        (one.root / "compiled.pyc").write_text("of the use")
        if during:
            during(one.root)
        one.keep(replay)
        return one


MAKE = """
import os, shutil, sys
shutil.rmtree(sys.argv[1], ignore_errors=True)
os.makedirs(os.path.join(sys.argv[1], "bin"))
"""


class Stub(Installer):
    """An installer that makes an empty environment."""

    def create(self, directory: PurePath, interpreter: str) -> Command:
        return Command(argv=(sys.executable, "-c", MAKE, str(directory)))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    one = Checkout(folder=tmp_path)

    def install(plan: BuildPlan, installer: Installer, python: Path, log: object) -> None:
        (python.parent.parent / "torch.py").write_text("one = 1\n")
        one.installed.append(plan.target.torch)

    monkeypatch.setattr(preflight, "ENVIRONMENTS", tmp_path / ".nox")
    monkeypatch.setattr(environments, "fill_build_environment", install)
    monkeypatch.setattr(environments, "installed_packages", lambda *asked, **named: PACKAGES)
    return one


def test_the_next_build_installs_nothing(checkout: Checkout) -> None:
    kept = checkout.fill(PLAN)
    assert checkout.fill(PLAN).root == kept.root
    assert len(checkout.installed) == 1
    assert (kept.root / "compiled.pyc").exists()


@pytest.mark.parametrize("spoil", [another_module, lambda root: (root / "torch.py").unlink()], ids=["more", "less"])
def test_one_that_was_spoiled_between_two_builds_is_made_anew(
    checkout: Checkout, spoil: Callable[[Path], None]
) -> None:
    kept = checkout.fill(PLAN)
    (kept.root / "lib" / "site-packages").mkdir(parents=True)
    spoil(kept.root)
    checkout.fill(PLAN)
    assert len(checkout.installed) == 2
    assert not (kept.root / "lib").exists()
    assert (kept.root / "torch.py").exists()


@pytest.mark.parametrize(
    "spoil",
    [lambda root: (root / "more.py").write_text(""), lambda root: (root / "torch.py").write_text("two = 2\n")],
    ids=["more", "changed"],
)
def test_what_somebody_changes_during_a_build_is_not_left_to_the_next(
    checkout: Checkout, spoil: Callable[[Path], None]
) -> None:
    checkout.fill(PLAN, during=spoil)
    checkout.fill(PLAN)
    assert len(checkout.installed) == 2


def test_a_build_that_was_stopped_while_it_installed_leaves_none(checkout: Checkout) -> None:
    root = preflight.environment_of(PLAN.target)
    write_tree(root, {"half.py": "import"})
    checkout.fill(PLAN)
    assert not (root / "half.py").exists()


def test_a_build_without_caches_makes_its_own(checkout: Checkout) -> None:
    checkout.fill(PLAN)
    checkout.fill(replace(PLAN, options=BuildOptions(cache=False)))
    assert len(checkout.installed) == 2


def test_an_environment_of_somebody_else_is_neither_cleared_nor_stamped(checkout: Checkout, tmp_path: Path) -> None:
    place = write_tree(tmp_path / "theirs", {"mine.py": "1\n", "bin/x": ""})
    for _ in range(2):
        checkout.fill(PLAN, str(place))
    assert len(checkout.installed) == 2
    assert (place / "mine.py").exists()
    assert not (place / STAMP).exists()
