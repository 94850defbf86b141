"""A prompt for another processor is refused; what a prompt of Visual Studio set is undone before vcvars runs again."""

from __future__ import annotations

import pytest

from scripts.errors import PrerequisiteError
from scripts.toolchain.msvc.prompt import changed, cleaned, merged_path, require_64_bit


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"VSCMD_ARG_TGT_ARCH": "x86"}, "x86"),
        ({"vscmd_arg_tgt_arch": "arm64"}, "arm64"),
        ({"Platform": "x86"}, "x86"),
        ({"PLATFORM": "Win32"}, "win32"),
    ],
)
def test_a_prompt_for_another_processor_is_refused(environment: dict[str, str], named: str) -> None:
    with pytest.raises(PrerequisiteError, match=f"prompt for {named}; open the .x64 Native Tools Command Prompt"):
        require_64_bit(environment)


def test_a_32_bit_python_is_refused() -> None:
    with pytest.raises(PrerequisiteError, match="is a 32-bit Python"):
        require_64_bit({}, max_size=2**31 - 1)


@pytest.mark.parametrize(
    "environment", [{}, {"VSCMD_ARG_TGT_ARCH": "x64", "Platform": "x64"}, {"Platform": "BPC"}, {"PLATFORM": "MCD"}]
)
def test_a_plain_prompt_and_one_for_x64_are_taken(environment: dict[str, str]) -> None:
    assert require_64_bit(environment) is None  # type: ignore[func-returns-value]


def test_outside_a_prompt_everything_stays() -> None:
    environment = {"Path": "C:\\mine", "INCLUDE": "C:\\own", "VCToolsRoot": "x", "Platform": "BPC"}
    assert cleaned(environment) == environment


def test_a_prompts_own_variables_go_and_its_path_is_the_one_before_it() -> None:
    environment = {
        "Path": "C:\\vs;C:\\mine",
        "__VSCMD_PREINIT_PATH": "C:\\mine",
        "INCLUDE": "C:\\vs",
        "LIB": "l",
        "libpath": "l",
        "VSCMD_VER": "17.14",
        "VCToolsVersion": "14.44.35207",
        "WindowsSdkDir": "C:\\sdk",
        "UCRTVersion": "10",
        "Platform": "x64",
        "__DOTNET_PREFERRED_BITNESS": "64",
        "FrameworkDir": "f",
        "CUDA_PATH": "C:\\cuda",
        "VSLANG": "1033",
    }
    assert cleaned(environment) == {"PATH": "C:\\mine", "CUDA_PATH": "C:\\cuda", "VSLANG": "1033"}


def test_a_prompt_that_kept_no_path_leaves_the_one_it_has() -> None:
    assert cleaned({"VCINSTALLDIR": "C:\\vs", "Path": "C:\\both"}) == {"PATH": "C:\\both"}


def test_names_differ_in_case_only_and_values_to_the_letter() -> None:
    caller = {"Path": "a", "LIB": "l", "Odd": "x=1"}
    assert changed({"PATH": "a", "Lib": "L", "ODD": "x=1", "New": "ä"}, caller) == {"Lib": "L", "New": "ä"}


def test_the_callers_path_stands_where_vcvars_saw_the_short_one() -> None:
    assert merged_path("C:\\vs;S32;W;C:\\cmake", "S32;W", "C:\\mine;D:\\it") == "C:\\vs;C:\\mine;D:\\it;C:\\cmake"
    assert merged_path("C:\\vs", "S32;W", "C:\\mine") == "C:\\vs;C:\\mine"
