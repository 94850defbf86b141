"""Every symbol that an op asks for is looked up where it will be: in small libraries that the compiler made here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.verify.check import CheckResult
from scripts.verify.elf_exports import UNVERSIONED, ElfExports
from scripts.verify.environment_libraries import EnvironmentLibraries
from scripts.verify.given_python import libraries_of
from scripts.verify.pe_exports import PeExports
from scripts.verify.static import verify_file
from tests.verify.stub_pe import make_pe
from tests.verify.stub_wheel import BUILD_INFO, MODULE, VERSION, build_info, make_wheel

GCC = shutil.which("gcc") or "gcc"
linux = pytest.mark.skipif("sys.platform != 'linux'", reason="the libraries are made by gcc")
TORCH = "int of_torch(void) { return 1; }\n"
OP = "int of_torch(void);\nvoid *PyInit_cpu_adam_op(void) { of_torch(); return 0; }\n"


def compiled(folder: Path, name: str, source: str, *words: str) -> Path:
    """A shared library of one source."""
    folder.mkdir(parents=True, exist_ok=True)
    file, made = folder / f"{name}.c", folder / name
    file.write_text(source, encoding="utf-8")
    subprocess.run([GCC, "-shared", "-fPIC", "-o", made, file, *words, f"-Wl,-soname,{name}"], check=True)
    return made


@pytest.fixture
def environment(tmp_path: Path) -> EnvironmentLibraries:
    """An environment with a torch of two libraries, the second loaded for everybody."""
    packages = tmp_path / "site-packages"
    lib = packages / "torch" / "lib"
    compiled(lib, "libtorch_cpu.so", TORCH)
    compiled(lib, "libgomp-a34b3233.so.1", "void GOMP_parallel(void) {}\n")
    words = ("-Wl,--no-as-needed", f"-L{lib}", "-l:libgomp-a34b3233.so.1", "-Wl,-rpath,$ORIGIN")
    compiled(lib, "libtorch_global_deps.so", "", *words)
    program = Path(sys.executable).resolve()
    return EnvironmentLibraries(system="linux", program=program, torch=packages / "torch", packages=packages)


def symbols(wheel: Path, libraries: EnvironmentLibraries | None) -> CheckResult:
    checks = verify_file(wheel, libraries=libraries).checks
    return next(check for check in checks if check.name == "symbols")


def wheel_of(folder: Path, environment: EnvironmentLibraries, source: str, *words: str) -> Path:
    """A wheel whose op is compiled from this source, linked with the environment's torch."""
    lib = environment.torch / "lib"
    module = compiled(folder / "op", "op.so", source, f"-L{lib}", "-ltorch_cpu", *words)
    return make_wheel(folder, {MODULE: module.read_bytes()})


@linux
def test_an_op_whose_symbols_are_all_there_passes(environment: EnvironmentLibraries, tmp_path: Path) -> None:
    check = symbols(wheel_of(tmp_path, environment, OP), environment)
    assert check.passed, check.detail
    assert "symbols of 1 modules" in check.detail


@linux
@pytest.mark.parametrize(
    ("source", "missing"),
    [
        (OP.replace("of_torch", "of_a_later_torch"), "of_a_later_torch"),
        (OP.replace("of_torch", "PyObject_OfNoPython"), "PyObject_OfNoPython"),
        ("extern int variable;\n" + OP.replace("of_torch();", "return &variable;"), "variable"),
    ],
)
def test_a_symbol_that_nobody_has_is_named_with_its_op(
    source: str, missing: str, environment: EnvironmentLibraries, tmp_path: Path
) -> None:
    check = symbols(wheel_of(tmp_path, environment, source), environment)
    assert check.passed is False
    assert check.detail == f"cpu_adam_op.cpython-311-x86_64-linux-gnu.so: nothing there has {missing}"


@linux
@pytest.mark.parametrize("name", ["GOMP_parallel", "PyModule_Create2", "PyExc_ValueError", "memcpy", "sqrtf"])
def test_python_the_system_and_what_torch_loads_for_everybody_are_looked_in(
    name: str, environment: EnvironmentLibraries, tmp_path: Path
) -> None:
    source = f"extern char {name}[];\n" + OP.replace("of_torch();", f"return {name};")
    check = symbols(wheel_of(tmp_path, environment, source, "-Wl,--no-as-needed", "-lm"), environment)
    assert check.passed, check.detail


@linux
def test_a_weak_symbol_may_be_missing(environment: EnvironmentLibraries, tmp_path: Path) -> None:
    source = "__attribute__((weak)) int of_nobody(void);\n" + OP.replace("of_torch();", "if (of_nobody) of_nobody();")
    assert symbols(wheel_of(tmp_path, environment, source), environment).passed


@linux
def test_a_version_that_the_library_lacks_is_named(environment: EnvironmentLibraries, tmp_path: Path) -> None:
    lib = environment.torch / "lib"
    script = tmp_path / "versions"

    def with_versions(*names: str) -> None:
        script.write_text("".join(f"{name} {{ global: of_{name}; }};\n" for name in names), encoding="utf-8")
        text = "".join(f"int of_{name}(void) {{ return 1; }}\n" for name in names)
        compiled(lib, "libtorch_cpu.so", text, f"-Wl,--version-script={script}")

    with_versions("TORCH_1", "TORCH_2")
    wheel = wheel_of(tmp_path, environment, OP.replace("of_torch", "of_TORCH_2"))
    assert symbols(wheel, environment).passed
    with_versions("TORCH_1")
    check = symbols(wheel, replace(environment))
    assert check.passed is False
    assert "of_TORCH_2@TORCH_2, TORCH_2 of libtorch_cpu.so" in check.detail


@linux
def test_where_a_library_is_not_here_nothing_is_said_to_be_missing_and_nothing_to_be_right(
    environment: EnvironmentLibraries, tmp_path: Path
) -> None:
    absent = compiled(tmp_path / "absent", "libaio.so.1t64", "int of_another_system(void) { return 0; }\n")
    source = OP.replace("of_torch", "of_another_system")
    info = build_info(ops=["async_io"]).encode()
    place = "deepspeed/ops/aio/async_io_op.cpython-311-x86_64-linux-gnu.so"
    lib = environment.torch / "lib"
    named = source.replace("cpu_adam_op", "async_io_op")
    module = compiled(tmp_path / "op", "op.so", named, f"-L{lib}", "-ltorch_cpu", str(absent))
    changes: Mapping[str, bytes | None] = {MODULE: None, place: module.read_bytes(), BUILD_INFO: info}
    check = symbols(make_wheel(tmp_path, changes), environment)
    assert check.passed is None
    assert "async_io_op.cpython-311-x86_64-linux-gnu.so: libaio.so.1t64 is not here" in check.detail


@linux
def test_symbols_of_another_op_count_where_deepspeed_loads_that_one_first(
    environment: EnvironmentLibraries, tmp_path: Path
) -> None:
    lib, end = environment.torch / "lib", ".cpython-311-x86_64-linux-gnu.so"
    pinned = "int pin(void) { return 1; }\nvoid *PyInit_pin_memory_op(void) { return 0; }\n"
    aio = "int pin(void);\nvoid *PyInit_async_io_op(void) { pin(); return 0; }\n"
    places = {
        "pin_memory": (f"deepspeed/ops/pin_memory/pin_memory_op{end}", pinned),
        "async_io": (f"deepspeed/ops/aio/async_io_op{end}", aio),
        "cpu_adam": (f"deepspeed/ops/adam/cpu_adam_op{end}", aio.replace("async_io", "cpu_adam")),
    }

    def check_of(*ops: str) -> CheckResult:
        made = {
            places[op][0]: compiled(tmp_path / op, "op.so", places[op][1], f"-L{lib}", "-ltorch_cpu").read_bytes()
            for op in ops
        }
        changes: dict[str, bytes | None] = {MODULE: None, **made, BUILD_INFO: build_info(ops=ops).encode()}
        return symbols(make_wheel(tmp_path, changes), environment)

    assert check_of("async_io", "pin_memory").passed
    assert check_of("async_io").passed is False
    assert "cpu_adam_op" in check_of("cpu_adam", "pin_memory").detail


def test_without_an_environment_nothing_is_looked_up(tmp_path: Path) -> None:
    check = symbols(make_wheel(tmp_path), None)
    assert (check.passed, check.detail.split(":")[0]) == (None, "no environment with its torch is at hand")


def test_a_python_without_torch_is_no_such_environment(tmp_path: Path) -> None:
    found = libraries_of(Path(sys.executable))
    assert found is None or (found.torch / "version.py").is_file()
    assert libraries_of(tmp_path / "absent") is None


@linux
def test_a_library_of_this_system_is_read_as_its_own_tools_read_it() -> None:
    libraries = EnvironmentLibraries(
        system="linux", program=Path(sys.executable), torch=Path("/absent"), packages=Path("/absent")
    )
    path = libraries.found("libc.so.6")
    assert path
    exports = ElfExports(path)
    assert exports.versions_of("memcpy") == {"GLIBC_2.14", "GLIBC_2.2.5"}
    assert exports.versions_of("of_nobody") == frozenset()
    assert {"GLIBC_2.2.5", "GLIBC_2.17"} <= exports.versions
    assert UNVERSIONED not in exports.versions


# ---------------------------------------------------------------- Windows


def windows_wheel(folder: Path, *calls: str) -> Path:
    """A wheel whose op calls these functions of each of its libraries."""
    place = MODULE.replace("cpython-311-x86_64-linux-gnu.so", "cp311-win_amd64.pyd")
    changes: dict[str, bytes | None] = {MODULE: None, place: make_pe(needed=("C10.dll", "kernel32.dll"), calls=calls)}
    return make_wheel(folder, changes, name=f"deepspeed-{VERSION}-cp311-cp311-win_amd64.whl")


def windows_environment(folder: Path, *offers: str) -> EnvironmentLibraries:
    """An environment of Windows whose c10.dll offers these."""
    lib = folder / "site-packages" / "torch" / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    (lib / "c10.dll").write_bytes(make_pe(exports=offers))
    return EnvironmentLibraries(
        system="windows", program=folder / "python.exe", torch=lib.parent, packages=folder / "site-packages"
    )


def test_what_a_dll_offers_is_found_whatever_its_place(tmp_path: Path) -> None:
    names = [f"?function@{number}@@YAXXZ" for number in range(1, 40)]
    for count in (1, 2, 3, 38, 39):
        file = tmp_path / f"{count}.dll"
        file.write_bytes(make_pe(exports=tuple(names[:count])))
        exports = PeExports(file)
        assert [name for name in names if exports.has(name)] == names[:count]
        assert exports.has("PyInit_cpu_adam_op")
        assert not any(exports.has(other) for other in ("", "A", "zzz", "?function@1", "?function@1@@YAXXZ2"))


@pytest.mark.parametrize("content", [b"", b"MZ", b"MZ" + bytes(58) + b"\xff\xff\0\0", bytes(600)])
def test_what_is_no_dll_is_not_at_hand(content: bytes, tmp_path: Path) -> None:
    environment = windows_environment(tmp_path)
    (environment.torch / "lib" / "c10.dll").write_bytes(content)
    assert environment.dll("c10.dll") is None


def test_functions_of_torchs_dlls_are_looked_up_and_those_of_windows_are_not(tmp_path: Path) -> None:
    wheel = windows_wheel(tmp_path, "there", "elsewhere")
    check = symbols(wheel, windows_environment(tmp_path, "there"))
    assert check.passed is False
    assert check.detail == "cpu_adam_op.cp311-win_amd64.pyd: nothing there has elsewhere of C10.dll"
    assert symbols(wheel, windows_environment(tmp_path, "there", "elsewhere")).passed
    empty = windows_environment(tmp_path)
    (empty.torch / "lib" / "c10.dll").unlink()
    check = symbols(wheel, empty)
    assert (check.passed, check.detail.endswith("C10.dll is not here")) == (None, True)


def test_an_environment_of_another_system_says_nothing_of_a_wheel(tmp_path: Path) -> None:
    check = symbols(make_wheel(tmp_path), windows_environment(tmp_path))
    assert (check.passed, check.detail) == (None, "the environment is of Windows, the wheel is not")
