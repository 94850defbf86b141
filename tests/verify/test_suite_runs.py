from __future__ import annotations

import ast
import ctypes
import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.facts.verification_parts import VerificationPart
from scripts.verify.check import CheckResult, Report
from scripts.verify.levels import verify_wheel
from scripts.verify.suite_runs import SUITE_DIRECTORY, read_answer, run_suite, suite_command
from tests.verify.stub_wheel import BUILD_INFO, VERSION, build_info, make_wheel

FACTS = load_facts()
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


def parts(*names: str) -> list[VerificationPart]:
    return [FACTS.verification_parts[name] for name in names]


def test_the_runner_has_the_wheels_accelerator_and_a_folder_of_its_own(tmp_path: Path) -> None:
    command = suite_command(Path("python"), "cuda", tmp_path, tmp_path / "orders.json")
    assert (command.cwd, command.env["DS_ACCELERATOR"]) == (tmp_path, "cuda")
    assert "CUDA_VISIBLE_DEVICES" not in command.env
    assert Path(command.argv[1]).is_file()


@pytest.mark.parametrize("line", ["log", '{"check": broken', "{}"])
def test_what_libraries_print_is_no_answer(line: str) -> None:
    assert read_answer(line) is None


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_ds_report_is_compared_with_the_expected_ops(stub_deepspeed: Path, tmp_path: Path) -> None:
    report = run_suite(stub_deepspeed, make_wheel(tmp_path), ["cpu_adam", "x"], tmp_path, parts("ds_report"))
    assert [(check.name, check.passed) for check in report.checks] == [("ds_report", True), ("ds_report ops", False)]
    assert [(part.name, part.passed) for part in report.parts] == [("ds_report", False)]


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_an_op_that_deepspeed_would_compile_at_run_time_fails(stub_deepspeed: Path, tmp_path: Path) -> None:
    check = run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path, parts("load_ops")).checks[-1]
    assert (check.name, check.passed, check.part) == ("load cpu_adam", False, "load_ops")
    assert "cpu_adam is not prebuilt here" in check.detail


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_every_check_is_told_once_and_every_part_says_what_it_took(stub_deepspeed: Path, tmp_path: Path) -> None:
    told: list[CheckResult] = []
    lines: list[str] = []
    run = parts("ds_report", "load_ops", "bare_machine")
    report = run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path, run, lines.append, told.append)
    assert tuple(told) == report.checks
    assert {check.name for check in told} == {"ds_report", "ds_report ops", "load cpu_adam", "bare_machine"}
    assert [(part.name, part.passed, part.seconds > 0) for part in report.parts] == [
        ("ds_report", True, True),
        ("load_ops", False, True),
        ("bare_machine", None, False),
    ]
    assert not [line for line in lines if read_answer(line)]


PROGRAMS = {
    "good": "print('noise'); say('one', True, 'fine')",
    "bad": "say('two', False, 'not fine')",
    "breaks": "say('three', True, 'fine'); print('out of memory', flush=True); os._exit(9)",
    "hangs": "time.sleep(60)",
    "both": "say('sum', os.environ['RANK'] == '0', 'by ' + os.environ['RANK'])",
    "stages": "say('stage ' + os.environ['PART_STAGE'], True, os.environ['WORLD_SIZE'])",
    "lasts": "say('lasts', wait_for('../begun'), 'heard')",
    "meanwhile": "open('../begun', 'w').close(); say('meanwhile', True, '')",
    "waits": "time.sleep(60) if os.environ['RANK'] == '0' else os._exit(3)",
}
PROGRAM = """
import json, os, time
def say(name, passed, detail):
    print(json.dumps({"check": {"name": name, "passed": passed, "detail": detail, "seconds": 0.1}}), flush=True)
def wait_for(file):
    end = time.monotonic() + 20
    while not os.path.exists(file) and time.monotonic() < end:
        time.sleep(0.05)
    return os.path.exists(file)
def main():
    BODY
"""


@pytest.fixture
def made_up(tmp_path: Path, stub_deepspeed: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Runs parts whose programs are made up, by the real runner."""
    suite = tmp_path / "suite"
    shutil.copytree(SUITE_DIRECTORY, suite, ignore=shutil.ignore_patterns("__pycache__"))
    for name, body in PROGRAMS.items():
        (suite / f"{name}.py").write_text(PROGRAM.replace("BODY", body), encoding="utf-8")
    monkeypatch.setattr("scripts.verify.suite_runs.RUNNER", suite / "preloaded.py")
    row = FACTS.verification_parts["load_ops"]

    def run(*names: str, processes: tuple[int, ...] = (1,), seconds: float = 30.0) -> Report:
        rows = [replace(row, name=name, program=name, processes=processes, seconds=seconds) for name in names]
        (tmp_path / "run").mkdir()
        return run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path / "run", rows)

    return run


def said(report: Report) -> list[tuple[str, bool | None, str]]:
    return [(check.name, check.passed, check.detail) for check in report.checks]


needs_fork = pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")


@needs_fork
def test_a_part_that_breaks_off_keeps_what_it_had_answered_and_stops_no_other(made_up: Callable[..., Report]) -> None:
    report = made_up("good", "bad", "breaks")
    assert sorted(said(report)) == [
        ("breaks", False, "exit code 9, last output: out of memory"),
        ("one", True, "fine"),
        ("three", True, "fine"),
        ("two", False, "not fine"),
    ]
    assert {part.name: part.passed for part in report.parts} == {"good": True, "bad": False, "breaks": False}


@needs_fork
def test_a_part_that_hangs_is_ended(made_up: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    report = made_up("hangs", seconds=0.2)
    assert report.checks[0].passed is False
    assert report.checks[0].detail.startswith("took longer than 0.2 s")


@needs_fork
def test_an_answer_that_one_process_of_several_fails_has_failed(made_up: Callable[..., Report]) -> None:
    assert said(made_up("both", processes=(2,))) == [("sum", False, "by 1")]


@needs_fork
def test_stages_follow_one_another_each_with_its_processes(made_up: Callable[..., Report]) -> None:
    assert said(made_up("stages", processes=(2, 1, 3))) == [
        ("stage 0", True, "2"),
        ("stage 1", True, "1"),
        ("stage 2", True, "3"),
    ]


@needs_fork
def test_a_part_of_two_processes_begins_beside_one_that_leaves_a_processor_free(
    made_up: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.verify.suite_runs.usable_processors", lambda: 2)
    """The first waits for a file that the second makes; which of them ends first is chance."""
    found = said(made_up("lasts", "meanwhile", processes=(1, 2)))
    assert sorted(found) == [("lasts", True, "heard"), ("meanwhile", True, "")]


@needs_fork
def test_a_process_that_waits_for_one_that_ended_is_ended(made_up: Callable[..., Report]) -> None:
    started = time.monotonic()
    report = made_up("waits", processes=(2,), seconds=300.0)
    assert report.checks[0].detail.startswith("exit code 3")
    assert time.monotonic() - started < 60


def test_a_part_for_other_releases_is_skipped_with_its_reason(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, name="deepspeed-0.19.8-cp311-cp311-linux_x86_64.whl")
    report = run_suite(tmp_path / "absent", wheel, None, tmp_path, parts("compression", "gpu"))
    assert said(report) == [
        ("compression", None, "upstream removed deepspeed.compression.compress in 0.19.7"),
        ("gpu", None, "it needs a GPU, and the wheel is for CPU"),
    ]
    assert not report.passed


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
    return list(run_suite(python, wheel, None, folder, parts(script)).checks)


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_a_missing_library_is_told_with_the_likely_reason(stub_deepspeed: Path, tmp_path: Path) -> None:
    change_stub(tmp_path, "deepspeed/ops/op_builder/builder.py", "self.jit_load()", "self.fail()")
    with (tmp_path / "site/deepspeed/ops/op_builder/builder.py").open("a", encoding="utf-8") as stub:
        stub.write(f"    def fail(self):\n        raise ImportError({NOT_INSTALLED})\n")
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, "load_ops")
    assert (check.name, check.passed) == ("load cpu_adam", None)
    assert check.detail.startswith(
        "not the wheel's fault: torch 2.6.0+cpu here is for CPU, and the wheel needs torch for"
    )
    assert "ImportError: libcudart.so.12" in check.detail


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
@pytest.mark.parametrize("script", ["gpu", "train", "zero-3"])
@pytest.mark.parametrize("cuda", [None, "12.4"])
def test_without_a_gpu_its_parts_are_skipped_and_nothing_is_imported_to_say_so(
    script: str, cuda: str | None, stub_deepspeed: Path, tmp_path: Path
) -> None:
    (tmp_path / "site/torch/__init__.py").write_text("raise SystemExit('torch was imported')", encoding="utf-8")
    (tmp_path / "site/torch/version.py").write_text(f"cuda = {cuda!r}", encoding="utf-8")
    if cuda and prebuilt_loads("libcuda.so.1"):
        pytest.skip("this machine has a GPU driver")
    (check,) = ask_cuda_wheel(stub_deepspeed, tmp_path, script)
    assert (check.name, check.passed) == (script, None)
    assert "there is none here" in check.detail


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
    run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path / "run", parts("load_ops"))
    assert list((tmp_path / "run").rglob("builder.*.pyc"))
    assert not list((tmp_path / "site").rglob("*.pyc"))


@pytest.mark.parametrize("script", sorted(SUITE_DIRECTORY.glob("*.py")), ids=lambda script: script.stem)
def test_suite_scripts_import_only_what_the_fresh_environment_has(script: Path) -> None:
    nodes = list(ast.walk(ast.parse(script.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    siblings = {path.stem for path in SUITE_DIRECTORY.glob("*.py")}
    assert {name.split(".")[0] for name in names} <= {
        *sys.stdlib_module_names,
        "torch",
        "deepspeed",
        "psutil",
        *siblings,
    }


TRIAL = SUITE_DIRECTORY / "trial"
OF_DEEPSPEED = {"tensor-parallel": {"transformers"}, "autotuning": {"tabulate"}}  # what it imports for them, unasked
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in TRIAL.glob("*.py")}
PRESENT = {*sys.stdlib_module_names, *(path.stem for path in SUITE_DIRECTORY.rglob("*.py")), "torch", "deepspeed"}


def definitions(module: str) -> dict[str, ast.AST]:
    """What a program defines, by name; its table of parts aside."""
    found: dict[str, ast.AST] = {}
    for node in MODULES[module].body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        for target in getattr(node, "targets", []):
            found.update({name.id: node for name in ast.walk(target) if isinstance(name, ast.Name)})
    return found


def imported(module: str, root: ast.AST, seen: set[ast.AST]) -> set[str]:
    """The packages that `root` imports, and what it names, here and in the programs beside this one."""
    if root in seen:
        return set()
    seen.add(root)
    found: set[str] = set()
    for node in ast.walk(root):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Name) and node.id in definitions(module):
            found |= imported(module, definitions(module)[node.id], seen)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MODULES:
            beside = definitions(node.value.id).get(node.attr)
            found |= imported(node.value.id, beside, seen) if beside else set()
    return found - PRESENT


def body_of(part: VerificationPart) -> tuple[str, ast.AST]:
    """The program of a part, and what its table has for it: the whole table, where that is made by a loop."""
    module = part.program.split("/")[1]
    [table] = [
        node.value
        for node in MODULES[module].body
        if isinstance(node, ast.Assign | ast.AnnAssign) and "PARTS" in ast.unparse(node).split("=")[0] and node.value
    ]
    own = [
        value
        for key, value in zip(getattr(table, "keys", []), getattr(table, "values", []), strict=True)
        if isinstance(key, ast.Constant) and key.value == part.name
    ]
    return module, own[0] if own else table


@pytest.mark.parametrize("name", [n for n, part in FACTS.verification_parts.items() if part.arguments])
def test_a_part_names_every_package_that_it_imports(name: str) -> None:
    part = FACTS.verification_parts[name]
    needed = imported(*body_of(part), set()) | OF_DEEPSPEED.get(name, set())
    assert needed <= set(part.packages)


def test_the_packages_of_a_part_are_found_through_other_programs() -> None:
    assert imported(*body_of(FACTS.verification_parts["bert"]), set()) == {"transformers"}
    assert imported(*body_of(FACTS.verification_parts["opt-lora"]), set()) == {"transformers", "peft"}
    assert imported(*body_of(FACTS.verification_parts["cifar"]), set()) == set()


@needs_fork
def test_a_part_whose_package_is_absent_is_skipped_and_says_so(stub_deepspeed: Path, tmp_path: Path) -> None:
    row = replace(FACTS.verification_parts["tensor-parallel"], packages=("no_such_package",))
    report = run_suite(stub_deepspeed, make_wheel(tmp_path), None, tmp_path, [row])
    assert said(report) == [("tensor-parallel", None, "no_such_package is not installed here")]


@pytest.mark.skipif(os.name == "nt", reason="the stub interpreter is a shell script")
def test_another_deepspeed_in_the_environment_fails(stub_deepspeed: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, name="deepspeed-0.18.9-cp311-cp311-linux_x86_64.whl")
    check = run_suite(stub_deepspeed, wheel, None, tmp_path, parts("ds_report")).checks[0]
    assert (check.passed, "not 0.18.9" in check.detail) == (False, True)


def test_an_environment_without_torch_gives_failed_checks_not_a_traceback(tmp_path: Path) -> None:
    ran = parts("ds_report", "load_ops", "train")
    report = run_suite(Path(sys.executable), make_wheel(tmp_path), None, tmp_path, ran)
    assert [(check.name, check.passed) for check in report.checks] == [(part.name, False) for part in ran]
    assert "No module named" in report.checks[0].detail


def test_a_python_that_is_not_there_gives_failed_checks(tmp_path: Path) -> None:
    report = run_suite(tmp_path / "absent", make_wheel(tmp_path), None, tmp_path, parts("load_ops"))
    assert "cannot start" in report.checks[0].detail


def test_reading_needs_no_python_and_loading_does(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    assert verify_wheel(wheel).passed
    with pytest.raises(InputError, match="give the python"):
        verify_wheel(wheel, "load")


def test_running_a_wheel_that_is_not_deepspeed_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a built DeepSpeed wheel"):
        run_suite(Path(sys.executable), make_wheel(tmp_path, {BUILD_INFO: None}), None, tmp_path, ())


def test_the_memory_that_processes_shared_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DeepSpeed leaves 69 MB a process in /dev/shm: a day of verifying filled a machine's memory."""
    monkeypatch.syspath_prepend(str(SUITE_DIRECTORY))
    processes = importlib.import_module("rank_processes")
    names = [f"deepspeed_allreduce_buffer_0_127.0.0.1_{port}_{rank}" for port in (29511, 29512) for rank in (0, 1)]
    for name in (*names, "other_29511_0"):
        (tmp_path / name).touch()
    ended = [processes.RankProcess(0, tmp_path / "output") for _ in range(2)]
    for process in ended:
        process.code = 0
    monkeypatch.setattr(processes.forget_buffers, "__defaults__", (tmp_path,))
    crew = processes.Crew({"seconds": 5}, 0, ended, 2, 29511)
    assert crew.ended(1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*sorted(names[2:]), "other_29511_0"]


def test_the_memory_of_the_autotuners_experiments_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts each at a port of its own: five of them left 345 MB behind."""
    for folder in (SUITE_DIRECTORY, SUITE_DIRECTORY / "trial"):
        monkeypatch.syspath_prepend(str(folder))
    tuning, processes = importlib.import_module("tuning"), importlib.import_module("rank_processes")
    shared, run = tmp_path / "shared", tmp_path / "run"
    shared.mkdir()
    run.mkdir()

    def experiment(words: list[str], seconds: float) -> tuple[int, str]:
        port = int(words[words.index("--master_port") + 1])
        for at, name in ((port + 1, "one"), (port + 3, "two")):
            (run / name).mkdir()
            (run / name / "exp.json").write_text(json.dumps({"exp_id": at - port, "master_port": at}), encoding="utf-8")
            (shared / f"deepspeed_allreduce_buffer_0_127.0.0.1_{at}_0").touch()
        (shared / f"deepspeed_allreduce_buffer_0_127.0.0.1_{port + 2}_0").touch()  # somebody else's
        return 1, "broke off"

    monkeypatch.chdir(run)
    monkeypatch.setattr(processes, "ended", experiment)
    monkeypatch.setattr(importlib.import_module("tiny"), "config", lambda stage: {})  # asks DeepSpeed where it computes
    monkeypatch.setattr(processes.forget_buffers, "__defaults__", (shared,))
    monkeypatch.setattr("os.environ", dict(os.environ))
    assert tuning.tuned()[0] is False
    assert len(list(shared.iterdir())) == 1


def test_what_processes_were_given_to_meet_each_other_is_told_with_what_they_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our verification set USE_LIBUV=0 on Windows and passed, and whoever used the wheel met its absence."""
    monkeypatch.syspath_prepend(str(SUITE_DIRECTORY))
    check = importlib.import_module("prebuilt").check
    monkeypatch.setenv("USE_LIBUV", "0")
    assert check("train", True, "loss 1 -> 0")["detail"] == "loss 1 -> 0"
    monkeypatch.setenv("RANK", "0")
    for passed in (True, False):
        assert check("train", passed, "loss 1 -> 0")["detail"] == "loss 1 -> 0, with USE_LIBUV=0"
    assert check("gpu", None, "it needs a GPU")["detail"] == "it needs a GPU"
