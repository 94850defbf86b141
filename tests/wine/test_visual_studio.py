"""Visual Studio is found, and its environment captured to the letter, by a Windows Python, cmd.exe and the registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.facts.load import load_facts
from tests.wine.installations import build_standins, make_visual_studio
from tests.wine.lab import ROOT, Windows

pytestmark = pytest.mark.wine
TOOLSETS = ("14.29.30133", "14.44.35207")
VERSIONS_KEY = r"HKLM\SOFTWARE\Microsoft\VisualStudio\SxS\VS7"
# What a real vcvars64.bat of a strange machine might set; the folder's own name comes in by %~dp0.
ODD = {
    "QUOTED": 'say "hi" & (go) ^ | <x> 100%% !done! a=b',
    "PERCENT": "%%PATH%% and 50%%",
    "HERE": "%~dp0",
    "SPACED": "  two before, one after ",
    "INCLUDE": "%~dp0include;%INCLUDE%",
    "PATH": r"%~dp0..\..\Tools\MSVC\14.44.35207\bin\HostX64\x64;%PATH%;C:\after me",
}
STRANGE = "Größe (x86) & Ωmega! ^ 'ü'"


class Place:
    """A fresh Program Files and a cache, and the question to our code about them."""

    def __init__(self, windows: Windows) -> None:
        self.windows, self.programs = windows, windows.fresh_folder("programs-visual-studio")
        self.cache = windows.fresh_folder("cache-visual-studio")

    def question(self, cuda: str | None = "12.4", **variables: str) -> list[str | Path]:
        """The words that ask it with these variables set."""
        text = json.dumps(
            {
                "programs": self.windows.path(self.programs),
                "cuda": cuda,
                "cache": self.windows.path(self.cache),
                "variables": variables,
            }
        )
        return [self.windows.python("3.11"), "-m", "tests.wine.ask_visual_studio", text]

    def ask(self, cuda: str | None = "12.4", **variables: str) -> dict[str, Any]:
        """What our code found."""
        answer: dict[str, Any] = json.loads(self.windows.run(self.question(cuda, **variables), cwd=ROOT).require())
        return answer

    def install(self, year: str, edition: str, *toolsets: str, listed: bool = True) -> str:
        """The root of a made-up Visual Studio, as Windows knows it."""
        return self.windows.path(
            make_visual_studio(self.windows, self.programs, year, edition, toolsets, listed=listed)
        )


@pytest.fixture
def place(windows: Windows) -> Place:
    return Place(windows)


@pytest.fixture
def registered(windows: Windows, place: Place) -> Iterator[str]:
    """A Visual Studio 2019 that only the registry knows."""
    root = place.programs / "Eigenes" / "VS"
    shutil.copytree(
        make_visual_studio(windows, place.programs, "2019", "Professional", TOOLSETS[:1], listed=False), root
    )
    shutil.rmtree(place.programs / "Microsoft Visual Studio" / "2019")
    windows.run(["reg", "add", VERSIONS_KEY, "/v", "16.0", "/t", "REG_SZ", "/d", root, "/f"]).require()
    yield windows.path(root)
    windows.run(["reg", "delete", VERSIONS_KEY, "/f"]).require()


def test_vswhere_the_folders_and_the_registry_are_all_asked(place: Place, registered: str) -> None:
    listed = place.install("2022", "BuildTools", *TOOLSETS)
    folder = place.install("2026", "Community", "14.51.36231", listed=False)
    assert place.ask()["studios"] == [
        [folder, "18", "Community", "folder"],
        [listed, "17.14.36202.13", "BuildTools", "vswhere"],
        [registered, "16.0", "VS", "registry"],
    ]


def images() -> list[tuple[str, str | None, str]]:
    """Every hosted image that a row names, with a CUDA version of the row and its toolset."""
    return [
        (runner, next(iter(choice.cuda), None), choice.toolset)
        for choice in load_facts().toolset_choices
        for runner in choice.runners
    ]


@pytest.mark.parametrize(("runner", "cuda", "toolset"), images())
def test_every_image_of_a_row_has_its_toolset_set_up_beside_newer_ones(
    place: Place, runner: str, cuda: str | None, toolset: str
) -> None:
    image = load_facts().runners[runner]
    year, edition, _ = (image.visual_studio or "").split(maxsplit=2)
    place.install(year, edition, *(f"{version}.30133" for version in reversed(image.toolsets)))  # the newest is its own
    assert place.ask(cuda)["identity"]["toolset"] == f"{toolset}.30133"


@pytest.mark.parametrize(
    ("cuda", "toolset", "compiler"),
    [
        ("11.8", "14.29.30133", "19.29.30133"),
        ("12.4", "14.44.35207", "19.44.35207"),
        (None, "14.44.35207", "19.44.35207"),
    ],
)
def test_the_toolset_of_the_target_is_the_one_that_is_set_up(
    place: Place, cuda: str | None, toolset: str, compiler: str
) -> None:
    root = place.install("2022", "Enterprise", *TOOLSETS)
    answer = place.ask(cuda)
    assert answer["identity"] == {
        "compiler": compiler,
        "linker": answer["identity"]["linker"],
        "toolset": toolset,
        "sdk": "10.0.22621.0",
        "ucrt": "10.0.22621.0",
    }
    assert answer["identity"]["linker"].startswith(toolset)
    variables = answer["variables"]
    assert variables["VCToolsVersion"] == toolset
    assert variables["PATH"].lower().startswith(rf"{root}\VC\Tools\MSVC\{toolset}\bin\HostX64\x64".lower())
    assert variables["PATH"].endswith(answer["caller"]["PATH"])
    assert not {"PROMPT", "VSCMD_SKIP_SENDTELEMETRY"} & {name.upper() for name in variables}
    assert not [name for name in variables if name.startswith("VCVARS_RUN_")]


def strange_studio(place: Place) -> Path:
    """A Visual Studio in a folder with every kind of sign, whose vcvars64.bat sets every kind of value."""
    place.programs = place.windows.fresh_folder(STRANGE)
    root = place.programs / "Microsoft Visual Studio" / "2022" / "Community"
    binaries = root / "VC" / "Tools" / "MSVC" / "14.44.35207" / "bin" / "Hostx64" / "x64"
    build = root / "VC" / "Auxiliary" / "Build"
    for folder in (binaries, build):
        folder.mkdir(parents=True)
    for program in ("cl.exe", "link.exe"):
        shutil.copyfile(build_standins(place.windows) / program, binaries / program)
    (binaries / "standin.version").write_text("19.44.35207")
    lines = ["@echo off", *(f'set "{name}={value}"' for name, value in ODD.items()), "exit /b 0", ""]
    (build / "vcvars64.bat").write_text("\n".join(lines), encoding="ascii", newline="\r\n")
    return build


def test_every_value_arrives_to_the_letter(place: Place) -> None:
    build = place.windows.path(strange_studio(place)) + "\\"
    own = {"ODD": 'ä "q" %PATH% 100% & (b) !x! a=b\nsecond line €', "INCLUDE": r"C:\mine ü", "Empty (x86)": "=;="}
    answer = place.ask(PATH=r"C:\windows\system32;C:\eigenes ü;" + "x" * 9000, **own)
    variables = answer["variables"]
    assert variables["QUOTED"] == 'say "hi" & (go) ^ | <x> 100% !done! a=b'
    assert variables["PERCENT"] == "%PATH% and 50%"
    assert variables["HERE"] == build
    assert variables["SPACED"] == "  two before, one after "
    assert variables["INCLUDE"] == rf"{build}include;C:\mine ü"
    first, last = rf"{build}..\..\Tools\MSVC\14.44.35207\bin\HostX64\x64;", r";C:\after me"
    assert variables["PATH"] == first + answer["caller"]["PATH"] + last
    assert not {"ODD", "Empty (x86)"} & variables.keys()  # as they were: no difference


def test_the_second_time_it_is_read_not_run(place: Place) -> None:
    place.install("2022", "Community", *TOOLSETS)
    first, second = place.ask(), place.ask()
    assert second["variables"] == first["variables"]
    assert second["seconds"] < first["seconds"] / 4


def test_in_a_prompt_of_another_toolset_nothing_of_it_is_left(place: Place) -> None:
    place.install("2022", "Community", *TOOLSETS)
    vcvars = place.programs / "Microsoft Visual Studio" / "2022" / "Community" / "VC" / "Auxiliary" / "Build"
    script = place.cache / "prompt.bat"
    python, *words = place.question()
    (place.cache / "question.json").write_text(str(words[-1]), encoding="utf-8")
    code = (
        "import sys; from tests.wine.ask_visual_studio import *; import pathlib;"
        " sys.stdout.write(json.dumps(main(pathlib.Path(sys.argv[1]).read_text('utf-8'))))"
    )
    script.write_text(
        f'@call "{place.windows.path(vcvars)}\\vcvars64.bat" -vcvars_ver=14.29 >nul\n'
        f'@"{place.windows.path(Path(python))}" -c "{code}" "{place.windows.path(place.cache / "question.json")}"\n',
        encoding="ascii",
        newline="\r\n",
    )
    answer = json.loads(place.windows.run(["cmd", "/d", "/c", script], cwd=ROOT).require())
    assert answer["caller"]["VCTOOLSVERSION"] == "14.29.30133"
    assert answer["toolset"] == answer["variables"]["VCToolsVersion"] == "14.44.35207"
    paths = ";".join(answer["variables"][name] for name in ("PATH", "INCLUDE", "LIB"))
    assert "14.44.35207" in paths
    assert "14.29" not in paths


def test_a_pin_is_obeyed(place: Place) -> None:
    place.install("2022", "Community", *TOOLSETS)
    assert place.ask(DEEPSPEED_WHEELS_MSVC="14.29")["toolset"] == "14.29.30133"


def test_vcvars_own_words_are_in_the_message(place: Place) -> None:
    root = place.install("2022", "Community", *TOOLSETS)
    batch = place.programs / "Microsoft Visual Studio" / "2022" / "Community" / "VC" / "Auxiliary" / "Build"
    text = "@echo [ERROR:winsdk.bat] Windows SDK 10.0.26100.0 not found\n@exit /b 3\n"
    (batch / "vcvarsall.bat").write_text(text, newline="\r\n")
    assert place.ask()["error"] == (
        rf"{root}\VC\Auxiliary\Build\vcvars64.bat -vcvars_ver=14.44.35207 failed; repair Visual Studio"
        " Community 2022 with the Visual Studio Installer\n  [ERROR:winsdk.bat] Windows SDK 10.0.26100.0 not found"
    )


@pytest.mark.parametrize(
    ("toolsets", "message"),
    [
        (None, "no Visual Studio is on this machine"),
        ((), 'Visual Studio is here, but without "Desktop development with C++"'),
        (("14.16.27023",), "no C++ toolset of this machine can be used for CUDA 12.4"),
    ],
)
def test_what_is_missing_is_told_apart(place: Place, toolsets: tuple[str, ...] | None, message: str) -> None:
    if toolsets is not None:
        place.install("2022", "BuildTools", *toolsets)
    assert place.ask()["error"].startswith(message)


def test_a_32_bit_prompt_is_refused(place: Place) -> None:
    place.install("2022", "BuildTools", *TOOLSETS)
    assert place.ask(VSCMD_ARG_TGT_ARCH="x86")["error"].startswith("this is a Visual Studio prompt for x86")
