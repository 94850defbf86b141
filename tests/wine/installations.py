"""A made-up Visual Studio and a made-up CUDA toolkit on C:, laid out as the real ones are, their programs stand-ins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.facts.load import load_facts
from tests.wine.lab import STANDINS, Windows, compile_c, make_once

SDK = "10.0.22621.0"
RELEASES = {"2019": ("16", "16.11.35"), "2022": ("17", "17.14.36202.13"), "2026": ("18", "18.0.11205.157")}
NVCC = {"11.8": "11.8.89", "12.4": "12.4.131", "12.8": "12.8.93", "13.0": "13.0.88", "13.2": "13.2.51"}
MISSING = """\
  echo [ERROR:vcvars.bat] Toolset directory for version '%wanted%' was not found.
  echo [ERROR:VsDevCmd.bat] *** VsDevCmd.bat encountered errors. Environment may be incomplete and/or incorrect. ***
  exit /b 1
"""


def build_standins(windows: Windows) -> Path:
    """The folder with the stand-ins, compiled when their sources have changed."""
    folder = windows.drive_c / "standins"
    recipe = [path.read_text(encoding="utf-8") for path in sorted(STANDINS.glob("*"))]
    make_once(windows, "standins", recipe, _compile_standins, folder)
    return folder


def _compile_standins(windows: Windows, folder: Path) -> None:
    for program in ("cl", "link", "nvcc", "vswhere"):
        compile_c(STANDINS / f"{program}.c", folder / f"{program}.exe", "-Wno-unused-function")
    library = str(windows.drive_c / "python" / "3.11" / "libs" / "python3.lib")  # the stable ABI: for every Python
    compile_c(STANDINS / "template.c", folder / "template.pyd", "-shared", library)
    compile_c(STANDINS / "template.c", folder / "template-cuda.pyd", "-shared", "-DCUDA", library)


def make_visual_studio(
    windows: Windows, programs: Path, year: str, edition: str, toolsets: Sequence[str], *, listed: bool = True
) -> Path:
    r"""The root of a Visual Studio below `programs`, which stands for `C:\Program Files (x86)`.

    `toolsets` are full versions, oldest first; the last is the default one. `listed`: whether vswhere knows it.
    """
    major, version = RELEASES[year]
    root = programs / "Microsoft Visual Studio" / ("18" if year == "2026" else year) / edition
    standins = build_standins(windows)
    for toolset in toolsets:
        binaries = root / "VC" / "Tools" / "MSVC" / toolset / "bin" / "Hostx64" / "x64"
        binaries.mkdir(parents=True, exist_ok=True)
        for name in ("cl.exe", "link.exe", "template.pyd", "template-cuda.pyd"):
            shutil.copyfile(standins / name, binaries / name)
        (binaries / "standin.version").write_text(_compiler_version(toolset), encoding="utf-8")
        (binaries / "standin.linker").write_text(toolset, encoding="utf-8")
        for name in ("include", "lib/x64"):
            (binaries.parents[2] / name).mkdir(parents=True, exist_ok=True)
    build = root / "VC" / "Auxiliary" / "Build"
    build.mkdir(parents=True, exist_ok=True)
    (root / "Common7" / "Tools").mkdir(parents=True, exist_ok=True)
    for name in ("include", "lib"):
        (programs / "Windows Kits" / "10" / name / SDK / "ucrt").mkdir(parents=True, exist_ok=True)
    _write_batch(build / "vcvars64.bat", '@call "%~dp0vcvarsall.bat" x64 %*\n')
    _write_batch(build / "vcvarsall.bat", _vcvarsall(windows, root, programs, major, version, toolsets))
    if listed:
        _list(windows, programs / "Microsoft Visual Studio" / "Installer", root, year, edition, version)
    return root


def _compiler_version(toolset: str) -> str:
    """What cl.exe of a toolset calls itself: 19.44.35207 of 14.44.35207."""
    return "19" + toolset.removeprefix("14")


def _write_batch(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\r\n")


def _vcvarsall(windows: Windows, root: Path, programs: Path, major: str, version: str, toolsets: Sequence[str]) -> str:
    """What sets the variables that a real one sets; -vcvars_ver takes a version or the beginning of one."""
    root_path, kits = windows.path(root), windows.path(programs / "Windows Kits" / "10")
    chosen = {"": toolsets[-1]} if toolsets else {}
    for toolset in toolsets:  # a later one wins: the newest that begins so
        chosen |= {toolset[:end]: toolset for end in range(len("14.x"), len(toolset) + 1)}
    lines = [
        "@echo off",
        "set wanted=",
        ":next",
        'if "%~1"=="" goto parsed',
        'if /i "%~1"=="-vcvars_ver" set "wanted=%~2"',
        "shift",
        "goto next",
        ":parsed",
        "set VCToolsVersion=",
        *(f'if "%wanted%"=="{name}" set VCToolsVersion={toolset}' for name, toolset in chosen.items()),
        'if not "%VCToolsVersion%"=="" goto found',
        *MISSING.splitlines(),
        ":found",
        "set wanted=",
        f"echo ** Visual Studio Developer Command Prompt v{version}",
    ]
    tools = rf"{root_path}\VC\Tools\MSVC\%VCToolsVersion%"
    variables = {
        "__VSCMD_PREINIT_PATH": "%PATH%",
        "DevEnvDir": rf"{root_path}\Common7\IDE" + "\\",
        "INCLUDE": rf"{tools}\include;{kits}\include\{SDK}\ucrt;{kits}\include\{SDK}\um;%INCLUDE%",
        "LIB": rf"{tools}\lib\x64;{kits}\lib\{SDK}\ucrt\x64;{kits}\lib\{SDK}\um\x64;%LIB%",
        "LIBPATH": rf"{tools}\lib\x64;{kits}\UnionMetadata\{SDK};%LIBPATH%",
        "PATH": rf"{tools}\bin\HostX64\x64;{root_path}\Common7\Tools;{kits}\bin\{SDK}\x64;%PATH%",
        "Platform": "x64",
        "UCRTVersion": SDK,
        "UniversalCRTSdkDir": kits + "\\",
        "VCIDEInstallDir": rf"{root_path}\Common7\IDE\VC" + "\\",
        "VCINSTALLDIR": rf"{root_path}\VC" + "\\",
        "VCToolsInstallDir": tools + "\\",
        "VisualStudioVersion": f"{major}.0",
        f"VS{major}0COMNTOOLS": rf"{root_path}\Common7\Tools" + "\\",
        "VSCMD_ARG_app_plat": "Desktop",
        "VSCMD_ARG_HOST_ARCH": "x64",
        "VSCMD_ARG_TGT_ARCH": "x64",
        "VSCMD_VER": version,
        "VSINSTALLDIR": root_path + "\\",
        "WindowsSdkDir": kits + "\\",
        "WindowsSDKLibVersion": SDK + "\\",
        "WindowsSDKVersion": SDK + "\\",
    }
    return "\n".join([*lines, *(f'set "{name}={value}"' for name, value in variables.items()), "exit /b 0", ""])


def _list(windows: Windows, installer: Path, root: Path, year: str, edition: str, version: str) -> None:
    """Add the installation to what vswhere answers, the newest first."""
    installer.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(build_standins(windows) / "vswhere.exe", installer / "vswhere.exe")
    answer = installer / "vswhere.json"
    known = json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else []
    entry = {
        "instanceId": f"{abs(hash((year, edition))):08x}"[:8],
        "installationName": f"VisualStudio/{version}",
        "installationPath": windows.path(root),
        "installationVersion": version,
        "productId": f"Microsoft.VisualStudio.Product.{edition}",
        "isComplete": True,
        "isLaunchable": True,
        "isPrerelease": False,
        "displayName": f"Visual Studio {edition} {year}",
        "catalog": {"productLineVersion": year},
    }
    entries = sorted([*known, entry], key=lambda row: str(row["installationVersion"]), reverse=True)
    answer.write_text(json.dumps(entries, indent=2), encoding="utf-8")
    paths = "".join(f"{row['installationPath']}\n" for row in entries)
    (installer / "installationPath.txt").write_text(paths, encoding="utf-8")


def make_cuda(windows: Windows, programs: Path, version: str) -> Path:
    r"""The root of a whole CUDA toolkit below `programs`, which stands for `C:\Program Files`."""
    facts = load_facts()
    root = programs / "NVIDIA GPU Computing Toolkit" / "CUDA" / f"v{version}"
    for component in facts.toolkit_components.values():
        for pattern in component.files["windows"]:
            file = root / pattern.split(" | ")[-1].replace("*", "0")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"// {component.what}, made up\n", encoding="utf-8")
    shutil.copyfile(build_standins(windows) / "nvcc.exe", root / "bin" / "nvcc.exe")
    row = facts.cuda[version]
    (root / "bin" / "standin.version").write_text(
        f"{version} {NVCC[version]} {row.sms[0]} {row.sms[-1]}", encoding="utf-8"
    )
    return root
