"""A rewritten wheel says what it must, and the same content is always the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from scripts.errors import PackageError
from scripts.wheel_build.rewrite import Description, WheelEdit, edit_metadata, rewrite_wheel
from tests.wheel_build.factories import make_wheel

INFO = "deepspeed-0.19.8+cputorch2.13.dist-info"
NAME = "deepspeed-0.19.8+cputorch2.13-cp311-cp311-linux_x86_64.whl"
METADATA = (
    "Metadata-Version: 2.1\nName: deepspeed\nVersion: 0.19.8+cputorch2.13\nProvides-Extra: sparse\n"
    "Requires-Dist: torch\nRequires-Dist: einops\nRequires-Dist: numpy\n"
    'Provides-Extra: 1bit\nRequires-Dist: triton; extra == "sparse"\nRequires-Dist: mpi4py; extra == "1bit"\n'
    "License-File: LICENSE\n\nDeepSpeed\n\nRequires-Dist: this line is text\n"
)
FILES: dict[str, str | bytes] = {
    "deepspeed/ops/adam/cpu_adam_op.so": b"\x7fELF" + bytes(2000),
    "deepspeed/__init__.py": "x = 1\n",
    "deepspeed-0.19.8+cputorch2.13.data/scripts/ds_report": "#!python\n",
    f"{INFO}/METADATA": METADATA,
    f"{INFO}/LICENSE": "Apache\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\nTag: py2-none-any\n",
    f"{INFO}/RECORD": "stale,,\n",
}
EXECUTABLE = ("deepspeed-0.19.8+cputorch2.13.data/scripts/ds_report", "deepspeed/ops/adam/cpu_adam_op.so")
EDIT = WheelEdit(
    pins={"torch": "torch==2.13.*"}, added=("setuptools",), stamp=date(2026, 9, 4), tag="cp311-cp311-linux_x86_64"
)


def describe(members: Sequence[str], licences: Mapping[str, bytes]) -> Description:
    """A notice, and a bill that names all it was told of."""
    told = "\n".join([*members, *licences]).encode()
    return Description(expression="Apache-2.0 AND MIT", files={"licenses/OTHERS": b"MIT", "sboms/a.cdx.json": told})


def rewritten(tmp_path: Path, files: dict[str, str | bytes] = FILES, edit: WheelEdit = EDIT) -> Path:
    source = make_wheel(tmp_path / "upstream.whl", files, executable=EXECUTABLE)
    folder = tmp_path / "out"
    folder.mkdir(exist_ok=True)
    return rewrite_wheel(source, folder, NAME, edit, describe)


def metadata_of(wheel: Path) -> list[str]:
    return zipfile.ZipFile(wheel).read(f"{INFO}/METADATA").decode().splitlines()


def test_order_times_and_modes_of_the_input_change_no_byte(tmp_path: Path) -> None:
    first = rewritten(tmp_path).read_bytes()
    backwards = dict(reversed(list(FILES.items())))
    source = make_wheel(tmp_path / "later.whl", backwards, executable=EXECUTABLE, date_time=(2026, 1, 1, 0, 0, 0))
    (tmp_path / "second").mkdir()
    assert rewrite_wheel(source, tmp_path / "second", NAME, EDIT, describe).read_bytes() == first


def test_rewriting_a_rewritten_wheel_changes_no_byte(tmp_path: Path) -> None:
    first = rewritten(tmp_path)
    (tmp_path / "again").mkdir()
    assert rewrite_wheel(first, tmp_path / "again", NAME, EDIT, describe).read_bytes() == first.read_bytes()


def test_extras_in_another_order_change_no_byte(tmp_path: Path) -> None:
    head, _, body = METADATA.partition("\n\n")
    lines = head.splitlines()
    other = "\n".join([*lines[:3], *reversed(lines[3:-1]), lines[-1]]) + "\n\n" + body
    assert edit_metadata(other, EDIT) == edit_metadata(METADATA, EDIT)


def test_the_record_names_every_file_with_its_hash_and_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(rewritten(tmp_path)) as wheel:
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(wheel.read(f"{INFO}/RECORD").decode()))}
        assert set(rows) == set(wheel.namelist())
        assert rows.pop(f"{INFO}/RECORD") == ["", ""]
        for name, (digest, size) in rows.items():
            content = wheel.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert (digest, int(size)) == (f"sha256={expected}", len(content))
        assert wheel.namelist()[-1] == f"{INFO}/RECORD"
        assert wheel.testzip() is None


def test_torch_is_pinned_and_what_upstream_forgets_is_added(tmp_path: Path) -> None:
    lines = metadata_of(rewritten(tmp_path))
    plain = [line.removeprefix("Requires-Dist: ") for line in lines[: lines.index("")] if "Requires-Dist" in line]
    assert plain[:4] == ["einops", "numpy", "setuptools", "torch==2.13.*"]
    assert "torch" not in plain


def test_extras_are_sorted_and_keep_their_requirements() -> None:
    head = edit_metadata(METADATA, EDIT).partition("\n\n")[0].splitlines()
    assert head[-4:] == [
        "Provides-Extra: 1bit",
        "Provides-Extra: sparse",
        'Requires-Dist: mpi4py; extra == "1bit"',
        'Requires-Dist: triton; extra == "sparse"',
    ]


def test_licences_are_stated_as_pep_639_has_it_and_lie_where_it_has_them(tmp_path: Path) -> None:
    old = METADATA.replace("License-File", "License: Apache Software License 2.0\nDynamic: license-file\nLicense-File")
    wheel = rewritten(tmp_path, {**FILES, f"{INFO}/METADATA": old})
    lines = metadata_of(wheel)
    assert [line for line in lines if "icense" in line] == [
        "License-Expression: Apache-2.0 AND MIT",
        "License-File: LICENSE",
        "License-File: OTHERS",
    ]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{INFO}/licenses/LICENSE") == b"Apache\n"
        assert archive.read(f"{INFO}/licenses/OTHERS") == b"MIT"
        assert f"{INFO}/LICENSE" not in archive.namelist()
        told = archive.read(f"{INFO}/sboms/a.cdx.json").decode().split("\n")
    assert told == [*sorted(name for name in FILES if not name.startswith(INFO)), "licenses/LICENSE"]
    metadata = Metadata.from_email("\n".join(lines).encode(), validate=True)
    assert metadata.license_files == ["LICENSE", "OTHERS"]


@pytest.mark.parametrize(("stated", "found"), [("2.1", "2.4"), ("2.4", "2.4"), ("2.5", "2.5")])
def test_metadata_is_of_the_version_that_knows_licence_expressions(stated: str, found: str, tmp_path: Path) -> None:
    files = {**FILES, f"{INFO}/METADATA": METADATA.replace("Version: 2.1", f"Version: {stated}")}
    assert metadata_of(rewritten(tmp_path, files))[0] == f"Metadata-Version: {found}"


def test_the_description_is_left_alone() -> None:
    assert edit_metadata(METADATA, EDIT).endswith("\n\nDeepSpeed\n\nRequires-Dist: this line is text\n")


def test_metadata_written_on_windows_gives_the_same_bytes(tmp_path: Path) -> None:
    ours = rewritten(tmp_path).read_bytes()
    crlf = {**FILES, f"{INFO}/METADATA": METADATA.replace("\n", "\r\n")}
    assert rewritten(tmp_path, crlf).read_bytes() == ours


@pytest.mark.parametrize("line", ["torch>=2.0", "Torch", "torch (>=2.0)"])
def test_torch_is_pinned_however_upstream_writes_it(line: str) -> None:
    text = METADATA.replace("Requires-Dist: torch\n", f"Requires-Dist: {line}\n")
    lines = edit_metadata(text, EDIT).splitlines()
    assert "Requires-Dist: torch==2.13.*" in lines
    assert f"Requires-Dist: {line}" not in lines


@pytest.mark.parametrize("line", ["", "Requires-Dist: torchvision\n", "Requires-Dist: torch; python_version < '3'\n"])
def test_a_wheel_whose_torch_cannot_be_pinned_is_refused(tmp_path: Path, line: str) -> None:
    files = {**FILES, f"{INFO}/METADATA": METADATA.replace("Requires-Dist: torch\n", line)}
    with pytest.raises(PackageError, match="requires no torch"):
        rewritten(tmp_path, files)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_tag_is_the_targets_and_the_wheel_is_not_pure(tmp_path: Path) -> None:
    text = zipfile.ZipFile(rewritten(tmp_path)).read(f"{INFO}/WHEEL").decode()
    assert text == "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n"


def test_programs_stay_executable_and_times_are_the_releases(tmp_path: Path) -> None:
    with zipfile.ZipFile(rewritten(tmp_path)) as wheel:
        modes = {info.filename: info.external_attr >> 16 for info in wheel.infolist()}
        assert {info.date_time for info in wheel.infolist()} == {(2026, 9, 4, 0, 0, 0)}
    assert {name for name, mode in modes.items() if mode & 0o111} == set(EXECUTABLE)
    assert set(modes.values()) == {0o100755, 0o100644}


@pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
def test_a_wheel_that_lacks_its_information_is_refused(tmp_path: Path, name: str) -> None:
    files = {path: content for path, content in FILES.items() if not path.endswith(f"/{name}")}
    with pytest.raises(PackageError, match="it is not a wheel"):
        rewritten(tmp_path, files)


def test_a_wheel_without_a_record_gets_one(tmp_path: Path) -> None:
    files = {path: content for path, content in FILES.items() if not path.endswith("/RECORD")}
    assert rewritten(tmp_path, files).read_bytes() == rewritten(tmp_path).read_bytes()


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(PackageError, match=r"broken\.whl"):
        rewrite_wheel(broken, tmp_path, NAME, EDIT, describe)
