"""NVIDIA's own nvcc.exe, from its wheels for Windows, made a toolkit by our code; and the command lines of a build.

CUDA 13 is the first whose wheels hold a compiler. Everything is pinned by digest; no wheel leaves this machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.fetch.index_client import uv_variables
from scripts.fetch.installer import find_installer
from scripts.toolchain.cuda.cuda_wheels import complete_windows
from tests.wine.command_log import told_once
from tests.wine.installations import make_visual_studio
from tests.wine.lab import Ended, Windows, download, make_once
from tests.wine.packages import LEFT_OUT, LIBRARIES, NUMPY, RUN_TIME

HEADERS = Path(__file__).parent / "little_headers"  # what of Microsoft's nvcc's own passes ask for
TOOLSET = "14.44.35207"
WHEELS = {
    "13.0": {
        "nvidia_cuda_nvcc-13.0.88": "7c3a32c8ca9866addfd784da363ddee2f6874d560027a296f583e86a61f2d543",
        "nvidia_cuda_crt-13.0.88": "31e02c52916804ca15e31f272a96181d8fadaf40c4c82a77a6f78071a22eccf3",
        "nvidia_nvvm-13.0.88": "2ef0db7849e476d3b2fc3c09b27bdd79bd7ea8ce58cd9c86553d64ea40844ba0",
        "nvidia_cuda_runtime-13.0.96": "f79298c8a098cec150a597c8eba58ecdab96e3bdc4b9bc4f9983635031740492",
        "nvidia_cuda_cccl-13.0.85": "e160c6f031687b913fbe6e82e43f1788c3dd2a2a6378d3a8b15a31934b3ab285",
    },
    "13.2": {
        "nvidia_cuda_nvcc-13.2.86": "4171face482ef8ca35b5b2d59cfd25d2d0e2a2e2534fe34d2ce20695437868d9",
        "nvidia_cuda_crt-13.2.86": "a1c90081bef01c8688eaf24e8cfaef9b8a05175d761d5828262920cc8abf6561",
        "nvidia_nvvm-13.2.86": "7d140c2dd2d177af71240a31bbca20f40b4aee9a4e331156083e387855222b49",
        "nvidia_cuda_runtime-13.2.86": "b26f5dd86e67f0eb404ae679185e1c49fe546fa9a47b32dee31312f65ccfe764",
        "nvidia_cuda_cccl-13.2.86": "a983ba0daa8e11be82bb53c6dbac4d8f25c5802fa9f4713b0e766f0e0531ee8f",
    },
    "13.5": {  # the newest; no torch is for it yet
        "nvidia_cuda_nvcc-13.5.37": "2e33114ed3109eabfaa820cf8ddd534d0b98c47065f8390a56e6eaae04dcca31",
        "nvidia_cuda_crt-13.5.37": "30cded98a895e80586b4e233afd4e09e511205c767f1921a28710900a2399818",
        "nvidia_nvvm-13.5.37": "9422cd190cedabca85f88de6674e0ee16f508915698517e04bfaf193f1809c21",
        "nvidia_cuda_runtime-13.5.37": "f225d3fa5ea6bfbb58fc4979ef72375cbe661d9107f0d8a4ff22cc151525e4a9",
        "nvidia_cuda_cccl-13.3.5.0.6": "6e1f96b71d582171cebd9ae1d7ffbfc726e112a0a41aef77b9ead500aad7e0a2",
    },
}
TORCH = {
    "2.11.0": "73e24aaf8f36ab90d95cd1761208b2eb70841c2a9ca1a3f9061b39fc5331b708",
    "2.15.0": "d2c5938f593a47cf6d151a16d130a3cc3f0c105df1b905a571efc00b01e38c1f",
}
PLACES = ("-c ", "-o ", "-I", "-DTORCH_EXTENSION_NAME=")  # of a unit: not its options
OPTIONS = "== options "
TORCH_NEEDS = ("filelock", "typing_extensions", "sympy", "networkx", "jinja2", "fsspec")
WITHOUT_PROBE = re.compile(r"^CUDA_HOME = _find_cuda_home\(\) if .+ else None$", re.MULTILINE)
TEMPORARY = re.compile(r"[^\s\"]*tmpxft_[0-9a-f]+_[0-9a-f]+-\d+_?")
ARCH = re.compile(r"(?<=__CUDA_ARCH__=)\d+|(?<=compute_)\d+|(?<=sm_)\d+|(?<=sm=)\d+")


def real_toolkit(windows: Windows, version: str) -> Path:
    """The toolkit of this CUDA version on C:, as far as a compiler needs one."""
    root = windows.drive_c / "nvidia" / version
    make_once(windows, f"nvidia-{version}", sorted(WHEELS[version].items()), _make_toolkit, version, root)
    return root


def _make_toolkit(windows: Windows, version: str, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    draft = root.with_name(f"{version}-draft")
    shutil.rmtree(draft, ignore_errors=True)
    for name, digest in WHEELS[version].items():
        with zipfile.ZipFile(
            _wheel(windows, name.replace("_", "-"), f"{name}-py3-none-win_amd64.whl", digest)
        ) as wheel:
            wheel.extractall(draft, [member for member in wheel.namelist() if member.startswith("nvidia/cu13/")])
    (draft / "nvidia" / "cu13").rename(root)
    shutil.rmtree(draft)
    complete_windows(root)


def _wheel(windows: Windows, pin: str, file: str, digest: str) -> Path:
    """The wheel of this name, downloaded once; fails when it is another than the one that is pinned."""
    wheel = windows.folder / "downloads" / "nvidia" / file
    if not wheel.is_file():
        project, _, version = pin.rpartition("-")
        words = ("--platform", "win_amd64", "--python-version", "3.11", "--only-binary", ":all:")
        download(wheel.parent, *words, f"{project}=={version}")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == digest, f"{file} is not the wheel that is pinned here"
    return wheel


def real_studio(windows: Windows, year: str = "2022", toolset: str = TOOLSET) -> Path:
    """The folder of our cl.exe of this toolset, in a Visual Studio as nvcc looks for one."""
    programs = windows.fresh_folder(f"nvidia-studio-{year}-{toolset}")
    root = make_visual_studio(windows, programs, year, "BuildTools", tuple(dict.fromkeys([toolset, TOOLSET])))
    return root / "VC" / "Tools" / "MSVC" / toolset / "bin" / "Hostx64" / "x64"


def nvcc(
    windows: Windows, toolkit: Path, studio: Path, words: Sequence[str | Path], cwd: Path, variables: Mapping[str, str]
) -> Ended:
    """How nvcc.exe ended, in a prompt of Visual Studio with our little headers in place of Microsoft's."""
    temporary = cwd / "temporary"
    temporary.mkdir(exist_ok=True)
    env = {
        **variables,
        "WINEPATH": windows.path(studio),  # goes before PATH
        "VSCMD_VER": "17.14",  # it is one already: nvcc starts no vcvars
        "INCLUDE": windows.path(HEADERS),
        "TEMP": windows.path(temporary),
        "TMP": windows.path(temporary),
    }
    return windows.run([toolkit / "bin" / "nvcc.exe", *words], env=env, cwd=cwd, attempts=1)


def handed_on(dry_run: str, folders: Mapping[str, str]) -> str:
    """What a dry run says nvcc would hand to each of its programs, as the same text on every machine.

    A line that is repeated for every architecture is there once; the last line names the architectures.
    """
    lines: list[str] = []
    arches: list[str] = []
    for line in dry_run.splitlines():
        words = line.removeprefix("#$ ")
        if not re.match(r"\"*(cl\.exe|cudafe\+\+|\"?%CICC_PATH%|ptxas|fatbinary)", words):
            continue
        if words.startswith("fatbinary"):
            arches += re.findall(r"kind=(\w+),sm=(\w+)", words) and [
                f"{kind} {arch}" for kind, arch in re.findall(r"kind=(\w+),sm=(\w+)", words)
            ]
            continue
        text = TEMPORARY.sub("{temporary}", words)
        for name, folder in folders.items():
            text = re.sub(re.escape(folder).replace(r"\\", r"[\\/]"), f"{{{name}}}", text, flags=re.IGNORECASE)
        text = " ".join(ARCH.sub("{arch}", text).replace("\\", "/").split())
        text = re.sub(r"__CUDA_ARCH_LIST__=[\d,]+", "__CUDA_ARCH_LIST__={arches}", text)
        if text not in lines:
            lines.append(text)
    return "\n".join([*lines, f"architectures: {', '.join(arches)}", ""])


# ---------------------------------------------------------------- upstream's own command lines


def torch_folder(windows: Windows, version: str, cuda: str, requirements: Sequence[str]) -> Path:
    """A folder for PYTHONPATH: torch for Windows, which takes itself to be for this CUDA, and what setup.py imports."""
    folder = windows.drive_c / "torches" / f"{version}-{cuda}"
    recipe = [version, cuda, TORCH[version], *requirements]
    make_once(windows, f"torch-{version}-{cuda}", recipe, _make_torch, version, cuda, folder, requirements)
    return folder


def _make_torch(windows: Windows, version: str, cuda: str, folder: Path, requirements: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    file = f"torch-{version}-cp311-cp311-win_amd64.whl"
    with zipfile.ZipFile(_wheel(windows, f"torch-{version}", file, TORCH[version])) as wheel:
        left_out = (*LEFT_OUT, "/RECORD")
        wheel.extractall(folder, [name for name in wheel.namelist() if not name.endswith(left_out)])
    _edit(folder / "torch" / "version.py", f"'{version}+cpu'", f"'{version}+cu{cuda.replace('.', '')}'")
    _edit(folder / "torch" / "version.py", "cuda: Optional[str] = None", f"cuda: Optional[str] = '{cuda}'")
    extension = folder / "torch" / "utils" / "cpp_extension.py"
    text, found = WITHOUT_PROBE.subn("CUDA_HOME = _find_cuda_home()", extension.read_text(encoding="utf-8"))
    assert found == 1, "torch asks otherwise where CUDA is"
    extension.write_text(text, encoding="utf-8")
    for library in LIBRARIES:
        (folder / "torch" / "lib" / f"{library}.lib").write_text("!<arch>\n", encoding="utf-8")
    uv = find_installer().uv
    assert uv, "uv is needed to install for another system"
    words = ["--python-version", "3.11", "--python-platform", "x86_64-pc-windows-msvc", "--only-binary", ":all:"]
    argv = [uv, "pip", "install", "--quiet", "--target", str(folder), *words]
    argv += [*requirements, *RUN_TIME, *TORCH_NEEDS, NUMPY]
    subprocess.run(argv, check=True, env={**os.environ, **uv_variables()}, stdin=subprocess.DEVNULL)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} does not say {old!r} once"
    file.write_text(text.replace(old, new), encoding="utf-8")


def describe_nvcc(commands: Sequence[Sequence[str]], folders: Mapping[str, str]) -> str:
    """The command lines of nvcc as the same text on every machine.

    The directories that all search, then each distinct row of options, in its order (of two `-std` the last counts),
    then each unit with the number of its row and where its own directories come among those of all.
    """

    def named(word: str) -> str:
        for name, folder in sorted(folders.items(), key=lambda item: -len(item[1])):
            word = re.sub(re.escape(folder), f"{{{name}}}", word, flags=re.IGNORECASE)
        return word.replace("\\", "/")

    units = [_options([named(word) for word in command[1:]]) for command in commands]
    rows = [tuple(word for word in unit if not word.startswith(PLACES)) for unit in units]
    distinct = sorted(set(rows))
    common, own = told_once([[word for word in unit if word.startswith(PLACES)] for unit in units])
    each = sorted(f"{distinct.index(row) + 1} {words}" for row, words in zip(rows, own, strict=True))
    options = [line for number, row in enumerate(distinct, 1) for line in (f"{OPTIONS}{number}", *row, "")]
    return "\n".join([f"== every one of {len(units)}", *common, "", *options, "== each", *each, ""])


def _options(words: Sequence[str]) -> list[str]:
    """The words, an option and its value as one."""
    paired: list[str] = []
    for word in words:
        if paired and paired[-1] in ("-Xcompiler", "-Xcudafe", "-o", "-c"):
            paired[-1] += f" {word}"
        else:
            paired.append(word)
    return paired


def option_sets(golden: str) -> Iterator[tuple[str, ...]]:
    """The distinct rows of options in a golden file, in their order; no source, object, directory or op's name."""
    for part in golden.split(OPTIONS)[1:]:
        lines = part.partition("\n\n")[0].splitlines()[1:]
        yield tuple(word for line in lines for word in line.split(" "))
