"""What no cache has any more is taken out of a published wheel whose manifest has its key, or compiled."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest

from scripts.ci.actions import SITE
from scripts.command import no_log
from scripts.commands.offered_ops import with_offered_wheels
from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError
from scripts.fetch.installer import Installer
from scripts.fetch.wheel_part import PAUSES, RemoteFile
from scripts.files import sha256_of
from scripts.index.simple_index import render_index
from scripts.options import parse_words
from scripts.plan.target import Target
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path, origins_of
from scripts.wheel.published import publish_records
from scripts.wheel.record import Verification
from scripts.wheel.wheelhouse import site_files
from scripts.wheel_build import environments, published_ops
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.produce import produce
from scripts.wheel_build.published_ops import OfferedWheel, _members, made_alike, offered_ops, wheels_to_ask
from tests.fetch.range_server import Fault, FileServer, serving_files
from tests.wheel.factories import digest, make_wheel_record, make_wheel_target
from tests.wheel_build.one_build import WORDS
from tests.wheel_build.plans import make_planner
from tests.wheel_build.stub_deepspeed import TARGET
from tests.wheel_build.test_together import BEFORE, give_source

linux = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)
OP = "fused_adam"
PADDING = b"\x00".join(str(number * number).encode() for number in range(40_000))  # so that the op is the smaller part


@dataclass(frozen=True, kw_only=True)
class Made:
    """A wheel that was built, and what was told meanwhile."""

    wheel: Path
    log: str

    @property
    def op(self) -> dict[str, Any]:
        """The op, as the manifest has it."""
        found: dict[str, Any] = json.loads(manifest_path(self.wheel).read_bytes())["ops"][OP]
        return found

    @property
    def binary(self) -> bytes:
        """The op, as the wheel has it."""
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.read(self.op["file"])


def build(folder: Path, target: Target, *, changed: bool = False, words: tuple[str, ...] = ()) -> Made:
    """A build of the target with empty caches, as `invoke build` plans it; `changed`: with another source of the op."""
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    if changed:
        give_source(dirs, target)
    else:
        give_the_same_source(dirs, target)
    planned = make_planner(dirs, parse_words(BuildOptions, [*WORDS, *words])).here(target)
    (plan,) = with_offered_wheels([planned])
    with mock.patch.object(environments, "fill_build_environment"):
        wheel = produce(plan, Installer(uv=None), Path(sys.executable), sys.executable, dirs)
    return Made(wheel=wheel, log=dirs.log(target.id).read_text(encoding="utf-8"))


def give_the_same_source(dirs: Dirs, target: Target) -> None:
    """The tag of a release whose op is that of the other one."""
    with mock.patch("tests.wheel_build.test_together.BEFORE", None):
        give_source(dirs, target)


@contextmanager
def published(made: Made, padded: bytes = b"", **served: Any) -> Iterator[FileServer]:  # noqa: ANN401  of serving_files
    """A site on loopback that offers the wheel as `invoke index` would, and is the one that this process knows."""
    if padded:
        with zipfile.ZipFile(made.wheel, "a") as archive:
            archive.writestr("deepspeed/padding.bin", padded)
    document = json.loads(manifest_path(made.wheel).read_bytes())
    document["wheel"] |= {"sha256": sha256_of(made.wheel), "bytes": made.wheel.stat().st_size}
    manifest_path(made.wheel).write_text(json.dumps(document), encoding="utf-8")
    content = manifest_path(made.wheel).read_bytes()
    record = replace(
        read_manifest(content, "m"),
        verification=Verification(level="full", passed=("names",)),
        manifest_sha256=sha256_of(manifest_path(made.wheel)),
    )
    with serving_files({}, **served) as server:
        site = publish_records([record], url=server.url, torch_index="https://torch.example/{variant}")
        files = {**render_index(site), **site_files(made.wheel, record)}
        server.files.update({f"/{quote(path)}": as_bytes(found) for path, found in files.items()})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(SITE, server.url)
            patch.setattr("scripts.fetch.download.PAUSES", (0.0, 0.0, 0.0, 0.0))
            patch.setattr("scripts.fetch.wheel_part.PAUSES", (0.0,) * len(PAUSES))
            yield server


def as_bytes(content: str | bytes | Path) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    return content if isinstance(content, bytes) else content.encode()


def asked_for(server: FileServer, ending: str) -> list[str]:
    """The ranges in which a file was asked for."""
    return [wish for path, wish in server.asked if path.endswith(ending)]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The release before, built once."""
    return build(tmp_path_factory.mktemp("before"), BEFORE)


@pytest.fixture
def earlier(before: Made, tmp_path: Path) -> Made:
    """The same, to be changed."""
    wheel = Path(shutil.copy(before.wheel, tmp_path / before.wheel.name))
    shutil.copy(manifest_path(before.wheel), manifest_path(wheel))
    return replace(before, wheel=wheel)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The release, built of nothing."""
    return build(tmp_path_factory.mktemp("alone"), TARGET)


@linux
def test_a_release_that_did_not_change_an_op_downloads_it_and_makes_the_bytes_that_it_makes_alone(
    earlier: Made, alone: Made, tmp_path: Path
) -> None:
    with published(earlier, padded=PADDING) as server:
        made = build(tmp_path / "new", TARGET)
    assert made.wheel.read_bytes() == alone.wheel.read_bytes()
    assert (alone.op["from"], made.op["from"]) == ("compiled", earlier.wheel.name)
    assert (made.op["key"], made.op["sha256"]) == (alone.op["key"], alone.op["sha256"])
    assert origins_of(made.wheel) == {OP: earlier.wheel.name}
    assert f"{OP} is the one of {earlier.wheel.name}, which is published" in made.log
    assert " -c " not in made.log, "nothing was compiled"
    assert made.op["seconds"] == earlier.op["seconds"], "what it had cost"
    assert all(asked_for(server, ".whl")), "of the wheel parts alone are asked for"
    again = build(tmp_path / "new", TARGET)
    assert again.op["from"] == earlier.wheel.name, "the op cache knows where it had it from"


@linux
def test_where_the_op_is_most_of_the_wheel_or_a_server_gives_no_parts_the_whole_wheel_is_proven(
    earlier: Made, alone: Made, tmp_path: Path
) -> None:
    with published(earlier, padded=PADDING, ranges=False) as server:
        made = build(tmp_path / "new", TARGET)
    assert made.wheel.read_bytes() == alone.wheel.read_bytes()
    assert made.op["from"] == earlier.wheel.name
    assert "" in asked_for(server, ".whl")


@linux
@pytest.mark.parametrize(
    ("target", "changed", "words"),
    [(BEFORE, True, ()), (TARGET, False, ("--no-cache",))],
    ids=["another source", "no cache"],
)
def test_an_op_of_another_key_and_one_that_no_cache_is_for_are_compiled(
    earlier: Made, tmp_path: Path, target: Target, changed: bool, words: tuple[str, ...]
) -> None:
    with published(earlier) as server:
        made = build(tmp_path / "new", target, changed=changed, words=words)
    assert made.op["from"] == "compiled"
    assert asked_for(server, ".whl") == []


def spoiled_manifest(server: FileServer) -> None:
    path = next(path for path in server.files if path.endswith(".whl.json"))
    server.files[path] = server.files[path].replace(b'"compiled"', b'"Compiled"')


def spoiled_wheel(server: FileServer) -> None:
    path = next(path for path in server.files if path.endswith(".whl"))
    server.files[path] = server.files[path][::-1]


def no_manifest(server: FileServer) -> None:
    del server.files[next(path for path in server.files if path.endswith(".whl.json"))]


def failing_wheel(server: FileServer) -> None:
    path = next(path for path in server.files if path.endswith(".whl"))
    server.faults[path] = [Fault(status=503) for _ in range(40)]


def no_index(server: FileServer) -> None:
    server.files["/wheels.json"] = b"{"


@linux
@pytest.mark.parametrize("fault", [spoiled_manifest, spoiled_wheel, no_manifest, failing_wheel, no_index])
def test_what_cannot_be_trusted_or_had_is_told_and_compiled(earlier: Made, tmp_path: Path, fault: Any) -> None:  # noqa: ANN401
    with published(earlier, padded=PADDING) as server, mock.patch("scripts.commands.offered_ops.log_line") as told:
        fault(server)
        made = build(tmp_path / "new", TARGET)
    assert made.op["from"] == "compiled"
    said = made.log + "".join(call.args[0] for call in told.call_args_list)
    assert "no op is taken out of a published wheel" in said


STATED = {"key": "k", "file": "a.so", "sha256": "0" * 64, "bytes": 3, "seconds": 1.5, "peak_bytes": 5}
STRANGE: dict[str, Any] = {
    "file": ["a.so"],
    "sha256": ["0"],
    "key": 7,
    "seconds": "long",
    "peak_bytes": None,
    "bytes": 10**12,
}


def test_an_op_is_offered_as_its_manifest_has_it() -> None:
    assert [op.bytes for op in offered_ops(json.dumps({"ops": {"a": STATED}}).encode())] == [3]


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_build_states_is_not_offered(name: str) -> None:
    assert offered_ops(json.dumps({"ops": {"a": {**STATED, name: STRANGE[name]}}}).encode()) == ()


@pytest.mark.parametrize("seconds", [b"NaN", b"1e999", b"-1", b"1" + b"0" * 400])
def test_a_number_that_none_is_is_not_offered(seconds: bytes) -> None:
    assert offered_ops(json.dumps({"ops": {"a": STATED}}).encode().replace(b"1.5", seconds)) == ()


def test_a_manifest_without_an_end_of_its_depth_offers_nothing() -> None:
    assert offered_ops(b'{"ops": ' + b"[" * 100_000) == ()


def test_a_damaged_archive_is_told_whatever_of_it_is_damaged(tmp_path: Path) -> None:
    """Bytes of its directory, its end or the head of a member are others: the op itself, or an error that is told."""
    chance, content = random.Random(7), b"binary" * 500
    with zipfile.ZipFile(tmp_path / "whole", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.so", content)
        archive.writestr("more", chance.randbytes(5000))
    whole = (tmp_path / "whole").read_bytes()
    stated = {**STATED, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (op,), all_of_it = offered_ops(json.dumps({"ops": {"a": stated}}).encode()), (tmp_path / "all").write_bytes
    for _ in range(600):
        damaged = bytearray(whole)
        for place in chance.choices([*range(40), *range(len(whole) - 160, len(whole))], k=chance.randrange(1, 4)):
            damaged[place] = chance.randrange(256)
        parts = io.BytesIO(damaged)
        with pytest.MonkeyPatch.context() as patch, suppress(PrerequisiteError):
            patch.setattr(published_ops, "RemoteFile", lambda *asked, parts=parts: parts)
            patch.setattr(
                published_ops, "download_all", lambda *asked, content=bytes(damaged), **how: all_of_it(content)
            )
            record = make_wheel_record()
            wheel = OfferedWheel(record=record, url="https://site.example/a.whl")
            assert _members(wheel, [op], tmp_path / "all", no_log) == {op: content}


def test_no_place_before_the_beginning_of_a_file_is_read() -> None:
    with pytest.raises(ValueError, match="negative seek"):
        RemoteFile("https://site.example/a.whl", 10).seek(-11, io.SEEK_END)


# ---------------------------------------------------------------- which wheels are asked


def offered(**changes: Mapping[str, Any]) -> list[str]:
    """The releases of the wheels that are asked for ops of DeepSpeed 0.16.5, of those of some releases."""
    releases = ("0.15.4", "0.16.4", "0.16.5", "0.16.9", "0.17.6", "0.19.8")
    records = [
        make_wheel_record(deepspeed=release, **{"manifest_sha256": digest(release), **changes}) for release in releases
    ]
    site = publish_records(records, url="https://site.example", torch_index="https://torch.example/{variant}")
    found = wheels_to_ask(site, make_wheel_target(deepspeed="0.16.5"), "avx2")
    return [wheel.record.target.deepspeed for wheel in found]


def test_its_own_release_is_asked_first_and_then_the_nearest_before_it() -> None:
    assert offered() == ["0.16.5", "0.16.4", "0.15.4"]


@pytest.mark.parametrize(
    "changes",
    [
        {"torch": "2.7.1"},
        {"cuda": "cu126"},
        {"python": "3.12"},
        {"platform": "linux_x86_64"},
        {"cpu_level": "avx512"},
        {"yanked": "broken"},
        {"manifest_sha256": None},
    ],
)
def test_no_wheel_is_asked_that_cannot_have_the_key_or_not_prove_it(changes: dict[str, Any]) -> None:
    assert offered(**changes) == []


def test_only_wheels_of_this_torch_and_these_compilers_are_asked_for_their_manifests() -> None:
    record = make_wheel_record(manifest_sha256=digest("m"))
    site = publish_records([record], url="https://site.example", torch_index="https://torch.example/{variant}")
    wheels = wheels_to_ask(site, record.target, "avx2")
    assert made_alike(wheels, record.torch, {"compiler": "cl 19.41"}) == wheels
    assert made_alike(wheels, record.torch, {"compiler": "cl 19.42"}) == ()
    assert made_alike(wheels, "2.6.1+cu124", {"compiler": "cl 19.41"}) == ()
