"""A wheel that is built with others, of caches that they filled, is the wheel that is built alone."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from scripts.dirs import Dirs
from scripts.facts.load import load_facts
from scripts.fetch.installer import Installer
from scripts.files import sha256_of
from scripts.options import parse_words
from scripts.plan.target import Target
from scripts.stamp import write_record
from scripts.wheel_build import environments
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.cache import META
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.produce import produce
from tests.wheel_build.factories import tar_bytes
from tests.wheel_build.one_build import WORDS
from tests.wheel_build.plans import make_planner
from tests.wheel_build.stub_deepspeed import TARGET, TORCH, make_members

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)
BEFORE = replace(TARGET, deepspeed="0.19.7")
CHANGED = "csrc/fused_adam1.cpp"  # of the two units of the op


def give_source(dirs: Dirs, target: Target) -> None:
    """The tag of a release: of the op's two units one is not as in the other release."""
    release, members = target.deepspeed, make_members("fused_adam", units=2)
    members["csrc/includes/cpu_lion.h"] = "constexpr float neg1 = -1.0f;\n"  # that a patch of earlier releases changes
    if target == BEFORE:
        members[CHANGED] += 'extern "C" int gone() { return 7; }\n'
    members = {name: text.replace(TARGET.deepspeed, release) for name, text in members.items()}
    dirs.sources.mkdir(parents=True, exist_ok=True)
    archive = dirs.sources / f"deepspeed-{release}-tag.tar.gz"
    archive.write_bytes(tar_bytes({f"DeepSpeed-{release}/{name}": text for name, text in {**members, **TORCH}.items()}))
    note = {"file": archive.name, "url": "nowhere", "sha256": sha256_of(archive)}
    note["sdist"] = load_facts().deepspeed[release].sdist_sha256 or ""
    write_record(dirs.sources / f"deepspeed-{release}-tag.json", note)


def build(folder: Path, targets: Iterable[Target]) -> tuple[dict[str, bytes], int]:
    """The wheels of the targets, built one after the other with the same caches, and how many units were compiled."""
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    planner = make_planner(dirs, parse_words(BuildOptions, WORDS))
    for target in targets:
        give_source(dirs, target)
        with mock.patch.object(environments, "fill_build_environment"):
            produce(planner.here(target), Installer(uv=None), Path(sys.executable), sys.executable, dirs)
    wheels = {wheel.name: wheel.read_bytes() for wheel in dirs.wheelhouse.rglob("*.whl")}
    return wheels, len([*ObjectCache(dirs.units).objects.directory.glob(f"*/*/{META}")])


def test_a_release_that_shares_units_with_one_before_makes_the_bytes_that_it_makes_alone(tmp_path: Path) -> None:
    alone, compiled = build(tmp_path / "alone", [TARGET])
    before, _ = build(tmp_path / "before", [BEFORE])
    together, in_all = build(tmp_path / "together", [BEFORE, TARGET])
    assert compiled == 2
    assert in_all == 3, "one unit is the same in both"
    assert together == {**before, **alone}
    assert len(together) == 2
