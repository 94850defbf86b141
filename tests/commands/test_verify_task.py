"""What `invoke verify` makes of wheels, folders, addresses and Pythons, and what it says of a wheel that fails."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.commands import audit_task, verify_task
from scripts.commands.command_task import words_behind
from scripts.commands.verify_options import VerifyOptions
from scripts.dirs import CHECKOUT
from scripts.errors import InputError, PrerequisiteError, VerifyError
from scripts.files import sha256_of
from scripts.host import platform_tag
from scripts.options import options_of
from scripts.verify.check import CheckResult, Report
from scripts.verify.given_python import find_python, installed_verdict
from scripts.verify.given_wheels import given_wheels
from tests.loopback_server import listening
from tests.verify.stub_wheel import make_wheel

GOOD = CheckResult(name="names", passed=True, detail="all there")
BAD = CheckResult(name="load_ops", passed=False, detail="exit code 1, last output: (see above)")
SAID = "ImportError: /env/cpu_adam_op.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationE"
posix = pytest.mark.skipif(os.name == "nt", reason="the environment is made of links")


def verified(monkeypatch: pytest.MonkeyPatch, *checks: CheckResult) -> None:
    def run(wheel: Path, *_: object, log: Callable[[str], None], **__: object) -> Report:
        log(SAID)
        return Report(wheel=wheel.name, checks=checks)

    monkeypatch.setattr(audit_task, "verify_wheel", run)
    monkeypatch.setattr(audit_task, "read_promises", lambda wheel: None)


def test_the_cause_stands_below_the_error_and_in_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(monkeypatch, GOOD, BAD)
    with pytest.raises(VerifyError) as caught:
        verify_task.verify(VerifyOptions(wheel=("a.whl",), json=True))
    first, second, third, *_ = str(caught.value).splitlines()
    assert first == "a.whl failed load_ops"
    assert (second, third) == ("diagnosis: undefined-symbol (the output of the verification)", f"  {SAID}")
    document = json.loads(capsys.readouterr().out)
    assert (document["diagnosis"]["cause"], document["passed"]) == ("undefined-symbol", False)


def test_the_detail_of_a_failed_check_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.commands.test_verify_task.SAID", "running load_ops")
    verified(monkeypatch, CheckResult(name="load_ops", passed=False, detail="exit code -4, last output: none"))
    with pytest.raises(VerifyError, match="diagnosis: illegal-instruction"):
        verify_task.verify(VerifyOptions(wheel=("a.whl",), json=True))


def test_a_wheel_that_passes_has_no_cause(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    verified(monkeypatch, GOOD)
    verify_task.verify(VerifyOptions(wheel=("a.whl",), json=True))
    assert json.loads(capsys.readouterr().out)["diagnosis"] is None


# ---------------------------------------------------------------- which wheels


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """The address of a server of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    with listening(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def names(words: Sequence[str], folder: Path, log: Callable[[str], None] = print) -> list[str]:
    return [wheel.name for wheel in given_wheels(words, folder, log)]


def test_a_folder_stands_for_all_wheels_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for python in ("311", "312"):
        (tmp_path / python).mkdir()
        make_wheel(tmp_path / python, name=f"deepspeed-0.16.5-cp{python}-cp{python}-linux_x86_64.whl")
    with pytest.raises(VerifyError, match="2 of 2 wheels failed"):  # what the stubs hold is for cp311 of one version
        verify_task.verify(VerifyOptions(wheel=(str(tmp_path),), json=True))
    document = json.loads(capsys.readouterr().out)
    assert [wheel["wheel"].split("-")[2] for wheel in document["wheels"]] == ["cp311", "cp312"]


def test_a_folder_without_a_wheel_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no wheel"):
        names([str(tmp_path)], tmp_path)


def tar_file(mode: str) -> bytes:
    """An archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        tar.addfile(tarfile.TarInfo("info/index.json"), io.BytesIO(b""))
    return buffer.getvalue()


def zip_file() -> bytes:
    """The same, zipped."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", "{}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("deepspeed-0.16.5-py311_0.conda", zip_file(), "is a conda package, which conda and mamba install"),
        ("deepspeed-0.16.5-py311_0.tar.bz2", tar_file("w:bz2"), "is a conda package of the older kind"),
        ("deepspeed-0.16.5.tar.gz", tar_file("w:gz"), "is a source archive, from which pip compiles"),
        ("DeepSpeed-0.16.5.zip", zip_file(), "is a source archive or a folder that was packed"),
        ("deepspeed-0.16.5-py3.11.egg", zip_file(), "is an egg"),
    ],
)
def test_a_package_of_another_kind_is_told_what_it_is(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        names([str(file)], tmp_path)
    assert str(caught.value).startswith(f"{file} {words}")
    assert str(caught.value).endswith("; give a wheel, which ends with .whl")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path} holds no wheel ({name} {words}")):
        names([str(tmp_path)], tmp_path)
    with pytest.raises(InputError, match=re.escape(words.removeprefix("is "))):
        names([f"http://127.0.0.1:9/{name}"], tmp_path)


@pytest.mark.parametrize("name", ["a.conda", "a.tar.gz", "a.tar.bz2"])
def test_what_is_only_called_like_a_package_is_no_wheel(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"<html>")
    with pytest.raises(InputError, match="not a wheel's file name"):
        verify_task.verify(VerifyOptions(wheel=(str(tmp_path / name),)))


def test_the_wheel_of_an_address_is_downloaded_and_its_digest_shown(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    lines: list[str] = []
    with serving_folder(tmp_path) as address:
        assert names([f"{address}/{wheel.name.replace('+', '%2B')}"], tmp_path / "downloads", lines.append) == [
            wheel.name
        ]
        assert sha256_of(wheel) in lines[0]
        with pytest.raises(PrerequisiteError, match="its address says 00"):
            names([f"{address}/{wheel.name}#sha256=00"], tmp_path / "downloads")
        with pytest.raises(PrerequisiteError, match="cannot be downloaded: 404"):
            names([f"{address}/absent.whl"], tmp_path / "downloads")


def test_an_index_stands_for_its_wheels_of_deepspeed(tmp_path: Path) -> None:
    (tmp_path / "deepspeed").mkdir()
    wheel = make_wheel(tmp_path)
    page = f'<html><body><a href="../{wheel.name}#sha256={sha256_of(wheel)}">{wheel.name}</a></body></html>'
    (tmp_path / "deepspeed" / "index.html").write_text(page, encoding="utf-8")
    with serving_folder(tmp_path) as address:
        assert names([f"{address}/"], tmp_path / "downloads") == [wheel.name]
        with pytest.raises(InputError, match="neither a wheel nor an index"):
            names([f"{address}/nothing/"], tmp_path / "downloads")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("invoke verify a.whl", 1),
        ("invoke verify a.whl b.whl --json", 2),
        ("invoke verify a.whl b.whl --level full c.whl --python=env", 3),
        ("invoke plan", 0),
    ],
)
def test_words_behind_a_task_are_counted(line: str, count: int) -> None:
    assert words_behind(line.split(), "verify", {"--level"}) == count


# ---------------------------------------------------------------- which Python


@pytest.mark.parametrize("given", ["absent", "empty", "no-python"])
def test_a_wrong_python_is_an_input_error(given: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-python").write_text("this runs nowhere", encoding="utf-8")
    with pytest.raises(InputError, match="--python") as caught:
        find_python(str(tmp_path / given))
    assert (caught.value.id, caught.value.exit_code) == ("python-not-found", 11)


@posix
def test_a_relative_python_and_a_folder_are_found_and_their_links_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    assert find_python("env") == find_python("env/bin/python") == tmp_path / "env" / "bin" / "python"


def test_a_python_without_the_wheel_is_told_before_anything_runs(tmp_path: Path) -> None:
    passed, detail = installed_verdict(Path(sys.executable), make_wheel(tmp_path))
    assert (passed, "no DeepSpeed is installed there" in detail) == (False, True)


def test_a_wheel_of_another_system_is_read_and_says_what_was_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "linux_x86_64" if platform_tag() == "win_amd64" else "win_amd64"
    wheel = make_wheel(tmp_path, name=f"deepspeed-0.16.5-cp311-cp311-{other}.whl")
    with pytest.raises(VerifyError):  # a stub for this system inside of that name
        verify_task.verify(VerifyOptions(wheel=(str(wheel),), level="load", json=True))
    left = json.loads(capsys.readouterr().out)["checks"][-1]
    assert (left["name"], left["passed"]) == ("running it", None)
    assert left["detail"].startswith(f"the wheel is for {other}, and this machine is {platform_tag()}")


def test_help_behind_the_task_is_help_with_a_line_for_each_option() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "invoke", "verify", "--help"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for each in options_of(VerifyOptions):
        assert each.flag in shown
        assert each.stated.help.split()[0] in shown.split(each.flag)[-1]
