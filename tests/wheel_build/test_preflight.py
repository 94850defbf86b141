"""Before a build installs anything, each directory that it writes is there to be written and has the room it needs."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import disk_space
from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.fetch.installer import Installer
from scripts.plan.target import parse_id
from scripts.wheel_build import environments, preflight, produce
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.preflight import OF_SYSTEM, TEMPORARY, places_of, require_disks, temporary_directory
from tests.wheel_build.plans import make_plan

CPU = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
CUDA = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")
Usage = namedtuple("Usage", "total used free")


def dirs_in(folder: Path) -> Dirs:
    return Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")


@pytest.fixture
def one_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Dirs:
    """Everything lies on one disk."""
    monkeypatch.setattr(preflight, "ENVIRONMENTS", tmp_path / ".nox")
    monkeypatch.setenv(TEMPORARY, str(tmp_path / "temporary"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return dirs_in(tmp_path)


def total(
    dirs: Dirs, *targets: str, uv: str | None = "uv", options: BuildOptions | None = None, one_torch: bool = False
) -> int:
    plans = [make_plan(parse_id(target), options) for target in targets]
    return sum(place.bytes for place in places_of(plans, dirs, Installer(uv=uv), one_torch=one_torch))


def test_pythons_of_which_one_torch_is_kept_at_a_time_need_no_more_than_one(one_disk: Dirs) -> None:
    plan, other = make_plan(CUDA), CUDA.id.replace("cp311", "cp312")
    assert total(one_disk, CUDA.id, other) == total(one_disk, CUDA.id) + plan.room["packages"]
    assert total(one_disk, CUDA.id, other, one_torch=True) == total(one_disk, CUDA.id)


def test_the_wheels_come_when_the_archives_of_the_toolkit_are_gone(one_disk: Dirs) -> None:
    plan, others = make_plan(CUDA), 39
    more = others * plan.room["wheel"] - plan.room["archives"]
    assert more > 0
    assert total(one_disk, *[CUDA.id] * (1 + others), one_torch=True) == total(one_disk, CUDA.id) + more


def test_every_kind_of_target_has_its_needs() -> None:
    facts = load_facts()
    kinds = {(row.system, row.accelerator) for row in facts.disk}
    assert kinds == {(system, kind) for system in ("linux", "windows") for kind in ("cpu", "cuda")}
    assert len({(row.system, row.accelerator, row.what) for row in facts.disk}) == len(facts.disk)
    for system, kind in kinds:
        here = {row.what for row in facts.disk if (row.system, row.accelerator) == (system, kind)}
        assert {"packages", "work", "temporary", "wheel"} <= here
        assert ("toolkit" in here) == (kind == "cuda")


def test_all_that_is_written_is_looked_at(one_disk: Dirs) -> None:
    tmp = one_disk.cache.parent
    found = {
        place.directory.relative_to(tmp).as_posix()
        for place in places_of([make_plan(CUDA)], one_disk, Installer(uv="uv"))
    }
    assert found == {
        "wheels", "logs", "cache/unfinished", "cache/sources", "cache/headers", "cache/cuda", "temporary", "uv", ".nox"
    }  # fmt: skip


def test_a_cuda_build_needs_more_than_one_for_cpu_and_a_toolkit_that_is_here_no_room(one_disk: Dirs) -> None:
    plan = make_plan(CUDA)
    assert total(one_disk, CPU.id) < 4 * 10**9 < 12 * 10**9 < total(one_disk, CUDA.id) < 14 * 10**9
    here = replace(plan, toolchain=replace(plan.toolchain, cuda="13.0", toolkit="found"))  # type: ignore[arg-type]
    with_it = sum(place.bytes for place in places_of([here], one_disk, Installer(uv="uv")))
    assert with_it == total(one_disk, CUDA.id) - plan.room["toolkit"]


def test_what_uv_links_on_one_disk_is_counted_once_and_what_pip_copies_each_time(one_disk: Dirs) -> None:
    packages = make_plan(CPU).room["packages"]
    assert total(one_disk, CPU.id, uv=None) - total(one_disk, CPU.id) == packages
    audit = BuildOptions(verify="audit")
    assert total(one_disk, CPU.id, uv=None, options=audit) == total(one_disk, CPU.id, options=audit)


def test_targets_of_one_call_share_what_is_made_for_each_in_turn(one_disk: Dirs) -> None:
    other = CPU.id.replace("cp311", "cp312")
    plan = make_plan(CPU)
    assert total(one_disk, CPU.id, other) == total(one_disk, CPU.id) + plan.room["packages"] + plan.room["wheel"]


def test_no_precompiled_headers_need_no_room(one_disk: Dirs) -> None:
    plain = BuildOptions(headers="small")
    assert total(one_disk, CPU.id) - total(one_disk, CPU.id, options=plain) == make_plan(CPU).room["headers"]


def test_a_disk_that_is_too_small_is_an_error_with_numbers_before_anything_is_installed(
    one_disk: Dirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**8, 10**8))
    monkeypatch.setattr(environments, "fill_build_environment", lambda *asked: pytest.fail("something is installed"))
    with pytest.raises(PrerequisiteError) as caught:
        produce.produce(make_plan(CPU), Installer(uv="uv"), Path("python"), "python", one_disk)
    assert (caught.value.id, caught.value.exit_code) == ("disk-full", 14)
    for word in (
        CPU.id,
        "100 MB free",
        "GB are needed",
        "DEEPSPEED_WHEELS_CACHE",
        "DEEPSPEED_WHEELS_OUTPUT",
        TEMPORARY,
    ):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["wheels", "logs", "cache", "temporary", "uv", ".nox"])
def test_each_directory_that_cannot_be_written_is_named(one_disk: Dirs, name: str) -> None:
    tmp = one_disk.cache.parent
    (tmp / name).write_text("a file in its place")
    for make in (False, True):
        with pytest.raises(PrerequisiteError, match="cannot be written") as caught:
            require_disks([make_plan(CPU)], one_disk, Installer(uv="uv"), make=make)
        assert caught.value.id == "not-writable"
        assert str(tmp / name) in str(caught.value)


def test_two_disks_are_judged_apart(one_disk: Dirs, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp = one_disk.cache.parent
    monkeypatch.setattr(disk_space, "disk_of", lambda path: 2 if path.is_relative_to(tmp / "cache") else 1)
    monkeypatch.setattr(preflight, "disk_of", lambda path: 2 if path.is_relative_to(tmp / "cache") else 1)
    sizes = {1: 10**9 * 2, 2: 10**8}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, sizes[disk_space.disk_of(path)]))
    with pytest.raises(PrerequisiteError) as caught:
        require_disks([make_plan(CPU)], one_disk, Installer(uv="uv"))
    assert "100 MB free" in str(caught.value)
    assert str(tmp / "cache" / "headers") in str(caught.value)
    assert str(tmp / "wheels") not in str(caught.value)


def test_a_build_of_nothing_asks_for_no_room(one_disk: Dirs) -> None:
    require_disks([], one_disk, Installer(uv=None))
    assert not one_disk.wheelhouse.exists()


def test_the_folder_of_compilers_of_windows_is_that_of_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is told that TEMP names another and sets it, would find the same disk full again."""
    monkeypatch.setenv("TMP", "/compilers")
    monkeypatch.setenv("TEMP", "/others")
    assert temporary_directory(OF_SYSTEM["windows"]) == Path("/compilers")
