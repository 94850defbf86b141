"""A wheel without an op that its machine could not build is filed apart, says so, and is never published."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError
from scripts.fetch.installer import Installer, environment_python
from scripts.publish.candidates import read_wheelhouse
from scripts.toolchain import host_compiler
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel_build import environments, produce
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.planner import Planner
from tests.wheel_build.plans import FACTS, MATRIX
from tests.wheel_build.stub_deepspeed import TARGET, make_dirs

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)
OPS = ("async_io", "fused_adam")  # of which the stub has the second


@pytest.fixture(autouse=True)
def without_libaio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset({"libaio.h"}))
    monkeypatch.setattr(environments, "fill_build_environment", lambda *asked, **named: None)
    monkeypatch.setattr(produce, "require_disks", lambda *asked: None)


def build(dirs: Dirs, **options: bool) -> Path:
    chosen = BuildOptions(verify="audit", source="tag", jobs=1, **options)  # type: ignore[arg-type]
    planner = Planner(facts=FACTS, matrix=replace(MATRIX, ops=OPS), options=chosen, dirs=dirs)
    python = environment_python(Path(sys.prefix))
    return produce.produce(planner.here(TARGET), Installer(uv=None), python, sys.executable, dirs)


def test_nothing_is_built_unless_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        environments, "fill_build_environment", lambda *asked, **named: pytest.fail("it installs torch")
    )
    with pytest.raises(PrerequisiteError, match="async_io: the header") as caught:
        build(make_dirs(tmp_path))
    assert caught.value.id == "op-header-missing"


def test_what_is_allowed_is_filed_apart_says_what_it_lacks_and_is_not_published(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dirs = make_dirs(tmp_path)
    wheel = build(dirs, allow_missing=True)
    assert wheel == dirs.wheelhouse / TARGET.folder / "without-async_io" / TARGET.wheel_name_for(
        "manylinux_2_17_x86_64"
    )
    told = capfd.readouterr().err
    assert "async_io left out: the header libaio.h is not on this machine; install it with: " in told
    assert "it lacks async_io, so it is filed apart and never published" in told

    document = json.loads(manifest_path(wheel).read_bytes())
    assert document["lacks"] == ["async_io"]
    assert " --allow-missing " in document["repeat"]
    assert [c["detail"] for c in document["proof"]["checks"] if c["name"] == "ops of the target"] == ["lacks async_io"]
    assert "install" not in json.dumps(document["left_out"])

    moved = wheel.parent.parent
    for file in list(wheel.parent.iterdir()):
        file.rename(moved / file.name)
    found = read_wheelhouse(dirs.wheelhouse)
    assert found.candidates == ()
    assert read_manifest(manifest_path(moved / wheel.name).read_bytes(), "m").lacks == ("async_io",)
