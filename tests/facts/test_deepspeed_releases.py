"""deepspeed.yaml: what it must hold, which mistakes are named, and that it says what the real sources say."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Mapping
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.errors import DataError
from scripts.facts.deepspeed_releases import Patch
from scripts.facts.load import DATA, load_facts
from scripts.plan.ops import patches_for
from scripts.versions import minor_of
from scripts.wheel_build.patch import apply_patch

# the last of P7, P9 and P5, the first of P16, first and last of P18, the last of P19, the first and the last of all
BOUNDARIES = ("0.14.5", "0.16.3", "0.17.1", "0.17.4", "0.18.4", "0.18.7", "0.18.9", "0.19.7", "0.19.8")
NAME = re.compile(r"""^    NAME = ["'](\w+)["']""", re.MULTILINE)
VARIABLE = re.compile(r"""^    BUILD_VAR = ["'](\w+)["']""", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def problems_after(folder: Path, old: str, new: str) -> str:
    path = folder / "deepspeed.yaml"
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_facts(folder)
    return "\n".join(caught.value.problems)


def test_every_release_has_its_digest_and_they_are_in_order() -> None:
    releases = load_facts().deepspeed
    assert list(releases) == sorted(releases, key=Version)
    assert all(re.fullmatch(r"[0-9a-f]{64}", release.sdist_sha256 or "") for release in releases.values())


@pytest.mark.parametrize(
    ("deepspeed", "newest"),
    [
        ("0.15.2", "12.5"),
        ("0.15.3", "12.6"),
        ("0.16.3", "12.6"),
        ("0.16.4", "12.8"),
        ("0.17.1", "12.8"),
        ("0.17.2", "12.9"),
    ],
)
def test_tolerated_toolkits_change_where_upstream_changed_its_list(deepspeed: str, newest: str) -> None:
    assert load_facts().deepspeed[deepspeed].cuda_minors[-1] == newest


@pytest.mark.parametrize(
    ("deepspeed", "accelerator", "count"),
    [
        ("0.14.5", "cuda", 20),
        ("0.15.0", "cuda", 21),
        ("0.16.6", "cuda", 22),
        ("0.17.1", "cuda", 23),
        ("0.19.5", "cuda", 24),
        ("0.19.7", "cuda", 23),
        ("0.14.5", "cpu", 5),
        ("0.15.3", "cpu", 6),
        ("0.19.5", "cpu", 7),
        ("0.19.8", "cpu", 9),
    ],
)
def test_as_many_ops_exist_as_all_ops_of_upstream_lists(deepspeed: str, accelerator: str, count: int) -> None:
    assert sum(op.support_for(accelerator, deepspeed) is not None for op in load_facts().ops.values()) == count


def test_an_overlap_of_two_rows_is_named(folder: Path) -> None:
    found = problems_after(folder, '- versions: ">=0.17.2,<0.19"', '- versions: ">=0.17.1,<0.19"')
    assert "ops.dc.cuda: two rows hold for 0.17.1" in found


def test_an_op_that_is_off_needs_its_reason(folder: Path) -> None:
    found = problems_after(folder, "        default: false\n        note: ", "        default: false\n        header: ")
    assert "is off without a reason" in found


def test_a_system_needs_seconds_or_a_reason(folder: Path) -> None:
    assert "windows needs either its seconds" in problems_after(folder, "seconds: {windows: 176, ", "seconds: {")


def test_a_patch_edit_does_one_thing(folder: Path) -> None:
    assert "keep one" in problems_after(folder, '        write: "{version}\\n"', "        by: nothing")


def test_a_bad_pattern_is_named(folder: Path) -> None:
    assert "is not a regular expression" in problems_after(folder, 'vector<"', '(vector<"')


def contexts(deepspeed: str) -> list[dict[str, str | bool]]:
    newer = {"torch": "2.13.0", "cuda-version": "13.0", "cuda-major": "13"}
    older = {"torch": "2.8.0", "cuda-version": "12.8", "cuda-major": "12"}
    return [
        {"deepspeed": deepspeed, "source-kind": "sdist", "os": system, "accelerator": accelerator, **versions}
        for system, accelerator, versions in product(("windows", "linux"), ("cpu", "cuda"), (newer, older))
    ]


def needed(deepspeed: str) -> list[Patch]:
    return [p for p in load_facts().patches if any(p.when.holds(context) for context in contexts(deepspeed))]


def uploaded_on(project: str, kind: str) -> dict[str, date]:
    """The day on which each release of a project came to the package index: of its first file of this kind."""
    days: dict[str, date] = {}
    with pytest.importorskip("pypi_simple").PyPISimple() as client:
        for file in client.get_project_page(project).packages:
            if file.package_type == kind and file.upload_time:
                day = file.upload_time.date()
                days[file.version] = min(day, days.get(file.version, day))
    return days


@pytest.mark.network
@pytest.mark.parametrize(("project", "kind"), [("deepspeed", "sdist"), ("torch", "wheel")])
def test_a_release_is_dated_by_the_day_on_which_it_was_uploaded(project: str, kind: str) -> None:
    facts, uploaded = load_facts(), uploaded_on(project, kind)
    deepspeed = {name: release.date for name, release in facts.deepspeed.items()}
    torch = {patch: day for release in facts.torch.values() for patch, day in release.patches.items()}
    dates: Mapping[str, date | None] = deepspeed if project == "deepspeed" else torch
    newest = max(Version(name) for name in uploaded)  # a row may be prepared before its release is there
    there = {name: day for name, day in dates.items() if Version(name) <= newest}
    assert there
    assert there == {name: uploaded.get(name) for name in there}


@pytest.mark.network
def test_a_toolkit_of_cuda_13_has_the_releases_of_the_metapackage() -> None:
    finals = [version for version in map(Version, uploaded_on("cuda-toolkit", "wheel")) if not version.is_prerelease]
    for minor, row in load_facts().cuda.items():
        if minor.startswith("13."):
            assert sorted(map(Version, row.releases)) == sorted(v for v in finals if minor_of(str(v)) == minor)


@pytest.fixture(scope="session")
def sdists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pypi_simple = pytest.importorskip("pypi_simple")
    folder = tmp_path_factory.mktemp("sdists")
    with pypi_simple.PyPISimple() as client:
        files = client.get_project_page("deepspeed").packages
        for file in files:
            if file.package_type == "sdist" and file.version in BOUNDARIES:
                assert file.digests["sha256"] == load_facts().deepspeed[file.version].sdist_sha256
                client.download_package(file, folder / file.filename)
    return folder


def unpack(sdists: Path, deepspeed: str, where: Path) -> Path:
    with tarfile.open(sdists / f"deepspeed-{deepspeed}.tar.gz") as archive:
        archive.extractall(where, filter="data")
    return where / f"deepspeed-{deepspeed}"


@pytest.mark.network
@pytest.mark.parametrize("deepspeed", BOUNDARIES)
def test_every_patch_finds_what_it_changes(sdists: Path, tmp_path: Path, deepspeed: str) -> None:
    root = unpack(sdists, deepspeed, tmp_path)
    for patch in needed(deepspeed):
        apply_patch(patch, root, deepspeed)
    for file in (root / "op_builder").rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


@pytest.mark.network
@pytest.mark.parametrize("deepspeed", BOUNDARIES)
def test_no_header_that_cl_reads_with_newer_torch_opens_namespace_std(
    sdists: Path, tmp_path: Path, deepspeed: str
) -> None:
    root = unpack(sdists, deepspeed, tmp_path)
    context = {"os": "windows", "accelerator": "cuda", "deepspeed": deepspeed, "torch": "2.9.1", "source-kind": "sdist"}
    for patch in patches_for(load_facts().patches, context | {"cuda-version": "12.8", "cuda-major": "12"}):
        apply_patch(patch, root, deepspeed)
    headers = {*root.glob("csrc/**/*.h"), *root.glob("deepspeed/inference/**/*.h")} - {*root.glob("csrc/aio/**/*")}
    assert len(headers) > 40
    assert [path.name for path in headers if "using namespace std;" in path.read_text(encoding="utf-8")] == []


@pytest.mark.network
@pytest.mark.parametrize("deepspeed", BOUNDARIES)
def test_the_sources_name_the_same_ops(sdists: Path, tmp_path: Path, deepspeed: str) -> None:
    builders = unpack(sdists, deepspeed, tmp_path) / "op_builder"
    sources = [path.read_text(encoding="utf-8") for path in (*builders.glob("*.py"), *builders.glob("cpu/*.py"))]
    ops = [op for op in load_facts().ops.values() if any(op.support_for(a, deepspeed) for a in ("cpu", "cuda"))]
    assert {name for text in sources for name in NAME.findall(text)} == {op.name for op in ops}
    assert {name for text in sources for name in VARIABLE.findall(text)} == {op.variable for op in ops}
