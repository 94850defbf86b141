"""The variant index is read by real uv with its preview: driver and card choose, of one torch minor."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.commands.index_task import index
from scripts.commands.store_options import SiteOptions
from scripts.errors import NothingToDoError
from scripts.fetch.installer import environment_python, find_installer
from scripts.files import write_tree
from scripts.index.variant_index import variant_files
from scripts.plan.target import Target
from scripts.wheel.record import WheelRecord
from scripts.wheel.variant_wheel import SCHEMA, variant_document, variant_properties
from tests.publish.loopback import (
    KNOWN_PLATFORM,
    client_variables,
    make_deepspeed,
    make_target,
    make_torch,
    make_wheel,
    served,
    uv_program,
    write_registry,
)
from tests.wheel.factories import digest, make_wheel_record
from tests.wheel.wheelhouse import fill_wheelhouse

pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
DRIVER, GPU = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"
OFFERED = [("2.6.0", "cu124"), ("2.6.0", "cu126"), ("2.6.0", "cpu"), ("2.5.1", "cu124"), ("2.5.1", "cpu")]


def record_of(target: Target, wheel: Path) -> WheelRecord:
    tag = wheel.name.removesuffix(".whl").rpartition("-")[2]
    return replace(make_wheel_record(target=target, sha256=digest(wheel.name)), platform_tag=tag)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the files of its index of variants."""
    root = tmp_path_factory.mktemp("variants")
    wheels = {}
    for torch, cuda in OFFERED:
        target = make_target(torch=torch, cuda=cuda)
        wheel = make_deepspeed(root / "made" / cuda / torch, target)
        wheels[wheel] = record_of(target, wheel)
        make_torch(root / "registry" / "torch", torch)
    make_wheel(root / "registry" / "hjson", "hjson-3.1.0-py3-none-any.whl", {"hjson.py": ""})
    write_registry(root / "registry")
    write_tree(root, variant_files(wheels, root / "written"))
    with served(root) as server:
        yield server.url, root


def install(
    url: str, folder: Path, machine: Mapping[str, str], *words: str, index: str = "variants/torch2.6/"
) -> subprocess.CompletedProcess[str]:
    command = find_installer().create(folder / "env", sys.executable)
    check(command, run(command))
    env = {**client_variables(f"{url}/registry/", folder / "cache"), **machine}
    line = (
        "pip",
        "install",
        "--python",
        str(environment_python(folder / "env")),
        "--index",
        f"{url}/{index}",
        "deepspeed",
    )
    return subprocess.run([*uv_program(), *line, *words], env=env, capture_output=True, text=True, check=False)


def installed(folder: Path) -> tuple[str, str]:
    """The label that was taken, and the version with our label that the wheel itself says."""
    [module] = (folder / "env").rglob("deepspeed/__init__.py")
    [document] = (folder / "env").rglob("deepspeed-0.16.5.dist-info/variant.json")
    [label] = json.loads(document.read_text())["variants"]
    return label, module.read_text().partition("'")[2].rstrip("'\n")


PREVIEW = ("--preview-features", "wheel-variants")


@pytest.mark.parametrize(
    ("machine", "label"),
    [
        ({DRIVER: "12.5", GPU: "8.6"}, "cu124"),
        ({DRIVER: "13.0", GPU: "8.9"}, "cu126"),
        ({DRIVER: "13.0", GPU: "12.1"}, "cu126"),  # by PTX
        ({DRIVER: "12.2", GPU: "8.6"}, "null"),
        ({DRIVER: "12.8", GPU: "6.1"}, "null"),  # no code for that card
        ({}, "null"),
    ],
)
def test_uv_takes_the_variant_for_the_driver_and_the_card(
    site: tuple[str, Path], tmp_path: Path, machine: dict[str, str], label: str
) -> None:
    told = install(site[0], tmp_path, machine, *PREVIEW)
    assert told.returncode == 0, told.stderr
    cuda = "cpu" if label == "null" else label
    assert installed(tmp_path) == (label, f"0.16.5+{cuda}torch2.6")


def test_each_torch_minor_has_an_index_since_uv_does_not_look_at_torch(site: tuple[str, Path], tmp_path: Path) -> None:
    told = install(site[0], tmp_path, {DRIVER: "12.5", GPU: "8.6"}, *PREVIEW, index="variants/torch2.5/")
    assert told.returncode == 0, told.stderr
    assert installed(tmp_path) == ("cu124", "0.16.5+cu124torch2.5")


def test_without_the_preview_no_client_takes_a_variant(site: tuple[str, Path], tmp_path: Path) -> None:
    assert install(site[0], tmp_path, {}).returncode != 0


def test_a_variant_wheel_is_the_same_wheel_under_another_name(site: tuple[str, Path]) -> None:
    _, root = site
    folder = root / "variants" / "torch2.6" / "deepspeed"
    [wheel] = folder.glob("*-cu124.whl")
    [made] = (root / "made" / "cu124" / "2.6.0").glob("*.whl")
    with zipfile.ZipFile(wheel) as variant, zipfile.ZipFile(made) as ours:
        same = [name for name in ours.namelist() if ".dist-info/" not in name]
        assert [variant.read(name) for name in same] == [ours.read(name) for name in same]
        info = "deepspeed-0.16.5.dist-info"
        rows = {row.split(",")[0] for row in variant.read(f"{info}/RECORD").decode().splitlines()}
        assert rows == set(variant.namelist())
        assert b"\nVersion: 0.16.5\n" in variant.read(f"{info}/METADATA")
        document = json.loads(variant.read(f"{info}/variant.json"))
    assert document["$schema"] == SCHEMA
    of_the_index = json.loads((folder / "deepspeed-0.16.5-variants.json").read_text())
    assert of_the_index["variants"].keys() == {"cu124", "cu126", "null"}
    assert document["variants"]["cu124"] == of_the_index["variants"]["cu124"]
    assert (folder / f"{wheel.name}.metadata").is_file()


def test_wheels_for_other_cards_get_a_label_of_their_own(tmp_path: Path) -> None:
    target = make_target()
    wheel = make_deepspeed(tmp_path / "one", target)
    other = make_deepspeed(tmp_path / "two", replace(target, python="3.9"))
    records = {
        wheel: record_of(target, wheel),
        other: replace(record_of(replace(target, python="3.9"), other), arches=("7.5",)),
    }
    files = variant_files(records, tmp_path / "written")
    labels = sorted(path.rpartition("-")[2] for path in files if path.endswith(".whl"))
    assert labels == ["cu124.whl", "cu124_2.whl"]


def test_the_properties_are_driver_and_cards() -> None:
    properties = variant_properties(make_wheel_record())
    wanted = {"cuda_version_lower_bound": ["12.4"], "sm_arch": ["120_real", "120_virtual", "86_real"]}
    assert properties == {"nvidia": wanted}
    assert variant_properties(make_wheel_record(cuda="cpu")) == {}
    assert variant_document({}) == variant_document({})


def test_the_task_writes_it_for_wheels_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_wheelhouse(tmp_path / "wheels", [make_target(), make_target(cuda="cpu")])
    out = tmp_path / "site"
    index(SiteOptions(store=f"dir:{tmp_path / 'wheels'}", out=str(out), variants=True))
    found = sorted(path.name.rpartition("-")[2] for path in (out / "variants" / "torch2.6").rglob("*.whl"))
    assert found == ["cu124.whl", "null.whl"]
    (tmp_path / "none").mkdir()
    with pytest.raises(NothingToDoError, match="no wheel in a directory is here"):
        index(SiteOptions(store=f"dir:{tmp_path / 'none'}", out=str(tmp_path / "empty"), variants=True))
