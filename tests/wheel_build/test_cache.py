"""The op cache gives back what was stored, and only to who compiles the same thing."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.files import sha256_of
from scripts.wheel_build.cache import OpCache, op_key
from tests.holding import busy
from tests.wheel_build.factories import make_op, write_tree

KEY = "ab" + "0" * 62
PROJECT = {
    "csrc/a.cpp": '#include <shared.h>\n#include "next.h"\nint a() { return A; }\n',
    "csrc/next.h": "#pragma once\n",
    "csrc/includes/shared.h": "#define A 1\n",
    "csrc/includes/other.h": "#define B 1\n",
}


def key_of(root: Path, work: Path, *, extra: tuple[str, ...] = (), **identity: Any) -> str:  # noqa: ANN401 - JSON
    op = make_op(root, "adam", ["csrc/a.cpp"], work / "recorded", extra=extra)
    return op_key(op, root=root, identity={"torch": "2.13", **identity}, directories={"source": str(root)})


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "op.so"
    path.write_bytes(b"\x7fELF op")
    return path


def test_what_is_put_comes_back_with_its_record(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {"op": "cpu_adam", "seconds": 12.5})
    hit = cache.get(KEY, tmp_path / "taken")
    assert hit
    assert hit.binary.read_bytes() == b"\x7fELF op"
    assert dict(hit.meta) == {"op": "cpu_adam", "seconds": 12.5, "sha256": sha256_of(binary), "bytes": 7}
    assert cache.get("ab" + "1" * 62, tmp_path / "taken") is None


def test_the_first_to_store_wins_and_leaves_no_draft(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {"by": "first"})
    binary.write_bytes(b"another")
    cache.put(KEY, binary, {"by": "second"})
    hit = cache.get(KEY, tmp_path / "taken")
    assert hit
    assert hit.meta["by"] == "first"
    assert [path.name for path in (tmp_path / "cache" / "ab").iterdir()] == [KEY]


def test_no_flipped_byte_of_an_entry_comes_back(tmp_path: Path, binary: Path) -> None:
    """Whatever byte of whatever file: it is a miss, or what comes back is what was stored."""
    cache, meta = OpCache(tmp_path / "cache"), {"op": "fused_adam", "seconds": 1.5, "thread_peaks": {"compile": 7}}
    for name in ("binary", "meta.json"):
        cache.put(KEY, binary, meta)
        whole = (tmp_path / "cache" / "ab" / KEY / name).read_bytes()
        for place in range(len(whole)):
            cache.put(KEY, binary, meta)
            damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            (tmp_path / "cache" / "ab" / KEY / name).write_bytes(damaged)
            hit = cache.get(KEY, tmp_path / "taken")
            if hit:
                assert name == "meta.json", "a blank may become another one"
                assert hit.binary.read_bytes() == binary.read_bytes()
                assert hit.meta.items() >= meta.items()


def test_what_was_taken_stays_when_another_process_removes_the_entry(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {})
    hit = cache.get(KEY, tmp_path / "work" / "op.so")
    assert hit
    assert cache.prune(limit_bytes=0) == 1
    assert hit.binary == tmp_path / "work" / "op.so"
    assert hit.binary.read_bytes() == binary.read_bytes()


HALF = """
import shutil, sys
from pathlib import Path
from scripts.wheel_build.cache import OpCache
def half(source, to):
    Path(to).write_bytes(Path(source).read_bytes()[:3])
    hold()
shutil.copyfile = half
OpCache(Path(sys.argv[1])).put(sys.argv[2], Path(sys.argv[3]), {})
"""


def test_a_process_that_is_killed_while_it_stores_leaves_no_entry(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    with busy(HALF, cache.directory, KEY, binary) as other:
        other.kill()
    assert cache.get(KEY, tmp_path / "taken") is None
    cache.put(KEY, binary, {})
    assert cache.get(KEY, tmp_path / "taken")


def test_a_damaged_binary_is_a_miss_is_removed_and_can_be_stored_again(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {})
    (tmp_path / "cache" / "ab" / KEY / "binary").write_bytes(b"\x7fELF oq")
    assert cache.get(KEY, tmp_path / "taken") is None
    assert not (tmp_path / "cache" / "ab" / KEY).exists()
    cache.put(KEY, binary, {})
    assert cache.get(KEY, tmp_path / "taken")


@pytest.mark.parametrize("name", ["meta.json", "binary"])
@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_an_entry_that_is_not_whole_is_a_miss_and_gives_way(
    tmp_path: Path, binary: Path, name: str, content: str | None
) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {})
    part = tmp_path / "cache" / "ab" / KEY / name
    part.unlink()
    if content is not None:
        part.write_text(content)
    assert cache.get(KEY, tmp_path / "taken") is None
    cache.put(KEY, binary, {})
    assert cache.get(KEY, tmp_path / "taken")


def test_pruning_drops_what_was_used_longest_ago(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    binary.write_bytes(b"x" * 100)
    keys = [f"{number:02d}" + "0" * 62 for number in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, binary, {})
        os.utime(tmp_path / "cache" / key[:2] / key, (1000 + age, 1000 + age))
    assert cache.get(keys[0], tmp_path / "taken")  # the oldest is used now
    assert cache.prune(limit_bytes=250) == 2
    assert [key for key in keys if cache.get(key, tmp_path / "taken")] == [keys[0], keys[3]]
    assert cache.prune(limit_bytes=250) == 0


def test_what_was_used_before_the_clock_went_back_does_not_push_out_what_is_made_now(
    tmp_path: Path, binary: Path
) -> None:
    cache = OpCache(tmp_path / "cache")
    binary.write_bytes(b"x" * 100)
    old, new = (f"{number:02d}" + "0" * 62 for number in range(2))
    for key in (old, new):
        cache.put(key, binary, {})
    os.utime(tmp_path / "cache" / old[:2] / old, (time.time() + 10**8,) * 2)
    assert cache.prune(limit_bytes=150) == 1
    assert cache.get(new, tmp_path / "taken")


def test_pruning_a_cache_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert OpCache(tmp_path / "nowhere").prune() == 0


def test_a_cached_binary_keeps_no_surprising_mode(tmp_path: Path, binary: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    cache.put(KEY, binary, {})
    hit = cache.get(KEY, tmp_path / "taken")
    assert hit
    assert not hit.binary.stat().st_mode & stat.S_ISUID


# ------------------------------------------------------------------------------------------------------- keys


def test_the_same_op_has_the_same_key_in_another_folder_and_of_another_target(tmp_path: Path) -> None:
    here = write_tree(tmp_path / "ds0.19.4-torch2.13.0" / "source", PROJECT)
    there = write_tree(tmp_path / "elsewhere" / "ds0.19.5-torch2.13.0" / "source", PROJECT)
    assert key_of(here, here.parent) == key_of(there, there.parent)


def test_a_key_does_not_change_with_what_is_not_included_or_with_times(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "source", PROJECT)
    before = key_of(root, tmp_path)
    (root / "csrc/includes/other.h").write_text("#define B 2\n")
    os.utime(root / "csrc/a.cpp", (1, 1))
    assert key_of(root, tmp_path) == before


@pytest.mark.parametrize("name", ["csrc/a.cpp", "csrc/next.h", "csrc/includes/shared.h"])
def test_a_key_changes_with_every_file_that_is_compiled(tmp_path: Path, name: str) -> None:
    root = write_tree(tmp_path / "source", PROJECT)
    before = key_of(root, tmp_path)
    with (root / name).open("a") as file:
        file.write("// more\n")
    assert key_of(root, tmp_path) != before


def test_a_key_changes_with_a_flag_its_order_and_the_identity(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "source", PROJECT)
    keys = [
        key_of(root, tmp_path),
        key_of(root, tmp_path, extra=("-DX",)),
        key_of(root, tmp_path, extra=("-DX", "-DY")),
        key_of(root, tmp_path, extra=("-DY", "-DX")),
        key_of(root, tmp_path, torch="2.12"),
        key_of(root, tmp_path, compiler="g++ 13"),
    ]
    assert len(set(keys)) == len(keys)


def test_the_peak_of_one_thread_is_remembered_by_op(tmp_path: Path) -> None:
    cache = OpCache(tmp_path / "cache")
    binary = tmp_path / "binary"
    binary.write_bytes(b"content")
    for key, op, peak, threads in (
        ("aa1", "quantizer", 800, 4),
        ("bb2", "quantizer", 150, 1),
        ("cc3", "utils", 70, 1),
    ):
        cache.put(
            key,
            binary,
            {"op": op, "seconds": 1.0, "peak_bytes": peak, "thread_peaks": {"nvcc": peak // threads, "compile": 0}},
        )
    (tmp_path / "cache" / "cc" / "cc3" / "meta.json").write_text("damaged")
    assert cache.peaks() == {("quantizer", "nvcc"): 200}, "0 is not known: under Wine the system does not tell"


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can become somebody else")
def test_a_cache_that_may_not_be_searched_has_nothing(tmp_path: Path) -> None:
    become = vars(os)["seteuid"]  # Windows has none
    cache = OpCache(tmp_path / "closed" / "ops")
    write_tree(tmp_path, {"made": ""})
    cache.put("ab" * 32, tmp_path / "made", {})
    (tmp_path / "closed").chmod(0o700)
    become(65534)
    try:
        assert cache.get("ab" * 32, tmp_path / "to") is None
    finally:
        become(0)
