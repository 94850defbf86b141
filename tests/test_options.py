"""An option is stated once, and read alike wherever it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.commands.store_options import SiteOptions
from scripts.errors import InputError
from scripts.options import as_words, parse_words, read_options
from scripts.plan.selection import Selection
from scripts.wheel_build.build_options import BuildOptions


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(),
        BuildOptions(ops=("cpu_adam", "async_io"), jobs=3, cache=False, headers="small", source="tag", minutes=5),
    ],
)
def test_options_reach_the_session_as_they_were_typed(options: BuildOptions) -> None:
    assert parse_words(BuildOptions, options.as_words()) == options


def test_a_path_may_begin_with_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    options = read_options(SiteOptions, {"store": "dir:~/x", "out": "~/site", "url": "~"})
    assert (options.store, options.out, options.url) == (f"dir:{tmp_path / 'x'}", str(tmp_path / "site"), "~")
    assert read_options(SiteOptions, {"out": "~no-such-user/x"}).out == "~no-such-user/x"


def test_the_defaults_need_no_words() -> None:
    assert as_words(BuildOptions()) == ()


@pytest.mark.parametrize(
    ("name", "typed", "message"),
    [
        ("jobs", "abc", "--jobs 'abc': give a number of processes from 1, or 0"),
        ("jobs", "-1", "--jobs '-1': give a number of processes from 1, or 0"),
        ("minutes", "x", "--minutes 'x': give the minutes that compiling may take"),
        ("source", "svn", "--source 'svn': give one of auto, tag, sdist"),
        ("verify", "all", "--verify 'all': give one of file, load, core, full, hosted, audit, smoke"),
        ("jobs", "", "--jobs '': give a number of processes"),
        ("toolkit", "", "--toolkit '' is not a directory"),
        ("toolkit", "/nowhere", "--toolkit '/nowhere' is not a directory; .* auto, redist, pip"),
    ],
)
def test_a_value_that_is_not_accepted_is_our_own_error(name: str, typed: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_options(BuildOptions, {name: typed})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--frob",), "unknown option --frob; known are --ops --allow-missing --jobs --no-cache"),
        (("--no-jobs", "3"), "unknown option --no-jobs"),
        (("--jobs",), "--jobs needs a value"),
        (("--jobs=", "--no-cache"), "--jobs '': give a number"),
        (("--no-cache=1",), "--no-cache takes no value"),
    ],
)
def test_words_that_are_no_options_are_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_words(BuildOptions, words)


def test_a_former_name_is_understood_and_not_written() -> None:
    options = parse_words(BuildOptions, ("--prove", "audit", "--jobs=2"))
    assert options == BuildOptions(verify="audit", jobs=2)
    assert as_words(options) == ("--jobs", "2", "--verify", "audit")


def test_a_directory_is_accepted_and_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_options(BuildOptions, {"toolkit": "."}).toolkit == str(tmp_path.resolve())


def test_several_values_come_repeated_or_by_commas() -> None:
    assert read_options(Selection, {"py": ["3.10, 3.11", "cp312"]}).py == ("3.10", "3.11", "cp312")
