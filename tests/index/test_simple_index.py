"""The index is what PEP 503, 658, 691 and 700 ask for, the same each time, and made from records alone."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from pypi_simple import IndexPage, ProjectPage

from scripts.errors import InputError
from scripts.files import write_tree
from scripts.index.published_site import read_site, require_no_loss
from scripts.index.simple_index import render_index
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import WheelRecord
from tests.wheel.factories import digest, make_wheel_record

CHANNEL = "whl/cu124/torch2.6/deepspeed/index"
SITE = "https://site.example/"


def make_published(*records: WheelRecord) -> Published:
    return publish_records(records, url=SITE, torch_index="https://torch.example/{variant}")


def many() -> list[WheelRecord]:
    return [
        make_wheel_record(torch=torch, cuda=cuda, python=python)
        for torch in ("2.6.0", "2.10.0")
        for cuda in ("cpu", "cu124")
        for python in ("3.9", "3.11")
    ]


def page(path: str, *records: WheelRecord) -> ProjectPage:
    text = render_index(make_published(*records))[path]
    if path.endswith(".json"):
        return ProjectPage.from_json_data(json.loads(text), base_url=SITE + path)
    return ProjectPage.from_html("deepspeed", text, base_url=SITE + path)


@pytest.mark.parametrize("form", ["html", "json"])
def test_a_page_tells_everything_a_client_asks_before_it_downloads(form: str) -> None:
    record = make_wheel_record()
    package = page(f"{CHANNEL}.{form}", record).packages[0]
    assert (package.filename, package.version) == (record.file, "0.16.5+cu124torch2.6")
    assert package.digests == {"sha256": record.sha256}
    assert package.requires_python == ">=3.10"
    assert (package.has_metadata, package.metadata_digests) == (True, {"sha256": record.metadata_sha256})
    assert package.url.partition("#")[0] == record.url
    assert "%2Bcu124" in package.url


def test_the_json_names_sizes_and_versions_as_pep_700_asks() -> None:
    found = page(f"{CHANNEL}.json", make_wheel_record())
    assert (found.repository_version, found.versions) == ("1.1", ["0.16.5+cu124torch2.6"])
    assert found.packages[0].size == 10_000_000


def test_both_forms_tell_when_a_wheel_was_uploaded_where_that_is_known() -> None:
    path, time = f"{CHANNEL}.json", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    assert page(path, make_wheel_record()).packages[0].upload_time == time
    assert page(path, make_wheel_record(uploaded=None)).packages[0].upload_time is None
    files = (render_index(make_published(make_wheel_record(uploaded=at))) for at in ("2026-01-31T12:00:00Z", None))
    told, silent = (text[f"{CHANNEL}.html"] for text in files)
    assert told.replace(' data-upload-time="2026-01-31T12:00:00Z"', "") == silent != told


@pytest.mark.parametrize("form", ["html", "json"])
def test_a_wheel_without_published_metadata_does_not_promise_any(form: str) -> None:
    found = page(f"{CHANNEL}.{form}", make_wheel_record(metadata_sha256=None, requires_python=None))
    assert not found.packages[0].has_metadata
    assert found.packages[0].requires_python is None


def test_each_wheel_is_in_the_indexes_of_all_and_of_its_cuda_and_in_its_channel_only() -> None:
    records = many()
    assert {package.filename for package in page("whl/deepspeed/index.html", *records).packages} == {
        record.file for record in records
    }
    pages = [path for path in render_index(make_published(*records)) if path.endswith("/deepspeed/index.html")]
    channels = [path for path in pages if "/torch" in path]
    assert (len(pages), len(channels)) == (1 + 2 + 4, 4)
    for cuda in ("cpu", "cu124"):
        found = {package.filename for package in page(f"whl/{cuda}/deepspeed/index.html", *records).packages}
        assert found == {record.file for record in records if record.target.cuda == cuda}
    for path in channels:
        _, cuda, torch, *_ = path.split("/")
        expected = {r.file for r in records if (r.target.cuda, f"torch{r.target.torch_minor}") == (cuda, torch)}
        assert {package.filename for package in page(path, *records).packages} == expected


def test_every_index_lists_the_one_project_and_names_the_narrower_ones_without_a_link() -> None:
    files = render_index(make_published(*many()))
    roots = [path for path in files if is_index(path)]
    assert len(roots) == 7
    for path in roots:
        assert IndexPage.from_html(files[path]).projects == ["deepspeed"]
    assert "<code>whl/cpu/</code> <code>whl/cu124/</code>" in files["whl/index.html"]
    assert "<code>whl/cu124/torch2.6/</code> <code>whl/cu124/torch2.10/</code>" in files["whl/cu124/index.html"]
    assert "<code>" not in files["whl/cu124/torch2.6/index.html"]


def test_an_address_at_which_nothing_is_names_every_index_that_exists() -> None:
    site = "https://owner.example/wheels/"
    files = render_index(publish_records(many(), url=site, torch_index="https://torch.example/{variant}"))
    links = re.findall(r'href="([^"]*)"', files["404.html"])
    named = {urljoin(f"{site}whl/cu125/torch2.6/deepspeed/", link).removeprefix(site) for link in links}
    assert named == {"", *(path.removesuffix("index.html") for path in files if is_index(path))}


def is_index(path: str) -> bool:
    return path.endswith("index.html") and "/deepspeed/" not in path


def test_a_wheel_of_the_site_itself_is_linked_relatively() -> None:
    record = make_wheel_record(url=None)
    for path in (CHANNEL, "whl/deepspeed/index"):
        for form in ("html", "json"):
            url = page(f"{path}.{form}", record).packages[0].url.partition("#")[0]
            assert url == f"{SITE}files/0.16.5/{record.file.replace('+', '%2B')}"


def test_the_index_is_the_same_whatever_order_the_records_come_in() -> None:
    assert render_index(make_published(*many())) == render_index(make_published(*reversed(many())))


def test_nothing_of_a_record_can_leave_its_attribute() -> None:
    evil = '"><script>alert(1)</script>'
    for text in render_index(make_published(make_wheel_record(requires_python=evil, url=evil))).values():
        assert "<script>" not in text.replace(json.dumps(evil), "")
    html = render_index(make_published(make_wheel_record(requires_python=evil)))[f"{CHANNEL}.html"]
    assert escape(evil) in html


def test_an_index_of_nothing_is_an_index() -> None:
    assert page("whl/deepspeed/index.html").packages == []
    assert page("whl/deepspeed/index.json").packages == []


# ---------------------------------------------------------------- what was offered before


def test_a_longer_index_may_follow() -> None:
    require_no_loss(make_published(*many()[:3]), make_published(*many()))


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (many()[1:], "remove 1 and change 0 of 8"),
        (
            [make_wheel_record(sha256=digest("other"), torch="2.6.0", python="3.9", cuda="cpu"), *many()[1:]],
            "other bytes: deepspeed-0.16.5",
        ),
    ],
    ids=["shorter", "other bytes"],
)
def test_an_index_that_takes_something_away_is_refused(now: list[WheelRecord], told: str) -> None:
    with pytest.raises(InputError, match=told):
        require_no_loss(make_published(*many()), make_published(*now))


def test_a_site_in_a_folder_is_read_back(tmp_path: Path) -> None:
    published = make_published(*many())
    write_tree(tmp_path, render_index(published))
    found = read_site(str(tmp_path))
    assert (found.wheels, found.torch_index) == (published.wheels, published.torch_index)
    assert found.url == f"{tmp_path.resolve().as_uri()}/"


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the address or directory of an index"):
        read_site(str(tmp_path))


# ---------------------------------------------------------------- the files


def content_of(folder: Path) -> dict[str, Any]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_tree_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    files = render_index(make_published(*many()))
    write_tree(tmp_path, files)
    first = content_of(tmp_path)
    write_tree(tmp_path, files)
    assert content_of(tmp_path) == first
    assert set(first) == {*files, "written.txt"}


def test_files_of_an_earlier_tree_go_and_those_of_others_stay(tmp_path: Path) -> None:
    write_tree(tmp_path, render_index(make_published(*many())))
    (tmp_path / "CNAME").write_text("wheels.example")
    write_tree(tmp_path, render_index(make_published(*many()[:1])))
    assert not (tmp_path / "whl" / "cu124").exists()
    assert (tmp_path / "whl" / "cpu" / "torch2.6" / "deepspeed" / "index.html").is_file()
    assert (tmp_path / "CNAME").read_text() == "wheels.example"
