"""`invoke install` puts the right wheel into a real environment with real pip and real uv, and never another torch."""

from __future__ import annotations

import ensurepip
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.commands import install_task, wheel_choice
from scripts.commands.find_task import find
from scripts.commands.install_options import FindOptions, InstallOptions
from scripts.commands.install_task import install as install_with
from scripts.commands.store_wheels import open_published
from scripts.errors import CommandError, InputError, NothingToDoError, PrerequisiteError
from scripts.files import write_tree
from scripts.index.published_site import read_site
from scripts.index.simple_index import render_index
from scripts.install.choose import choose
from scripts.install.environment import read_environment
from scripts.install.installation import Installation, torch_line
from scripts.shell import shell_line
from scripts.wheel.published import publish_records
from tests.index.world import TARGETS, MakePerson, Person, World
from tests.install.factories import make_environment, make_machine, make_torch
from tests.publish.loopback import KNOWN_PLATFORM, use_client
from tests.wheel.factories import digest, make_wheel_record, make_wheel_target
from tests.wheel.wheelhouse import file_wheel

pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
BUILD_INFO = """\
version='0.16.5+cu124torch2.6'
git_hash='unknown'
git_branch='unknown'
accelerator_name='cuda'
installed_ops={'deepspeed_not_implemented': True}
torch_info={'version': '2.1', 'cuda_version': '12.4'}
"""
GPU = make_machine("8.6", flags=("avx2", "avx512f"))


@pytest.fixture(autouse=True)
def client(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's own settings: the registry is their default index."""
    use_client(monkeypatch, world.registry, tmp_path / "cache")
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(tmp_path / "downloads"))
    monkeypatch.setattr("scripts.install.environment.read_machine", lambda: GPU)


def install(world: World, person: Person, deepspeed: str = "", dry_run: bool = False) -> None:
    options = InstallOptions(
        python=str(person.python), deepspeed=deepspeed, index=world.published.url, dry_run=dry_run, json=True
    )
    install_with(options)


@pytest.mark.parametrize(
    ("torch", "deepspeed"),
    [
        ("2.6.0+cu124", "0.16.5+cu124torch2.6"),
        ("2.5.1+cu124", "0.16.5+cu124torch2.5"),
        ("2.6.0+cpu", "0.16.5+cputorch2.6"),
    ],
)
def test_the_wheel_for_the_installed_torch_is_installed(
    world: World, make_person: MakePerson, torch: str, deepspeed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person(torch)
    install(world, person)
    assert (person.has("deepspeed"), person.has("torch"), person.has("hjson")) == (deepspeed, torch, "3.1.0")
    told = json.loads(capfd.readouterr().out)
    assert (told["installed"], told["wheel"]["id"].startswith("ds0.16.5-torch")) == (True, True)


@pytest.mark.parametrize("has_pip", [True, False])
def test_a_wrong_one_of_the_same_version_is_replaced(
    world: World, make_person: MakePerson, has_pip: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person("2.6.0+cu124")
    if has_pip:
        bundled = Path(ensurepip.__file__).parent / "_bundled"
        person.run(["uv", "pip", "install", "--no-index", "--find-links", str(bundled), "pip"])
    install(world, person)
    [module] = (person.folder / "env").rglob("deepspeed/__init__.py")
    module.write_text("damaged\n")
    module.with_name("git_version_info_installed.py").write_text(BUILD_INFO)
    capfd.readouterr()
    find(FindOptions(python=str(person.python), index=world.published.url))
    told = capfd.readouterr()
    assert "cannot load its ops here: it is for torch 2.1, not 2.6.0+cu124" in told.out
    assert "this very version is installed already: let invoke install replace it" in told.out
    install(world, person)
    assert "wrong: the installed DeepSpeed 0.16.5+cu124torch2.6" in capfd.readouterr().err
    assert module.read_text() != "damaged\n"
    assert person.has("torch") == "2.6.0+cu124"


def test_pip_of_the_environment_does_it_where_there_is_one(world: World, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cu124")
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    told = person.run(["uv", "pip", "install", "--no-index", "--find-links", str(bundled), "pip"])
    if told.returncode:
        pytest.skip("this Python has no wheel of pip at hand")
    with pytest.raises(CommandError, match="exit code"):
        tampered(world, person).run()
    assert person.has("deepspeed") is None
    install(world, person, "0.16.4")
    assert (person.has("deepspeed"), person.has("torch")) == ("0.16.4+cu124torch2.6", "2.6.0+cu124")


def test_a_client_that_fails_is_heard_and_the_error_names_the_cause(
    world: World, make_person: MakePerson, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person("2.6.0+cu124")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{world.server.url}/nothing/")
    with pytest.raises(CommandError, match=r"exit code 1(?s:.*)diagnosis: .* \(the output of the") as caught:
        install(world, person)
    assert caught.value.id == "package-client-failed"
    assert "hjson" in capfd.readouterr().err
    assert person.has("deepspeed") is None


def test_another_file_than_the_one_that_was_offered_never_reaches_the_client(
    world: World, make_person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_person("2.6.0+cu124")
    monkeypatch.setattr(install_task, "Installation", lambda **_: tampered(world, person))
    with pytest.raises(PrerequisiteError, match="sha256") as caught:
        install(world, person)
    assert caught.value.id == "digest-mismatch"
    assert person.has("deepspeed") is None


def tampered(world: World, person: Person) -> Installation:
    """The wheel whose record says another digest than the file has."""
    record = replace(world.record(TARGETS[0]), sha256=digest("what was meant"))
    published = publish_records([record], url=world.published.url, torch_index=world.published.torch_index)
    return Installation(record=record, published=published, environment=read_environment(str(person.python)))


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    world: World, make_person: MakePerson, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person("2.6.0+cu124")
    install(world, person, dry_run=True)
    lines = json.loads(capfd.readouterr().out)["run"]
    record = world.record(TARGETS[0])
    assert lines[0] == "# constraints.txt: torch==2.6.0+cu124"
    for word in ("--only-binary deepspeed", "--constraint constraints.txt", f"#sha256={record.sha256}"):
        assert word in lines[1]
    assert person.has("deepspeed") is None


def test_an_environment_that_no_wheel_is_for_is_told_the_nearest_and_the_cure(
    world: World, make_person: MakePerson
) -> None:
    person = make_person("2.5.1+cu121")
    with pytest.raises(NothingToDoError) as caught:
        install(world, person)
    told = str(caught.value)
    assert "torch 2.5.1+cu121" in told
    assert "nearest: deepspeed-0.16.5+cu124torch2.5" in told
    assert "it is for cu124, and this torch is for cu121" in told
    assert f"torch==2.5.1 --index-url {world.server.url}/torch/cu124" in told
    assert person.has("torch") == "2.5.1+cu121"


def test_an_environment_without_torch_is_told_to_install_it_first(world: World, make_person: MakePerson) -> None:
    person = make_person()
    with pytest.raises(
        NothingToDoError, match=r"install its torch first: .* torch==2\.6\.0 --(index-url|default-index) .*/torch/cu124"
    ):
        install(world, person)
    assert person.has("torch") is None


def test_a_wheel_whose_bytes_are_others_is_not_installed(world: World, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cu124")
    with pytest.raises(CommandError, match="exit code"):
        tampered(world, person).run()
    assert person.has("deepspeed") is None


def test_a_site_in_a_folder_can_be_installed_from(world: World, make_person: MakePerson) -> None:
    person = make_person("2.6.0+cu124")
    local = replace(world.record(TARGETS[0]), url=None)
    site = person.folder / "site"
    wheel = world.root / "releases" / "0.16.5" / local.file
    (site / "files" / "0.16.5").mkdir(parents=True)
    shutil.copyfile(wheel, site / "files" / "0.16.5" / local.file)
    published = publish_records([local], url="https://elsewhere.example", torch_index=world.published.torch_index)
    write_tree(site, render_index(published))
    install_with(InstallOptions(python=str(person.python), index=str(site), json=True))
    assert person.has("deepspeed") == "0.16.5+cu124torch2.6"


def test_what_was_found_is_told(world: World, make_person: MakePerson, capfd: pytest.CaptureFixture[str]) -> None:
    person = make_person("2.6.0+cu124")
    find(FindOptions(python=str(person.python), index=world.published.url, json=True))
    told = json.loads(capfd.readouterr().out)
    assert told["wheel"]["id"] == TARGETS[0].id
    assert "--only-binary deepspeed" in told["command"]
    assert told["also_fit"] == [TARGETS[3].id]
    assert told["nearest"][0]["misfits"]
    assert told["environment"]["gpus"] == [{"name": "GPU 8.6", "capability": "8.6", "maker": "NVIDIA"}]


def test_what_to_know_of_a_wheel_is_told_by_find_and_before_it_is_installed(
    world: World, make_person: MakePerson, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person("2.6.0+cu124")
    file_wheel(tmp_path / "wheels", TARGETS[0])
    python, store = str(person.python), f"dir:{tmp_path / 'wheels'}"
    find(FindOptions(python=python, store=store, json=True))
    notes = json.loads(capfd.readouterr().out)["wheel"]["notes"]
    assert notes
    find(FindOptions(python=python, store=store))
    assert [line for line in capfd.readouterr().out.splitlines() if line.startswith("note: ")] == [
        f"note: {text}" for text in notes.values()
    ]
    install_with(InstallOptions(python=python, store=store, dry_run=True))
    err = capfd.readouterr().err
    assert all(f"note: {text}" in err for text in notes.values())


def test_a_wheel_of_a_folder_is_offered_as_the_file_that_it_is(
    world: World, make_person: MakePerson, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    person = make_person("2.6.0+cu124")
    wheel = file_wheel(tmp_path / "wheels", TARGETS[0])
    find(FindOptions(python=str(person.python), store=f"dir:{tmp_path / 'wheels'}", json=True))
    command = json.loads(capfd.readouterr().out)["command"]
    assert f"{wheel.resolve().as_uri()}#sha256=" in command
    told = subprocess.run([*words_of(command), "--no-deps"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr  # the line is for the environment that was named, not for the active one
    assert person.has("deepspeed") == TARGETS[0].wheel_version


def words_of(line: str) -> list[str]:
    """The words that a program gets when this system's own shell runs the line."""
    tell = shell_line([sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"])
    told = subprocess.run(f"{tell} {line}", shell=True, capture_output=True, text=True, check=True)
    words: list[str] = json.loads(told.stdout)
    return words


def test_on_windows_lines_are_quoted_for_its_own_shells() -> None:
    record = make_wheel_record()
    record = replace(record, url=f"file:///C:/my%20wheels/{record.file}")
    published = publish_records([record], url="file:///C:/my%20wheels", torch_index="https://torch.example/{variant}")
    plain = make_environment(python=Path("C:\\env\\Scripts\\python.exe"))
    blank = make_environment(python=Path("C:\\my env\\python.exe"))
    lines = [
        *Installation(record=record, published=published, environment=plain).lines(windows=True)[1:],
        torch_line(record, published, plain, windows=True),
        torch_line(record, published, blank, windows=True),
        wheel_choice.line_to_paste(record, published, plain, named=False, windows=True),
    ]
    assert not [line for line in lines if "'" in line]
    assert lines[1].startswith("C:\\env\\Scripts\\python.exe -m pip install --no-input torch==2.6.0 ")
    assert lines[2].startswith('"C:\\my env\\python.exe" -m pip install ')
    assert f'"deepspeed @ {record.url}#sha256={record.sha256}"' in lines[0]
    assert lines[3] == f'python -m pip install "{record.url}#sha256={record.sha256}"'


@pytest.mark.parametrize(
    ("torch", "told"),
    [("2.6.0+cu124", "is planned, but not offered there: ds"), ("2.4.1+cu999", "None"), ("2.9.1+cu118", "is excluded")],
)
def test_the_plan_tells_of_the_persons_own_combination(torch: str, told: str, tmp_path: Path) -> None:
    file_wheel(tmp_path, make_wheel_target(deepspeed="0.16.5", torch="2.3.1"))
    published = open_published(f"dir:{tmp_path}")
    environment = make_environment(torch=make_torch(torch))
    text = wheel_choice.explanation(published, environment, choose(published.wheels, environment))
    assert told in text or (told == "None" and "your own combination" not in text)


def test_a_torch_with_the_other_abi_than_the_data_say_gets_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_wheel(tmp_path, make_wheel_target(torch="2.6.0", cuda="cu124", platform="linux_x86_64"))
    torch = replace(make_torch("2.6.0+cu124"), cxx11_abi=1)  # as conda-forge builds it
    environment = make_environment(platform="linux_x86_64", torch=torch)
    monkeypatch.setattr(wheel_choice, "read_environment", lambda python: environment)
    with pytest.raises(NothingToDoError, match=r"_GLIBCXX_USE_CXX11_ABI=0.*\n.*to use it, give it an environment"):
        find(FindOptions(store=f"dir:{tmp_path}", json=True))


def test_without_pip_and_uv_the_pip_that_is_here_is_pointed_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *words, **options: None)
    monkeypatch.setattr("scripts.install.package_client.find_spec", lambda name: name)
    record = make_wheel_record()
    published = publish_records([record], url="https://site.example", torch_index="https://torch.example/{variant}")
    environment = make_environment(has_pip=False)
    words = Installation(record=record, published=published, environment=environment).words(Path("c.txt"))
    assert words[:5] == [sys.executable, "-m", "pip", "--python", str(environment.python)]


def test_a_place_without_an_index_is_told(world: World) -> None:
    with pytest.raises(InputError, match="is not an index"):
        read_site(f"{world.server.url}/nothing")
    with pytest.raises(InputError, match="either --index or --store"):
        find(FindOptions(index="a", store="dir:b", json=True))


def test_an_environment_that_nothing_can_install_into_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *words, **options: None)
    monkeypatch.setattr("scripts.install.package_client.find_spec", lambda name: None)
    record = make_wheel_record()
    published = publish_records([record], url="https://site.example", torch_index="https://torch.example/{variant}")
    environment = make_environment(has_pip=False)
    assert choose(published.wheels, environment).wheel == record
    with pytest.raises(PrerequisiteError, match="has no pip"):
        Installation(record=record, published=published, environment=environment).lines()
