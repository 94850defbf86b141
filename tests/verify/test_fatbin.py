from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.verify.elf import read_elf
from scripts.verify.fatbin import Architectures, read_architectures
from tests.verify.stub_fatbin import make_fatbin

KERNEL = """
__global__ void add(float *values) { values[threadIdx.x] += 1; }
extern "C" int PyInit_small(void) { add<<<1, 1>>>(nullptr); return 0; }
"""
CODE = ("arch=compute_75,code=sm_75", "arch=compute_90,code=sm_90", "arch=compute_90,code=compute_90")


def test_machine_code_and_ptx_are_told_apart() -> None:
    found = read_architectures([make_fatbin(80, 120, ptx=(120,))])
    assert found == Architectures(sass=frozenset({80, 120}), ptx=frozenset({120}))
    assert str(found) == "sm_80, sm_120, PTX of 120"


def test_every_container_of_every_section_counts() -> None:
    found = read_architectures([make_fatbin(75) + make_fatbin(86, padding=3), bytes(8) + make_fatbin(90, padding=0)])
    assert found.sass == {75, 86, 90}


def test_no_section_is_no_gpu_code() -> None:
    assert not read_architectures([])
    assert str(read_architectures([])) == "no GPU code"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (b"", "is empty"),
        (bytes(64), "is empty"),
        (b"no container", "breaks off at byte 0"),
        (b"something else in its place", "no container at byte 0"),
        (make_fatbin(80)[:9], "breaks off at byte 0"),
        (make_fatbin(80, 90, padding=0)[:-1], "ends behind the section"),
        (make_fatbin(80) + b"\x50\xed", "breaks off"),
        (make_fatbin(80).replace(b"\x02\x00\x01\x01", b"\x09\x00\x01\x01"), "kind 9"),
        (make_fatbin(0), "cannot be read"),
    ],
)
def test_a_section_that_cannot_be_read_to_its_end_is_an_error(section: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_architectures([section])


@pytest.mark.real_build
@pytest.mark.skipif(not (shutil.which("nvcc") or Path("/usr/local/cuda/bin/nvcc").exists()), reason="no nvcc here")
def test_what_a_real_nvcc_was_asked_for_is_found(tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    (tmp_path / "small.cu").write_text(KERNEL, encoding="utf-8")
    words = ["-shared", "-Xcompiler", "-fPIC", *(word for code in CODE for word in ("-gencode", code))]
    subprocess.run([nvcc, *words, "-cudart", "shared", "small.cu", "-o", "small.so"], cwd=tmp_path, check=True)
    binary = read_elf("small.so", (tmp_path / "small.so").read_bytes())
    assert binary.architectures == Architectures(sass=frozenset({75, 90}), ptx=frozenset({90}))
    assert any(name.startswith("libcudart.so.") for name in binary.needed)
