"""What compilers list as read, where they search, and the names of places."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.wheel_build.places import Places
from scripts.wheel_build.read_files import listed, words_to_list
from scripts.wheel_build.response_files import parted, spelled_out
from scripts.wheel_build.search_path import own_folders, searched_folders, told_folders
from tests.wheel_build.factories import GXX, write_tree


def test_a_rule_of_gcc_is_read_with_what_it_escapes(tmp_path: Path) -> None:
    rule = tmp_path / "unit.read"
    rule.write_text("unit.o: a\\ b.cpp cost$$.h \\\n  sub/c\\#.h extension.h.gch\n\nsub/c\\#.h:\n", encoding="utf-8")
    assert listed(rule) == ("a b.cpp", "cost$.h", "sub/c#.h")


def test_a_document_of_cl_is_read(tmp_path: Path) -> None:
    document = {"Version": "1.2", "Data": {"Source": r"c:\x\a.cpp", "Includes": [r"c:\x\a.h"], "ImportedModules": []}}
    (tmp_path / "unit.read").write_text(json.dumps(document), encoding="utf-8-sig")
    assert listed(tmp_path / "unit.read") == (r"c:\x\a.cpp", r"c:\x\a.h")


@pytest.mark.parametrize("text", ["", "nothing", '{"Data": {}}', '{"Data": ', "[1]"])
def test_no_list_is_told_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "unit.read").write_text(text, encoding="utf-8")
    assert listed(tmp_path / "unit.read") is None
    assert listed(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("compiler", "first"),
    [("/usr/bin/g++", "-MD"), (r"C:\VS\cl.exe", "/sourceDependencies"), ("/cuda/bin/nvcc", "-MD"), ("nvcc.exe", "-MD")],
)
def test_each_compiler_is_asked_in_its_own_words(compiler: str, first: str) -> None:
    words = words_to_list(compiler, Path("list"))
    assert words[0] == first
    assert ("-fpch-deps" in words) == compiler.endswith("g++")


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_the_list_of_the_real_compiler_names_every_file_and_changes_no_byte(tmp_path: Path) -> None:
    (tmp_path / "in folder").mkdir()
    (tmp_path / "in folder/a$.h").write_text("#define A 1\n")
    (tmp_path / "unit.cpp").write_text('#include <vector>\n#include "in folder/a$.h"\nint a() { return A; }\n')
    compile_it = [GXX, "-O2", "-c", "unit.cpp", "-o"]
    subprocess.run([*compile_it, "plain.o"], cwd=tmp_path, check=True)
    words = words_to_list(GXX, tmp_path / "unit.read")
    subprocess.run([*compile_it, "listed.o", *words], cwd=tmp_path, check=True)
    files = listed(tmp_path / "unit.read")
    assert files
    assert {"unit.cpp", "in folder/a$.h"} <= set(files)
    assert any(file.endswith("/bits/stl_vector.h") for file in files)
    assert (tmp_path / "plain.o").read_bytes() == (tmp_path / "listed.o").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_every_folder_that_is_searched_is_known(tmp_path: Path) -> None:
    words = ("g++", "-Ione", "-I", "two", "-isystem", str(tmp_path / "three"), "-iquote=x", "-O2", "/Ifour")
    found = searched_folders(words, {"CPATH": "/five:/six"}, tmp_path)
    for name in ("one", "two", "three", "four"):
        assert tmp_path / name in found
    assert tmp_path not in found
    assert {Path("/five"), Path("/six")} < set(found)
    assert set(own_folders("g++")) < set(found)
    assert Path("/usr/include") in own_folders(shutil.which("g++") or "g++")


LONG = ("--include-directory=one", "--include-directory", "two", "--include-path=three", "--system-include=four")


@pytest.mark.parametrize("words", [LONG, ("-Xcompiler=-Ione,-isystem,two", "-Xcompiler", "-Ithree", "-I=four")])
def test_a_folder_is_known_however_it_is_spelled(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert {tmp_path / name for name in ("one", "two", "three", "four")} <= {*searched_folders(words, {}, tmp_path)}


@pytest.mark.parametrize(
    "variables",
    [
        {"CPATH": f"{os.pathsep}/five"},  # an empty folder of a variable is the one where the compiler is started
        {"NVCC_APPEND_FLAGS": "-DX='a b' -I."},
        {"NVCC_PREPEND_FLAGS": "-I. -DX='"},
        {"INCLUDES": "-I ."},
        {"SYSTEM_INCLUDES": "-isystem ."},
        {"CL": "/I."},
    ],
    ids=str,
)
def test_a_folder_that_a_variable_adds_is_known(tmp_path: Path, variables: dict[str, str]) -> None:
    assert tmp_path in searched_folders(("cl", "-c"), variables, tmp_path)


def test_what_a_visual_studio_prompt_names_is_not_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build in such a prompt would read all of Windows' headers for a key that the toolset's version stands for."""
    monkeypatch.setenv("INCLUDE", "sdk")
    assert tmp_path / "sdk" in told_folders((), {}, tmp_path)
    monkeypatch.setenv("VSCMD_VER", "17.14.7")
    assert told_folders(("cl", "/Ione"), {"CL": "/Itwo"}, tmp_path) == (tmp_path / "one", tmp_path / "two")
    monkeypatch.setenv("__VSCMD_PREINIT_INCLUDE", "mine")
    assert told_folders((), {}, tmp_path) == (tmp_path / "mine",)


def test_a_file_that_is_included_by_force_is_looked_for_where_the_compiler_is_started(tmp_path: Path) -> None:
    assert tmp_path in searched_folders(("cl", "-include", "forced.h"), {}, tmp_path)


def test_the_words_of_a_response_file_belong_to_the_command(tmp_path: Path) -> None:
    write_tree(tmp_path, {"words": '-DX="a b" @more', "more": "-Ideep 'open", "itself": "@itself"})
    assert spelled_out(("g++", "@words", "-c"), tmp_path) == (
        *("g++", "@words", "-DX=a b", "@more", "-Ideep", "'open", "-c"),
    )
    assert "-Ideep" in spelled_out(("nvcc", "--options-file", "more"), tmp_path)
    assert "-Ideep" in spelled_out(("nvcc", "-optf=words,more"), tmp_path)
    assert spelled_out(("g++", "@none", "-Wl,@x"), tmp_path) == ("g++", "@none", "-Wl,@x")
    assert len(spelled_out(("g++", "@itself"), tmp_path)) < 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r'/I"C:\My headers" /DX', [r"/IC:\My headers", "/DX"]),
        (r'"/IC:\b c\\" -I C:\x\y', [r"/IC:\b c" + "\\", "-I", r"C:\x\y"]),
        (r"/DX=\"a\" '/Ione two'", ['/DX="a"', "'/Ione", "two'"]),
        ('/I"open', ["/Iopen"]),
    ],
)
def test_the_words_of_a_text_are_those_that_windows_makes_of_it(text: str, words: list[str]) -> None:
    assert parted(text, windows=True) == words


@pytest.mark.parametrize("nvcc", ["nvcc", "nvcc.exe"])
def test_nvcc_searches_its_toolkit_from_cuda_13_on_with_cccl_beside(tmp_path: Path, nvcc: str) -> None:
    folders = [tmp_path / name for name in ("include", "include/cccl", "targets/x86_64-linux/include")]
    for folder in folders:
        folder.mkdir(parents=True)
    assert set(folders) <= set(searched_folders((str(tmp_path / "bin" / nvcc), "-c"), {}, tmp_path))


def test_a_place_is_named_and_found_again(tmp_path: Path) -> None:
    places = Places.of({"environment": "/e", "torch": "/e/lib/torch", "source": "/e2", "nothing": ""})
    assert places.named("/e/lib/torch/a.h") == "{torch}/a.h"
    assert places.named("/e/lib/torches/a.h") == "{environment}/lib/torches/a.h"
    assert places.named("/e2") == "{source}"
    assert places.named("/e23/a.h") == "/e23/a.h"
    for path in ("/e/lib/torch/a.h", "/e/x", "/e2/csrc/../a.h", "/elsewhere/a.h"):
        assert places.path(places.named(path)) == Path(path)
    assert places.words(["-I/e/lib/torch", "/e2/x.o"], {"/e2/x.o": "{object}"}) == ["-I{torch}", "{object}"]


@pytest.mark.parametrize(
    "words",
    [
        ['-DX="/w/source"'],
        ["-D", "X=/w/source"],
        ["-Xcompiler=-DX=/w/source"],
        ["-Wp,-DX(a)=/w/source"],
        ["/DX#/w/source"],
        ["--define-macro=X=/w/source"],
    ],
    ids=str,
)
def test_what_a_macro_stands_for_is_no_place(words: list[str]) -> None:
    assert Places.of({"source": "/w/source"}).words(words) == words


def test_a_path_that_begins_like_a_macro_is_one() -> None:
    assert Places.of({"source": "/Data/source"}).words(["/Data/source/X=1.cpp"]) == ["{source}/X=1.cpp"]


def test_a_folder_beside_a_place_is_no_place(tmp_path: Path) -> None:
    """Else it would have one name in two builds whose places differ, whatever lies in it."""
    places = Places.of({"source": "/w/source", "torch": r"C:\e\torch"})
    words = [
        "-I/w/source/csrc",
        "-ffile-prefix-map=/w/source=.",
        '--x="/w/source"',
        r"/IC:\e\torch\include",
        "/w/source:/x",
    ]
    assert places.words(words) == [
        *("-I{source}/csrc", "-ffile-prefix-map={source}=.", '--x="{source}"', r"/I{torch}\include", "{source}:/x"),
    ]
    beside = ["-I/w/source2/csrc", "-I/w/source-more", "-I/w/source.old", r"/IC:\e\torch_geometric"]
    assert places.words(beside) == beside
