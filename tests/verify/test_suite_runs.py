from __future__ import annotations

import ast
import ctypes
import os
import sys
from pathlib import Path

import pytest

from scripts.command import Command
from scripts.errors import InputError
from scripts.verify.check import CheckResult
from scripts.verify.levels import verify_wheel
from scripts.verify.suite_runs import (
    SUITE,
    SUITE_DIRECTORY,
    Claims,
    Step,
    find_document,
    run_step,
    run_suite,
    suite_commands,
)
from tests.verify.stub_wheel import BUILD_INFO, VERSION, build_info, make_wheel

BUILDER = """
class OpBuilder:
    name = "cpu_adam"
    def load(self):
        return self.jit_load()
    def jit_load(self, verbose=True):
        raise SystemExit("it was compiled")
"""
TORCH = "from . import version\n__version__ = '2.6.0+cpu'\n"
STUBS = {
    "deepspeed/__init__.py": "",
    "deepspeed/ops/__init__.py": "",
    "deepspeed/ops/op_builder/__init__.py": "",
    "deepspeed/ops/op_builder/builder.py": BUILDER,
    "deepspeed/ops/op_builder/all_ops.py": "from .builder import OpBuilder\nALL_OPS = {'cpu_adam': OpBuilder()}",
    "deepspeed/git_version_info.py": "installed_ops = {'cpu_adam': 1, 'async_io': False}",
    "deepspeed/accelerator.py": "import types\nget_accelerator = lambda: types.SimpleNamespace(_name='cuda')",
    **{f"deepspeed/ops/{name.lower()}.py": f"Fused{name} = None" for name in ("Adam", "Lamb", "Lion")},
    "torch/__init__.py": TORCH + "class cuda:\n    is_available = staticmethod(lambda: False)",
    "torch/version.py": "cuda = None",
    "torch/utils/__init__.py": "",
    "torch/utils/cpp_extension.py": "CUDA_HOME = '/usr/local/cuda'",
}
CLAIMS = Claims(version=VERSION, accelerator="cpu", ops=())
ROW = "cpu_adam ............... \\033[92m[YES]\\033[0m ...... \\033[92m[OKAY]\\033[0m"
INFO = f"DeepSpeed general environment info:\\ndeepspeed info ................... {VERSION}, unknown, unknown"


@pytest.fixture
def stub_deepspeed(tmp_path: Path) -> Path:
    """A python that answers as one with our wheel installed: a stub deepspeed beside a virtual environment's start."""
    for name, text in {**STUBS, "deepspeed/env_report.py": f"print('{ROW}\\n{INFO}')"}.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text + "\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path / "site"}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python


def test_every_program_runs_in_the_folder_with_the_wheels_accelerator(tmp_path: Path) -> None:
    steps = suite_commands(Path("python"), "cuda", tmp_path)
    assert [step.name for step in steps] == ["ds_report", *SUITE]
    assert {(step.command.cwd, step.command.env["DS_ACCELERATOR"]) for step in steps} == {(tmp_path, "cuda")}
    assert all("CUDA_VISIBLE_DEVICES" not in step.command.env for step in steps)
    assert all(Path(step.command.argv[1]).is_file() for step in steps[1:])


def test_the_document_is_found_before_what_c_libraries_print_at_the_end() -> None:
    assert find_document('log\n{"checks": []}\nAdam Optimizer #0 is created') == {"checks": []}
    assert find_document("{} \nnothing") is None


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_ds_report_is_compared_with_the_expected_ops(stub_deepspeed: Path, tmp_path: Path) -> None:
    report = run_suite(stub_deepspeed, make_wheel(tmp_path), ["cpu_adam", "fused_adam"], tmp_path, suite=())
    assert [(check.name, check.passed) for check in report.checks] == [("ds_report", True), ("ds_report ops", False)]


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_an_op_that_deepspeed_would_compile_at_run_time_fails(stub_deepspeed: Path, tmp_path: Path) -> None:
    check = run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path, suite=["load_ops"]).checks[-1]
    assert (check.name, check.passed) == ("load cpu_adam", False)
    assert "cpu_adam is not prebuilt here" in check.detail


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_every_check_is_told_once_with_the_seconds_it_took(stub_deepspeed: Path, tmp_path: Path) -> None:
    told: list[CheckResult] = []
    lines: list[str] = []
    report = run_suite(
        stub_deepspeed, make_wheel(tmp_path), None, tmp_path, lines.append, ["load_ops", "optimizers"], told.append
    )
    assert tuple(told) == report.checks
    assert [check.name for check in told if check.name.startswith(("ds_report", "load"))] == [
        "ds_report",
        "ds_report ops",
        "load cpu_adam",
    ]
    assert all(check.seconds > 0 for check in told if check.name in ("ds_report", "load cpu_adam"))
    assert not [line for line in lines if line.startswith(('{"check":', '{"checks":'))]


ANSWERS = """
import json, pathlib, sys, time
say = lambda **entry: print(json.dumps({"check": entry}), flush=True)
say(name="one", passed=True, detail="fine", seconds=0.2)
while not pathlib.Path("told").exists():
    time.sleep(0.01)
say(name="two", passed=False, detail="not fine", seconds=0.1)
"""


def test_a_check_is_told_while_the_next_one_runs(tmp_path: Path) -> None:
    lines: list[str] = []

    def tell(check: CheckResult) -> None:
        lines.append(check.as_line())
        (tmp_path / "told").touch()  # what the program waits for

    command = Command(argv=(sys.executable, "-c", f"{ANSWERS}\nprint(json.dumps({{'checks': []}}))"), cwd=tmp_path)
    checks = run_step(Step(name="train", command=command, timeout_seconds=60), CLAIMS, (), watch=tell)
    assert lines == ["one: passed in 0.2 s (fine)", "two: FAILED in 0.1 s (not fine)"]
    assert [(check.name, check.passed, check.seconds) for check in checks] == [("one", True, 0.2), ("two", False, 0.1)]


def test_a_program_that_breaks_off_keeps_what_it_had_answered(tmp_path: Path) -> None:
    told: list[CheckResult] = []
    (tmp_path / "told").touch()
    program = f"{ANSWERS}\nprint('out of memory')\nsys.exit(9)\n"
    command = Command(argv=(sys.executable, "-c", program), cwd=tmp_path)
    checks = run_step(Step(name="train", command=command, timeout_seconds=60), CLAIMS, (), watch=told.append)
    assert [(check.name, check.passed) for check in checks] == [("one", True), ("two", False), ("train", False)]
    assert "exit code 9" in checks[-1].detail
    assert checks[-1].detail.endswith("out of memory")
    assert told == checks


NOT_INSTALLED = "'libcudart.so.12: cannot open shared object file'"
NO_DRIVER = "'libcuda.so.1: cannot open shared object file'"
PROBE = """
import torch
from torch.utils import cpp_extension
__version__ = "0.16.5"
if torch.cuda.is_available() and cpp_extension.CUDA_HOME is None:
    raise RuntimeError("CUDA_HOME does not exist")
"""


def change_stub(tmp_path: Path, name: str, old: str, new: str) -> None:
    file = tmp_path / "site" / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def ask_cuda_wheel(python: Path, folder: Path, script: str) -> list[CheckResult]:
    """The checks of one script, for a wheel that says it is for CUDA."""
    wheel = make_wheel(folder, {BUILD_INFO: build_info(accelerator="cuda").encode()})
    return [
        check for check in run_suite(python, wheel, None, folder, suite=[script]).checks if "ds_rep" not in check.name
    ]


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_a_missing_library_is_told_with_the_likely_reason(stub_deepspeed: Path, tmp_path: Path) -> None:
    change_stub(tmp_path, "deepspeed/ops/op_builder/builder.py", "self.jit_load()", "self.fail()")
    with (tmp_path / "site/deepspeed/ops/op_builder/builder.py").open("a", encoding="utf-8") as stub:
        stub.write(f"    def fail(self):\n        raise ImportError({NOT_INSTALLED})\n")
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, "load_ops")
    assert (check.name, check.passed) == ("load cpu_adam", False)
    assert "is for CPU, and the wheel needs torch for CUDA; ImportError: libcudart.so.12" in check.detail


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_an_op_that_needs_the_gpu_driver_is_skipped_where_there_is_none(stub_deepspeed: Path, tmp_path: Path) -> None:
    change_stub(
        tmp_path, "deepspeed/ops/op_builder/builder.py", "return self.jit_load()", f"raise ImportError({NO_DRIVER})"
    )
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, "load_ops")
    assert (check.passed, "needs the GPU driver" in check.detail) == (None, True)


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
@pytest.mark.parametrize(("package", "passed"), [(PROBE, False), ('__version__ = "0.19.8"', True)])
def test_an_import_that_wants_nvcc_once_there_is_a_gpu_fails(
    package: str, passed: bool, stub_deepspeed: Path, tmp_path: Path
) -> None:
    (tmp_path / "site/deepspeed/__init__.py").write_text(package, encoding="utf-8")
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, "bare_machine")
    assert (check.name, check.passed) == ("import without a CUDA toolkit", passed)
    assert check.detail == ("deepspeed 0.19.8, GPU simulated" if passed else "RuntimeError: CUDA_HOME does not exist")


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
@pytest.mark.parametrize(("script", "name"), [("gpu", "GPU kernels"), ("train", "training")])
@pytest.mark.parametrize("cuda", [None, "12.4"])
def test_without_a_gpu_its_checks_are_skipped_and_nothing_is_imported_to_say_so(
    script: str, name: str, cuda: str | None, stub_deepspeed: Path, tmp_path: Path
) -> None:
    (tmp_path / "site/torch/__init__.py").write_text("raise SystemExit('torch was imported')", encoding="utf-8")
    (tmp_path / "site/torch/version.py").write_text(f"cuda = {cuda!r}", encoding="utf-8")
    if cuda and prebuilt_loads("libcuda.so.1"):
        pytest.skip("this machine has a GPU driver")
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, script)
    assert (check.name, check.passed) == (name, None)
    assert "a GPU, and there is none here" in check.detail


def prebuilt_loads(library: str) -> bool:
    """Whether the loader finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_bytecode_is_compiled_once_and_kept_out_of_the_environment(
    stub_deepspeed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "run").mkdir()
    run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path / "run", suite=["load_ops"])
    assert list((tmp_path / "run").rglob("builder.*.pyc"))
    assert not list((tmp_path / "site").rglob("*.pyc"))


@pytest.mark.parametrize("script", sorted(SUITE_DIRECTORY.glob("*.py")), ids=lambda script: script.stem)
def test_suite_scripts_import_only_what_the_fresh_environment_has(script: Path) -> None:
    nodes = list(ast.walk(ast.parse(script.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    siblings = {path.stem for path in SUITE_DIRECTORY.glob("*.py")}
    assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "torch", "deepspeed", *siblings}


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_another_deepspeed_in_the_environment_fails(stub_deepspeed: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, name="deepspeed-0.18.9-cp311-cp311-linux_x86_64.whl")
    check = run_suite(stub_deepspeed, wheel, None, tmp_path, suite=()).checks[0]
    assert (check.passed, "not 0.18.9" in check.detail) == (False, True)


def test_an_environment_without_torch_gives_failed_checks_not_a_traceback(tmp_path: Path) -> None:
    report = run_suite(Path(sys.executable), make_wheel(tmp_path), None, tmp_path)
    skipped = {"bare_machine": "import without a CUDA toolkit", "gpu": "GPU kernels"}  # there are none in a CPU wheel
    assert [(check.name, check.passed) for check in report.checks] == [
        (skipped.get(name, name), None if name in skipped else False) for name in ("ds_report", *SUITE)
    ]
    assert "No module named" in report.checks[0].detail


def test_a_python_that_is_not_there_gives_failed_checks(tmp_path: Path) -> None:
    report = run_suite(tmp_path / "absent", make_wheel(tmp_path), None, tmp_path, suite=())
    assert "cannot start" in report.checks[0].detail


def test_audit_needs_no_python_and_smoke_does(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    assert verify_wheel(wheel).passed
    with pytest.raises(InputError, match="give the python"):
        verify_wheel(wheel, "smoke")


def test_running_a_wheel_that_is_not_deepspeed_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a built DeepSpeed wheel"):
        run_suite(Path(sys.executable), make_wheel(tmp_path, {BUILD_INFO: None}), None, tmp_path)
