"""A toolset that both gates of a CUDA version accept is taken; a missing one is named with the line that adds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import InputError, PrerequisiteError
from scripts.facts.load import load_facts
from scripts.toolchain.msvc.toolset import (
    ChosenToolset,
    choose_toolset,
    pinned_toolset,
    preferred_toolsets,
    why_refused,
)
from scripts.toolchain.msvc.visual_studio import VisualStudio
from tests.toolchain.made_up import make_studio

FACTS = load_facts()


def choose(cuda: str | None, *found: VisualStudio) -> ChosenToolset:
    return choose_toolset(found, preferred_toolsets(FACTS, cuda), FACTS, cuda)


def refusal(cuda: str | None, *found: VisualStudio) -> str:
    with pytest.raises(PrerequisiteError) as caught:
        choose(cuda, *found)
    return str(caught.value)


@pytest.mark.parametrize("cuda", [None, *FACTS.cuda])
def test_the_choice_of_the_data_comes_first_and_passes_its_own_gates(cuda: str | None) -> None:
    first = next(row.toolset for row in FACTS.toolset_choices if (cuda in row.cuda if cuda else not row.cuda))
    preferred = preferred_toolsets(FACTS, cuda)
    assert preferred[0] == first
    assert len(set(preferred)) == len(preferred)
    assert all(why_refused(FACTS, line, cuda) is None for line in preferred)


def test_the_rest_follows_newest_first_as_far_as_both_gates_accept_it() -> None:
    assert preferred_toolsets(FACTS, "11.8") == ("14.29", "14.39", "14.38", "14.37", "14.36", "14.35", "14.34", "14.33")
    assert preferred_toolsets(FACTS, "12.4")[:3] == ("14.44", "14.43", "14.42")
    assert preferred_toolsets(FACTS, "13.2")[:3] == ("14.44", "14.51", "14.50")
    assert preferred_toolsets(FACTS, None)[:2] == ("14.44", "14.52")


@pytest.mark.parametrize(
    ("line", "cuda", "reason"),
    [
        ("14.44", "12.1", "host_config.h of CUDA 12.1 accepts _MSC_VER 1910 to 1939; this is 1944"),
        ("14.51", "13.0", "host_config.h"),
        ("14.52", "13.2", "asks for CUDA 13.3 or newer (STL1002); this is 13.2"),
        ("14.20", "12.4", "no row in msvc.yaml"),
        ("14.44", "9.0", "CUDA 9.0 has no row in cuda.yaml"),
        ("14.20", None, "no row in msvc.yaml"),
    ],
)
def test_a_refusal_names_the_gate(line: str, cuda: str | None, reason: str) -> None:
    assert reason in (why_refused(FACTS, line, cuda) or "")


def test_a_pin_is_the_only_one_and_may_be_a_full_version(tmp_path: Path) -> None:
    studio = make_studio(tmp_path, "14.44.35219", "14.44.35207", "14.43.34808")
    for pin, version in (("14.43", "14.43.34808"), ("14.44.35207", "14.44.35207")):
        preferred = preferred_toolsets(FACTS, "12.4", pin=pin)
        assert preferred == (pin,)
        assert choose_toolset([studio], preferred, FACTS, "12.4").version == version


def test_the_variable_pins_a_line_or_a_full_version() -> None:
    assert pinned_toolset({}) is None
    assert pinned_toolset({"DEEPSPEED_WHEELS_MSVC": " "}) is None
    assert pinned_toolset({"DEEPSPEED_WHEELS_MSVC": "14.44.35207"}) == "14.44.35207"
    with pytest.raises(InputError, match="DEEPSPEED_WHEELS_MSVC is 'v143'; write a toolset such as 14"):
        pinned_toolset({"DEEPSPEED_WHEELS_MSVC": "v143"})


def test_a_pin_that_a_gate_refuses_is_said_with_what_is_accepted() -> None:
    with pytest.raises(InputError, match=r"14\.44 cannot be used: host_config\.h .*; accepted: 14\.29, 14\.39"):
        preferred_toolsets(FACTS, "11.8", pin="14.44")


def test_a_pin_that_is_not_installed_is_missing(tmp_path: Path) -> None:
    preferred = preferred_toolsets(FACTS, "12.4", pin="14.43")
    with pytest.raises(
        PrerequisiteError, match=r"is not the one that was asked for[\s\S]*VC\.14\.43\.17\.13\.x86\.x64"
    ):
        choose_toolset([make_studio(tmp_path, "14.44.35207")], preferred, FACTS, "12.4")


def test_the_preferred_line_wins_over_a_newer_visual_studio(tmp_path: Path) -> None:
    new = make_studio(tmp_path / "new", "14.51.36231", version="18.0.1")
    old = make_studio(tmp_path / "old", "14.44.35207", "14.44.35219", "14.29.30133")
    chosen = choose("13.2", new, old)
    assert chosen == ChosenToolset(studio=old, version="14.44.35219", line="14.44", msc_ver=1944)
    assert chosen.compiler.is_file()
    assert choose("11.8", new, old).version == "14.29.30133"
    assert choose("13.2", new).line == "14.51"


def test_no_visual_studio_is_said_with_a_download_and_its_options() -> None:
    message = refusal("12.4")
    assert "no Visual Studio is on this machine" in message
    assert "download https://aka.ms/vs/17/release/vs_BuildTools.exe" in message
    assert "vs_BuildTools.exe --add Microsoft.VisualStudio.Workload.VCTools --add " in message


def test_the_download_brings_the_toolset_that_the_cuda_version_needs() -> None:
    assert "--add Microsoft.VisualStudio.ComponentGroup.VC.Tools.142.x86.x64" in refusal("11.8")


@pytest.mark.parametrize(
    ("edition", "workload"),
    [("Community", "Workload.NativeDesktop"), ("BuildTools", "Workload.VCTools"), ("Odd", "Workload.NativeDesktop")],
)
def test_a_visual_studio_without_cpp_is_told_apart(tmp_path: Path, edition: str, workload: str) -> None:
    studio = make_studio(tmp_path / "my (own) VS", edition=edition)
    message = refusal("12.4", studio)
    assert 'without "Desktop development with C++"' in message
    assert str(studio.root) in message
    assert f'vs_installer.exe" modify --installPath "{studio.root}" --add Microsoft.VisualStudio.{workload} ' in message


def test_cpp_without_an_accepted_toolset_names_each_gate_and_the_component(tmp_path: Path) -> None:
    new = make_studio(tmp_path / "new", "14.51.36231", version="18.0.1")
    message = refusal("12.1", new, make_studio(tmp_path / "old", "14.44.35207"))
    lines = message.splitlines()
    assert lines[0] == "no C++ toolset of this machine can be used for CUDA 12.1:"
    assert lines[1].startswith("  14.51.36231 (Visual Studio Community): host_config.h of CUDA 12.1")
    assert lines[2].startswith("  14.44.35207 ")
    assert lines[3].startswith("accepted: 14.29, 14.39")
    assert (
        f'modify --installPath "{new.root}" --add Microsoft.VisualStudio.Component.VC.14.29.16.11.x86.x64' in lines[4]
    )


def test_a_visual_studio_that_cannot_get_the_toolset_is_not_asked_to(tmp_path: Path) -> None:
    message = refusal("13.2", make_studio(tmp_path, "14.16.27023", version="15.9.1"))
    assert "no row in msvc.yaml" in message
    assert "install Visual Studio Build Tools 2022" in message


def test_every_toolset_that_a_target_is_given_can_be_installed() -> None:
    rows = {row.version: row for row in FACTS.toolsets}
    assert all(rows[choice.toolset].components for choice in FACTS.toolset_choices)
