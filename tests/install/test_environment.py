"""An environment's facts are those of its own Python, read without importing its torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.host import platform_tag, this_host
from scripts.install.environment import read_environment
from scripts.install.inside.probe import torch_facts
from tests.install.factories import make_machine

MACHINE = make_machine()
ROOT = Path(__file__).parents[2]
# What is downloaded is kept in the cache, under a lock; the one file brings both packages.
CACHED = {"scripts.install.wheel_download": {"filelock", "platformdirs"}}
LIGHT = {"scripts.install." + path.stem for path in (ROOT / "scripts" / "install").glob("*.py")}


def make_torch(folder: Path, version: str, cuda: str | None = None, hip: str | None = None, config: str = "") -> None:
    (folder / "torch" / "share/cmake/Torch").mkdir(parents=True)
    (folder / "torch" / "__init__.py").write_text("raise ImportError('DLL load failed')\n")
    lines = ["from typing import Optional", "__all__ = ['cuda']", f"__version__ = {version!r}"]
    lines += [f"cuda: Optional[str] = {cuda!r}", f"hip = {hip!r}", ""]
    (folder / "torch" / "version.py").write_text("\n".join(lines))
    (folder / "torch" / "share/cmake/Torch/TorchConfig.cmake").write_text(config)


def test_this_python_is_described() -> None:
    found = read_environment(sys.executable, machine=MACHINE)
    assert (found.version, found.platform) == (this_host().python, platform_tag())
    assert (found.implementation, found.machine) == (sys.implementation.name, MACHINE)


def test_a_torch_that_cannot_be_imported_is_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_torch(tmp_path, "2.6.0+cu124", cuda="12.4", config='set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    torch = read_environment(sys.executable, machine=MACHINE).torch
    assert torch
    assert (torch.version, torch.minor, torch.variant, torch.cxx11_abi) == ("2.6.0+cu124", "2.6", "cu124", 0)


@pytest.mark.parametrize(
    ("cuda", "hip", "variant"),
    [(None, None, "cpu"), ("13.0", None, "cu130"), ("11.8", None, "cu118"), (None, "6.2", "rocm")],
)
def test_the_variant_is_what_torch_was_built_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str | None, hip: str | None, variant: str
) -> None:
    make_torch(tmp_path, "2.11.0", cuda=cuda, hip=hip)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    torch = read_environment(sys.executable, machine=MACHINE).torch
    assert torch
    assert torch.variant == variant


def test_a_torch_without_its_metadata_is_half_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients take it for absent, and would put another in its place."""
    make_torch(tmp_path, "2.6.0+cu124", cuda="12.4")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for made in (None, "torch-2.6.0+cu124.dist-info"):
        (tmp_path / made).mkdir() if made else None
        torch = read_environment(sys.executable, machine=MACHINE).torch
        assert torch
        assert (torch.version, torch.gone) == ("2.6.0+cu124", ("METADATA",))
    (tmp_path / "torch-2.6.0+cu124.dist-info/METADATA").write_text("Name: torch\nVersion: 2.6.0+cu124\n")
    (tmp_path / "torch-2.6.0+cu124.dist-info/RECORD").write_bytes(b'torch/version.py,,\n"\xff\xfe')
    torch = read_environment(sys.executable, machine=MACHINE).torch
    assert torch
    assert torch.gone == ("RECORD",)


@pytest.mark.parametrize("text", ["\0\0\0", "import sys; sys.exit(3)", "1/0"])
def test_a_damaged_version_file_is_no_reason_to_know_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    make_torch(tmp_path, "2.6.0+cu124", cuda="12.4")
    (tmp_path / "torch/version.py").write_text(text)
    (tmp_path / "torch-2.6.0+cu124.dist-info").mkdir()
    (tmp_path / "torch-2.6.0+cu124.dist-info/METADATA").write_text("Name: torch\nVersion: 2.6.0+cu124\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    torch = read_environment(sys.executable, machine=MACHINE).torch
    assert torch
    assert torch.version == "2.6.0+cu124"


def test_what_start_up_files_print_is_not_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import atexit\nprint('hello')\natexit.register(print, '\\nbye')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read_environment(sys.executable, machine=MACHINE).version == this_host().python


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_a_prefix_without_a_plain_python_and_a_dangling_one(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"bin/python leads nowhere"):
        read_environment(str(tmp_path), machine=MACHINE)
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    for named in (tmp_path, tmp_path / "bin"):
        assert read_environment(str(named), machine=MACHINE).version == this_host().python


def test_a_folder_of_an_environment_stands_for_its_python(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a Python environment"):
        read_environment(str(tmp_path), machine=MACHINE)
    found = read_environment(sys.prefix, machine=MACHINE)
    assert found.python.is_relative_to(sys.prefix)


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be run"):
        read_environment(str(tmp_path / "python"), machine=MACHINE)


def test_the_facts_are_told_as_json() -> None:
    document = read_environment(sys.executable, machine=make_machine("8.6", flags=("avx2", "sse4_2"))).as_document()
    assert document["gpus"] == [{"name": "GPU 8.6", "capability": "8.6", "maker": "NVIDIA"}]
    assert (document["driver_cuda"], document["vectors"]) == ("12.8", ["avx2"])


def test_this_environment_has_the_torch_that_its_path_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_torch(tmp_path, "2.6.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    facts = torch_facts()
    assert facts
    assert facts["version"] == "2.6.0"


@pytest.mark.parametrize("module", sorted(LIGHT - {"scripts.install.__init__"}))
def test_the_room_needs_the_standard_library_packaging_and_requests_only(module: str) -> None:
    script = f"import sys; sys.path.insert(0, '.'); import {module}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"yaml", "psutil", "rich", "filelock", "invoke", "nox", "elftools", "pefile", "pypi_simple", "platformdirs"}
    assert heavy & set(told.stdout.split()) == CACHED.get(module, set())
