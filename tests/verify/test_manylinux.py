"""The manylinux level of modules: as auditwheel says, and the older level's lack as the reason."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.facts.load import DATA, load_facts
from scripts.plan.target import Target, name_without_level, platform_tag_of
from scripts.verify.binary import Binary
from scripts.verify.elf_symbols import read_links
from scripts.verify.manylinux import LinuxLevel, lacking_at, level_of, libraries_of_torch, needs_of
from scripts.versions import manylinux_level, without_level
from tests.verify.stub_elf import make_elf
from tests.wheel.wheelhouse import pack

POLICIES = load_facts().manylinux
TORCH = frozenset(("libc10.so", "libtorch_cpu.so"))
TARGET = Target(deepspeed="0.19.8", torch="2.13.0", cuda="cpu", python="3.11", platform="linux_x86_64")


def module(*versions: tuple[str, str], needed: tuple[str, ...] = ("libc.so.6", "libc10.so")) -> Binary:
    return Binary(member="deepspeed/ops/a_op.so", needed=needed, versions=frozenset(versions))


def level(*binaries: Binary) -> LinuxLevel:
    return level_of(binaries, POLICIES, TORCH)


def test_the_rows_are_auditwheel_s_policies() -> None:
    pytest.importorskip("auditwheel", reason="auditwheel is for Linux")
    policies = pytest.importorskip("tests.verify.auditwheel_policies")
    assert (DATA / "manylinux.yaml").read_text(encoding="utf-8") == policies.as_yaml(), "write them anew"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (("libc.so.6", "GLIBC_2.2.5"), "2.17"),
        (("libc.so.6", "GLIBC_2.28"), "2.28"),
        (("libc.so.6", "GLIBC_2.29"), "2.31"),
        (("libc.so.6", "GLIBC_2.34"), "2.34"),
        (("libstdc++.so.6", "GLIBCXX_3.4.30"), "2.35"),
        (("libstdc++.so.6", "CXXABI_1.3.13"), "2.34"),
        (("libgcc_s.so.1", "GCC_12.0.0"), "2.35"),
        (("libc.so.6", "GLIBC_ABI_DT_RELR"), "2.36"),
        (("libc.so.6", "GLIBC_9.9"), None),
        (("libgomp.so.1", "GOMP_4.0"), "2.17"),
    ],
)
def test_a_level_is_the_oldest_whose_systems_have_every_version(version: tuple[str, str], expected: str | None) -> None:
    assert level(module(), module(version)).glibc == expected


def test_the_reasons_say_what_the_next_older_level_lacks() -> None:
    found = level(module(("libc.so.6", "GLIBC_2.34")), module())
    assert (found.tag, found.reasons) == ("manylinux_2_34_x86_64", ("a_op.so asks for GLIBC_2.34 of libc.so.6",))


def test_a_library_that_neither_torch_nor_any_level_brings_leaves_the_wheel_without_a_level() -> None:
    found = level(module(needed=("libaio.so.1",)))
    assert (found.tag, found.reasons) == ("linux_x86_64", ("a_op.so asks for libaio.so.1",))


def test_a_symbol_that_a_level_hides_asks_for_the_next_one() -> None:
    hidden = Binary(member="a_op.so", needed=("libc.so.6",), undefined=frozenset(("__cxa_thread_atexit_impl",)))
    assert level(hidden).glibc == "2.24"


def test_a_level_between_two_rows_has_what_the_older_one_has() -> None:
    asks = module(("libc.so.6", "GLIBC_2.31"))
    assert lacking_at(asks, "2.30", POLICIES, TORCH) == ["GLIBC_2.31 of libc.so.6"]
    assert lacking_at(asks, "2.32", POLICIES, TORCH) == []


def test_what_is_needed_is_the_newest_version_of_each_set() -> None:
    found = needs_of([module(("libc.so.6", "GLIBC_2.9"), ("libm.so.6", "GLIBC_2.29"), ("x", "GLIBCXX_3.4.9"))])
    assert found.as_document() == {"glibc": "2.29", "libstdcxx": "3.4.9"}
    assert str(needs_of([module()])) == "nothing of the system"


def test_the_libraries_of_torch_are_those_of_its_cuda() -> None:
    facts = load_facts()
    cpu = libraries_of_torch(facts.libraries, {"os": "linux", "accelerator": "cpu"})
    cuda = libraries_of_torch(facts.libraries, {"os": "linux", "accelerator": "cuda", "cuda-major": "12"})
    assert "libtorch_cpu.so" in cpu
    assert "libcudart.so.12" not in cpu
    assert {"libcudart.so.12", "libnccl.so.2"} < cuda
    assert not {"libcuda.so.1", "libaio.so.1", "libcudart.so.13"} & cuda


def test_a_file_name_is_known_by_its_target_whatever_the_level() -> None:
    for tag in ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "linux_x86_64"):
        name = TARGET.wheel_name_for(tag)
        assert (name_without_level(name), platform_tag_of(name)) == (TARGET.wheel_name, tag)
    assert without_level("manylinux_2_28_aarch64") == "linux_aarch64"
    assert (manylinux_level("manylinux2014_x86_64"), manylinux_level("linux_x86_64")) == ("2.17", None)
    assert manylinux_level("manylinux_2_5_x86_64") == "2.5"


@pytest.mark.skipif(sys.platform != "linux", reason="a module of this Linux is compiled and read")
@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("int a(void) { return 1; }", ()),
        ("#include <pthread.h>\nint a(void) { return pthread_create(0, 0, 0, 0); }", ()),
        ("#include <math.h>\ndouble a(double x) { return pow(x, exp(x)); }", ("-lm",)),
        ("#include <string>\n#include <sstream>\nint a() { std::stringstream s; s << 1; return s.str().size(); }", ()),
    ],
)
def test_the_level_is_what_auditwheel_says_of_the_same_wheel(tmp_path: Path, text: str, flags: tuple[str, ...]) -> None:
    wheel_abi = pytest.importorskip("auditwheel.wheel_abi")
    libc = pytest.importorskip("auditwheel.libc").Libc.GLIBC
    machine = pytest.importorskip("auditwheel.architecture").Architecture.x86_64
    logging.getLogger("auditwheel").setLevel(logging.ERROR)
    source, library = tmp_path / "a.cpp", tmp_path / "a_op.so"
    source.write_text(f'extern "C" int PyInit_a_op() {{ return 0; }}\n{text}\n', encoding="utf-8")
    subprocess.run(["g++", "-shared", "-fPIC", source, "-o", library, *flags], check=True)
    wheel = pack(tmp_path, TARGET, {"deepspeed/a_op.so": library.read_bytes()}, torch="torch==2.13.*")
    told = wheel_abi.analyze_wheel_abi(libc, machine, wheel, TORCH, disable_isa_ext_check=False, allow_graft=False)
    ours = level(read_links("a_op.so", library.read_bytes()))
    theirs = manylinux_level(told.overall_policy.name)
    assert ours.glibc
    assert ours.glibc == str(max(Version(theirs or "0"), Version(POLICIES[0].glibc)))


def test_a_module_that_asks_for_nothing_is_read() -> None:
    assert read_links("a_op.so", make_elf(needed=("libc.so.6",))).needed == ("libc.so.6",)
