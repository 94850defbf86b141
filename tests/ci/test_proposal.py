"""What a job that may write takes over from one that ran code from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.ci import proposal
from scripts.ci.proposal import take_over


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    proposed, data = tmp_path / "proposed", tmp_path / "data"
    for folder in (proposed, data):
        folder.mkdir()
        (folder / "torch.yaml").write_text("torch: {}\n", encoding="utf-8")
    return proposed, data


def test_only_data_files_that_are_there_already_are_taken(folders: tuple[Path, Path]) -> None:
    proposed, data = folders
    (proposed / "torch.yaml").write_text("torch: {new: 1}\n", encoding="utf-8")
    (proposed / "more.yaml").write_text("x\n", encoding="utf-8")
    (proposed / "run.py").write_text("x\n", encoding="utf-8")
    assert take_over(proposed, data) == ("torch.yaml",)
    assert [path.name for path in data.iterdir()] == ["torch.yaml"]
    assert take_over(proposed, data) == ()


@pytest.mark.parametrize("content", [b"a\0b", b"x" * (proposal.MOST + 1), b"\xff"])
def test_what_is_no_text_of_that_size_is_refused(folders: tuple[Path, Path], content: bytes) -> None:
    proposed, data = folders
    (proposed / "torch.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"no data file|decode"):
        take_over(proposed, data)
    assert (data / "torch.yaml").read_text(encoding="utf-8") == "torch: {}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_not_followed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    proposed, data = folders
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (proposed / "torch.yaml").unlink()
    (proposed / "torch.yaml").symlink_to(tmp_path / "secret")
    assert take_over(proposed, data) == ()


def test_it_runs_without_any_package(folders: tuple[Path, Path]) -> None:
    root = Path(proposal.__file__).parents[2]
    argv = [sys.executable, "-S", "-m", "scripts.ci.proposal", str(folders[0] / "nothing")]
    assert subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout == ""
