"""Binaries lie where upstream looks for them, and its one wheel becomes ours."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from scripts.errors import PackageError
from scripts.plan.target import Target
from scripts.wheel.bill_of_materials import Provenance
from scripts.wheel.record import WheelSource
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.package import finish_wheel, place_binaries
from tests.wheel_build.factories import make_wheel
from tests.wheel_build.plans import make_plan


def make_target(python: str = "3.11", deepspeed: str = "0.19.8") -> Target:
    return Target(deepspeed=deepspeed, torch="2.13.0", cuda="cpu", python=python, platform="linux_x86_64")


def upstream_wheel(dist: Path, name: str = "deepspeed-1-py3-none-any.whl") -> None:
    dist.mkdir(exist_ok=True)
    info = "deepspeed-1.dist-info"
    files: dict[str, str | bytes] = {
        f"{info}/METADATA": "Name: deepspeed\nRequires-Dist: torch\n\nText\n",
        f"{info}/WHEEL": "Tag: py3-none-any\n",
    }
    make_wheel(dist / name, files)


def provenance(target: Target) -> Provenance:
    return Provenance(
        version=target.wheel_version,
        target=target.id,
        source=WheelSource(kind="sdist", sha256="0" * 64),
        edits={},
        titles={},
        torch="2.13.0+cpu",
        toolchain={"compiler": "g++ 12.2.0"},
        choices={},
        commit="",
    )


def finished(target: Target, dist: Path) -> Path:
    return finish_wheel(make_plan(target), [], dist, provenance(target))


def requirements(wheel: Path) -> list[str]:
    text = zipfile.ZipFile(wheel).read("deepspeed-1.dist-info/METADATA").decode()
    return [line.removeprefix("Requires-Dist: ") for line in text.splitlines() if line.startswith("Requires-Dist")]


def test_binaries_are_executable_newer_than_sources_and_alone(tmp_path: Path) -> None:
    binary = tmp_path / "cache" / "binary"
    binary.parent.mkdir()
    binary.write_bytes(b"op")
    os.utime(binary, (1, 1))
    stale = tmp_path / "build" / "lib.linux-x86_64-cpython-311" / "stale.so"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    (tmp_path / "source.cpp").write_text("")
    op = BuiltOp(
        op="cpu_adam",
        module="m",
        file="deepspeed/ops/adam/cpu_adam_op.so",
        binary=binary,
        key="k",
        cached=True,
        seconds=1,
        peak_bytes=1,
    )
    place_binaries([op], tmp_path, "linux-x86_64", "cpython-311")
    files = [path for path in (tmp_path / "build").rglob("*") if path.is_file()]
    assert files == [tmp_path / "build/lib.linux-x86_64-cpython-311/deepspeed/ops/adam/cpu_adam_op.so"]
    assert files[0].stat().st_mtime >= (tmp_path / "source.cpp").stat().st_mtime
    assert os.access(files[0], os.X_OK)
    assert binary.exists()


def test_the_wheel_is_named_by_its_target_and_pinned_to_torchs_minor(tmp_path: Path) -> None:
    upstream_wheel(tmp_path / "dist")
    wheel = finished(make_target(), tmp_path / "dist")
    assert wheel.name == make_target().wheel_name_for("manylinux_2_17_x86_64"), "no op asks for anything newer"
    assert "torch==2.13.*" in requirements(wheel)


@pytest.mark.parametrize(("python", "deepspeed"), [("3.12", "0.19.7"), ("3.11", "0.16.5"), ("3.12", "0.19.8")])
def test_setuptools_is_required_since_deepspeed_and_torch_import_it_unasked(
    tmp_path: Path, python: str, deepspeed: str
) -> None:
    upstream_wheel(tmp_path / "dist")
    assert "setuptools" in requirements(finished(make_target(python, deepspeed), tmp_path / "dist"))


@pytest.mark.parametrize("names", [[], ["deepspeed-1-py3-none-any.whl", "deepspeed-2-py3-none-any.whl"]])
def test_anything_but_one_wheel_is_an_error(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        upstream_wheel(tmp_path / "dist", name)
    with pytest.raises(PackageError, match=r"expected one wheel from setup\.py"):
        finished(make_target(), tmp_path / "dist")
