"""The source of a release: the tag first, the sdist else, checked each time, never half an archive."""

from __future__ import annotations

import gzip
import hashlib
import socket
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import SourceError
from scripts.facts.condition import ALWAYS
from scripts.facts.deepspeed_releases import Edit, Patch
from scripts.stamp import STAMP, write_record
from scripts.wheel_build.source import TAG_VARIABLE, SourceArchive, fetch_source, prepare_tree, require_whole
from tests.holding import busy
from tests.wheel_build.factories import (
    Page,
    Site,
    serving,
    source_members,
    tar_bytes,
)

VERSION = "0.19.8"
TAG_PATH = f"/v{VERSION}.tar.gz"
SDIST_PATH = f"/files/deepspeed-{VERSION}.tar.gz"
MEMBERS = {name.partition("/")[2]: text for name, text in source_members(VERSION).items()}
TAG = tar_bytes(source_members(VERSION))
SDIST = tar_bytes({f"deepspeed-{VERSION}/{name}": text for name, text in {**MEMBERS, "PKG-INFO": "Name: it\n"}.items()})
SDIST_SHA = hashlib.sha256(SDIST).hexdigest()


def get(folder: Path, **options: Any) -> SourceArchive:  # noqa: ANN401  as of fetch_source
    """The source of the release whose sdist is pinned."""
    return fetch_source(VERSION, folder, pinned_sdist=SDIST_SHA, **options)


def names_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [entry.name for entry in tar]


def json_page(files: str) -> Page:
    body = f'{{"meta": {{"api-version": "1.0"}}, "name": "deepspeed", "files": [{files}]}}'
    return Page(body=body.encode(), headers={"Content-Type": "application/vnd.pypi.simple.v1+json"})


def html_page(links: str) -> Page:
    body = f"<!DOCTYPE html><html><body>{links}</body></html>"
    return Page(body=body.encode(), headers={"Content-Type": "text/html"})


def index_pages(sha256: str = SDIST_SHA) -> dict[str, Page]:
    wheel = '<a href="/files/deepspeed-0.19.8-py3-none-any.whl">deepspeed-0.19.8-py3-none-any.whl</a>'
    older = '<a href="/files/deepspeed-0.19.7.tar.gz">deepspeed-0.19.7.tar.gz</a>'
    link = f'<a href="{SDIST_PATH}#sha256={sha256}">deepspeed-{VERSION}.tar.gz</a>'
    return {"/simple/deepspeed/": html_page(wheel + older + link), SDIST_PATH: Page(body=SDIST)}


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], None]:
    """Make a loopback site both the mirror of tags and the package index."""

    def point(site: Site) -> None:
        monkeypatch.setenv(TAG_VARIABLE, site.url + "/v{version}.tar.gz")
        monkeypatch.setenv("PIP_INDEX_URL", site.url + "/simple")
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)

    return point


def kept(folder: Path) -> list[str]:
    """What is in the folder beside the files of locks."""
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".draft")]


def test_the_tag_is_preferred_and_holds_what_the_sdist_vouches_for(tmp_path: Path, use: Callable[[Site], None]) -> None:
    with serving({TAG_PATH: Page(body=TAG), **index_pages()}) as site:
        use(site)
        archive = get(tmp_path)
    assert archive.kind == "tag"
    assert names_in(archive.path) == [f"DeepSpeed-{VERSION}/{name}" for name in sorted(MEMBERS)]
    assert archive.sha256 == hashlib.sha256(archive.path.read_bytes()).hexdigest()
    assert archive.url == site.url + TAG_PATH
    assert site.requests[0] == TAG_PATH
    assert not archive.path.with_name(f"{archive.path.name}.gz").exists()


def test_a_second_fetch_sends_no_request(tmp_path: Path, use: Callable[[Site], None]) -> None:
    with serving({TAG_PATH: Page(body=TAG), **index_pages()}) as site:
        use(site)
        first = get(tmp_path)
        site.requests.clear()
        assert get(tmp_path) == first
        assert site.requests == []


@pytest.mark.parametrize("damage", ["archive", "note", "no archive", "never compared"])
def test_what_was_damaged_in_the_cache_is_fetched_again(
    tmp_path: Path, use: Callable[[Site], None], damage: str
) -> None:
    with serving({TAG_PATH: Page(body=TAG), **index_pages()}) as site:
        use(site)
        archive = get(tmp_path, kinds=("tag",))
        good, note = archive.path.read_bytes(), tmp_path / f"deepspeed-{VERSION}-tag.json"
        if damage == "archive":
            archive.path.write_bytes(good[:-1] + b"?")
        elif damage == "note":
            note.write_text('{"file": ')
        elif damage == "never compared":
            write_record(note, {"file": archive.path.name, "url": "", "sha256": archive.sha256})
        else:
            archive.path.unlink()
        assert get(tmp_path, kinds=("tag",)).path.read_bytes() == good, "the same bytes each time"
        assert site.requests.count(TAG_PATH) == 2


BROKEN = {
    "not found": Page(body=b"no", status=404),
    "server error": Page(body=b"no", status=500),
    "dropped midway": Page(body=TAG, sent=len(TAG) // 2),
    "dropped before the end": Page(body=TAG, sent=len(TAG) - 1),
    "longer than it says": Page(body=TAG, headers={"Content-Length": str(len(TAG) // 2)}),
    "log-in page": Page(body=b"<html>please log in</html>"),
    "cut short without a length": Page(body=TAG[: len(TAG) // 2], headers={"Content-Length": ""}),
    "broken chunks": Page(body=b"400\r\n" + TAG[:500], headers={"Transfer-Encoding": "chunked", "Content-Length": ""}),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_the_sdist_stands_in_when_the_tag_cannot_be_had_whole(
    tmp_path: Path, use: Callable[[Site], None], name: str
) -> None:
    said: list[str] = []
    with serving({TAG_PATH: BROKEN[name], **index_pages()}) as site:
        use(site)
        archive = get(tmp_path, log=said.append)
    assert (archive.kind, archive.path.read_bytes()) == ("sdist", SDIST)
    assert [line for line in said if f"tag of {VERSION} cannot be reached" in line]
    assert leftovers(tmp_path) == []
    assert not list(tmp_path.glob("*-tag*"))


def test_the_sdist_stands_in_when_the_tag_does_not_end(
    tmp_path: Path, use: Callable[[Site], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.wheel_build.source.MOST_BYTES", 10 * len(TAG))
    said: list[str] = []
    with serving({TAG_PATH: Page(body=TAG + bytes(10 * len(TAG))), **index_pages()}) as site:
        use(site)
        assert get(tmp_path, log=said.append).kind == "sdist"
    assert [line for line in said if f"tag of {VERSION} cannot be reached" in line]


def test_an_sdist_that_does_not_end_is_no_source(
    tmp_path: Path, use: Callable[[Site], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.wheel_build.source.MOST_BYTES", 100)
    with serving(index_pages()) as site:
        use(site)
        with pytest.raises(SourceError, match="no source can be reached"):
            get(tmp_path)
    assert not list(tmp_path.rglob("*.tar.gz"))


def test_the_sdist_stands_in_when_nobody_listens(
    tmp_path: Path, use: Callable[[Site], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with serving(index_pages()) as site:
        use(site)
        monkeypatch.setenv(TAG_VARIABLE, f"http://127.0.0.1:{port}/v{{version}}.tar.gz")
        assert fetch_source(VERSION, tmp_path).kind == "sdist"


def test_the_sdist_is_found_on_a_json_page_too(tmp_path: Path, use: Callable[[Site], None]) -> None:
    name = f"deepspeed-{VERSION}.tar.gz"
    entry = f'{{"filename": "{name}", "url": "{SDIST_PATH}", "hashes": {{"sha256": "{SDIST_SHA}"}}}}'
    with serving({"/simple/deepspeed/": json_page(entry), SDIST_PATH: Page(body=SDIST)}) as site:
        use(site)
        assert fetch_source(VERSION, tmp_path, kinds=("sdist",)).sha256 == SDIST_SHA
        assert TAG_PATH not in site.requests


def test_a_server_that_packs_the_archive_once_more_does_no_harm(tmp_path: Path, use: Callable[[Site], None]) -> None:
    page = Page(body=gzip.compress(TAG), headers={"Content-Encoding": "gzip"})
    with serving({TAG_PATH: page, **index_pages()}) as site:
        use(site)
        archive = get(tmp_path, kinds=("tag",))
    assert len(names_in(archive.path)) == len(MEMBERS)


def test_a_wrong_pinned_checksum_is_refused_and_nothing_kept(tmp_path: Path, use: Callable[[Site], None]) -> None:
    with serving(index_pages()) as site:
        use(site)
        with pytest.raises(SourceError, match=f"sha256 {SDIST_SHA} is not 0000"):
            fetch_source(VERSION, tmp_path, kinds=("sdist",), pinned_sdist="0" * 64)
    assert kept(tmp_path) == []


def test_a_cached_sdist_that_is_not_the_pinned_one_is_fetched_again(
    tmp_path: Path, use: Callable[[Site], None]
) -> None:
    with serving(index_pages()) as site:
        use(site)
        fetch_source(VERSION, tmp_path, kinds=("sdist",))
        with pytest.raises(SourceError, match=r"which deepspeed\.yaml names"):
            fetch_source(VERSION, tmp_path, kinds=("sdist",), pinned_sdist="0" * 64)


@pytest.mark.parametrize("sha256", ["1" * 64, ""], ids=["another", "none"])
def test_a_file_that_the_index_does_not_vouch_for_is_refused(
    tmp_path: Path, use: Callable[[Site], None], sha256: str
) -> None:
    pages = index_pages(sha256)
    if not sha256:
        pages["/simple/deepspeed/"] = html_page(f'<a href="{SDIST_PATH}">deepspeed-{VERSION}.tar.gz</a>')
    with serving(pages) as site:
        use(site)
        with pytest.raises(SourceError, match=f"deepspeed-{VERSION}.tar.gz"):
            fetch_source(VERSION, tmp_path, kinds=("sdist",))
    assert kept(tmp_path) == []


@pytest.mark.parametrize("page", [html_page(""), Page(body=b"no", status=404)], ids=["empty", "unknown project"])
def test_an_index_without_the_release_is_said_so(tmp_path: Path, use: Callable[[Site], None], page: Page) -> None:
    with serving({"/simple/deepspeed/": page}) as site:
        use(site)
        with pytest.raises(SourceError, match=f"no sdist of DeepSpeed {VERSION}"):
            fetch_source(VERSION, tmp_path, kinds=("sdist",))


def test_nothing_reachable_names_every_way_that_was_tried(tmp_path: Path, use: Callable[[Site], None]) -> None:
    with serving({"/simple/deepspeed/": Page(body=b"no", status=503)}) as site:
        use(site)
        with pytest.raises(SourceError, match=r"no source can be reached \(tag: HTTP 404; sdist: HTTP 503\)"):
            get(tmp_path)


# ------------------------------------------------------------------------------------------------------- the tree


def make_archive(folder: Path, version: str = VERSION, inside: str | None = None) -> SourceArchive:
    path = folder / "source.tar.gz"
    path.write_bytes(tar_bytes(source_members(version, inside)))
    return SourceArchive(path=path, version=version, kind="tag", url="", sha256=hashlib.sha256(TAG).hexdigest())


def make_patch(*edits: Edit) -> Patch:
    return Patch(id="P1", title="", when=ALWAYS, edits=edits, reason="", source=())


def test_a_wrong_version_inside_is_set_right_and_recorded(tmp_path: Path) -> None:
    tree = prepare_tree(make_archive(tmp_path, "0.18.0", inside="0.17.7"), tmp_path / "tree", [])
    assert (tree.root / "version.txt").read_text() == "0.18.0\n"
    assert tree.corrections == ("version.txt said 0.17.7",)
    assert prepare_tree(tree.archive, tmp_path / "tree", []).corrections == tree.corrections


def test_a_right_version_needs_no_correction(tmp_path: Path) -> None:
    assert prepare_tree(make_archive(tmp_path), tmp_path / "tree", []).corrections == ()


def test_the_source_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"says it is DeepSpeed 7\.0\.0"):
        prepare_tree(make_archive(tmp_path, inside="7.0.0"), tmp_path / "tree", [])


def test_patches_are_applied_and_named(tmp_path: Path) -> None:
    patch = make_patch(
        Edit(file="setup.py", replace="print(1)", by="print(2)"),
        Edit(file="*.txt", regex="^144$|^0\n", by="zero\n"),
        Edit(file="new/file.py", write="VERSION = '{version}'\n"),
    )
    tree = prepare_tree(make_archive(tmp_path), tmp_path / "tree", [patch])
    assert tree.patches == ("P1",)
    assert (tree.root / "setup.py").read_text() == "print(2)\n"
    assert (tree.root / "data.txt").read_text().startswith("zero\n1\n4\n")
    assert (tree.root / "new/file.py").read_text() == f"VERSION = '{VERSION}'\n"


@pytest.mark.parametrize("edit", [Edit(file="setup.py", replace="absent"), Edit(file="absent.py", replace="x")])
def test_a_patch_that_changes_nothing_is_an_error(tmp_path: Path, edit: Edit) -> None:
    with pytest.raises(SourceError, match="patch P1"):
        prepare_tree(make_archive(tmp_path), tmp_path / "tree", [make_patch(edit)])


def test_a_tree_is_used_again_until_its_patches_change(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    patch = make_patch(Edit(file="setup.py", replace="print(1)", by="print(2)"))
    tree = prepare_tree(archive, tmp_path / "tree", [patch])
    (tree.root / "object.o").write_text("kept")
    prepare_tree(archive, tmp_path / "tree", [patch])
    assert (tree.root / "object.o").exists()
    changed = make_patch(Edit(file="setup.py", replace="print(1)", by="print(3)"))
    prepare_tree(archive, tmp_path / "tree", [changed])
    assert not (tree.root / "object.o").exists()
    assert (tree.root / "setup.py").read_text() == "print(3)\n"


@pytest.mark.parametrize("damage", ["lost", "cut", "flipped", "stamp lost"])
def test_a_tree_that_is_not_as_it_was_left_is_unpacked_anew(tmp_path: Path, damage: str) -> None:
    archive, lines = make_archive(tmp_path), list[str]()
    file = prepare_tree(archive, tmp_path / "tree", []).root / "data.txt"
    whole = file.read_bytes()
    if damage == "lost":
        file.unlink()
    elif damage == "stamp lost":
        (tmp_path / "tree" / STAMP).unlink()
        file.unlink()
    else:
        file.write_bytes(whole[:-1] if damage == "cut" else bytes([whole[0] ^ 1]) + whole[1:])
    prepare_tree(archive, tmp_path / "tree", [], lines.append)
    assert file.read_bytes() == whole
    if damage != "stamp lost":
        assert [line for line in lines if "is not as it was left: data.txt " in line]


def test_a_tree_that_lost_files_is_not_packaged(tmp_path: Path) -> None:
    tree = prepare_tree(make_archive(tmp_path), tmp_path / "tree", [])
    (tree.root / "setup.py").write_text("upstream may write files of its own and change some")
    require_whole(tree)
    (tree.root / "data.txt").unlink()
    with pytest.raises(SourceError, match=r"lost files while the wheel was built: data\.txt is missing; run again"):
        require_whole(tree)


def test_what_setup_py_copies_anew_on_windows_is_no_damage_there(tmp_path: Path) -> None:
    """It removes these directories and copies those at the top, which hold less."""
    copies = ("ops/csrc/aio/settings.json", "ops/op_builder/builder.py", "accelerator/cuda.py")
    members = {**source_members(VERSION), **{f"DeepSpeed-{VERSION}/deepspeed/{name}": "" for name in copies}}
    path = tmp_path / "source.tar.gz"
    path.write_bytes(tar_bytes(members))
    archive = SourceArchive(path=path, version=VERSION, kind="sdist", url="", sha256="")
    for system in ("windows", "linux"):
        tree = prepare_tree(archive, tmp_path / system, [], system=system)
        for name in copies:
            (tree.root / "deepspeed" / name).unlink()
    require_whole(replace(tree, root=tmp_path / "windows"))
    with pytest.raises(SourceError, match="lost files"):
        require_whole(tree)


def test_what_setup_py_writes_anew_into_an_sdist_is_no_damage(tmp_path: Path) -> None:
    members = {
        **source_members(VERSION),
        f"DeepSpeed-{VERSION}/deepspeed/git_version_info_installed.py": "version='x'\n",
    }
    path = tmp_path / "source.tar.gz"
    path.write_bytes(tar_bytes(members))
    archive, lines = SourceArchive(path=path, version=VERSION, kind="sdist", url="", sha256=""), list[str]()
    tree = prepare_tree(archive, tmp_path / "tree", [])
    (tree.root / "deepspeed" / "git_version_info_installed.py").write_text("version='y'\n")
    prepare_tree(archive, tmp_path / "tree", [], lines.append)
    assert lines == []


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from scripts.fetch import archive
from scripts.wheel_build import source
found = source.SourceArchive(path=Path(sys.argv[1]), version="0.19.8", kind="tag", url="", sha256="0")
if sys.argv[3] == "unpacking":
    archive.rename_patiently = hold
else:
    source.stamp_tree = hold
source.prepare_tree(found, Path(sys.argv[2]), [])
"""


@pytest.mark.parametrize("moment", ["unpacking", "stamping"])
def test_a_process_that_is_killed_while_it_unpacks_leaves_no_tree_that_counts(tmp_path: Path, moment: str) -> None:
    archive = make_archive(tmp_path)
    with busy(KILLED, archive.path, tmp_path / "tree", moment) as other:
        other.kill()
    (tmp_path / "tree" / "data.txt").unlink(missing_ok=True)
    assert (prepare_tree(archive, tmp_path / "tree", []).root / "data.txt").is_file()
    assert not (tmp_path / "tree.draft").exists()


def test_several_that_need_a_source_at_once_fetch_it_once(tmp_path: Path, use: Callable[[Site], None]) -> None:
    with serving({TAG_PATH: Page(body=TAG), **index_pages()}) as site, ThreadPoolExecutor(3) as pool:
        use(site)
        found = list(pool.map(lambda _: get(tmp_path), range(3)))
    assert site.requests.count(TAG_PATH) == site.requests.count(SDIST_PATH) == 1
    assert len({archive.sha256 for archive in found}) == 1


def test_a_tree_whose_patching_failed_is_not_used(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    with pytest.raises(SourceError):
        prepare_tree(archive, tmp_path / "tree", [make_patch(Edit(file="setup.py", replace="absent"))])
    assert prepare_tree(archive, tmp_path / "tree", []).patches == ()
