from __future__ import annotations

from pathlib import Path

import pytest

from scripts.verify.suite.missing import imported, missing_libraries
from tests.verify.stub_elf import make_elf
from tests.verify.stub_pe import make_pe


def put(file: Path, *needed: str) -> Path:
    file.write_bytes(make_pe(needed=needed))
    return file


def test_the_import_table_is_read(tmp_path: Path) -> None:
    module = put(tmp_path / "op.pyd", "c10.dll", "cudart64_12.dll", "python311.dll")
    assert imported(module) == ["c10.dll", "cudart64_12.dll", "python311.dll"]


@pytest.mark.parametrize("content", [b"", b"MZ", make_elf(), make_pe()[:200], b"MZ" + bytes(4000)])
def test_a_file_that_is_no_dll_names_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "op.pyd").write_bytes(content)
    assert imported(tmp_path / "op.pyd") == []
    assert imported(tmp_path / "absent.pyd") == []


def test_what_no_folder_has_is_missing_and_what_the_loader_finds_is_not(tmp_path: Path) -> None:
    module = put(tmp_path / "op.pyd", "c10.dll", "cudart64_12.dll")
    assert missing_libraries(module, [tmp_path], lambda name: name == "c10.dll") == ["cudart64_12.dll"]
    assert missing_libraries(module, [tmp_path], lambda name: True) == []


def test_a_dll_that_is_there_but_does_not_load_is_asked_for_its_own(tmp_path: Path) -> None:
    module = put(tmp_path / "op.pyd", "torch_cuda.dll")
    put(tmp_path / "torch_cuda.dll", "cudnn64_9.dll", "torch_cuda.dll")
    found = missing_libraries(module, [tmp_path], lambda name: False)
    assert found == ["cudnn64_9.dll (which torch_cuda.dll needs)"]
