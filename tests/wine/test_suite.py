"""The tests of the code for Windows and one of everything else, run by real Windows Pythons; nightly, all of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.wine.lab import ROOT, SDISTS, Ended, Windows, copy_checkout
from tests.wine.machine import Machine, make_machine

pytestmark = pytest.mark.wine
FAST = "not real_build and not network and not wine and not browser and not act and not portability and not nightly"
# They start pip, uv and environments by the dozen, each of which takes Wine many seconds.
TOO_SLOW = ("tests/index/test_install_from_index.py", "tests/install/test_installation.py")
SUITE = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", FAST, *(f"--ignore={file}" for file in TOO_SLOW))
WINDOWS_TESTS = (
    "tests/fetch",
    "tests/install/test_environment.py",
    "tests/install/test_machine.py",
    "tests/test_command.py",
    "tests/test_files.py",
    "tests/test_host.py",
    "tests/toolchain",
)
LONGEST = 5400  # seconds; what is too slow is not begun again, which would end the other Python's programs, too
MEASURE = ("-m", "coverage", "run", "--parallel-mode")
MOST_SKIPPED = 0.13  # of all tests: what compiles with g++, sends a POSIX signal or makes links
MOST_SKIPPED_OF_WINDOWS = 0.1  # nearly all of that is in the tests of tools that each system has its own of
MEASURED, OTHER = SDISTS
TARGETS = ("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64", "ds0.16.5-torch2.6.0-cu118-cp311-win_amd64")
WINDOWS_CODE = (
    "scripts/command.py",
    "scripts/files.py",
    "scripts/host.py",
    "scripts/process_tree.py",
    "scripts/shell.py",
    "scripts/fetch/installer.py",
    "scripts/toolchain/compilers.py",
    "scripts/toolchain/cuda/discovery.py",
    "scripts/toolchain/msvc/prompt.py",
    "scripts/toolchain/survey.py",
    "scripts/toolchain/cuda/toolkit.py",
    "scripts/toolchain/msvc/toolset.py",
    "scripts/toolchain/msvc/vcvars.py",
    "scripts/toolchain/msvc/visual_studio.py",
)
LEAST_COVERED = 90.0  # per cent of lines and branches together


@pytest.fixture(scope="module")
def chosen(windows: Windows) -> dict[str, tuple[Path, Ended]]:
    """By Python, the checkout in which the tests of the gate ran and how that ended."""
    smoke = [f"--smoke-but={path}" for path in WINDOWS_TESTS]
    return run_suites(windows, {MEASURED: smoke, OTHER: ["--smoke-but=tests/test_host.py"]})


def run_suites(windows: Windows, words: dict[str, Sequence[str]]) -> dict[str, tuple[Path, Ended]]:
    """How the suite ended in a fresh checkout with these arguments by Python; all at once, since each waits a lot."""

    def run(version: str) -> tuple[Path, Ended]:
        checkout = copy_checkout(windows, f"suite-{version}")
        measure = MEASURE if version == MEASURED else ()
        argv: list[str | Path] = [windows.python(version), *measure, *SUITE, *words[version]]
        return checkout, windows.run(argv, cwd=checkout, seconds=LONGEST, attempts=1)

    with ThreadPoolExecutor() as pool:
        return dict(zip(words, pool.map(run, words), strict=True))


def require_passed(ended: Ended, least: int, most_skipped: float = MOST_SKIPPED_OF_WINDOWS) -> None:
    """Fail unless so many tests passed, hardly any of them skipped."""
    ended.require()
    passed, skipped = count(ended, "passed"), count(ended, "skipped")
    assert passed > least
    assert skipped < most_skipped * passed


def count(ended: Ended, word: str) -> int:
    """The number before `word` in pytest's last line."""
    found = re.search(rf"(\d+) {word}", ended.output.rstrip().splitlines()[-1])
    return int(found[1]) if found else 0


@pytest.mark.nightly
def test_the_fast_suite_passes_under_windows_python(windows: Windows) -> None:
    both = [ended for _, ended in run_suites(windows, dict.fromkeys(SDISTS, ())).values()]
    assert not [line for ended in both for line in ended.output.splitlines() if line.startswith("FAILED")]
    for ended in both:
        require_passed(ended, 1500, MOST_SKIPPED)


def test_the_tests_of_the_code_for_windows_pass_and_one_of_every_other_file(
    chosen: dict[str, tuple[Path, Ended]],
) -> None:
    files = len(list((ROOT / "tests").rglob("test_*.py")))
    require_passed(chosen[MEASURED][1], 2 * files)
    require_passed(chosen[OTHER][1], files // 2)


def test_windows_sees_nearly_all_of_the_code_that_is_for_it(
    windows: Windows, chosen: dict[str, tuple[Path, Ended]]
) -> None:
    checkout, ended = chosen[MEASURED]
    ended.require()
    look_round(make_machine(windows, "looked-round"), checkout)
    python = windows.python(MEASURED)
    windows.run([python, "-m", "coverage", "combine", "--quiet"], cwd=checkout).require()
    include = ",".join(WINDOWS_CODE)
    words = ["-m", "coverage", "json", "--quiet", "-o", "seen.json", "--fail-under=0", f"--include={include}"]
    windows.run([python, *words], cwd=checkout).require()
    seen = json.loads((checkout / "seen.json").read_text(encoding="utf-8"))
    files = {name.replace("\\", "/"): entry for name, entry in seen["files"].items()}
    assert set(files) == set(WINDOWS_CODE)
    missed = {
        name: (entry["missing_lines"], entry.get("missing_branches"))
        for name, entry in files.items()
        if entry["missing_lines"] or entry.get("missing_branches")
    }
    assert seen["totals"]["percent_covered"] >= LEAST_COVERED, missed


def look_round(machine: Machine, checkout: Path) -> None:
    """Have `invoke toolchain` look at the machine with its real programs, and keep what was seen."""
    for target in TARGETS:
        machine.python(*MEASURE, "-m", "invoke", "toolchain", "--id", target).require()
    for data in machine.checkout.glob(".coverage.*"):
        shutil.copyfile(data, checkout / data.name)
