"""`deepspeed-wheels.pyz` with a real Windows Python that has no package: it finds, looks, and opens its window."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from scripts.index.one_file import NAME, one_file
from tests.window.screen import screen, why_no_screen
from tests.wine.lab import SDISTS, Ended, Windows

pytestmark = pytest.mark.wine
NEWEST = max(SDISTS)
SITE = "http://127.0.0.1:9/"  # nobody answers there
PATIENCE = 180.0
MANY = 140  # colours of a window whose panels are drawn; with its tabs alone it has 118
UNMANAGED = (
    "reg",
    "add",
    r"HKCU\Software\Wine\X11 Driver",
    "/v",
    "Managed",
    "/d",
    "N",
    "/f",
)  # no window manager is here


@pytest.fixture(scope="module")
def folder(windows: Windows) -> Path:
    """A folder with blanks and the file in it; no clone is near."""
    place = windows.fresh_folder("one file, no clone")
    (place / NAME).write_bytes(one_file(SITE))
    (place / "wheels").mkdir()
    return place


def run_file(windows: Windows, folder: Path, *words: str) -> Ended:
    python = windows.drive_c / "python" / NEWEST / "python.exe"
    return windows.run([python, "-I", NAME, *words], cwd=folder)


def test_it_finds_and_says_what_this_windows_is(windows: Windows, folder: Path) -> None:
    ended = run_file(windows, folder, "find", "--store", "dir:wheels", "--json")
    environment = json.loads(ended.output)["environment"]
    assert (environment["version"], environment["platform"]) == (NEWEST, "win_amd64")
    assert ended.exit_code == 13
    assert "no wheels are offered" in ended.errors


def test_its_site_is_asked_unless_another_is_named(windows: Windows, folder: Path) -> None:
    ended = run_file(windows, folder, "find")
    assert ended.exit_code == 11, ended.errors
    assert SITE in ended.errors


def test_the_doctor_looks_at_what_running_a_wheel_needs(windows: Windows, folder: Path) -> None:
    ended = run_file(windows, folder, "doctor", "--json")
    document = json.loads(ended.output)
    assert document["to"] == "run"
    assert {"torch", "graphics-driver", "msvc-runtime"} <= {row["id"] for row in document["findings"]}


@pytest.fixture
def shown() -> Iterator[str]:
    if why := why_no_screen():
        pytest.skip(why)
    with screen() as display:
        yield display


def test_the_window_opens_and_shows_what_was_found(
    windows: Windows, folder: Path, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import ImageGrab

    python = windows.drive_c / "python" / NEWEST / "python.exe"
    words: list[str | Path] = [python, "-I", NAME, "gui", "--shade", "dark"]
    windows.run(UNMANAGED).require()
    ended: list[Ended] = []
    opened = Thread(target=lambda: ended.append(windows.run(words, cwd=folder, env={"DISPLAY": shown}, attempts=1)))
    opened.start()
    begun, picture = time.monotonic(), tmp_path / "window.png"
    colours = 1
    while colours < MANY and time.monotonic() - begun < PATIENCE and opened.is_alive():
        time.sleep(2)
        image = ImageGrab.grab(xdisplay=shown)
        colours = len(image.getcolors(1 << 20) or ())
        image.save(picture)
    windows.stop()
    windows.start()
    opened.join(60)
    with capsys.disabled():
        print(f"\n{picture}")  # noqa: T201  where to look
    assert colours >= MANY, ended
