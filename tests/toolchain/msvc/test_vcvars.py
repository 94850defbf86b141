"""The captured environment is what vcvars set, to the letter; it is kept, and kept only as long as it is true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.toolchain.msvc import vcvars
from scripts.toolchain.msvc.toolset import ChosenToolset
from scripts.toolchain.msvc.vcvars import MsvcEnvironment, capture_environment
from tests.toolchain.made_up import make_studio

CALLER = {"Path": "C:\\mine ü", "SystemRoot": "C:\\Windows", "TEMP": "t", "LIB": "C:\\own"}
CL = "Microsoft (R) C/C++ Optimizing Compiler Version 19.44.35207 for x64"
LINK = "Microsoft (R) Incremental Linker Version 14.44.35207.1"
ODD = 'a=b "q" (p) % ! & ^ | < > äΩ\nsecond line'


class Shell:
    """Stands for cmd.exe and the compiler: what vcvars sets, how it ends, and what it was started with."""

    def __init__(self, chosen: ChosenToolset) -> None:
        self.sets = {
            "VCToolsVersion": chosen.version,
            "WindowsSDKVersion": "10.0.26100.0\\",
            "UCRTVersion": "10.0.26100.0",
            "ODD": ODD,
        }
        self.folder, self.include = chosen.compiler.parent, chosen.studio.root / "include"
        self.include.mkdir()
        self.exit_code, self.says, self.cl, self.writes = 0, "** Visual Studio **", CL, True
        self.started: list[dict[str, str]] = []

    def __call__(
        self, program: str | Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> tuple[int, str]:
        if not isinstance(program, str):
            return 0, f"\n{LINK}\nCopyright" if program[0].endswith("link.exe") else f"{self.cl}\r\nusage: cl"
        self.started.append(dict(environment))
        after = {**environment, **self.sets, "PATH": f"{self.folder};{environment['PATH']};C:\\cmake", "PROMPT": "$P$G"}
        after["INCLUDE"] = f"{self.include};C:\\absent"
        if self.writes:
            Path(environment["VCVARS_RUN_ANSWER"]).write_text(json.dumps(after), encoding="ascii")
        return self.exit_code, self.says


@pytest.fixture
def chosen(tmp_path: Path) -> ChosenToolset:
    studio = make_studio(tmp_path / "VS (Größe)", "14.44.35207")
    return ChosenToolset(studio=studio, version="14.44.35207", line="14.44", msc_ver=1944)


@pytest.fixture
def shell(chosen: ChosenToolset, monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell(chosen)
    monkeypatch.setattr(vcvars, "_run", made)
    return made


def capture(chosen: ChosenToolset, tmp_path: Path, caller: Mapping[str, str] = CALLER) -> MsvcEnvironment:
    return capture_environment(chosen, tmp_path / "cache", caller)


def test_what_vcvars_set_is_there_to_the_letter_and_nothing_else(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    found = capture(chosen, tmp_path)
    assert found.variables == {
        **shell.sets,
        "PATH": f"{shell.folder};C:\\mine ü;C:\\cmake",
        "INCLUDE": f"{shell.include};C:\\absent",
    }
    assert (found.compiler, found.linker) == (chosen.compiler, chosen.compiler.with_name("link.exe"))
    assert (found.version, found.linker_version) == (CL, LINK)


def test_the_identity_holds_every_version_that_can_change_a_binary(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    found = capture(chosen, tmp_path)
    assert found.identity() == {
        "compiler": "19.44.35207",
        "linker": "14.44.35207.1",
        "toolset": "14.44.35207",
        "sdk": "10.0.26100.0",
        "ucrt": "10.0.26100.0",
    }
    shell.cl = "Microsoft (R) C/C++-Optimierungscompiler Version 19.44.35207 für x64"
    within = {**CALLER, "VSCMD_VER": "17.14", "VCToolsVersion": "14.44.35207", "WindowsSDKVersion": "10.0.26100.0\\"}
    assert capture(chosen, tmp_path, within).identity() == found.identity()


def test_the_document_is_plain_values(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    document = capture(chosen, tmp_path).document()
    assert json.loads(json.dumps(document)) == document
    assert document["toolset"] == "14.44.35207"
    assert document["root"] == str(chosen.studio.root)


def test_vcvars_sees_a_short_path_and_the_full_version(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    capture(chosen, tmp_path, {**CALLER, "Path": "C:\\long;" * 2000})
    (started,) = shell.started
    assert started["PATH"].startswith("C:\\Windows\\System32;C:\\Windows;")
    assert len(started["PATH"]) < 200
    assert "Path" not in started
    assert (started["VCVARS_RUN_TOOLSET"], started["LIB"]) == ("14.44.35207", "C:\\own")


def test_another_prompts_compiler_does_not_reach_vcvars(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    old = {"VSCMD_VER": "16.11", "VCToolsVersion": "14.29.30133", "__VSCMD_PREINIT_PATH": "C:\\mine", "LIB": "C:\\old"}
    found = capture(chosen, tmp_path, {**CALLER, **old, "Path": "C:\\old;C:\\mine"})
    assert not {"VSCMD_VER", "LIB", "VCToolsVersion"} & shell.started[0].keys()
    assert found.variables["PATH"] == f"{shell.folder};C:\\mine;C:\\cmake"
    assert found.variables["VCToolsVersion"] == "14.44.35207"


def test_the_second_time_nothing_is_started(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    first = capture(chosen, tmp_path)
    assert capture(chosen, tmp_path) == first
    assert len(shell.started) == 1


def test_what_vcvars_never_looks_at_starts_nothing_and_is_no_difference(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    first = capture(chosen, tmp_path)
    assert capture(chosen, tmp_path, {**CALLER, "RUN_ID": "7", "TEMP": "u"}) == first
    without = {name: value for name, value in first.variables.items() if name != "ODD"}
    assert capture(chosen, tmp_path, {**CALLER, "odd": ODD}).variables == without
    assert len(shell.started) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"variables": {}}', "null", '{"version": 1}'])
def test_a_damaged_entry_is_as_if_it_were_not_there(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path, damage: str
) -> None:
    first = capture(chosen, tmp_path)
    (kept,) = (tmp_path / "cache").glob("*.json")
    kept.write_text(damage)
    assert capture(chosen, tmp_path) == first
    assert len(shell.started) == 2


def test_an_entry_with_one_changed_letter_is_captured_anew(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    first = capture(chosen, tmp_path)
    (kept,) = (tmp_path / "cache").glob("*.json")
    assert "PATH" in kept.read_text()
    kept.write_text(kept.read_text().replace("PATH", "PATI", 1))
    assert capture(chosen, tmp_path) == first


def test_a_change_of_script_or_caller_or_compiler_is_captured_anew(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    capture(chosen, tmp_path)
    capture(chosen, tmp_path, {**CALLER, "INCLUDE": "C:\\new"})
    chosen.studio.vcvars.write_text("@echo off\nrem an update\n")
    capture(chosen, tmp_path)
    chosen.compiler.write_text("a newer cl")
    capture(chosen, tmp_path)
    assert len(shell.started) == 4


def test_headers_that_are_gone_are_not_promised_from_the_cache(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    capture(chosen, tmp_path)
    shell.include.rmdir()
    capture(chosen, tmp_path)
    assert len(shell.started) == 2


def test_a_compiler_that_vanished_is_not_used_from_the_cache(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    capture(chosen, tmp_path)
    chosen.compiler.unlink()
    with pytest.raises(PrerequisiteError, match=r"leads to no cl\.exe at all"):
        capture(chosen, tmp_path)


@pytest.mark.parametrize(
    ("exit_code", "says"),
    [(1, "one\n[ERROR:vcvars.bat] Toolset directory for version '14.44' was not found."), (0, "[ERROR:winsdk.bat] x")],
)
def test_vcvars_own_failure_is_shown(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path, exit_code: int, says: str
) -> None:
    shell.exit_code, shell.says = exit_code, says
    with pytest.raises(PrerequisiteError) as caught:
        capture(chosen, tmp_path)
    assert "vcvars64.bat -vcvars_ver=14.44.35207 failed; repair" in str(caught.value)
    assert str(caught.value).endswith(f"  {says.splitlines()[-1]}")
    assert not (tmp_path / "cache").exists()


def test_an_end_without_an_answer_is_a_failure(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    shell.writes = False
    with pytest.raises(PrerequisiteError, match=r"14\.44\.35207 failed; repair"):
        capture(chosen, tmp_path)


def test_a_missing_script_is_said(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    chosen.studio.vcvars.unlink()
    with pytest.raises(PrerequisiteError, match=r"vcvars64\.bat is missing; repair"):
        capture(chosen, tmp_path)


def test_a_compiler_outside_hostx64_is_refused(chosen: ChosenToolset, shell: Shell, tmp_path: Path) -> None:
    shell.folder = chosen.studio.root / "HostX86" / "x86"
    shell.folder.mkdir(parents=True)
    (shell.folder / "cl.exe").write_text("")
    with pytest.raises(PrerequisiteError, match=r"leads to .*HostX86.*, not to .*Hostx64"):
        capture(chosen, tmp_path)


@pytest.mark.parametrize("says", ["", "Microsoft (R) C/C++ Optimizing Compiler Version 19.29.30133 for x64"])
def test_a_compiler_of_another_version_is_refused(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path, says: str
) -> None:
    shell.cl = says
    with pytest.raises(PrerequisiteError, match=r"calls itself .*, not the compiler of toolset 14\.44\.35207"):
        capture(chosen, tmp_path)


def test_a_prompt_for_another_processor_is_refused_before_anything_runs(
    chosen: ChosenToolset, shell: Shell, tmp_path: Path
) -> None:
    with pytest.raises(PrerequisiteError, match="prompt for x86"):
        capture(chosen, tmp_path, {**CALLER, "VSCMD_ARG_TGT_ARCH": "x86"})
    assert shell.started == []
