"""The script of a bundle with a real Windows Python, in a folder with blanks and letters of more than one alphabet."""

from __future__ import annotations

import ensurepip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.install.bundle import Bundle, write_programs
from scripts.wheel.published import Published
from tests.install.factories import make_environment, make_torch
from tests.publish.loopback import make_torch as make_torch_wheel
from tests.publish.loopback import make_wheel
from tests.wheel.factories import make_wheel_record
from tests.wine.lab import SDISTS, Windows

pytestmark = pytest.mark.wine
NEWEST = max(SDISTS)


@pytest.fixture(scope="module")
def folder(windows: Windows) -> Path:
    place = windows.fresh_folder("ein Bündel, größer 中文")
    record = make_wheel_record(python=NEWEST)
    record = replace(record, target=replace(record.target, python=NEWEST))
    bundle = Bundle(
        record=record,
        published=Published(
            wheels=(record,), url="https://site.example/", torch_index="https://torch.example/{variant}"
        ),
        environment=make_environment(version=NEWEST, torch=make_torch("2.6.0+cu124")),
    )
    wheels = place / "wheels"
    make_wheel(wheels, record.file, {"deepspeed/__init__.py": ""}, ["torch==2.6.*"])
    make_torch_wheel(wheels, "2.6.0+cu124")
    pip = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    shutil.copyfile(pip, wheels / pip.name)
    write_programs(bundle, place)
    return place


def test_it_installs_into_the_environment_that_is_named(windows: Windows, folder: Path) -> None:
    python = windows.drive_c / "python" / NEWEST / "python.exe"
    environment = windows.fresh_folder("eine Umgebung 中文")
    made = windows.run([python, "-m", "venv", "--without-pip", environment], cwd=folder)
    assert made.exit_code == 0, made.errors
    ended = windows.run(["cmd", "/c", "install.cmd", environment], cwd=folder)
    assert ended.exit_code == 0, ended.output + ended.errors
    assert "it can be imported" in ended.output
    assert (environment / "Lib" / "site-packages" / "deepspeed" / "__init__.py").is_file()


def test_another_python_is_told(windows: Windows, folder: Path) -> None:
    older = windows.drive_c / "python" / min(SDISTS) / "python.exe"
    ended = windows.run(["cmd", "/c", "install.cmd", older], cwd=folder)
    assert ended.exit_code == 1
    assert f"this bundle is for CPython {NEWEST}, win_amd64" in ended.errors
