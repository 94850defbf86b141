"""A wheel whose files have no room in an environment is refused before anything is changed, on a short Windows."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.host import long_paths_allowed
from scripts.install import path_lengths
from scripts.install.path_lengths import require_short_paths
from tests.install.factories import make_environment

NAME = "deepspeed/" + "a" * 90 + "/b.h"  # 104 characters


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("deepspeed/__init__.py", "")
        archive.writestr(NAME, "")
    return tmp_path / "a.whl"


@pytest.mark.parametrize(("letters", "fits"), [(154, True), (155, False)])
def test_the_longest_file_must_have_room(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, letters: int, fits: bool
) -> None:
    """154 + 1 + 104 and the end that Windows counts are 260."""
    packages = "C:\\" + "e" * (letters - 3)
    environment = make_environment(packages=packages)
    monkeypatch.setattr(path_lengths, "long_paths_allowed", lambda: False)
    if fits:
        require_short_paths(wheel, environment)
        return
    with pytest.raises(PrerequisiteError, match="has 261 characters, and this Windows takes 260") as caught:
        require_short_paths(wheel, environment)
    assert caught.value.id == "path-too-long"
    assert "reg add HKLM" in str(caught.value)
    monkeypatch.setattr(path_lengths, "long_paths_allowed", lambda: True)
    require_short_paths(wheel, environment)


@pytest.mark.skipif("sys.platform == 'win32'", reason="asks the registry there")
def test_elsewhere_paths_may_be_long() -> None:
    assert long_paths_allowed()
