"""An import points back along the flow, and a module's name and size say where it belongs."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "outgoing",
    "errors",
    "carried",
    "console",
    "options",
    "shell",
    "stop_signals",
    "guard",
    "process_tree",
    "disk_space",
    "command",
    "files",
    "host",
    "graphics",
    "dirs",
    "locks",
    "stamp",
    "versions",
    "data",
    "schema",
    "facts",
    "diagnose",
    "plan",
    "fetch",
    "wheel",
    "verify",
    "toolchain",
    "wheel_build",
    "portability",
    "watch",
    "publish",
    "index",
    "install",
    "doctor",
    "ci",
    "commands",
    "window",
    "one_file_main",
)
TASK_PACKAGES = {"dirs", "errors", "options", "host", "plan", "fetch", "wheel_build", "commands", "command"} | {
    "guard",
    "stop_signals",
    "window",
}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "scripts").rglob("*.py"))
}
MOST_LINES = 250
MOST_DEEP = 14  # imports in a row, from a task to the last module that needs nothing of ours


def imported(path: Path) -> Iterator[str]:
    """Every name that the module imports from `scripts`, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "scripts")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its package"
            if (node.module or "").split(".")[0] == "scripts":
                yield from (_module_of(node.module or "", alias.name) for alias in node.names)


def _module_of(module: str, name: str) -> str:
    return f"{module}.{name}" if f"{module}.{name}" in MODULES or module == "scripts" else module


def package_of(module: str) -> str:
    return module.split(".")[1]


def code_lines(path: Path) -> int:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def test_every_package_is_in_the_list() -> None:
    assert {package_of(module) for module in MODULES if module != "scripts"} <= set(PACKAGES)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "scripts"])
def test_an_import_points_back_along_the_flow(module: str) -> None:
    here = PACKAGES.index(package_of(module))
    forward = [name for name in imported(MODULES[module]) if PACKAGES.index(package_of(name)) > here]
    assert forward == []


def test_what_is_imported_exists() -> None:
    missing = {(module, name) for module, path in MODULES.items() for name in imported(path) if name not in MODULES}
    assert missing == set()


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module: set(imported(path)) - {module} for module, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(MODULES) <= set(order)


@pytest.mark.parametrize("file", ["tasks.py", "noxfile.py"])
def test_task_files_only_call(file: str) -> None:
    packages = {package_of(name) for name in imported(ROOT / file)}
    assert packages
    assert packages <= TASK_PACKAGES


def test_no_module_is_named_like_a_standard_one() -> None:
    names = {module.rsplit(".", 1)[-1]: module for module in MODULES}
    assert sorted(names.keys() & sys.stdlib_module_names) == []


def test_no_two_modules_and_no_two_classes_share_a_name() -> None:
    names = Counter(module.rsplit(".", 1)[-1] for module, path in MODULES.items() if path.name != "__init__.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES.values()]
    classes = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in (*names.items(), *classes.items()) if count > 1] == []


def test_few_modules_start_processes() -> None:
    """The one of ours, its guard, and two that run with the Python of another environment or machine."""
    trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}
    calls = {
        "subprocess.Popen",
        "subprocess.run",
        "subprocess.check_output",
        "subprocess.check_call",
        "os.system",
        "os.posix_spawn",
    }
    starting = {
        module
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls
    }
    assert "scripts.command" in starting
    assert len(starting) <= 4, starting


@pytest.mark.parametrize("module", list(MODULES))
def test_a_module_is_short_enough_to_read(module: str) -> None:
    assert code_lines(MODULES[module]) < MOST_LINES


def test_what_runs_inside_another_environment_needs_nothing_of_ours() -> None:
    inside = [path for module, path in MODULES.items() if ".inside" in module]
    assert inside
    assert [name for path in inside for name in imported(path)] == []


@cache
def chain(module: str) -> tuple[str, ...]:
    """The longest row of imports that begins with the module."""
    following = [chain(name) for name in imported(MODULES[module]) if name in MODULES and name != module]
    return (module, *max(following, key=len, default=()))


def test_no_row_of_imports_is_longer_than_it_must_be() -> None:
    longest = max((chain(module) for module in MODULES), key=len)
    assert len(longest) - 1 <= MOST_DEEP, longest
