"""`invoke index`: from a wheelhouse, a folder of releases or GitHub to a site that real clients install from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from scripts.ci.actions import ALLOW_SHRINK
from scripts.commands import index_task
from scripts.commands.find_task import find
from scripts.commands.index_task import index
from scripts.commands.install_options import FindOptions, InstallOptions
from scripts.commands.install_task import install
from scripts.commands.store_options import SiteOptions
from scripts.commands.store_wheels import open_published, repository_of
from scripts.errors import DataError, InputError, PublishError, VerifyError
from scripts.files import WRITTEN
from scripts.index.install_line import install_words
from scripts.index.page.render import render_page
from scripts.index.published_site import read_site, read_site_if_there
from scripts.locks import locked
from scripts.publish.candidates import read_wheelhouse
from scripts.publish.publisher import Publisher, make_plan
from scripts.wheel.documents import read_wheels
from tests.github.fixtures import quick_store, standin
from tests.github.standin import REPOSITORY, TOKEN, StandIn
from tests.index.world import MakePerson, make_person, world
from tests.publish.loopback import KNOWN_PLATFORM, Loopback, make_target, served
from tests.wheel.factories import make_manifest
from tests.wheel.wheelhouse import ROOM, file_wheel, fill_wheelhouse, wheel_file

__all__ = ["make_person", "standin", "world"]  # fixtures
pytestmark = pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
TARGETS = [make_target(cuda="cpu"), make_target(), make_target(torch="2.5.1"), make_target(deepspeed="0.16.4")]


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    for target in TARGETS:
        file_wheel(tmp_path / "wheels", target)
    return tmp_path / "wheels"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    (tmp_path / "site").mkdir()
    with served(tmp_path / "site") as found:
        yield found


def test_a_wheelhouse_becomes_a_site_that_can_be_installed_from(
    wheelhouse: Path, server: Loopback, tmp_path: Path, make_person: MakePerson
) -> None:
    index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", url=server.url, json=True))
    published = replace(read_site(server.url), torch_index=f"{server.url}/no-torch/{{variant}}")
    assert {record.target for record in published.wheels} == set(TARGETS)
    record = next(record for record in published.wheels if record.target == TARGETS[1])
    person = make_person()
    told = person.run([*install_words(record, published, "uv"), "--no-deps"])
    assert told.returncode == 0, told.stderr
    assert person.has("deepspeed") == TARGETS[1].wheel_version
    metadata = requests.get(f"{published.address(record)}.metadata", timeout=10).content
    assert hashlib.sha256(metadata).hexdigest() == record.metadata_sha256


def test_what_is_published_on_github_becomes_a_site_that_can_be_installed_from(
    standin: StandIn, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_person: MakePerson
) -> None:
    candidates = fill_wheelhouse(tmp_path / "wheels", TARGETS)
    store = quick_store(standin)
    Publisher(store=store).publish(make_plan(store, candidates, ROOM))
    monkeypatch.setenv("GITHUB_API_URL", standin.address)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    index(SiteOptions(out=str(tmp_path / "site"), store=f"github:{REPOSITORY}", url=server.url, json=True))
    assert not (tmp_path / "site" / "files").exists()  # GitHub serves them
    published = replace(read_site(server.url), torch_index=f"{server.url}/no-torch/{{variant}}")
    person = make_person()
    for tool in ("pip", "uv"):
        told = person.run(
            [*install_words(published.wheels[0], published, tool), "--no-deps", "--reinstall" if tool == "uv" else "-q"]
        )
        assert told.returncode == 0, told.stderr
        assert person.has("deepspeed") == published.wheels[0].target.wheel_version


def test_a_site_is_not_replaced_by_a_shorter_one_unless_asked(wheelhouse: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    options = SiteOptions(out=str(site), store=f"dir:{wheelhouse}", json=True)
    index(options)
    for path in (wheelhouse / TARGETS[0].folder).iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"remove 1 .*--allow-shrink"):
        index(options)
    assert (site / "files" / "0.16.5" / wheel_file(TARGETS[0])).is_file()
    with pytest.raises(InputError, match="remove 1"):
        index(SiteOptions(out=str(tmp_path / "new"), store=f"dir:{wheelhouse}", previous=str(site), json=True))
    index(SiteOptions(out=str(site), store=f"dir:{wheelhouse}", allow_shrink=True, json=True))
    assert not (site / "files" / "0.16.5" / wheel_file(TARGETS[0])).exists()


def test_only_a_wheel_that_may_be_published_is_offered_and_the_other_is_named(
    wheelhouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audited = {**make_manifest()["proof"], "level": "audit"}
    wheel = file_wheel(wheelhouse, TARGETS[0], proof=audited)
    candidates = read_wheelhouse(wheelhouse).candidates
    assert {candidate.target for candidate in candidates} == set(TARGETS[1:])
    index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", json=True))
    assert {record.target for record in read_site(str(tmp_path / "site")).wheels} == set(TARGETS[1:])
    assert {record.target for record in open_published(f"dir:{wheelhouse}").wheels} == set(TARGETS[1:])
    told = f"skipped {wheel}: it was verified at level audit, not full; build it again\n"
    assert capsys.readouterr().err == told * 2


def test_a_workflows_site_need_not_be_there_yet_and_that_is_logged(
    wheelhouse: Path,
    server: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("DEEPSPEED_WHEELS_SITE", server.url)
    index(SiteOptions(out=str(tmp_path / "new"), store=f"dir:{wheelhouse}", json=True))
    assert f"{server.url}/: there is no earlier index" in capsys.readouterr().err
    with pytest.raises(InputError, match="is not available"):
        read_site_if_there("http://127.0.0.1:9/")  # nothing listens: that is not the same as nothing being there


@pytest.mark.parametrize("may_shrink", [False, True])
def test_a_site_that_was_named_must_be_there(
    wheelhouse: Path, server: Loopback, tmp_path: Path, may_shrink: bool
) -> None:
    options = SiteOptions(store=f"dir:{wheelhouse}", previous=server.url, allow_shrink=may_shrink)
    with pytest.raises(InputError, match="is not an index"):
        index(replace(options, out=str(tmp_path / "new")))
    assert not (tmp_path / "new").exists()


def test_a_damaged_site_can_be_replaced_when_it_may_shrink(wheelhouse: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "wheels.json").write_text("{")
    with pytest.raises(DataError):
        index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", json=True))
    index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", allow_shrink=True, json=True))
    assert len(read_site(str(tmp_path / "site")).wheels) == len(TARGETS)


def downloads(standin: StandIn) -> int:
    """How many manifests were downloaded."""
    return sum("/releases/assets/" in request for request in standin.requests if request.startswith("GET"))


@pytest.fixture
def on_github(
    standin: StandIn, wheelhouse: Path, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StandIn:
    """The wheels are published there, and their site is served; no token is at hand."""
    store = quick_store(standin)
    Publisher(store=store).publish(make_plan(store, read_wheelhouse(wheelhouse).candidates, ROOM))
    monkeypatch.setenv("GITHUB_API_URL", standin.address)
    for module in ("index_task", "store_wheels"):
        monkeypatch.setattr(f"scripts.commands.{module}.pages_address", lambda repository: f"{server.url}/")
    index(SiteOptions(out=str(tmp_path / "site"), store=f"github:{REPOSITORY}", json=True))
    assert downloads(standin) == len(TARGETS)
    standin.requests.clear()
    return standin


def test_what_the_published_site_knows_is_not_downloaded_by_a_user(on_github: StandIn, tmp_path: Path) -> None:
    assert {record.target for record in open_published(f"github:{REPOSITORY}").wheels} == set(TARGETS)
    assert downloads(on_github) == 0
    (tmp_path / "site" / "wheels.json").write_text("{")
    assert {record.target for record in open_published(f"github:{REPOSITORY}").wheels} == set(TARGETS)
    assert downloads(on_github) == len(TARGETS)


LIMITED = r"used up; .* again at \d\d:\d\d:\d\d UTC, in 12\d\d s; or set GITHUB_TOKEN .*; .* with --index"


def test_a_rate_limit_is_told_at_once_to_who_asks(on_github: StandIn, server: Loopback, tmp_path: Path) -> None:
    on_github.faults = lambda method, path: "primary"
    store = f"github:{REPOSITORY}"
    asks: list[Callable[[], None]] = [
        lambda: find(FindOptions(store=store)),
        lambda: install(InstallOptions(store=store)),
        lambda: index(SiteOptions(out=str(tmp_path / "next"), store=store, previous=server.url)),
    ]
    for ask in asks:
        with pytest.raises(PublishError, match=LIMITED) as told:
            ask()
        assert told.value.id == "rate-limit"


def test_the_workflows_index_waits_for_the_rate_limit(
    on_github: StandIn, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(line: str) -> None:
        raise InterruptedError(line)

    on_github.faults = lambda method, path: "primary"
    monkeypatch.setattr("scripts.commands.github_wheels.log_line", stop)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    with pytest.raises(InterruptedError, match="used up; waiting 12"):
        index(SiteOptions(out=str(tmp_path / "next"), previous=server.url))


def test_a_user_who_deleted_a_wheel_ticks_that_the_index_may_shrink(
    on_github: StandIn, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_github.repository.lock:
        number = next(i for i, asset in on_github.repository.assets.items() if asset.name == wheel_file(TARGETS[0]))
        del on_github.repository.assets[number]
    options = SiteOptions(store=f"github:{REPOSITORY}", previous=server.url)
    with pytest.raises(InputError, match="remove 1"):
        index(replace(options, out=str(tmp_path / "next")))
    monkeypatch.setenv(ALLOW_SHRINK, "true")
    index(replace(options, out=str(tmp_path / "next")))
    assert {record.target for record in read_site(str(tmp_path / "next")).wheels} == set(TARGETS[1:])
    assert downloads(on_github) == 0


def test_the_same_wheels_give_the_same_site(wheelhouse: Path, tmp_path: Path) -> None:
    def content(site: Path) -> dict[str, bytes]:
        index(SiteOptions(out=str(site), store=f"dir:{wheelhouse}", json=True))
        return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}

    assert content(tmp_path / "a") == content(tmp_path / "b") == content(tmp_path / "a")


def test_what_was_written_is_printed(wheelhouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", url="https://site.example", json=True))
    told = json.loads(capsys.readouterr().out)
    assert (told["wheels"], told["url"]) == (4, "https://site.example/")
    assert "https://site.example/whl/cu124/torch2.5/" in told["channels"]


def test_damaged_wheels_keep_no_other_back_and_are_an_error_in_the_end(wheelhouse: Path, tmp_path: Path) -> None:
    changed, cut, unread, gone = (wheelhouse / target.folder / wheel_file(target) for target in TARGETS)
    sound = file_wheel(wheelhouse, make_target(torch="2.7.0"))
    changed.write_bytes(changed.read_bytes() + b"\0")
    cut.write_bytes(cut.read_bytes()[:-30])
    unread.with_name(f"{unread.name}.json").write_bytes(b"\xff{")
    gone.unlink()
    with pytest.raises(VerifyError, match="without 4 damaged wheels") as caught:
        index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", json=True))
    assert [record.file for record in read_site(str(tmp_path / "site")).wheels] == [sound.name]
    assert [record.file for record in open_published(f"dir:{wheelhouse}").wheels][-1:] == [sound.name]
    for wheel in (changed, cut, unread, gone):
        assert wheel.name in str(caught.value)


def test_a_hosted_step_is_told_of_a_site_that_is_whole_before_damaged_wheels_fail_it(
    wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", url="https://h.example/", json=True)
    index(options)
    first = wheelhouse / TARGETS[0].folder / wheel_file(TARGETS[0])
    first.write_bytes(first.read_bytes()[:-30])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    with pytest.raises(VerifyError, match="without 1 damaged wheels"):
        index(replace(options, allow_shrink=True))
    assert (tmp_path / "outputs").read_text() == f"written={tmp_path / 'site'}\n"


def test_an_address_without_a_scheme_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--url 'wheels\.example': give an address"):
        index(SiteOptions(out=str(tmp_path / "site"), store="dir:/nonexistent", url="wheels.example", json=True))
    assert not (tmp_path / "site").exists()


def test_a_site_that_was_written_for_no_address_can_be_written_again(wheelhouse: Path, tmp_path: Path) -> None:
    options = SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", url="https://site.example", json=True)
    index(options)
    wheels = tmp_path / "site" / "wheels.json"
    wheels.write_text(wheels.read_text().replace("https://site.example/", "site.example/"))
    index(options)
    assert read_wheels(wheels.read_bytes(), "wheels.json").url == "https://site.example/"


@pytest.mark.parametrize("store", ["dir:", "ftp:x", "dir:/nonexistent/wheels"])
def test_a_store_that_cannot_be_is_an_error(store: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        index(SiteOptions(out=str(tmp_path / "site"), store=store, json=True))


def test_the_store_of_a_workflow_is_its_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    assert repository_of("github:a/b") == "a/b"
    assert (repository_of("dir:x"), repository_of("")) == ("", "")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "Owner/wheels")
    assert (repository_of("dir:x"), repository_of("")) == ("", "Owner/wheels")


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "https://", 'https://example.org/"><x>', "https://example.org/a b"]
)
def test_an_address_that_no_client_takes_is_refused_before_anything_is_written(
    url: str, wheelhouse: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="give an address such as https"):
        index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", url=url))
    assert not (tmp_path / "site").exists()


def test_a_readme_that_is_not_text_is_an_error(wheelhouse: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"\xff\xfe<!-- wheels -->")
    with pytest.raises(InputError, match="is not UTF-8"):
        index(SiteOptions(out=str(tmp_path / "site"), store=f"dir:{wheelhouse}", readme=str(tmp_path / "README.md")))


def test_an_index_that_another_one_overtook_takes_no_wheel_away(
    wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, fuller = tmp_path / "site", tmp_path / "fuller"
    store = SiteOptions(out=str(site), store=f"dir:{wheelhouse}", url="https://example.org/", json=True)
    index(store)
    shutil.copytree(wheelhouse, fuller)
    file_wheel(fuller, make_target(torch="2.4.1"))

    def render_while_another_writes(*given: Any, **named: Any) -> Any:  # noqa: ANN401  of render_page
        monkeypatch.setattr(index_task, "render_page", render_page)
        index(replace(store, store=f"dir:{fuller}"))
        return render_page(*given, **named)

    monkeypatch.setattr(index_task, "render_page", render_while_another_writes)
    with pytest.raises(InputError, match="would remove 1"):
        index(store)
    assert len(read_site(str(site)).wheels) == len(TARGETS) + 1


def test_an_index_waits_for_the_one_that_writes_into_the_same_directory(
    wheelhouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    with locked(site / WRITTEN, "a site is being written"):
        writer = Thread(target=index, args=[SiteOptions(out=str(site), store=f"dir:{wheelhouse}")])
        writer.start()
        writer.join(timeout=3.0)
        assert writer.is_alive()
        assert not (site / "wheels.json").exists()
    writer.join()
    assert len(read_site(str(site)).wheels) == len(TARGETS)
    assert "waiting: a site is being written" in capsys.readouterr().err


def test_a_site_is_read_by_its_file_address_too(wheelhouse: Path, tmp_path: Path) -> None:
    site = tmp_path / "a site"
    index(SiteOptions(out=str(site), store=f"dir:{wheelhouse}"))
    assert len(read_site(site.as_uri()).wheels) == len(TARGETS)
