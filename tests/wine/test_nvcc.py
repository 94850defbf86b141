"""NVIDIA's nvcc.exe takes every command line of the planned targets for CUDA 13, and hands on what we mean.

Golden files, in `golden/nvcc`: per target the command lines that upstream and torch make (checked each night), per
version of nvcc what it hands to its programs for each distinct set of options of these. After a change that is meant,
run the tests, look at the difference, and run them once more with DEEPSPEED_WHEELS_WRITE_GOLDEN=1 set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target, parse_id
from scripts.portability.source_sets import SourceSet, source_sets
from scripts.portability.units import units_of
from scripts.toolchain.compilers import expected_toolchain
from scripts.verify.fatbin import read_architectures
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan, make_build_plan
from scripts.wheel_build.capture import UPSTREAM
from scripts.wheel_build.flags import edit_flags
from scripts.wheel_build.read_files import listed, words_to_list
from scripts.wheel_build.source import SourceArchive, fetch_source, prepare_tree
from tests.wine.installations import make_cuda
from tests.wine.lab import ROOT, Ended, Windows
from tests.wine.nvidia import (
    TOOLSET,
    WHEELS,
    describe_nvcc,
    handed_on,
    nvcc,
    option_sets,
    real_studio,
    real_toolkit,
    torch_folder,
)

pytestmark = pytest.mark.wine
FACTS = load_facts()
MATRIX = load_matrix(ROOT / "matrix.yaml", FACTS)
GOLDEN = Path(__file__).parent / "golden" / "nvcc"
WRITE = "DEEPSPEED_WHEELS_WRITE_GOLDEN"
TARGETS = {
    "13.0": "ds0.19.8-torch2.11.0-cu130-cp311-win_amd64",
    "13.2": "ds0.19.8-torch2.15.0-cu132-cp311-win_amd64",
    "13.5": "ds0.19.8-torch2.15.0-cu132-cp311-win_amd64",  # no torch is for it; the options of the newest there is
}
SHOWN = {"c++17": TARGETS["13.0"], "c++20": TARGETS["13.2"]}  # what torch adds decides the standard, not CUDA
KERNEL = ("csrc/spatial/csrc/opt_bias_add.cu", "csrc/includes", "csrc/spatial/includes")
SM_80 = "-gencode=arch=compute_80,code=sm_80"
LISTING = """\
#include "own folder/a$.h"
#if __CUDA_ARCH__ >= 800
#include "own folder/device.h"
#endif
__global__ void nothing() {}
"""
ASK_CCCL = "#include <cuda/std/type_traits>\n__global__ void nothing() {}\n"


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """An nvcc.exe, the cl.exe that it finds, and a folder to work in."""

    windows: Windows
    version: str
    toolkit: Path
    studio: Path
    folder: Path

    @property
    def plan(self) -> BuildPlan:
        return plan_of(parse_id(TARGETS[self.version]))

    def run(self, *words: str | Path, variables: bool = True) -> Ended:
        """How it ended; with the variables of the target's build."""
        own = self.plan.environment(self.windows.path(self.toolkit)) if variables else {}
        kept = {name: value for name, value in own.items() if name.startswith("NVCC_")}
        return nvcc(self.windows, self.toolkit, self.studio, words, self.folder, kept)

    def named(self, text: str) -> str:
        studio = self.windows.path(self.studio)
        return handed_on(text, {"toolkit": self.windows.path(self.toolkit), "cl": studio, "folder": self.folder_path})

    @property
    def folder_path(self) -> str:
        return self.windows.path(self.folder)


def plan_of(target: Target) -> BuildPlan:
    return make_build_plan(target, FACTS, MATRIX, BuildOptions(), expected_toolchain(target, FACTS))


@pytest.fixture(scope="module")
def studio(windows: Windows) -> Path:
    return real_studio(windows)


@pytest.fixture(params=list(WHEELS))
def compiler(request: pytest.FixtureRequest, windows: Windows, studio: Path) -> Compiler:
    version = request.param
    folder = windows.fresh_folder(f"nvcc-{version}")
    toolkit = real_toolkit(windows, version)
    return Compiler(windows=windows, version=version, toolkit=toolkit, studio=studio, folder=folder)


def compare(file: Path, text: str) -> None:
    if os.environ.get(WRITE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def sdist_of(compiler: Compiler, release: str) -> SourceArchive:
    cache = compiler.folder.parent.parent / "sources"
    return fetch_source(release, cache, kinds=("sdist",), pinned_sdist=FACTS.deepspeed[release].sdist_sha256)


def source_of(compiler: Compiler) -> Path:
    archive = sdist_of(compiler, compiler.plan.target.deepspeed)
    return prepare_tree(archive, compiler.folder / "source", compiler.plan.patches["sdist"]).root


@pytest.mark.nightly
def test_every_command_line_is_that_of_the_golden_file(compiler: Compiler) -> None:
    """Upstream's setup.py and torch's build extension make them; `invoke test` takes them from the golden file."""
    windows, plan, folder = compiler.windows, compiler.plan, compiler.folder
    if plan.target.cuda_version != compiler.version:
        pytest.skip("no torch is for this CUDA")
    root = source_of(compiler)
    torch = torch_folder(windows, plan.target.torch, plan.target.cuda_version, plan.requirements)
    names = {
        "source": windows.path(root),
        "recorded": windows.path(folder / "recorded"),
        "environment": windows.path(torch),
        "toolkit": windows.path(compiler.toolkit),
        "python": windows.path(windows.drive_c / "python" / "3.11"),
    }
    variables = {
        **plan.environment(names["toolkit"]),
        "PYTHONPATH": f"{names['source']};{names['environment']}",
        "WINEPATH": windows.path(compiler.studio),
        "INCLUDE": r"C:\include",
        "LIB": r"C:\lib",
        "VSCMD_ARG_TGT_ARCH": "x64",
    }
    variables.pop("PATH", None)
    python = windows.drive_c / "python" / "3.11" / "python.exe"
    outputs = (folder / "record.json", folder / "recorded", folder / "dist")
    argv: list[str | Path] = [python, UPSTREAM, *outputs, ",".join(plan.cpu.cpuinfo_flags)]
    windows.run(argv, env=variables, cwd=root, seconds=600).require()
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    commands = [words for entry in record["extensions"] for words in entry["commands"] if "nvcc" in words[0]]
    directories = {name: names[name] for name in ("source", "environment", "python", "toolkit")}
    edited = [
        edit_flags(words, FACTS.flags, step="nvcc", system="windows", directories=directories, cpu=())
        for words in commands
    ]
    compare(GOLDEN / f"{plan.target.id}.txt", describe_nvcc(edited, names))


def test_nvcc_takes_every_set_of_options_and_hands_on_what_is_meant(compiler: Compiler) -> None:
    (compiler.folder / "kernel.cu").write_text("__global__ void nothing() {}\n", encoding="utf-8")
    golden = (GOLDEN / f"{compiler.plan.target.id}.txt").read_text(encoding="utf-8")
    parts = []
    for options in option_sets(golden):
        ended = compiler.run("--dryrun", *options, "-c", "kernel.cu", "-o", "kernel.obj")
        assert ended.exit_code == 0, (options, ended.output, ended.errors)
        parts.append(f"== {' '.join(options)}\n{compiler.named(ended.output + ended.errors)}")
    assert parts
    compare(GOLDEN / f"handed-on-{compiler.version}.txt", "\n".join(parts))


@pytest.mark.nightly
def test_nvcc_takes_the_options_of_every_windows_target_of_its_cuda(compiler: Compiler) -> None:
    """Of each release what its op builders ask for, between what torch puts before and behind it."""
    (compiler.folder / "kernel.cu").write_text("__global__ void nothing() {}\n", encoding="utf-8")
    rows = options_of_targets(compiler)
    assert rows or compiler.version == "13.5", "torch has targets for it"
    for options, standard in sorted(rows):
        ended = compiler.run("--dryrun", *options, "-c", "kernel.cu", "-o", "kernel.obj")
        assert ended.exit_code == 0, (options, ended.output, ended.errors)
        lines = compiler.named(ended.output + ended.errors).splitlines()
        assert all(f"/std:{standard} " in line for line in lines if line.startswith("cl.exe")), options
        assert all(f"--ms_{standard} " in line for line in lines if "cicc" in line.split()[0]), options


def options_of_targets(compiler: Compiler) -> set[tuple[tuple[str, ...], str]]:
    """The distinct rows of options of the planned Windows targets of this CUDA, each with torch's C++ standard."""
    planned = [each.target for each in expand(MATRIX, FACTS).targets]
    targets = [each for each in planned if each.system == "windows" and each.cuda_version == compiler.version]
    around = {standard: around_own(compiler, target) for standard, target in SHOWN.items()}
    rows = set()
    for one in source_sets(targets, FACTS, MATRIX) if targets else ():
        before, behind = around[one.dialect.standard]
        rows |= {((*before, *own, *behind), one.dialect.standard) for own in own_options(compiler, one)}
    return rows


def own_options(compiler: Compiler, one: SourceSet) -> set[tuple[str, ...]]:
    """The distinct rows of options that the op builders of a release ask nvcc for."""
    release, patches, _ = one.tree
    root = compiler.folder / f"{release}-{abs(hash(patches))}" / "source"
    if not root.is_dir():
        prepare_tree(sdist_of(compiler, str(release)), root, one.patches)
    units = units_of(one, root, FACTS, FACTS.cpu_levels[MATRIX.cpu_level].cpuinfo_flags)
    return {unit.upstream for unit in units if not unit.is_compiled_by_cl}


def around_own(compiler: Compiler, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What torch puts before and behind the options of an op: as in the golden file of this target."""
    [one] = source_sets([parse_id(target)], FACTS, MATRIX)
    found = set()
    for options in option_sets((GOLDEN / f"{target}.txt").read_text(encoding="utf-8")):
        places = (
            (len(own), place)
            for own in own_options(compiler, one)
            for place in range(len(options))
            if options[place : place + len(own)] == own
        )
        length, place = max(places)  # those of one op may begin as those of another
        found.add((options[:place], options[place + length :]))
    [(before, behind)] = found
    return before, behind


def test_a_kernel_of_deepspeed_becomes_what_was_asked_for(compiler: Compiler) -> None:
    """cl's -E and the four programs of NVIDIA's; our own audit reads the architectures."""
    if compiler.version != "13.0":
        pytest.skip("one version shows it; a compile takes half a minute")
    root = source_of(compiler)
    source, *folders = KERNEL
    words = [f"-I{compiler.windows.path(root / each)}" for each in folders]
    words += ["-std=c++20", "-Xcompiler=/Zc:preprocessor"]
    words += ["-gencode=arch=compute_75,code=sm_75", "-gencode=arch=compute_120,code=compute_120"]
    compiler.run("--fatbin", *words, root / source, "-o", "kernel.fatbin").require()
    found = read_architectures([(compiler.folder / "kernel.fatbin").read_bytes()])
    assert str(found) == "sm_75, PTX of 120"


def test_nvcc_lists_what_it_read_so_that_it_can_be_looked_up(compiler: Compiler) -> None:
    """Of what cl's -E says, for the host and each architecture; in the form that the stand-in for older ones writes."""
    folder = compiler.folder
    (folder / "own folder").mkdir()
    for name in ("a$.h", "device.h"):
        (folder / "own folder" / name).write_text(f"// {name}\n", encoding="utf-8")
    (folder / "kernel.cu").write_text(LISTING, encoding="utf-8")
    words = words_to_list("nvcc.exe", Path("kernel.read"))
    compiler.run(*words, SM_80, "-c", rf"{compiler.folder_path}\kernel.cu", "-o", "kernel.obj").require()
    found = listed(folder / "kernel.read")
    assert found
    assert set(found) > {
        f"{compiler.folder_path}\\{name}".replace("\\", "/")
        for name in ("kernel.cu", "own folder/a$.h", "own folder/device.h")
    }
    toolkit = compiler.windows.path(compiler.toolkit).replace("\\", "/")
    assert f"{toolkit}/include/crt/host_config.h" in found
    assert all((compiler.windows.drive_c / file[3:]).is_file() for file in found if file.startswith("C:"))


@pytest.mark.parametrize(("toolset", "older"), [(TOOLSET, True), ("14.51.36231", False)])
def test_in_visual_studio_2026_nvcc_takes_the_toolset_of_the_row_and_from_13_2_on_its_own(
    compiler: Compiler, toolset: str, older: bool
) -> None:
    """windows-2025 has no other; host_config.h of 13.0 refuses 14.51, as msvc.yaml says."""
    studio = real_studio(compiler.windows, "2026", toolset)
    (compiler.folder / "kernel.cu").write_text("__global__ void nothing() {}\n", encoding="utf-8")
    compiler = replace(compiler, studio=studio)
    ended = compiler.run("-E", SM_80, "kernel.cu")
    if older or compiler.version != "13.0":
        ended.require()
    else:
        assert "unsupported Microsoft Visual Studio version" in ended.output + ended.errors
        assert ended.exit_code != 0


# ---------------------------------------------------------------- each fails as on Windows


def refused(compiler: Compiler, text: str, *words: str, variables: bool = True) -> str:
    (compiler.folder / "kernel.cu").write_text(text, encoding="utf-8")
    ended = compiler.run(*words, "kernel.cu", "-o", "kernel.out", variables=variables)
    said = f"{ended.output}\n{ended.errors}"
    assert ended.exit_code != 0, said
    return said


def test_an_architecture_that_cuda_13_has_not_is_refused(compiler: Compiler) -> None:
    said = refused(compiler, "", "-c", "-gencode=arch=compute_70,code=sm_70")
    assert "Unsupported gpu architecture 'compute_70'" in said


def test_an_option_that_nvcc_does_not_know_is_refused(compiler: Compiler) -> None:
    assert "Unknown option" in refused(compiler, "", "-c", "--no-such-option")


def test_cccl_of_13_2_asks_for_the_new_preprocessor(compiler: Compiler) -> None:
    """The rows of variables.yaml hand it over; without them it is refused."""
    if compiler.version == "13.0":
        pytest.skip("it does not ask yet")
    said = refused(compiler, ASK_CCCL, "-c", "-std=c++20", "-gencode=arch=compute_75,code=sm_75", variables=False)
    assert "Zc:preprocessor" in said
    (compiler.folder / "kernel.cu").write_text(ASK_CCCL, encoding="utf-8")
    ended = compiler.run("-E", "-std=c++20", "-gencode=arch=compute_75,code=sm_75", "kernel.cu")
    assert "Zc:preprocessor" not in ended.require() + ended.errors


CALLS = (
    ("--version",),
    (),
    ("-c", "-o", "kernel.obj", SM_80),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-gencode=arch=compute_70,code=sm_70"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-gencode=arch=compute_90,code=sm_80"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-gencode=arch=compute_80"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-gencode"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "--no-such-option"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-Wno-reorder"),
    ("-c", "kernel.cu", "-o", "kernel.obj", "-std=c++99"),
    ("-c", "kernel.cu", "-o", "kernel.obj", SM_80, "-Xcompiler"),
    ("-c", "absent.cu", "-o", "kernel.obj", SM_80),
    ("-c", "kernel.cu", "-o", "absent/kernel.obj", SM_80),
)


def test_the_stand_in_for_older_ones_answers_as_the_real_one_does(compiler: Compiler) -> None:
    """No nvcc.exe of CUDA 12 can be had; the stand-in that is there for it is asked as 13.0, whose real one is."""
    if compiler.version != "13.0":
        pytest.skip("one version shows it")
    windows = compiler.windows
    (compiler.folder / "kernel.cu").write_text("__global__ void nothing() {}\n", encoding="utf-8")
    stand_in = make_cuda(windows, windows.fresh_folder("programs-nvcc"), compiler.version)
    for words in CALLS:
        real, other = (
            nvcc(windows, toolkit, compiler.studio, words, compiler.folder, {})
            for toolkit in (compiler.toolkit, stand_in)
        )
        assert (other.exit_code, essence(other)) == (real.exit_code, essence(real)), words


def essence(ended: Ended) -> list[str]:
    """What the program says of its version or its failure; what cl says of its own is no matter here."""
    said = f"{ended.output}\n{ended.errors}"
    return re.findall(r"^nvcc fatal.*|^nvcc: .*|.*, release .*", said, re.MULTILINE)


def test_a_toolkit_of_wheels_gets_its_import_libraries(compiler: Compiler) -> None:
    assert (compiler.toolkit / "lib" / "x64" / "cudart.lib").is_file()
    shutil.rmtree(compiler.folder)
