"""Which targets are meant, and how nox is called for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from packaging.version import Version

from scripts.commands import host_targets
from scripts.commands.host_targets import buildable, host_target, targets_to_build
from scripts.commands.nox_call import lock_target, nox_command
from scripts.commands.project import open_project
from scripts.dirs import CHECKOUT
from scripts.errors import NothingToDoError, PrerequisiteError
from scripts.graphics import Gpu, Graphics
from scripts.host import Host, this_host
from scripts.install.runnable_targets import newest_deepspeed, runs_on
from scripts.plan.selection import Selection
from scripts.plan.target import parse_id
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.preflight import environment_of


def test_nox_is_given_every_chosen_target() -> None:
    """`--session A --session B` would run B alone."""
    targets = buildable(open_project().plan)[:3]
    command = nox_command(targets, BuildOptions())
    listing = subprocess.run(
        [*command.argv, "--list", "--json"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert {session["session"] for session in json.loads(listing.stdout)} == {target.id for target in targets}


def test_every_listed_session_is_a_target_of_this_platform() -> None:
    platform = this_host().platform
    assert {target.platform for target in buildable(open_project().plan)} <= {platform}


def test_a_target_for_another_platform_is_refused_with_its_name_and_the_reason() -> None:
    other = "win_amd64" if this_host().platform != "win_amd64" else "linux_x86_64"
    with pytest.raises(PrerequisiteError, match=rf"{other}.*it is for {other}"):
        targets_to_build(open_project(), Selection(platform=(other,), py=("3.11",), torch=("2.6",)))


def test_a_build_that_names_no_deepspeed_means_the_newest() -> None:
    project = open_project()
    targets = newest_deepspeed([planned.target for planned in project.plan.targets])
    assert {target.deepspeed for target in targets} == {max(project.matrix.deepspeed, key=Version)}


def test_a_second_build_of_a_target_in_this_checkout_is_refused() -> None:
    target = buildable(open_project().plan)[0]
    with lock_target(target):
        code = (
            "import sys; from scripts.commands.nox_call import lock_target; from scripts.plan.target import parse_id; "
            "lock_target(parse_id(sys.argv[1]), wait=False).__enter__()"
        )
        other = subprocess.run(
            [sys.executable, "-c", code, target.id], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
    assert f"{target.id} is being built in {environment_of(target)} by process {os.getpid()}" in other.stderr


def test_a_session_that_is_named_to_nox_itself_is_refused_beside_a_build_of_its_target() -> None:
    target = buildable(open_project().plan)[0]
    with lock_target(target):
        argv = [sys.executable, "-m", "nox", "--session", target.id, "--", "--no-wait"]
        ran = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == PrerequisiteError.exit_code
    assert f"error[already-building]: {target.id} is being built in" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Creating virtual environment" not in ran.stderr


def test_a_machine_with_a_gpu_takes_what_its_driver_and_its_cards_can_run() -> None:
    cpu, cuda = (parse_id(f"ds0.19.8-torch2.13.0-{name}-cp311-linux_x86_64") for name in ("cpu", "cu130"))
    old, new = Gpu(name="GTX 1080 Ti", capability="6.1"), Gpu(name="RTX 4070", capability="8.9")
    none, amd = Graphics(), Graphics(gpus=(Gpu(name="RX 7900", maker="AMD"),))
    driver = Graphics(gpus=(new,), driver_cuda="13.0")
    assert [runs_on(cpu, graphics, "") for graphics in (none, amd, driver)] == [True, True, False]
    arches = "7.5;8.0;8.6;9.0;12.0+PTX"
    assert [runs_on(cuda, graphics, arches) for graphics in (none, amd, driver)] == [False, False, True]
    assert not runs_on(cuda, replace(driver, driver_cuda="12.9"), arches)
    assert runs_on(cuda, replace(driver, driver_cuda="13.10"), arches)
    assert not runs_on(cuda, replace(driver, gpus=(old,)), arches)
    assert not runs_on(cuda, replace(driver, gpus=(new, old)), arches)


def test_a_card_whose_driver_says_nothing_ends_a_build_without_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Graphics(gpus=(Gpu(name="NVIDIA GeForce RTX 3060"),))
    monkeypatch.setattr(host_targets, "read_graphics", lambda: card)
    with pytest.raises(PrerequisiteError, match="RTX 3060 is here, and which CUDA its driver supports is unknown"):
        host_target(open_project())


def test_a_target_of_another_platform_can_be_looked_at_but_not_built() -> None:
    project = open_project()
    other = "linux" if this_host().platform == "win_amd64" else "windows"
    chosen = Selection(py=("3.11",), torch=("2.6",), cuda=("12.4",), deepspeed=("0.16.5",), platform=(other,))
    assert len(targets_to_build(project, chosen, anywhere=True)) == 1
    with pytest.raises(PrerequisiteError, match=r"it is for (win|linux)"):
        targets_to_build(project, chosen)


def test_a_machine_that_is_on_no_axis_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_targets, "this_host", lambda: Host(platform="musllinux_x86_64", python="3.14t"))
    with pytest.raises(
        NothingToDoError, match=r"(?s)no target for .* \(rule free-threaded\)\n  torch has no wheels for musl"
    ):
        host_target(open_project())
