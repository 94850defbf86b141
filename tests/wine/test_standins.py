"""The stand-ins behave as the programs that they stand in for, as far as our code and upstream's look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.wheel_build.read_files import listed
from tests.wine.installations import make_cuda, make_visual_studio
from tests.wine.lab import SDISTS, Ended, Windows

pytestmark = pytest.mark.wine
TOOLSETS = ("14.29.30133", "14.44.35207")


@pytest.fixture(scope="module")
def programs(windows: Windows) -> Path:
    return windows.fresh_folder("programs-standins")


@pytest.fixture(scope="module")
def studio(windows: Windows, programs: Path) -> Path:
    return make_visual_studio(windows, programs, "2022", "BuildTools", TOOLSETS)


@pytest.fixture(scope="module")
def toolkit(windows: Windows, programs: Path) -> Path:
    return make_cuda(windows, programs, "12.4")


@pytest.fixture
def workplace(windows: Windows) -> Path:
    folder = windows.fresh_folder("workplace")
    (folder / "one.cpp").write_text("int one;\n")
    (folder / "two.cu").write_text("int two;\n")
    return folder


def prompt(windows: Windows, studio: Path, workplace: Path, line: str, *, ask: str = "") -> Ended:
    """How a line ended in cmd.exe behind vcvars64.bat."""
    script = workplace / "script.bat"
    vcvars = windows.path(studio / "VC" / "Auxiliary" / "Build" / "vcvars64.bat")
    text = f'@echo off\ncall "{vcvars}" {ask}\nif errorlevel 1 exit 1\n{line}\nif errorlevel 1 exit 2\n'
    script.write_text(text, newline="\r\n")
    env = {"STANDIN_LOG": windows.path(workplace / "log.jsonl")}
    return windows.run(["cmd", "/d", "/c", script], env=env, cwd=workplace)


def logged(workplace: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (workplace / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_cl_writes_down_its_call_and_leaves_an_object(windows: Windows, studio: Path, workplace: Path) -> None:
    line = r'cl /c /nologo "/DTEXT=\"a b\"" -std=c++17 /Tpone.cpp /Foone.obj'
    prompt(windows, studio, workplace, line).require()
    (entry,) = logged(workplace)
    assert entry["program"] == "cl"
    assert entry["argv"] == ["/c", "/nologo", '/DTEXT="a b"', "-std=c++17", "/Tpone.cpp", "/Foone.obj"]
    assert entry["cwd"] == windows.path(workplace)
    assert entry["env"]["VCToolsVersion"] == "14.44.35207"
    assert entry["env"]["PATH"].endswith(r"14.44.35207\bin\HostX64\x64")
    assert entry["env"]["INCLUDE"] == "is set"
    assert (workplace / "one.obj").is_file()


def test_cl_refuses_what_the_real_one_refuses(windows: Windows, studio: Path, workplace: Path) -> None:
    ended = prompt(windows, studio, workplace, "cl /c -Wno-reorder /Tpone.cpp /Foone.obj")
    assert ended.exit_code == 2
    assert "D8021 : invalid numeric argument '/Wno-reorder'" in ended.errors
    assert not (workplace / "one.obj").exists()


def test_compilers_list_what_they_read_and_leave_other_objects_for_other_headers(
    windows: Windows, studio: Path, toolkit: Path, workplace: Path
) -> None:
    """`one.h` lies beside the source, which cl searches for what `deep/two.h` asks for, too."""
    nvcc, folder = windows.path(toolkit / "bin" / "nvcc.exe"), windows.path(workplace)
    texts = {"one.h": "", "deep/two.h": '#include "one.h"\n#include <absent.h>\n', "by option/three.h": ""}
    for name, text in texts.items():
        (workplace / name).parent.mkdir(exist_ok=True)
        (workplace / name).write_text(text)
    for source in ("one.cpp", "two.cu"):
        (workplace / source).write_text('#include "deep/two.h"\n# include <three.h>\n')
    lines = [
        'cl /c /sourceDependencies cl.read "/Iby option" /Tpone.cpp /Foone.obj',
        f'"{nvcc}" -MD -MF nvcc.read "-Iby option" -c two.cu -o two.obj',
    ]
    objects = []
    for text in ("", "#pragma once\n"):
        (workplace / "one.h").write_text(text)
        prompt(windows, studio, workplace, "\n".join(lines)).require()
        objects.append([(workplace / name).read_bytes() for name in ("one.obj", "two.obj")])
    names = [rf"{folder}\{name}".replace("/", "\\") for name in ("deep/two.h", "one.h", "by option/three.h")]
    assert listed(workplace / "cl.read") == (rf"{folder}\one.cpp", *(name.lower() for name in names))
    assert listed(workplace / "nvcc.read") == ("two.cu", *(name.replace("\\", "/") for name in names))
    assert objects[0][0] != objects[1][0]
    assert objects[0][1].split()[:5] != objects[1][1].split()[:5]  # the last names the process


def test_cl_alone_names_itself(windows: Windows, studio: Path, workplace: Path) -> None:
    ended = prompt(windows, studio, workplace, "cl", ask="-vcvars_ver=14.29")
    assert "C/C++ Optimizing Compiler Version 19.29.30133 for x64" in ended.errors


def test_vcvars_fails_for_a_toolset_that_is_not_there(windows: Windows, studio: Path, workplace: Path) -> None:
    ended = prompt(windows, studio, workplace, "cl", ask="-vcvars_ver=14.16")
    assert ended.exit_code == 1
    assert "[ERROR:vcvars.bat] Toolset directory for version '14.16' was not found." in ended.output


def test_nvcc_names_its_release_as_the_real_one_does(windows: Windows, toolkit: Path) -> None:
    said = windows.run([toolkit / "bin" / "nvcc.exe", "--version"]).require()
    assert "Cuda compilation tools, release 12.4, V12.4.131" in said


def test_nvcc_wants_cl_and_knows_its_architectures(
    windows: Windows, studio: Path, toolkit: Path, workplace: Path
) -> None:
    alone = windows.run([toolkit / "bin" / "nvcc.exe", "-c", "two.cu", "-o", "two.obj"], cwd=workplace)
    assert "Cannot find compiler 'cl.exe' in PATH" in alone.errors
    nvcc = windows.path(toolkit / "bin" / "nvcc.exe")
    too_new = "-gencode arch=compute_120,code=sm_120"
    ended = prompt(windows, studio, workplace, f'"{nvcc}" -c two.cu -o two.obj {too_new}')
    assert "Unsupported gpu architecture 'compute_120'" in ended.errors


@pytest.mark.parametrize("version", list(SDISTS))
def test_what_link_leaves_loads_and_holds_the_architectures(
    windows: Windows, studio: Path, toolkit: Path, workplace: Path, version: str
) -> None:
    nvcc = windows.path(toolkit / "bin" / "nvcc.exe")
    arches = "-gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=[sm_90,compute_90]"
    name = f"an_op.cp{version.replace('.', '')}-win_amd64.pyd"
    lines = [
        "cl /c /nologo /Tpone.cpp /Foone.obj",
        f'"{nvcc}" -c two.cu -o two.obj {arches}',
        f"link /nologo /DLL /EXPORT:PyInit_an_op one.obj two.obj /OUT:{name} /IMPLIB:an_op.lib",
    ]
    prompt(windows, studio, workplace, "\n".join(lines)).require()
    assert [entry["program"] for entry in logged(workplace)] == ["cl", "nvcc", "link"]
    said = windows.run([windows.python(version), "-c", "import an_op; print(an_op.__name__)"], cwd=workplace).require()
    assert said == "an_op\n"
