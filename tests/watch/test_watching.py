"""What the world serves is found, written where it belongs and told in words; what did not answer says nothing."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from scripts.facts.load import load_facts
from scripts.watch.difference import GONE, NOTE
from scripts.watch.in_words import as_document, in_words
from scripts.watch.watching import Watching, watch_world, write_texts
from tests.watch.world import (
    StandInWorld,
    copied_data,
    expected_ops,
    image_list,
    replaced,
    served,
    without_row,
    world_of,
    zipped,
)

ROOT = Path(__file__).parent.parent.parent
NEWEST_PYTHON = "3.16"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_data(tmp_path)


@pytest.fixture
def world(folder: Path) -> StandInWorld:
    return world_of(folder)


def watched(world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watching:
    with served(world, monkeypatch, folder):
        return watch_world(folder, ROOT / "matrix.yaml", tmp_path / "downloads")


def rows(found: Watching) -> list[str]:
    return [addition.row for addition in found.difference.additions]


def told(found: Watching, kind: str) -> list[str]:
    return [f"{remark.row}: {remark.words}" for remark in found.difference.remarks if remark.kind == kind]


def all_words(found: Watching) -> str:
    return "\n".join(in_words(found))


def test_nothing_is_new_in_a_world_that_is_as_the_rows_say(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == []
    assert found.texts == {}
    assert found.silent == ()
    assert found.consequence
    assert found.consequence.targets == ()
    assert all_words(found).startswith("The data have all that the world serves")


def test_it_finds_by_itself_what_the_data_lacked_on_the_day_of_the_first_release(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replaced(folder, "cuda.yaml", 'releases: ["13.5.0"]', "releases: []")
    replaced(folder, "cuda.yaml", '["13.4.1", ', '["13.4.0", "13.4.1", ')
    for _ in range(2):
        replaced(folder, "cuda.yaml", "[linux_aarch64, win_arm64]", "[linux_aarch64]")
    replaced(folder, "torch.yaml", '"2.14.1": 2026-09-30', '"2.14.1": null')
    for _ in range(2):
        replaced(folder, "torch.yaml", ', "3.15", "3.15t"]', "]")
    without_row(folder, "python.yaml", "python", "3.15")
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == ["torch 2.14.1", *["torch 2.15"] * 4, "CUDA 13.4", "CUDA 13.5.0", "CUDA 13.5", "Python 3.15"]
    words = all_words(found)
    assert "**torch 2.14.1**: its day is 2026-09-30" in words
    assert "**torch 2.15**: wheels of 2.15.0 for Python 3.15 on windows" in words
    assert "**CUDA 13.4**: wheels with nvcc for win_arm64" in words
    assert "**CUDA 13.4.0**: the package index has it as a candidate only (13.4.0rc1)" in words
    assert '"13.4.0"' in found.texts["cuda.yaml"]  # told, and left


def removed_and_restored(
    removed: Iterable[tuple[str, str, str]],
    world: StandInWorld,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> tuple[Watching, dict[str, str]]:
    """What is found after rows are taken out and written; what each file said before."""
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    for file, key, row in removed:
        without_row(folder, file, key, row)
    found = watched(world, folder, monkeypatch, tmp_path)
    write_texts(folder, found.texts)
    return found, before


def test_rows_that_were_taken_out_come_back_byte_for_byte_where_they_are_derived(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for minor in ("2.13", "2.14", "2.15"):
        world.torch_row(minor)
    world.cuda_row("13.5")
    for version in ("0.19.4", "0.19.5", "0.19.6", "0.19.7", "0.19.8"):
        row = world.facts.deepspeed[version]
        unit = "" if version < "0.19.8" else "int changed;\n"
        replaced(folder, "deepspeed.yaml", row.sdist_sha256 or "", world.deepspeed_source(version, unit=unit))
    removed = [
        *(("torch.yaml", "torch", minor) for minor in ("2.13", "2.14", "2.15")),
        *(("deepspeed.yaml", "releases", version) for version in ("0.19.5", "0.19.6", "0.19.7", "0.19.8")),
        ("cuda.yaml", "cuda", "13.5"),
        ("python.yaml", "python", "3.15"),
    ]
    found, before = removed_and_restored(removed, world, folder, monkeypatch, tmp_path)
    after = {name: (folder / name).read_text(encoding="utf-8") for name in before}
    for name in ("deepspeed.yaml", "cuda.yaml", "python.yaml"):
        assert after[name] == before[name]
    judged = ("    source: ", "    # ")  # what only a person says
    assert [line for line in after["torch.yaml"].splitlines() if not line.startswith(judged)] == [
        line for line in before["torch.yaml"].splitlines() if not line.startswith(judged)
    ]
    load_facts(folder)
    assert found.consequence
    assert [change.deepspeed for change in found.consequence.releases] == ["0.19.5", "0.19.6", "0.19.7", "0.19.8"]
    *same, last = found.consequence.releases
    came = {op for change in same for ops in change.changed.values() for op in ops}
    assert came == {"pin_memory"}  # with 0.19.5
    assert "cpu_adam" in last.changed["cpu"]
    assert found.consequence.targets[0].targets > 100


def test_a_new_deepspeed_brings_rows_for_its_ops_and_says_which_patches_lost_their_place(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ops = expected_ops(world.facts, "0.19.8")
    ops["cuda"] = [row for row in ops["cuda"] if row[0] != "random_ltd"]
    ops["cuda"].append(["new_op", "DS_BUILD_NEW_OP", "deepspeed.ops.new_op", ["csrc/unit.cpp", "csrc/unit.cu"]])
    newest = list(world.facts.deepspeed)[-1]
    replaced(folder, "deepspeed.yaml", world.facts.deepspeed[newest].sdist_sha256 or "", world.deepspeed_source(newest))
    world.release("deepspeed", "deepspeed-0.99.0.tar.gz", "2026-12-01")
    world.deepspeed_source("0.99.0", ops, unit="int changed;\n")
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == ["DeepSpeed 0.99.0"]
    write_texts(folder, found.texts)
    facts = load_facts(folder)
    assert facts.deepspeed["0.99.0"].cuda_minors == facts.deepspeed["0.19.8"].cuda_minors
    assert "cuda_minors: *to-12-9\n    source: [deepspeed]\n\n# ops:" in found.texts["deepspeed.yaml"]
    new = facts.ops["new_op"].support_for("cuda", "0.99.0")
    assert new
    assert (new.kind, dict(new.seconds)) == ("cuda", {"linux": 80.0})
    assert any("has no random_ltd for cuda any more" in line for line in told(found, GONE))
    words = all_words(found)
    assert "look: end the range of patch P3" in words
    assert "with 0.99.0 on the axis deepspeed of matrix.yaml" in words


def test_a_source_that_does_not_answer_is_unknown_and_takes_nothing_away(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.pages = {"torch-files": b"<html>log in</html>", "python-releases": b"[", "windows-2022": b"\xff\0"}
    world.index.pop("deepspeed")
    without_row(folder, "torch.yaml", "torch", "2.15")
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == []
    assert len(found.silent) == 4
    assert told(found, GONE) == []
    words = all_words(found)
    assert "## Unknown: these sources did not answer" in words
    assert "its CUDA variants are unknown (the PyTorch index did not say), so no row is written" in words
    document = as_document(found, written=False)
    assert len(document["unknown"]) == 4  # type: ignore[arg-type]


def test_answers_that_would_keep_it_busy_or_break_it_are_unknown(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    links = b"<a " * 1_000_000 + b'<a href="' + b"x" * 1_000_000
    world.pages = {"torch-files": links, "python-releases": b"[" * 200_000, "image-labels": b"`windows-" * 300_000}
    for odd in ("cp3x-cp3x", "cp3-cp3", "py3-none", ".".join(["cp311"] * 90) + "-abi3"):
        world.release("torch", f"torch-2.15.0-{odd}-win_amd64.whl", "2026-10-28")
    begun = time.process_time()
    found = watched(world, folder, monkeypatch, tmp_path)
    assert time.process_time() - begun < 20
    assert rows(found) == []
    assert len(found.silent) == 3
    assert "## Unknown" in all_words(found)


@pytest.mark.parametrize("spoil", ["method", "linker"])
def test_a_wheel_that_cannot_be_read_is_told_and_no_row_is_written(
    spoil: str, world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.torch_row("2.15")
    (name,) = (name for name in world.bodies if "win_amd64" in name)
    body = bytearray(world.bodies[name])
    entry = body.find(b"PK\x01\x02")
    while spoil == "method" and entry >= 0:
        body[entry + 10] = 99
        entry = body.find(b"PK\x01\x02", entry + 4)
    if spoil == "linker":
        with zipfile.ZipFile(io.BytesIO(body)) as wheel:
            members = {each: wheel.read(each) for each in wheel.namelist()}
        body = bytearray(zipped({**members, "torch/lib/c10.dll": b"no library"}))
    world.bodies[name] = bytes(body)
    without_row(folder, "torch.yaml", "torch", "2.15")
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == []
    assert any("its wheels could not be read" in line for line in told(found, NOTE))


def test_what_disappeared_is_told_and_stays(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.index["deepspeed"] = [row for row in world.index["deepspeed"] if "-0.16.5" not in row[0]]
    world.index["cuda-toolkit"] = [row for row in world.index["cuda-toolkit"] if "-13.5.0-" not in row[0]]
    found = watched(world, folder, monkeypatch, tmp_path)
    gone = told(found, GONE)
    assert "DeepSpeed 0.16.5: the package index does not have it (any more)" in gone
    assert "CUDA 13.5.0: the package index does not have it (any more)" in gone
    assert found.texts == {}


def test_a_new_toolset_on_an_image_gets_a_row_with_what_to_look_up(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (
        "| Visual Studio Enterprise 2026 | 18.12.1.1 | C:\\VS |\n"
        "| Microsoft.VisualStudio.Component.VC.14.44.17.14.x86.x64 | 18.12 |\n"
        "| Microsoft Visual C++ 2022 Minimum Runtime | x64 | 14.60.40000 |\n"
    )
    world.pages = {"windows-2025": page.encode()}
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == ["MSVC toolset 14.60", "windows-2025"]
    write_texts(folder, found.texts)
    facts = load_facts(folder)
    assert [each.msc_ver for each in facts.toolsets if each.version == "14.60"] == [1960]
    assert facts.runners["windows-2025"].toolsets[-1] == "14.60"
    words = all_words(found)
    assert "the image has Visual Studio 2026 Enterprise 18.12, the row says" in words
    assert "look: stl_min_cuda of 14.60" in words


def test_a_toolset_that_an_image_no_longer_has_is_told_before_a_run_needs_it(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """actions/runner-images#12764."""
    component = next(each.components["17"] for each in world.facts.toolsets if each.version == "14.29")
    page = "\n".join(
        line for line in image_list(world.facts, "windows-2022").decode().splitlines() if component not in line
    )
    world.pages = {"windows-2022": page.encode()}
    found = watched(world, folder, monkeypatch, tmp_path)
    assert "windows-2022: the image's list names no toolset 14.29" in told(found, GONE)
    assert found.texts == {}


def test_a_new_variant_of_torch_is_added_to_its_row_and_one_for_one_system_is_only_told(
    world: StandInWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (folder / "torch.yaml").read_text(encoding="utf-8")
    place = text.index('  "2.15":')
    row = text[place:].replace("[cu130, cu132]", "[cu130]").replace("linux: cu132", "linux: cu130")
    row = "".join(line for line in row.splitlines(keepends=True) if "        cu132: " not in line)
    (folder / "torch.yaml").write_text(text[:place] + row.replace(", cu132: 1}", "}"), encoding="utf-8")
    found = watched(world, folder, monkeypatch, tmp_path)
    assert rows(found) == ["torch 2.15"]
    write_texts(folder, found.texts)
    found_row = load_facts(folder).torch["2.15"]
    assert found_row.cuda == ("cu130", "cu132")
    assert found_row.arches["linux"]["cu132"] == "7.5;8.0;8.6;9.0;10.0;12.0"
    assert found_row.cxx11_abi["cu132"] == 1
