from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.verify import source_match
from scripts.verify.static import verify_file
from tests.verify.stub_elf import make_elf
from tests.verify.stub_pe import make_pe
from tests.verify.stub_wheel import BUILD_INFO, INFO, MODULE, VERSION, build_info, make_wheel, metadata

UPSTREAM = "\n[pytest_randomly.random_seeder]\ndeepspeed = deepspeed.runtime.utils:set_random_seed\n"
Changes = dict[str, bytes | None]


def failures(wheel: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify_file(wheel).failed}


def test_a_sound_wheel_passes_every_check_and_names_its_libraries(tmp_path: Path) -> None:
    report = verify_file(make_wheel(tmp_path))
    left = {check.name: check.passed for check in report.checks if not check.passed}
    assert left == {"symbols": None}, "they are looked up in an environment"
    assert {check.name: check.detail for check in report.checks}["needed libraries"] == "libc10.so"


FAULTS: dict[str, tuple[Changes, str, str]] = {
    "a missing op module": ({MODULE: None}, "op modules", "cpu_adam: no extension modules"),
    "two modules for one op": (
        {"deepspeed/cpu_adam.cpython-311-x86_64-linux-gnu.so": make_elf()},
        "op modules",
        "cpu_adam: 2 extension modules",
    ),
    "a module of no installed op": (
        {"deepspeed/ops/aio/async_io_op.cpython-311-x86_64-linux-gnu.so": make_elf()},
        "op modules",
        "belongs to no installed op",
    ),
    "a module of another Python": (
        {MODULE: None, MODULE.replace("311", "312"): make_elf()},
        "op modules",
        "is not for cp311",
    ),
    "an unpinned torch": (
        {f"{INFO}/METADATA": metadata(torch="torch").encode()},
        "torch requirement",
        "any version",
    ),
    "a torch pinned to another minor": (
        {f"{INFO}/METADATA": metadata(torch="torch==2.12.*").encode()},
        "torch requirement",
        "built with torch 2.13",
    ),
    "another version in METADATA": (
        {f"{INFO}/METADATA": metadata(version="0.19.7").encode()},
        "file name and metadata",
        "'0.19.7'",
    ),
    "a torch that a condition lets in": (
        {f"{INFO}/METADATA": metadata().encode() + b"Requires-Dist: torch==9.9; python_version > '3'\n"},
        "torch requirement",
        "requires ==2.13.* and ==9.9",
    ),
    "a torch of an extra, and of everybody": (
        {
            f"{INFO}/METADATA": metadata().encode()
            + b"Requires-Dist: Torch==9.9; extra == 'x' or python_version > '3'\n"
        },
        "torch requirement",
        "requires ==2.13.* and ==9.9",
    ),
    "a torch of what looks like an extra": (
        {f"{INFO}/METADATA": metadata().encode() + b"Requires-Dist: torch==9.9; os_name != 'a and extra == \"x\"'\n"},
        "torch requirement",
        "requires ==2.13.* and ==9.9",
    ),
    "a requirement by its address": (
        {f"{INFO}/METADATA": metadata().encode() + b"Requires-Dist: numpy @ https://example.org/numpy.tar.gz\n"},
        "requirements",
        "numpy would come from https://example.org/numpy.tar.gz",
    ),
    "a requirement that is none": (
        {f"{INFO}/METADATA": metadata().encode() + b"Requires-Dist: numpy===\n"},
        "requirements",
        "'numpy===' cannot be read",
    ),
    "two versions in METADATA": (
        {f"{INFO}/METADATA": metadata().encode() + b"Version: 1\n"},
        "file name and metadata",
        "METADATA has Version twice",
    ),
    "a script in pip's place": (
        {f"deepspeed-{VERSION}.data/scripts/pip": b"#!python\n"},
        "commands",
        "'pip' would be a command that is not DeepSpeed's",
    ),
    "an entry point in pip's place": (
        {f"{INFO}/entry_points.txt": b"[console_scripts]\nds = deepspeed:a\npip = deepspeed:b\n"},
        "commands",
        "entry_points.txt has 'pip = deepspeed:b'",
    ),
    "a plugin of another program": (
        {f"{INFO}/entry_points.txt": b"[pytest11]\nds = deepspeed:a\n"},
        "commands",
        "entry_points.txt has '[pytest11]'",
    ),
    "another tag in WHEEL": (
        {f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n"},
        "file name and metadata",
        "cp312-cp312-linux_x86_64",
    ),
    "no METADATA": ({f"{INFO}/METADATA": None}, "file name and metadata", "METADATA is not there"),
    "built for another accelerator than the label": (
        {BUILD_INFO: build_info(accelerator="cuda").encode()},
        "build record",
        "accelerator cuda, the name has cpu",
    ),
    "built with another torch than the label": (
        {BUILD_INFO: build_info(torch="2.12").encode()},
        "build record",
        "torch 2.12, the name has 2.13",
    ),
    "built with a CUDA that the label denies": (
        {BUILD_INFO: build_info(cuda="12.4").encode()},
        "build record",
        "CUDA 12.4, the name has 0.0",
    ),
    "a build record that runs code": (
        {BUILD_INFO: b"version = open('version.txt').read()\n"},
        "build record",
        "cannot be read",
    ),
    "debug information": ({MODULE: make_elf(debug=True)}, "debug information", "1 debug sections"),
    "a run path of the build machine": (
        {MODULE: make_elf(run_path="/home/ci/venv/lib:$ORIGIN/../lib")},
        "run paths",
        "run path /home/ci/venv/lib",
    ),
    "a library by its absolute path": (
        {MODULE: make_elf(needed=("/usr/lib/libc.so.6",))},
        "needed libraries",
        "needs /usr/lib/libc.so.6",
    ),
    "a module cut short": ({MODULE: make_elf()[:70]}, "module format", "not a sound ELF file"),
}


@pytest.mark.parametrize(("changes", "check", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_fails_its_own_check(changes: Changes, check: str, words: str, tmp_path: Path) -> None:
    assert words in failures(make_wheel(tmp_path, changes))[check]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({MODULE: b"other bytes"}, f"wrong hash: {MODULE}"),
        ({MODULE: None}, f"not in RECORD: {MODULE}"),
        ({"deepspeed/gone.py": b""}, "not in the wheel: deepspeed/gone.py"),
    ],
)
def test_record_must_list_every_file_with_its_hash(record: Changes, words: str, tmp_path: Path) -> None:
    assert failures(make_wheel(tmp_path, record=record)) == {"RECORD": words}


def test_a_run_path_relative_to_the_module_is_fine(tmp_path: Path) -> None:
    assert failures(make_wheel(tmp_path, {MODULE: make_elf(run_path="$ORIGIN/../lib")})) == {}


def test_upstream_wheels_for_windows_get_a_report_with_reasons(tmp_path: Path) -> None:
    changes: Changes = {MODULE: None, "deepspeed/ops/adam/cpu_adam_op.cp311-win_amd64.pyd": make_pe()}
    changes[BUILD_INFO] = build_info(version="0.16.5").encode()
    wheel = make_wheel(tmp_path, changes, name="deepspeed-0.16.5-cp311-cp311-win_amd64.whl")
    checks = {check.name: check for check in verify_file(wheel).checks}
    assert checks["op modules"].passed
    assert (checks["debug information"].passed, checks["version label"].passed) == (True, None)
    assert checks["version label"].detail.startswith("upstream's own for Windows: its name shows neither")


def test_the_module_that_upstream_names_without_a_dot_is_found(tmp_path: Path) -> None:
    module = "deepspeed/inference/v2/kernelsinference_core_ops.cpython-311-x86_64-linux-gnu.so"
    info = build_info().replace("cpu_adam", "inference_core_ops").encode()
    shared = make_elf(init="kernelsinference_core_ops")
    assert failures(make_wheel(tmp_path, {MODULE: None, module: shared, BUILD_INFO: info})) == {}


@pytest.mark.parametrize("script", ["deepspeed", "deepspeed.pt", "dsr", "ds_report.bat"])
def test_scripts_that_are_called_like_deepspeeds_are_fine_in_an_unknown_release(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_match, "files_of_release", lambda version: None)
    commands: Changes = {
        f"{INFO}/entry_points.txt": f"[console_scripts]\n{script} = deepspeed:main\n{UPSTREAM}".encode()
    }
    changes: Changes = {f"deepspeed-{VERSION}.data/scripts/{script}": b"#!python\n", **commands}
    assert failures(make_wheel(tmp_path, changes)) == {}


def test_a_member_with_a_second_name_is_a_fault(tmp_path: Path) -> None:
    """Python from 3.13 on and uv would install evil.pth, which runs whenever Python starts."""
    wheel, name = make_wheel(tmp_path), b"deepspeed/__init__.py"
    field = b"\1" + struct.pack("<I", zlib.crc32(name)) + b"evil.pth"
    with zipfile.ZipFile(wheel) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, content in members.items():
            second = struct.pack("<HH", 0x7075, len(field)) + field if info.filename.encode() == name else b""
            info.extra = second
            archive.writestr(info, content)
    assert failures(wheel)["zip"] == "deepspeed/__init__.py has a second name in an extra field"


def test_a_damaged_member_is_a_failed_check(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    content = wheel.read_bytes()
    place = content.index(b"Requires-Dist: numpy")
    wheel.write_bytes(content[:place] + b"X" + content[place + 1 :])
    assert "wrong hash" in failures(wheel)["RECORD"]


@pytest.mark.parametrize(
    ("name", "content"), [("notes.txt", b""), ("deepspeed-1.0-py3-none-any.whl", b"not a zip"), ("deepspeed.whl", b"")]
)
def test_a_file_that_is_no_wheel_is_an_input_error(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        verify_file(tmp_path / name)


def test_a_wheel_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        verify_file(tmp_path / "deepspeed-1.0-py3-none-any.whl")


def test_any_other_wheel_gets_a_report(tmp_path: Path) -> None:
    everything: Changes = {BUILD_INFO: None, MODULE: None, f"{INFO}/METADATA": None, f"{INFO}/WHEEL": None}
    assert not verify_file(make_wheel(tmp_path, everything)).passed


@pytest.mark.parametrize(
    ("version", "platform", "whose"),
    [
        ("0.18.9+cu.12.8.torch.2.10", "linux_x86_64", "Astral's: its name shows the torch and the CUDA"),
        ("0.16.5", "win_amd64", "upstream's own for Windows: "),
        ("0.17.5", "win_amd64", "hand-made for Windows: upstream published none"),
        ("0.18.2+5d9cf9a3", "win_amd64", "built from a git checkout: "),
        ("0.18.2+unknown", "linux_x86_64", "built from a git checkout: "),
        ("0.19.8", "linux_x86_64", "built by pip from upstream's sdist, or by conda: "),
        ("0.19.8+mine", "linux_x86_64", "local version label 'mine' is of nobody known here"),
    ],
)
def test_a_wheel_of_somebody_else_is_named_for_what_it_is(
    version: str, platform: str, whose: str, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, name=f"deepspeed-{version}-cp311-cp311-{platform}.whl")
    label = next(check for check in verify_file(wheel).checks if check.name == "version label")
    assert label.passed is None
    assert label.detail.startswith(whose)


@pytest.mark.parametrize(
    ("torch", "cuda", "fault"), [("2.10", "12.8", ""), ("2.11", "12.8", "torch 2.11"), ("2.10", "12.9", "CUDA 12.9")]
)
def test_the_label_of_somebody_else_is_compared_with_the_build_record_too(
    torch: str, cuda: str, fault: str, tmp_path: Path
) -> None:
    version = "0.18.9+cu.12.8.torch.2.10"
    record = build_info(version=version, accelerator="cuda", torch=torch, cuda=cuda)
    wheel = make_wheel(
        tmp_path, {BUILD_INFO: record.encode()}, name=f"deepspeed-{version}-cp311-cp311-linux_x86_64.whl"
    )
    assert fault in failures(wheel).get("build record", "")
    assert bool(fault) == ("build record" in failures(wheel))
