"""GitHub is asked about a wheel with `gh`: a refusal keeps the wheel out, and what could not be asked is said."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError, VerifyError
from scripts.install.attested import check_attestation

ADDRESS = "https://github.com/owner/wheels/releases/download/v0.16.5/a.whl"
REAL = shutil.which("gh") or ""
GH = """\
#!{python}
import os, sys
if sys.argv[1:] == ["--version"]:
    print({version!r})
    sys.exit(0)
open({asked!r}, "w").write(repr((sys.argv[1:], os.environ.get("GH_PROMPT_DISABLED"))))
print({said!r}, file=sys.stderr)
sys.exit({code})
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    (tmp_path / "a.whl").write_bytes(b"a wheel")
    return tmp_path / "a.whl"


@pytest.fixture(autouse=True)
def no_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    return tmp_path / "bin"


def make_gh(folder: Path, code: int, said: str = "", version: str = "gh version 2.67.0 (2025-02-11)") -> Path:
    """A gh that ends as the real one does, and writes down what it was asked."""
    asked = folder / "asked"
    (folder / "gh").write_text(
        GH.format(python=sys.executable, asked=str(asked), said=said, code=code, version=version)
    )
    (folder / "gh").chmod(0o755)
    return asked


def test_a_file_that_a_workflow_signed_is_taken(wheel: Path, no_gh: Path) -> None:
    asked = make_gh(no_gh, 0)
    found = check_attestation(wheel, ADDRESS, "require")
    assert (found.checked, found.sentence) == (True, "attested: a workflow of owner/wheels made this very file")
    assert asked.read_text() == repr((["attestation", "verify", str(wheel), "--repo", "owner/wheels"], "1"))


@pytest.mark.parametrize(
    ("version", "believed"),
    [
        ("gh version 2.49.0 (2024-05-01)", False),
        ("gh version 2.66.1 (2025-01-31)\nhttps://github.com/cli/cli/releases/tag/v2.66.1", False),
        ("gh version 2.100.0 (2026-10-01)", True),
        ("gh version DEV", True),
    ],
)
def test_a_gh_that_ends_well_for_a_file_without_an_attestation_is_not_believed(
    wheel: Path, no_gh: Path, version: str, believed: bool
) -> None:
    """cli/cli#10418: up to 2.66.1 it ended with 0 where there was none."""
    asked = make_gh(no_gh, 0, "No attestations found with predicate type", version)
    found = check_attestation(wheel, ADDRESS, "auto")
    assert (found.checked, asked.exists(), "too old" in found.sentence) == (believed, believed, not believed)


@pytest.mark.parametrize(
    "said",
    [
        "Error: no attestations found in the repo for subject",
        "✗ Loaded 1 attestation\nError: verifying with issuer: expected SourceRepositoryURI to be owner/wheels",
        "",
    ],
)
def test_a_file_that_is_not_attested_is_refused(wheel: Path, no_gh: Path, said: str) -> None:
    make_gh(no_gh, 1, said)
    last = said.splitlines()[-1] if said else "it says nothing"
    with pytest.raises(VerifyError, match="nothing was changed") as caught:
        check_attestation(wheel, ADDRESS, "auto")
    assert f"a.whl is not attested as a file of owner/wheels: {last}" in str(caught.value)
    assert "--attestation off" in str(caught.value)
    assert not check_attestation(wheel, ADDRESS, "off").checked


@pytest.mark.parametrize(
    ("code", "said", "why"),
    [
        (4, "To get started with GitHub CLI, please run:  gh auth login", "gh is not logged in: gh auth login"),
        (1, 'unknown command "attestation" for "gh"', "this gh is too old"),
        (None, "", "is not on PATH"),
    ],
)
def test_what_cannot_be_asked_is_said_and_refused_only_when_it_must_be(
    wheel: Path, no_gh: Path, code: int | None, said: str, why: str
) -> None:
    if code is not None:
        make_gh(no_gh, code, said)
    found = check_attestation(wheel, ADDRESS, "auto")
    assert not found.checked
    assert found.sentence.startswith("the attestation was not checked: ")
    assert why in found.sentence
    with pytest.raises(PrerequisiteError, match="cannot be checked"):
        check_attestation(wheel, ADDRESS, "require")


@pytest.mark.parametrize(
    "address",
    [
        "https://wheels.example/files/0.16.5/a.whl",
        "https://github.com.evil.example/owner/wheels/releases/download/v0.16.5/a.whl",
        "http://github.com/owner/wheels/releases/download/v0.16.5/a.whl",
        "https://github.com/owner/wheels/raw/main/a.whl",
        "file:///tmp/a.whl",
    ],
)
def test_a_wheel_of_no_release_on_github_is_not_asked_about(wheel: Path, no_gh: Path, address: str) -> None:
    asked = make_gh(no_gh, 1, "Error")
    assert "is not from a release on GitHub" in check_attestation(wheel, address, "auto").sentence
    assert not asked.exists()


@pytest.mark.skipif(not REAL, reason="no gh here")
def test_the_gh_that_is_here_is_understood(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(REAL).parent))
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GH_CONFIG_DIR", str(wheel.parent / "nobody"))
    found = check_attestation(wheel, ADDRESS, "auto")
    assert not found.checked
    assert "too old" in found.sentence or "not logged in" in found.sentence
