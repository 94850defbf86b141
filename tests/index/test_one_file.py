"""`deepspeed-wheels.pyz`: small, the same every time, with nothing that builds, and at work on every Python here."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.carried import TASK, as_typed, values_as_typed
from scripts.dirs import CHECKOUT
from scripts.facts.load import DATA, load_facts, tables
from scripts.host import find_interpreter
from scripts.index import one_file as maker
from scripts.index.one_file import LEFT_OUT, NAME, PACKAGES, WITHOUT, imports, one_file, reached
from scripts.one_file_main import TASKS, main
from scripts.schema.data_document import as_json, read_data
from scripts.schema.readers import Number, Problems
from tests.index.world import TARGETS, MakePerson, World
from tests.publish.loopback import KNOWN_PLATFORM, client_variables

MOST_BYTES = 3_000_000
BUILDERS = ("wheel_build", "toolchain", "portability", "ci/summary")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
FOLDER = "a folder with blanks und Ümläuten"


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    """The file of the loopback site, in a folder of its own."""
    file = tmp_path_factory.mktemp("no-clone") / FOLDER / NAME
    file.parent.mkdir()
    file.write_bytes(one_file(world.published.url))
    return file


def run_file(pyz: Path, python: str, *words: str, world: World) -> subprocess.CompletedProcess[str]:
    """The file at work: nothing of this checkout or its environment can be imported."""
    env = client_variables(world.registry, pyz.parent / "cache")
    env.pop("PYTHONPATH", None)
    env["DEEPSPEED_WHEELS_CACHE"] = str(pyz.parent / "downloads")
    return subprocess.run(
        [python, "-s", NAME, *words], cwd=pyz.parent, env=env, capture_output=True, text=True, check=False
    )


def pythons() -> Sequence[object]:
    found = {version: find_interpreter(version) for version in PYTHONS}
    return [
        pytest.param(python, id=version, marks=[] if python else pytest.mark.skip(reason=f"no Python {version} here"))
        for version, python in found.items()
    ]


def test_it_is_small_the_same_every_time_and_holds_nothing_that_builds() -> None:
    first = one_file("https://example.org/wheels/")
    maker._members.cache_clear()
    assert one_file("https://example.org/wheels/") == first
    assert len(first) < MOST_BYTES
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert json.loads(archive.read("site.json")) == {"url": "https://example.org/wheels/"}
    assert [name for name in names if name.startswith(tuple(f"scripts/{each}" for each in BUILDERS))] == []
    assert [name for name in names if name.endswith((".so", ".pyd", ".yaml", ".pyc"))] == []
    assert {f"licenses/{name}/" for name in PACKAGES.values()} <= {f"{Path(name).parent.as_posix()}/" for name in names}


def test_whatever_it_imports_is_inside_or_known_to_be_missing() -> None:
    names = {name.split(".")[0] for path in reached().values() for name in imports(path)}
    assert names - sys.stdlib_module_names - {"scripts"} <= PACKAGES.keys() | WITHOUT.keys()
    assert {f"scripts.{name}" for name in ("install.choose", "verify.static", "diagnose.diagnosis")} <= reached().keys()
    assert all((CHECKOUT / Path(*name.split("."))).with_suffix(".py").is_file() for name in LEFT_OUT)


def test_its_data_says_what_ours_says() -> None:
    for file in {table.file for table in tables().values()}:
        problems = Problems()
        document = read_data(DATA / file, problems)
        assert problems == []
        assert as_json(json.loads(as_json(document), object_hook=maker_value)) == as_json(document)
    assert load_facts().torch


def maker_value(mapping: dict[str, object]) -> object:
    from scripts.schema.data_document import _value

    return _value(mapping)


def test_a_number_keeps_how_it_was_written() -> None:
    text = as_json({"minutes": Number("3.10"), "none": None, "yes": True, "list": ["3.10"]})
    read = json.loads(text, object_hook=maker_value)
    assert (str(read["minutes"]), read["none"], read["yes"], read["list"]) == ("3.10", None, True, ["3.10"])


@pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
@pytest.mark.parametrize("python", pythons())
def test_every_python_finds_the_wheel_at_the_site_that_it_came_from(
    pyz: Path, python: str, world: World, make_person: MakePerson
) -> None:
    person = make_person("2.6.0+cpu")
    told = run_file(pyz, python, "find", "--python", str(person.python), "--json", world=world)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["wheel"]["id"] == TARGETS[4].id


@pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
def test_it_installs_into_an_environment_without_pip(pyz: Path, world: World, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cpu")
    told = run_file(pyz, sys.executable, "install", "--python", str(person.python), world=world)
    assert told.returncode == 0, told.stderr
    assert (person.has("deepspeed"), person.has("torch")) == (TARGETS[4].wheel_version, "2.6.0+cpu")


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_an_environment_may_be_older_than_what_runs_the_file(pyz: Path, version: str, world: World) -> None:
    python = find_interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    told = run_file(pyz, sys.executable, "find", "--python", python, "--json", world=world)
    assert json.loads(told.stdout)["environment"]["version"] == version
    refused = run_file(pyz, python, "find", world=world)
    assert (refused.returncode, "needs Python 3.10 or newer" in refused.stderr) == (1, True)


def test_what_needs_a_compiled_package_is_skipped_and_says_so(pyz: Path, world: World) -> None:
    wheel = next((world.root / "releases").rglob("*.whl"))
    python = find_interpreter("3.12") or sys.executable
    told = run_file(pyz, python, "verify", str(wheel), "--json", world=world)
    checks = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert checks, told.stderr


def test_hints_are_as_they_are_typed_here(pyz: Path, world: World) -> None:
    log = pyz.parent / "log.txt"
    log.write_text(f"ERROR: {TARGETS[0].wheel_name} is not a supported wheel on this platform.\n")
    told = run_file(pyz, sys.executable, "diagnose", str(log), world=world)
    assert f"let `python {NAME} find` choose" in told.stdout, told.stderr
    as_json = run_file(pyz, sys.executable, "diagnose", str(log), "--json", world=world)
    assert f"let `python {NAME} find` choose" in as_json.stdout
    assert "invoke" not in told.stdout + as_json.stdout


def test_a_hint_names_the_program_that_this_is_or_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "say `invoke find --json`, 'invoke build --jobs 1' or 'invoke plan in a clone'; invoke it"
    assert as_typed(text) == text
    monkeypatch.setattr("scripts.carried.one_file", lambda: Path("/tmp/a.pyz"))
    wanted = "say `python a.pyz find --json`, 'invoke build --jobs 1' in a clone or 'invoke plan in a clone'; invoke it"
    assert as_typed(text) == wanted
    assert values_as_typed({"a": [text, 1]}) == {"a": [wanted, 1]}


def test_every_hint_of_its_modules_is_quoted_so_that_it_is_found() -> None:
    """What is not is one for a program that the one file is not."""
    loose = []
    for name, path in reached().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
        unseen = {id(node.body[0].value) for node in nodes if isinstance(node.body[0], ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "more":  # of the reference alone
                unseen |= {id(child) for child in ast.walk(node.value)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
        shown = [TASK.sub("", str(node.value)) for node in texts if id(node) not in unseen]
        loose += [(name, text) for text in shown if re.search(r"\binvoke [a-z]", text)]
    assert loose == []


def test_help_names_each_task_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in TASKS)
    assert main(["install", "--help"]) == 0
    assert "--python" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compile"], "'compile' is no task"),
        (["find", "--nonsense"], "unknown option --nonsense"),
        (["verify"], "--wheel is missing"),
        (["verify", "nothing.whl"], "nothing.whl"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code
    assert said in capsys.readouterr().err


def test_the_page_names_the_file_with_its_digest() -> None:
    from tests.index.page.factories import render, some_wheels

    content = one_file("https://example.org/")
    page = render(some_wheels(), one_file=content)["index.html"].decode()
    assert hashlib.sha256(content).hexdigest() in page
    assert f'href="{NAME}"' in page
    assert os.fspath(CHECKOUT) not in page
