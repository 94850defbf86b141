"""The compiled modules of a wheel: each fault fails its own check, for Linux and for Windows alike."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.verify.binaries import read_binary
from scripts.verify.check import CheckResult
from scripts.verify.fatbin import Architectures
from scripts.verify.modules import expected_architectures
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.verify.static import verify_file
from scripts.wheel.members import open_members
from tests.verify.stub_code import FMA, VECTOR_CODE, ZMM, ZMM_FMA
from tests.verify.stub_elf import make_elf
from tests.verify.stub_fatbin import make_fatbin
from tests.verify.stub_pe import make_pe
from tests.verify.stub_wheel import BUILD_INFO, INFO, MODULE, build_info, make_wheel, metadata

NAMES = (
    "module format",
    "debug information",
    "run paths",
    "needed libraries",
    "runtime calls",
    "GPU architectures",
    "CPU instructions",
    "CPU vector code",
)
WINDOWS_MODULE = "deepspeed/ops/adam/cpu_adam_op.cp311-win_amd64.pyd"
FUSED = WINDOWS_MODULE.replace("cpu_adam", "fused_adam")
VERSION = "0.16.5+cu124torch2.6"
CUDA_DLLS = ("c10.dll", "torch_cpu.dll", "torch_python.dll", "c10_cuda.dll", "cudart64_12.dll", "curand64_10.dll")
TARGET = Promises(arches="8.0;9.0+PTX", cpu_level="avx2")
CPU_TARGET = Promises(cpu_level="avx2")


def linux_wheel(folder: Path, module: bytes) -> Path:
    return make_wheel(folder, {MODULE: module})


def windows_wheel(folder: Path, cpu: bytes | None = None, fused: bytes | None = None) -> Path:
    """A CUDA wheel for Windows with one op of each kind."""
    info = build_info(VERSION, "cuda", "2.6", "12.4").replace("'cpu_adam': 1", "'cpu_adam': 1, 'fused_adam': 1")
    fatbin = make_fatbin(80, 90, ptx=(90,))
    changes = {
        MODULE: None,
        BUILD_INFO: info.encode(),
        WINDOWS_MODULE: cpu or make_pe(),
        FUSED: fused or make_pe(needed=CUDA_DLLS, init="fused_adam_op", code=b"\xc3", fatbin=fatbin),
        f"{INFO}/METADATA": metadata(VERSION, "torch==2.6.*").encode(),
    }
    return make_wheel(folder, changes, name=f"deepspeed-{VERSION}-cp311-cp311-win_amd64.whl")


def fused(**changes: object) -> bytes:
    options = {"needed": CUDA_DLLS, "init": "fused_adam_op", "code": b"\xc3", "fatbin": make_fatbin(80, 90, ptx=(90,))}
    return make_pe(**(options | changes))  # type: ignore[arg-type]


def checks_of(wheel: Path, promises: Promises = NOTHING_PROMISED) -> dict[str, CheckResult]:
    return {check.name: check for check in verify_file(wheel, promises).checks if check.name in NAMES}


def failures(wheel: Path, promises: Promises = NOTHING_PROMISED) -> dict[str, str]:
    return {name: check.detail for name, check in checks_of(wheel, promises).items() if check.passed is False}


def test_a_sound_windows_wheel_passes_every_check(tmp_path: Path) -> None:
    checks = checks_of(windows_wheel(tmp_path), TARGET)
    assert {name: check.passed for name, check in checks.items()} == dict.fromkeys(NAMES, True)
    assert "fused_adam_op: sm_80, sm_90, PTX of 90" in checks["GPU architectures"].detail
    assert "cudart64_12.dll" in checks["needed libraries"].detail


FAULTS = {
    "another processor": ({"cpu": make_pe(machine=0xAA64)}, "module format", "is for arm64, not x86-64"),
    "no function for Python": ({"cpu": make_pe(init="adam")}, "module format", "does not export PyInit_cpu_adam_op"),
    "the path of a build machine": (
        {"cpu": make_pe(pdb="D:\\a\\1\\cpu_adam_op.pdb")},
        "debug information",
        "D:\\a\\1\\cpu_adam_op.pdb",
    ),
    "the GPU driver": ({"fused": fused(needed=("nvcuda.dll",))}, "needed libraries", "comes with a GPU driver"),
    "OpenMP": ({"cpu": make_pe(needed=("VCOMP140.dll",))}, "needed libraries", "without /openmp"),
    "another CUDA": (
        {"fused": fused(needed=("cudart64_13.dll",))},
        "needed libraries",
        "needs cudart64_13.dll: neither the system, Python nor torch for CUDA 12 brings it",
    ),
    "another Python": ({"cpu": make_pe(needed=("python312.dll",))}, "needed libraries", "needs python312.dll"),
    "an architecture too few": (
        {"fused": fused(fatbin=make_fatbin(80, ptx=(90,)))},
        "GPU architectures",
        "fused_adam_op.cp311-win_amd64.pyd: has no sm_90",
    ),
    "an architecture too many": (
        {"fused": fused(fatbin=make_fatbin(80, 86, 90, ptx=(90,)))},
        "GPU architectures",
        "was not to have sm_86",
    ),
    "no PTX": ({"fused": fused(fatbin=make_fatbin(80, 90))}, "GPU architectures", "has no PTX of 90"),
    "no GPU code": ({"fused": fused(fatbin=b"")}, "GPU architectures", "holds no GPU code"),
    "GPU code that cannot be read": (
        {"fused": fused(fatbin=make_fatbin(80)[:40])},
        "GPU architectures",
        "ends behind the section",
    ),
    "GPU code in a CPU op": ({"cpu": make_pe(fatbin=make_fatbin(80))}, "GPU architectures", "holds sm_80"),
    "a mutex that no call made": (
        {"cpu": make_pe(calls=("_Mtx_lock", "_Mtx_unlock"))},
        "runtime calls",
        "cpu_adam_op.cp311-win_amd64.pyd: _Mtx_lock takes a mutex that no call made",
    ),
    "AVX-512": ({"cpu": make_pe(code=VECTOR_CODE + ZMM * 3)}, "CPU instructions", "3 AVX512F, which"),
    "a module cut short": ({"cpu": make_pe()[:70]}, "module format", "not a sound PE file"),
}


@pytest.mark.parametrize(("modules", "check", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_of_a_windows_module_fails_its_own_check(
    modules: dict[str, bytes], check: str, words: str, tmp_path: Path
) -> None:
    found = failures(windows_wheel(tmp_path, **modules), TARGET)
    assert words in found[check]
    assert list(found) == [check]


LINUX_FAULTS = {
    "another processor": (make_elf(machine=183), "module format", "is for arm64, not x86-64"),
    "no function for Python": (make_elf(init="adam"), "module format", "PyInit_cpu_adam_op"),
    "a library of nobody": (make_elf(needed=("libfoo.so.1",)), "needed libraries", "nor torch brings"),
    "CUDA in a CPU wheel": (make_elf(needed=("libcudart.so.12",)), "needed libraries", "needs libcudart.so.12"),
    "the GPU driver": (make_elf(needed=("libcuda.so.1",)), "needed libraries", "take -lcuda off"),
    "another op's library": (make_elf(needed=("libaio.so.1",)), "needed libraries", "needs libaio.so.1"),
    "GPU code in a CPU wheel": (make_elf(fatbin=make_fatbin(80)), "GPU architectures", "holds sm_80"),
    "AVX-512": (make_elf(code=VECTOR_CODE + ZMM), "CPU instructions", "1 AVX512F"),
}


@pytest.mark.parametrize(("module", "check", "words"), LINUX_FAULTS.values(), ids=LINUX_FAULTS.keys())
def test_each_fault_of_a_linux_module_fails_its_own_check(
    module: bytes, check: str, words: str, tmp_path: Path
) -> None:
    found = failures(linux_wheel(tmp_path, module), CPU_TARGET)
    assert list(found) == [check]
    assert words in found[check]


def test_a_mutex_that_a_call_made_may_be_taken(tmp_path: Path) -> None:
    wheel = windows_wheel(tmp_path, cpu=make_pe(calls=("_Mtx_init_in_situ", "_Mtx_lock")))
    assert checks_of(wheel, TARGET)["runtime calls"].passed


def test_without_promises_what_is_found_is_reported(tmp_path: Path) -> None:
    checks = checks_of(windows_wheel(tmp_path, fused=fused(fatbin=make_fatbin(61))))
    assert checks["GPU architectures"].passed is None
    assert "fused_adam_op: sm_61" in checks["GPU architectures"].detail
    assert checks["CPU instructions"].passed
    assert (
        checks["CPU instructions"].detail
        == "level not promised; cpu_adam_op: 16 FMA; fused_adam_op: no vector instructions"
    )
    assert checks["CPU vector code"].detail == "cpu_adam_op: AVX2 code"


def test_without_promises_code_that_few_processors_can_run_is_a_fault(tmp_path: Path) -> None:
    check = checks_of(windows_wheel(tmp_path, cpu=make_pe(code=ZMM)))["CPU instructions"]
    assert check.passed is False
    assert "cpu_adam_op.cp311-win_amd64.pyd: 1 AVX512F: it crashes on processors without them" in check.detail


@pytest.mark.parametrize(("level", "passed"), [("scalar", False), ("avx2", True), ("avx512", True)])
def test_fused_multiply_add_belongs_to_avx2(level: str, passed: bool, tmp_path: Path) -> None:
    wheel = linux_wheel(tmp_path, make_elf(code=FMA))
    assert checks_of(wheel, Promises(cpu_level=level))["CPU instructions"].passed is passed


VECTOR_CODES = {
    "scalar code of a wheel for AVX2": ("avx2", b"\xc3", b"", "says AVX2, holds scalar code"),
    "a few multiply-adds of a library": ("avx2", FMA * 15, b"", "says AVX2, holds scalar code"),
    "AVX2 code of a wheel for AVX-512": ("avx512", VECTOR_CODE, b"", "says AVX512, holds AVX2 code"),
    "scalar code that calls itself AVX2": (None, b"\xc3", b"\0AVX2\0", "says AVX2, holds scalar code"),
    "AVX2 code that calls itself AVX-512": (None, VECTOR_CODE, b"\0AVX512\0", "says AVX512, holds AVX2 code"),
}


@pytest.mark.parametrize("system", ["linux", "windows"])
@pytest.mark.parametrize(("level", "code", "texts", "words"), VECTOR_CODES.values(), ids=VECTOR_CODES.keys())
def test_code_narrower_than_it_says_is_a_fault(
    level: str | None, code: bytes, texts: bytes, words: str, system: str, tmp_path: Path
) -> None:
    if system == "linux":
        wheel = linux_wheel(tmp_path, make_elf(code=code) + texts)
    else:
        wheel = windows_wheel(tmp_path, cpu=make_pe(code=code) + texts)
    check = checks_of(wheel, Promises(cpu_level=level))["CPU vector code"]
    assert (check.passed, words in check.detail) == (False, True)


@pytest.mark.parametrize(
    ("level", "code"), [("scalar", b"\xc3"), ("avx2", VECTOR_CODE), ("avx512", ZMM_FMA), (None, b"\xc3")]
)
def test_code_as_wide_as_it_says_passes(level: str | None, code: bytes, tmp_path: Path) -> None:
    assert checks_of(linux_wheel(tmp_path, make_elf(code=code)), Promises(cpu_level=level))["CPU vector code"].passed


def test_an_op_that_chooses_at_run_time_may_hold_more_than_the_level(tmp_path: Path) -> None:
    info = build_info().replace("cpu_adam", "deepspeed_shm_comm").encode()
    module = "deepspeed/ops/comm/deepspeed_shm_comm_op.cpython-311-x86_64-linux-gnu.so"
    shared = make_elf(init="deepspeed_shm_comm_op", code=ZMM)
    wheel = make_wheel(tmp_path, {MODULE: None, BUILD_INFO: info, module: shared})
    check = checks_of(wheel, TARGET)["CPU instructions"]
    assert (check.passed, check.detail) == (True, "level avx2; deepspeed_shm_comm_op: 1 AVX512F")


@pytest.mark.parametrize(
    ("name", "module"),
    [("op.pyd", fused(pdb="D:\\op.pdb")), ("op.so", make_elf(fatbin=make_fatbin(80), debug=True))],
)
def test_damage_of_any_kind_is_a_fault_and_never_a_traceback(name: str, module: bytes, tmp_path: Path) -> None:
    chance = random.Random(7)
    damaged = [module[: chance.randrange(len(module))] for _ in range(50)]
    for _ in range(150):
        content = bytearray(module)
        for _ in range(chance.choice([1, 8, 40])):
            content[chance.randrange(len(content))] = chance.choice([0, 127, 255])
        damaged.append(bytes(content))
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w") as archive:
        for index, part in enumerate(damaged):
            archive.writestr(f"{index}/{name}", part)
    with open_members(tmp_path / "wheel.zip") as files:
        binaries = [read_binary(files, member) for member in files.names]
    assert len(binaries) == 200
    assert sum(bool(binary.fault or binary.gpu_fault) for binary in binaries) > 50


def test_an_op_leaves_out_what_is_older_than_its_first_architecture() -> None:
    assert expected_architectures("6.0;7.0;8.0;9.0+PTX", 70) == Architectures(
        sass=frozenset({70, 80, 90}), ptx=frozenset({90})
    )


MUTEX = "cpu_adam_op.cp311-win_amd64.pyd: _Mtx_lock takes a mutex that no call made"
ARCHITECTURES = "11 modules: sm_60, sm_61, sm_70, sm_80, sm_86"
CRASHES = "cpu_adam_op.cp311-win_amd64.pyd: 52 AVX512BW, 1973 AVX512F, 57 AVX512VL: it crashes on processors without"
OFFICIAL = {
    "0.16.5": (
        f"{ARCHITECTURES}, sm_90, sm_100, sm_120",
        {"runtime calls": MUTEX, "CPU vector code": "cpu_adam_op.cp311-win_amd64.pyd: says AVX2, holds scalar code"},
    ),
    "0.15.0": (ARCHITECTURES, {"runtime calls": MUTEX, "CPU instructions": CRASHES}),
    "0.14.5": (ARCHITECTURES, {"runtime calls": MUTEX, "CPU instructions": CRASHES}),
}


@pytest.mark.network
@pytest.mark.parametrize("version", OFFICIAL)
def test_official_windows_wheels_are_called_what_they_are(version: str, tmp_path: Path) -> None:
    words = ["--no-deps", "--only-binary=:all:", "--platform", "win_amd64", "--python-version", "311"]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *words, "-d", str(tmp_path), f"deepspeed=={version}"], check=True
    )
    wheel = next(tmp_path.glob("*.whl"))
    architectures, failed = OFFICIAL[version]
    found = failures(wheel)
    assert list(found) == list(failed)
    assert all(words in found[name] for name, words in failed.items())
    assert checks_of(wheel)["GPU architectures"].detail.endswith(f"{architectures}; 3 modules: no GPU code")


def test_only_the_op_that_calls_another_packages_library_may_look_for_it_there(tmp_path: Path) -> None:
    version, dskernels = "0.19.8+cu130torch2.11", "$ORIGIN/../../../../../dskernels"
    cutlass = "deepspeed/inference/v2/kernels/cutlass_ops/cutlass_ops.cpython-311-x86_64-linux-gnu.so"
    changes = {
        BUILD_INFO: build_info(version, "cuda", "2.11", "13.0", ops=("cpu_adam", "cutlass_ops")).encode(),
        cutlass: make_elf(init="cutlass_ops", run_path=dskernels),
    }
    name = f"deepspeed-{version}-cp311-cp311-linux_x86_64.whl"
    assert "run paths" not in failures(make_wheel(tmp_path, changes, name=name))
    both = {**changes, MODULE: make_elf(run_path=dskernels)}
    assert failures(make_wheel(tmp_path, both, name=name))["run paths"] == f"{Path(MODULE).name}: run path {dskernels}"
