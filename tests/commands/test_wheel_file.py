"""`invoke install --wheel`: a file is judged as a published wheel is, by its manifest or else by its name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts.commands import wheel_file
from scripts.commands.install_options import InstallOptions
from scripts.commands.wheel_file import offer_of_file, target_of_name
from scripts.errors import InputError
from scripts.install.machine_choice import choose_for
from tests.install.factories import make_environment, make_torch
from tests.plan.factories import make_target
from tests.publish.loopback import make_deepspeed
from tests.wheel.factories import make_wheel_target


@pytest.mark.parametrize(
    ("tag", "python", "platform"),
    [
        ("cp311-cp311-win_amd64", "3.11", "win_amd64"),
        ("cp313-cp313t-linux_x86_64", "3.13t", "linux_x86_64"),
        ("cp310-cp310-manylinux_2_28_x86_64", "3.10", "linux_x86_64"),
    ],
)
def test_a_name_says_what_a_wheel_is_for(tag: str, python: str, platform: str) -> None:
    target = target_of_name(f"deepspeed-0.16.5+cu124torch2.6-{tag}.whl")
    assert (target.deepspeed, target.torch_minor, target.cuda) == ("0.16.5", "2.6", "cu124")
    assert (target.python, target.platform) == (python, platform)


@pytest.mark.parametrize(
    "name",
    [
        "deepspeed-0.16.5-cp311-cp311-win_amd64.whl",
        "deepspeed-0.16.5+cu124torch2.6-py3-none-any.whl",
        "torch-2.6.0+cu124-cp311-cp311-win_amd64.whl",
        "deepspeed-0.16.5+cu124torch2.6-cp311-cp311-macosx_11_0_arm64.whl",
        "wheel.zip",
    ],
)
def test_a_name_that_does_not_say_all_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="does not say what it is for"):
        target_of_name(name)


def test_a_wheel_without_a_manifest_fits_or_says_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = make_wheel_target()
    wheel = make_deepspeed(tmp_path, target)
    fits = {"version": target.python, "platform": target.platform}
    torch = make_torch(f"{target.torch}+{target.cuda}")
    monkeypatch.setattr(wheel_file, "read_environment", lambda python: make_environment(**fits, torch=torch))
    published, environment = offer_of_file(InstallOptions(wheel=str(wheel)))
    chosen = choose_for(published, environment).wheel
    assert chosen
    assert published.address(chosen) == wheel.resolve().as_uri()
    monkeypatch.setattr(
        wheel_file, "read_environment", lambda python: make_environment(**fits, torch=make_torch("2.1.0+cu118"))
    )
    other = choose_for(*offer_of_file(InstallOptions(wheel=str(wheel))))
    assert other.wheel is None
    assert {mismatch.what for mismatch in other.rejected[0].mismatches} == {"torch", "cuda"}


@pytest.mark.parametrize("tag", ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "linux_x86_64"])
def test_a_wheel_without_a_manifest_keeps_the_tag_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    """Such a wheel was refused as one of another address: a wheel for Linux that was downloaded by hand, say."""
    made = make_deepspeed(tmp_path, make_target(platform="linux_x86_64"))
    wheel = made.rename(made.with_name(made.name.replace("linux_x86_64", tag)))
    monkeypatch.setattr(wheel_file, "read_environment", lambda python: make_environment(platform="linux_x86_64"))
    published, _ = offer_of_file(InstallOptions(wheel=str(wheel)))
    assert published.wheels[0].file == wheel.name
    assert published.address(published.wheels[0]) == wheel.resolve().as_uri()


def test_a_wheel_whose_content_is_damaged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_deepspeed(tmp_path, make_wheel_target())
    monkeypatch.setattr(wheel_file, "read_environment", lambda python: make_environment())
    content = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        first = next(info for info in archive.infolist() if info.file_size > 20)
    content[first.header_offset + 30 + len(first.filename) + 4] ^= 0xFF
    wheel.write_bytes(content)
    with pytest.raises(InputError, match="is damaged") as caught:
        offer_of_file(InstallOptions(wheel=str(wheel)))
    assert caught.value.id == "wheel-damaged"


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        offer_of_file(InstallOptions(wheel=str(tmp_path / "none.whl")))
    with pytest.raises(InputError, match="give no --index"):
        offer_of_file(InstallOptions(wheel="a.whl", index="b"))
