"""A toolkit out of wheels: made by the real package client from a folder of small wheels in NVIDIA's layout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.fetch.installer import find_installer
from scripts.toolchain.cuda import cuda_wheels
from scripts.toolchain.cuda.cuda_wheels import complete_linux, complete_windows, fill_from_wheels, toolkit_requirement
from scripts.toolchain.cuda.discovery import NAMED_VARIABLE
from scripts.toolchain.cuda.provide import provide_toolkit
from scripts.toolchain.cuda.toolkit import Toolkit
from tests.toolchain.cuda.test_import_library import GCC, ran
from tests.toolchain.stand_in import SYSTEM, component_files
from tests.wheel_build.factories import make_wheel

FACTS = load_facts()
RELEASE = "13.0.2"
TREE = "nvidia/cu13"
posix = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes], needs: str = "") -> None:
    """A wheel that the real clients install."""
    info = f"{name}-{version}.dist-info"
    members = {
        **files,
        f"{info}/licenses/License.txt": f"licence of {name}".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    make_wheel(path, {**members, f"{info}/RECORD": record}, executable=list(files))


def as_in_wheels(path: str) -> str:
    """Where NVIDIA's wheels keep a file: shared libraries under their versioned name only."""
    return f"{TREE}/" + path.replace("lib64/", "lib/").replace(".so", ".so.13")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheels of a release in a folder, which is all that the client sees."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    needs = ""
    for row in FACTS.toolkit_components.values():
        files = {as_in_wheels(path): text for path, text in component_files(row.name, full="13.0.88").items()}
        write_wheel(folder, f"nvidia_{row.extra}", "13.0.88", files)
        needs += f"Provides-Extra: {row.extra}\nRequires-Dist: nvidia-{row.extra}==13.0.88 ; extra == '{row.extra}'\n"
    write_wheel(folder, "cuda_toolkit", RELEASE, {}, needs)
    for name, value in {
        "UV_FIND_LINKS": str(folder),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "PIP_FIND_LINKS": str(folder),
        "PIP_NO_INDEX": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(NAMED_VARIABLE, raising=False)
    return folder


def provide(cache: Path) -> Toolkit:
    return provide_toolkit(RELEASE, choice="pip", facts=FACTS, cache=cache, system=SYSTEM)


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "cuda").iterdir() if path.suffix != ".lock")


def test_crt_and_nvvm_are_named_beside_the_compiler() -> None:
    assert toolkit_requirement(RELEASE, FACTS) == (
        "cuda-toolkit[nvcc,crt,nvvm,cudart,cccl,cublas,cusparse,cusolver,curand,nvrtc,nvtx,profiler]==13.0.2"
    )


def test_the_wheels_become_one_whole_toolkit(tmp_path: Path, wheels: Path) -> None:
    toolkit = provide(tmp_path / "cache")
    assert (toolkit.version, toolkit.nvcc, toolkit.source) == ("13.0", "13.0.88", "pip")
    assert left(tmp_path / "cache") == ["13.0.2-pip"]
    names = {path.name for path in toolkit.root.iterdir()}
    assert names - {"lib64", ".stamp.json"} == {"bin", "include", "lib", "licences", "nvvm", "toolkit.json"}
    assert (toolkit.root / "licences" / "nvidia_curand-13.0.88-License.txt").read_text() == "licence of nvidia_curand"


def test_a_wheel_that_cannot_be_had_is_said_and_nothing_is_left(tmp_path: Path, wheels: Path) -> None:
    next(wheels.glob("nvidia_curand-*")).unlink()
    with pytest.raises(PrerequisiteError, match="cannot be installed"):
        provide(tmp_path / "cache")
    assert left(tmp_path / "cache") == []


def test_wheels_of_another_layout_are_said(tmp_path: Path, wheels: Path) -> None:
    shutil.rmtree(wheels)
    wheels.mkdir()
    write_wheel(wheels, "cuda_toolkit", RELEASE, {"elsewhere/bin/nvcc": b""})
    with pytest.raises(PrerequisiteError, match="layout has changed"):
        provide(tmp_path / "cache")
    assert left(tmp_path / "cache") == []


def test_interrupted_nothing_is_left_and_the_next_run_succeeds(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(root: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cuda_wheels, f"complete_{SYSTEM}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            provide(tmp_path / "cache")
    assert left(tmp_path / "cache") == []
    assert provide(tmp_path / "cache").version == "13.0"


@pytest.mark.parametrize("release", ["11.8.0", "12.4.1", "12.9.2"])
def test_a_release_whose_wheels_hold_no_compiler_is_refused(tmp_path: Path, release: str) -> None:
    with pytest.raises(PrerequisiteError, match="no wheels with a compiler"):
        fill_from_wheels(tmp_path, release, FACTS, SYSTEM, find_installer())
    assert list(tmp_path.iterdir()) == []


@posix
def test_linux_gets_the_names_that_a_linker_looks_for(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    folder.mkdir()
    for name in ("libcurand.so.10", "libnvrtc.so.13", "libnvrtc.alt.so.13", "libcudart.so.13", "libcudart_static.a"):
        (folder / name).write_text(name)
    (folder / "libcudart.so").write_text("its own")
    complete_linux(tmp_path)
    assert (tmp_path / "lib64" / "libcurand.so").read_text() == "libcurand.so.10"
    assert (folder / "libnvrtc.so").read_text() == "libnvrtc.so.13"
    assert (folder / "libcudart.so").read_text() == "its own"
    before = sorted(folder.iterdir())
    complete_linux(tmp_path)
    assert sorted(folder.iterdir()) == before


@pytest.mark.skipif(not GCC, reason="needs Debian's gcc-mingw-w64-x86-64-win32")
def test_windows_gets_import_libraries_under_the_names_that_are_linked(tmp_path: Path) -> None:
    folder = tmp_path / "bin" / "x86_64"
    folder.mkdir(parents=True)
    (tmp_path / "a.c").write_text("__declspec(dllexport) int f(void) { return 1; }")
    ran(GCC, "-shared", "-o", folder / "curand64_10.dll", tmp_path / "a.c")
    for name in ("cublas64_13", "cublasLt64_13", "nvrtc64_130_0", "nvJitLink_130_0", "cudart64_13"):
        shutil.copy(folder / "curand64_10.dll", folder / f"{name}.dll")
    for name in ("nvrtc-builtins64_130", "nvrtc64_130_0.alt"):
        (folder / f"{name}.dll").write_bytes(b"not linked by anybody")
    (tmp_path / "lib" / "x64").mkdir(parents=True)
    (tmp_path / "lib" / "x64" / "cudart.lib").write_bytes(b"NVIDIA's own")
    complete_windows(tmp_path)
    made = {path.name for path in (tmp_path / "lib" / "x64").iterdir()}
    assert made == {"cublas.lib", "cublasLt.lib", "cudart.lib", "curand.lib", "nvJitLink.lib", "nvrtc.lib"}
    assert (tmp_path / "lib" / "x64" / "cudart.lib").read_bytes() == b"NVIDIA's own"
    assert b"cublas64_13.dll" in (tmp_path / "lib" / "x64" / "cublas.lib").read_bytes()
