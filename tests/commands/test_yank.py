"""`invoke yank`: from the store to the index, the page and `find`; and to real pip and uv."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.commands import wheel_choice
from scripts.commands.find_task import find
from scripts.commands.index_task import index
from scripts.commands.install_options import FindOptions
from scripts.commands.publish_task import publish
from scripts.commands.store_options import PublishOptions, SiteOptions, YankOptions
from scripts.commands.yank_task import yank
from scripts.errors import InputError, NothingToDoError
from scripts.index.page.states import withdrawn
from scripts.index.published_site import read_site
from tests.index.world import MakePerson, make_person, world
from tests.install.factories import make_environment, make_torch
from tests.publish.loopback import KNOWN_PLATFORM, make_target, served
from tests.wheel.wheelhouse import file_wheel, wheel_file

__all__ = ["make_person", "world"]  # fixtures
pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
BAD, GOOD = make_target(deepspeed="0.16.5", torch="2.6.0"), make_target(deepspeed="0.16.4", torch="2.6.0")
REASON = 'It "crashes" <now> & then'


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """A store with both wheels."""
    monkeypatch.setenv("DEEPSPEED_WHEELS_OUTPUT", str(tmp_path / "out"))
    for target in (BAD, GOOD):
        file_wheel(tmp_path / "out" / "wheels", target)
    publish(PublishOptions(store=f"dir:{tmp_path / 'store'}", json=True))
    capsys.readouterr()
    return f"dir:{tmp_path / 'store'}"


def site(folder: Path, store: str) -> Path:
    index(SiteOptions(out=str(folder / "site"), store=store, url="https://site.example", json=True))
    return folder / "site"


def test_the_index_says_so_in_both_forms_and_nothing_is_lost(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site(tmp_path, store)
    capsys.readouterr()
    yank(YankOptions(id=BAD.id, reason=REASON, store=store, json=True))
    told = json.loads(capsys.readouterr().out)
    assert (told["wheel"], told["yanked"], told["changed"]) == (wheel_file(BAD), REASON, True)
    written = site(tmp_path, store)  # over the one before, which offered it
    page = (written / "whl" / "deepspeed" / "index.html").read_text()
    (line,) = [line for line in page.splitlines() if wheel_file(BAD) in line]
    assert 'data-yanked="It &quot;crashes&quot; &lt;now&gt; &amp; then"' in line
    files = json.loads((written / "whl" / "deepspeed" / "index.json").read_text())["files"]
    assert {file["filename"]: file.get("yanked") for file in files} == {wheel_file(BAD): REASON, wheel_file(GOOD): None}
    found = read_site(str(written))
    assert {record.target: record.yanked for record in found.wheels} == {BAD: REASON, GOOD: None}
    assert (written / "files" / "0.16.5" / wheel_file(BAD)).is_file(), "for lock files"
    yank(YankOptions(id=BAD.id, undo=True, store=store))
    assert "is offered" in capsys.readouterr().out
    assert {record.yanked for record in read_site(str(site(tmp_path, store))).wheels} == {None}


def test_the_page_shows_it_as_withdrawn_and_offers_no_line(store: str, tmp_path: Path) -> None:
    yank(YankOptions(id=BAD.id, reason=REASON, store=store))
    written = site(tmp_path, store)
    (data,) = (written / "page").rglob("data.js")
    text = data.read_text(encoding="utf-8")
    document = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert [row[:2] for row in document["builds"].values()] == [["withdrawn", REASON]]
    assert len(document["wheels"]["bytes"]) == 1
    assert list(withdrawn(read_site(str(written)).wheels)) == [BAD.id]


def test_find_takes_the_next_one_and_says_why_when_there_is_none(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = make_environment(platform=BAD.platform, version=BAD.python, torch=make_torch("2.6.0+cu124"))
    monkeypatch.setattr(wheel_choice, "read_environment", lambda python: environment)
    yank(YankOptions(id=BAD.id, reason=REASON, store=store))
    capsys.readouterr()
    find(FindOptions(store=store, json=True))
    told = json.loads(capsys.readouterr().out)
    assert (told["wheel"]["id"], told["also_fit"]) == (GOOD.id, [])
    yank(YankOptions(id=GOOD.id, reason="Bad, too.", store=store))
    with pytest.raises(NothingToDoError) as caught:
        find(FindOptions(store=store))
    assert "no wheels are offered" in str(caught.value)
    assert f"withdrawn: {wheel_file(BAD)}: {REASON}" in str(caught.value)


@pytest.mark.parametrize("words", [{}, {"reason": "  "}, {"reason": REASON, "undo": True}])
def test_a_reason_or_undo_is_needed_and_not_both(words: dict[str, object], store: str) -> None:
    with pytest.raises(InputError, match="give --reason"):
        yank(replace(YankOptions(id=BAD.id, store=store), **words))  # type: ignore[arg-type]


@pytest.mark.parametrize("program", [("python", "-m", "pip"), ("uv", "pip")], ids=["pip", "uv"])
def test_a_client_passes_it_over_unless_it_is_asked_for_by_its_very_version(
    program: tuple[str, ...], store: str, tmp_path: Path, make_person: MakePerson
) -> None:
    yank(YankOptions(id=BAD.id, reason="Its cpu_adam adds wrongly.", store=store))
    person = make_person()
    with served(site(tmp_path, store)) as server:
        option = "--index-url" if "python" in program else "--default-index"
        words = [*program, "install", "--no-deps", option, f"{server.url}/whl/"]
        newest = person.run([*words, "deepspeed"])
        assert newest.returncode == 0, newest.stderr
        assert person.has("deepspeed") == GOOD.wheel_version, "not the newer one"
        pinned = person.run([*words, f"deepspeed=={BAD.wheel_version}"])
        assert pinned.returncode == 0, pinned.stderr
        assert person.has("deepspeed") == BAD.wheel_version
        assert "yanked" in pinned.stderr.lower() + pinned.stdout.lower()
        assert "adds wrongly" in pinned.stderr + pinned.stdout
