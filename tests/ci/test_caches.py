"""What a hosted job keeps for later ones, and under which keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.ci.caches import Cache, caches
from scripts.dirs import CHECKOUT, Dirs
from tests.plan.factories import make_target


def dirs(folder: Path) -> Dirs:
    return Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")


def put(file: Path, content: str = "x") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def named(folder: Path, **changes: str) -> dict[str, Cache]:
    return {cache.name: cache for cache in caches([make_target(**changes)], dirs(folder))}


def test_nothing_to_keep_has_no_key(tmp_path: Path) -> None:
    assert {cache.key for cache in named(tmp_path).values()} == {""}


def test_the_key_follows_from_what_is_kept(tmp_path: Path) -> None:
    put(tmp_path / "cache/ops/ab/abcd/binary")
    first = named(tmp_path)["ops"]
    assert first.key.startswith(first.prefix)
    assert named(tmp_path)["ops"].key == first.key
    put(tmp_path / "cache/ops/ef/efgh/binary")
    assert named(tmp_path)["ops"].key != first.key


@pytest.mark.parametrize("change", [{"deepspeed": "0.19.7"}, {"python": "3.12"}])
def test_releases_and_pythons_share_ops_and_units_but_not_unfinished_work(
    change: dict[str, str], tmp_path: Path
) -> None:
    one, other = named(tmp_path), named(tmp_path, **change)
    assert one["ops"].prefix == other["ops"].prefix
    assert one["units"].prefix == other["units"].prefix
    assert one["unfinished"].prefix != other["unfinished"].prefix
    assert one["unfinished"].path != other["unfinished"].path


def test_what_cannot_have_an_op_in_common_has_another_prefix(tmp_path: Path) -> None:
    changes: tuple[dict[str, str], ...] = (
        {},
        {"torch": "2.12.0"},
        {"cuda": "cu130"},
        {"platform": "win_amd64"},
    )
    assert len({named(tmp_path, **change)["ops"].prefix for change in changes}) == len(changes)


def test_only_what_can_be_resumed_is_kept_as_unfinished(tmp_path: Path) -> None:
    work = dirs(tmp_path).work(make_target().id)
    put(work / "objects/1/a.o")
    assert named(tmp_path)["unfinished"].key
    put(work / "proof/bin/python")
    assert named(tmp_path)["unfinished"].key == ""


def test_of_several_targets_that_one_is_kept_which_was_stopped_and_before_a_build_the_first_is_looked_for(
    tmp_path: Path,
) -> None:
    targets = [make_target(python=python) for python in ("3.11", "3.12", "3.13")]
    before = {cache.name: cache for cache in caches(targets, dirs(tmp_path))}["unfinished"]
    assert before.prefix == f"unfinished-{targets[0].id}-"
    put(dirs(tmp_path).work(targets[0].id) / "proof/bin/python")
    put(dirs(tmp_path).work(targets[1].id) / "objects/1/a.o")
    after = {cache.name: cache for cache in caches(targets, dirs(tmp_path))}["unfinished"]
    assert after.key.startswith(f"unfinished-{targets[1].id}-")
    assert after.path == dirs(tmp_path).work(targets[1].id).as_posix()


def test_what_lies_in_the_checkout_is_kept_by_its_path_there() -> None:
    places = Dirs(cache=CHECKOUT / ".cache", wheelhouse=CHECKOUT, logs=CHECKOUT)
    unfinished = {cache.name: cache for cache in caches([make_target()], places)}["unfinished"]
    assert unfinished.path == f".cache/unfinished/{make_target().id}"


def test_a_target_without_cuda_keeps_no_toolkit(tmp_path: Path) -> None:
    put(tmp_path / "cache/cuda/13.0.2-redist/bin/nvcc")
    assert named(tmp_path)["toolkits"].key == ""
    assert named(tmp_path, cuda="cu130")["toolkits"].key


def test_outputs_have_the_names_that_the_workflow_reads(tmp_path: Path) -> None:
    names = [name for cache in named(tmp_path).values() for name in cache.outputs()]
    kinds = ("ops", "units", "unfinished", "toolkits")
    assert sorted(names) == sorted(
        ["unfinished-path", *(f"{kind}-{part}" for kind in kinds for part in ("prefix", "key"))]
    )
