"""Rows that were taken out come back from what the package index serves now; the other sources are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from scripts.facts.load import load_facts
from scripts.watch.watching import Watching, watch_world, write_texts
from tests.fetch.range_server import serving_files
from tests.watch.world import StandInWorld, copied_data, others, point_at, torch_wheel, without_row, world_of

ROOT = Path(__file__).parent.parent.parent
PLATFORMS = {"win_amd64": "windows", "manylinux_2_28_x86_64": "linux"}
TORCH, DEEPSPEED = ("2.13", "2.14", "2.15"), ("0.19.5", "0.19.6", "0.19.7", "0.19.8")
REMOVED = (
    *(("torch.yaml", "torch", minor) for minor in TORCH),
    *(("deepspeed.yaml", "releases", version) for version in DEEPSPEED),
    ("cuda.yaml", "cuda", "13.5"),
    ("python.yaml", "python", "3.15"),
)
DERIVED = ("deepspeed.yaml", "cuda.yaml", "python.yaml")
JUDGED = ("    source: ", "    # ")  # what only a person says

pytestmark = [pytest.mark.network, pytest.mark.nightly]


@contextmanager
def beside_the_index(world: StandInWorld, folder: Path) -> Iterator[None]:
    """Every source but the package index; it has no wheel that the package index has, too, so that one is read."""
    files = {f"/{name}": body for name, body in others(world.facts).items()}
    for minor, row in world.facts.torch.items():
        for platform, system in PLATFORMS.items():
            for variant in row.cuda:
                if variant != row.default_variant[system]:
                    name = f"torch-{row.newest}+{variant}-cp311-cp311-{platform}.whl"
                    files[f"/whl/{quote(name)}"] = torch_wheel(world.facts, minor, system, variant)
    with serving_files(files) as site:
        point_at(site.url, folder)
        yield


def watched(world: StandInWorld, folder: Path, downloads: Path) -> Watching:
    with beside_the_index(world, folder):
        return watch_world(folder, ROOT / "matrix.yaml", downloads)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(JUDGED)]


def test_rows_that_were_taken_out_come_back_from_the_real_index(tmp_path: Path) -> None:
    folder = copied_data(tmp_path)
    world = world_of(folder)
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    for removed in REMOVED:
        without_row(folder, *removed)
    found = watched(world, folder, tmp_path / "downloads")
    assert found.silent == ()
    assert found.problems == ()
    write_texts(folder, found.texts)
    after = {name: (folder / name).read_text(encoding="utf-8") for name in before}
    assert {name: after[name] for name in DERIVED} == {name: before[name] for name in DERIVED}
    assert lines(after["torch.yaml"]) == lines(before["torch.yaml"])
    load_facts(folder)
