"""Every kernel of the Windows targets of the matrix is one that nvcc's front end takes, with their torch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.dirs import Dirs, default_dirs
from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.plan.ops import patches_for
from scripts.plan.target import Target, parse_id
from scripts.portability.header_folders import OWN, headers_of
from scripts.portability.source_sets import SourceSet, source_sets
from scripts.portability.units import SourceUnit, read_as_cl, units_of
from scripts.wheel_build.source import fetch_source, prepare_tree
from tests.portability.kernel_front_end import KernelFrontEnd, kernel_front_end

FACTS = load_facts()
MATRIX = load_matrix(Path(__file__).parent.parent.parent / "matrix.yaml", FACTS)
DIRS = Dirs(cache=default_dirs().cache, wheelhouse=Path("wheels"), logs=Path("logs"))
NEWEST = parse_id("ds0.19.8-torch2.15.0-cu130-cp312-win_amd64")
OF_NVCC = ("cuda-runtime", "cuda-crt", "cccl")  # comes with its own
CUDA = "13.0"  # of the front end and its headers

pytestmark = [pytest.mark.portability, pytest.mark.nightly]


@dataclass(frozen=True, kw_only=True)
class KernelReader:
    """The front end, and trees of sources that are made once."""

    program: KernelFrontEnd
    trees: Path

    def kernels(self, targets: Sequence[Target]) -> list[SourceUnit]:
        """The different kernels of these targets."""
        found = (unit for one in source_sets(targets, FACTS, MATRIX) for unit in self.units(with_patches_for_cuda(one)))
        return list({unit.key("nvcc"): unit for unit in found if not unit.is_compiled_by_cl}.values())

    def units(self, one: SourceSet) -> Sequence[SourceUnit]:
        """The sources of a set."""
        release, patches, drops_or = one.tree
        root = self.trees / f"{release}-{abs(hash(patches))}-{drops_or}"
        if not root.is_dir():
            pinned = FACTS.deepspeed[str(release)].sdist_sha256
            archive = fetch_source(str(release), DIRS.sources, kinds=("sdist",), pinned_sdist=pinned)
            prepare_tree(archive, root, one.patches)
            read_as_cl(root, one.dialect)
        return units_of(one, root, FACTS, FACTS.cpu_levels[MATRIX.cpu_level].cpuinfo_flags)

    def read(self, unit: SourceUnit) -> str:
        """What the front end has against a kernel."""
        torch = {row.torch for row in FACTS.dialects}
        others = tuple(name for name in FACTS.header_wheels if name not in torch and name not in OF_NVCC)
        headers = headers_of((unit.dialect.torch, *others), FACTS, DIRS.portability)
        own = ("-Xcompiler=-idirafter", f"-Xcompiler={OWN}")  # what torch for the CPU has no header of
        options = (*unit.options, *(f"-I{folder}" for folder in headers), *own)
        with tempfile.TemporaryDirectory() as folder:
            return self.program.read(unit.source, unit.dialect.standard, options, Path(folder))

    def read_all(self, units: Sequence[SourceUnit]) -> dict[str, str]:
        """What it has against each of these kernels, by set and name."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            said = pool.map(self.read, units)
            return {f"{unit.of.label} {unit.name}": text for unit, text in zip(units, said, strict=True) if text}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> KernelReader:
    return KernelReader(program=kernel_front_end(DIRS.portability), trees=tmp_path_factory.mktemp("trees"))


def with_patches_for_cuda(one: SourceSet) -> SourceSet:
    """The set, patched for the CUDA whose headers it is read with: with 12.4 it defines what these bring."""
    context = {**MATRIX.context_of(one.target, FACTS), "source-kind": "sdist", "cuda-version": CUDA}
    return replace(one, patches=patches_for(FACTS.patches, context))


def windows_cuda_targets() -> list[Target]:
    planned = [each.target for each in expand(MATRIX, FACTS).targets]
    return [each for each in planned if each.system == "windows" and each.accelerator == "cuda"]


def test_no_kernel_of_the_windows_targets_is_refused(reader: KernelReader) -> None:
    units = reader.kernels(windows_cuda_targets())
    assert {unit.dialect.standard for unit in units} == {row.standard for row in FACTS.dialects}
    assert reader.read_all(units) == {}


def test_a_kernel_that_needs_a_newer_standard_or_another_header_is_refused(reader: KernelReader) -> None:
    """torch's headers of 2.15 refuse C++17 by themselves; a name that CUDA 13 has not is none."""
    [one] = source_sets([NEWEST], FACTS, MATRIX)
    unit = next(unit for unit in reader.kernels([NEWEST]) if unit.precompiled)
    old = next(row for row in FACTS.dialects if row.standard == "c++17")
    mixed = replace(unit, of=replace(one, dialect=replace(old, torch=one.dialect.torch)))
    assert "C++20" in reader.read(mixed)
    spoilt = unit.source.with_name("spoilt.cu")
    spoilt.write_text(f'#include "{unit.source.name}"\nstatic texture<float> gone;\n', encoding="utf-8")
    assert "texture" in reader.read(replace(unit, source=spoilt))
