"""Every source that cl compiles for the Windows targets of the matrix is one that it can compile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.dirs import Dirs, default_dirs
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target, parse_id
from scripts.portability.reading import Reader, Reading
from scripts.portability.source_sets import SourceSet, source_sets

FACTS = load_facts()
MATRIX = load_matrix(Path(__file__).parent.parent.parent / "matrix.yaml", FACTS)
NEWEST = max(MATRIX.deepspeed, key=Version)
CUDA = parse_id("ds0.19.8-torch2.15.0-cu130-cp312-win_amd64")
CPU = replace(CUDA, cuda="cpu")
PUBLISHED = ("0.14.5", "0.16.5")  # upstream has Windows wheels of these

pytestmark = pytest.mark.portability


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The headers are kept in the user's cache, as those of `invoke portability` are."""
    dirs = Dirs(cache=default_dirs().cache, wheelhouse=Path("wheels"), logs=Path("logs"))
    try:
        return Reader(FACTS, MATRIX, dirs, print)
    except PrerequisiteError as error:
        pytest.skip(str(error))


def sets(*targets: Target) -> tuple[SourceSet, ...]:
    return source_sets(targets, FACTS, MATRIX)


def faults(reading: Reading) -> set[str]:
    return {f"{found.op}: {found.fault.place}: {found.fault.text}" for found in reading.findings}


def windows_targets(releases: Iterable[str] = ()) -> list[Target]:
    planned = [each.target for each in expand(MATRIX, FACTS).targets]
    return [each for each in planned if each.system == "windows" and (not releases or each.deepspeed in releases)]


def test_the_newest_release_has_no_fault_with_the_newest_torch(reader: Reader) -> None:
    newest = replace(CUDA, deepspeed=NEWEST), replace(CPU, deepspeed=NEWEST)
    reading = reader.read(sets(*newest))
    assert faults(reading) == set()
    assert reading.read >= 20


def test_what_no_windows_compiles_is_found(reader: Reader) -> None:
    """Upstream's ops that `why_not` leaves out on Windows: the reasons that the rows give, and real runners gave."""
    [cuda], [cpu] = sets(replace(CUDA, torch="2.11.0")), sets(CPU)
    found = faults(reader.read((replace(cpu, ops=("pin_memory",)),)))
    assert any("sys/mman.h" in text for text in found)
    found = faults(reader.read((replace(cuda, ops=("dc",)),)))
    assert any(re.search(r"NCCLUtils\.hpp:\d+: 'sched\.h' file not found", text) for text in found)


def test_headers_of_torch_that_need_cpp20_are_refused_as_cpp17(reader: Reader) -> None:
    [one] = sets(CPU)
    old = next(row for row in FACTS.dialects if row.standard == "c++17")
    mixed = replace(one, dialect=replace(old, torch=one.dialect.torch), ops=("cpu_lion",))
    reader.precompile = False
    found = faults(reader.read((mixed,)))
    reader.precompile = True
    assert any(text.startswith("cpu_lion: torch-") for text in found)


def test_a_patch_that_breaks_a_source_is_found(reader: Reader) -> None:
    [one] = sets(CPU)
    patch = one.patches[0]
    broken = replace(patch.edits[0], file="csrc/lion/cpu_lion.cpp", write=None, replace="PYBIND11_MODULE", by="MODULE")
    spoilt = replace(one, ops=("cpu_lion",), patches=(*one.patches, replace(patch, id="X1", edits=(broken,))))
    assert any("csrc/lion/cpu_lion.cpp" in text for text in faults(reader.read((spoilt,))))


def test_without_the_patches_that_mend_them_known_faults_are_found(reader: Reader) -> None:
    """D8021 and C2872 of real runners: clang lets both pass, the search for words does not."""
    [one] = sets(CUDA)
    mended = tuple(patch for patch in one.patches if patch.id not in ("P3", "P15", "P16"))
    found = faults(reader.read((replace(one, patches=mended),)))
    assert {text.partition(": ")[2].partition(":")[0] for text in found} == {
        "options of cpu_adam",
        "options of cpu_adagrad",
        "options of cpu_lion",
        "csrc/includes/normalize_layer.h",
        "csrc/includes/softmax.h",
        "csrc/utils/tensor_cast.h",
    }


@pytest.mark.nightly
def test_what_was_published_for_windows_has_no_fault(reader: Reader) -> None:
    assert faults(reader.read(sets(*windows_targets(PUBLISHED)))) == set()


@pytest.mark.nightly
def test_no_windows_target_of_the_matrix_has_a_fault(reader: Reader) -> None:
    assert faults(reader.read(sets(*windows_targets()))) == set()
