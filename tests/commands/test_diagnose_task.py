"""`invoke diagnose` reads a file, standard input or an address, and answers as text or JSON."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from scripts.commands.diagnose_task import diagnose_log, read_log
from scripts.commands.task_options import DiagnoseOptions
from scripts.errors import InputError
from scripts.fetch import transfer
from scripts.wheel_build.progress import Progress

LOG = "building\nLINK : fatal error LNK1181: cannot open input file 'aio.lib'\ncl : error D8021 : '/Wno-cpp'\n"


def test_the_answer_names_cause_line_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "build.log"
    log.write_text(LOG)
    diagnose_log(DiagnoseOptions(log=str(log)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["cause: gcc-flag-on-msvc", "  line 3: cl : error D8021 : '/Wno-cpp'"]
    assert lines[-1].startswith("harmless: line 2: ")


def test_json_has_findings_and_noise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "build.log"
    log.write_text(LOG)
    diagnose_log(DiagnoseOptions(log=str(log), json=True))
    found = json.loads(capsys.readouterr().out)
    keys = {"cause", "line", "line_number", "explanation", "remedy", "source"}
    assert [set(finding) for finding in found["findings"]] == [keys]
    assert [noise["line_number"] for noise in found["noise"]] == [2]


def test_a_log_of_success_and_an_unknown_failure_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "build.log"
    log.write_text("Successfully built x\n")
    diagnose_log(DiagnoseOptions(log=str(log)))
    log.write_text("error: something new\n")
    diagnose_log(DiagnoseOptions(log=str(log)))
    assert capsys.readouterr().out.splitlines() == [
        "nothing wrong found",
        "no known cause; the first lines that tell of an error:",
        "  line 1: error: something new",
    ]


def test_of_a_target_s_log_the_last_build_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build adds to its target's log."""
    log = tmp_path / "ds0.19.8-torch2.15.0-cu130-cp311-win_amd64.log"
    told = []
    for said in (LOG, "compiled\n", LOG, "one\ntwo\n" + LOG):
        with Progress(title=log.stem, log_file=log) as progress:
            for line in said.splitlines():
                progress.log(line)
        diagnose_log(DiagnoseOptions(log=str(log)))
        told.append(capsys.readouterr().out.splitlines())
    assert [lines[0] for lines in told] == ["cause: gcc-flag-on-msvc", "nothing wrong found", *[told[0][0]] * 2]
    whole = log.read_text(encoding="utf-8").splitlines()
    for lines in (told[0], told[2], told[3]):
        number, text = lines[1].strip().removeprefix("line ").split(": ", 1)
        assert whole[int(number) - 1].endswith(text)
    assert told[3][1].startswith(f"  line {len(whole)}: ")


def test_a_log_that_cannot_be_read_is_an_error_with_a_hint(tmp_path: Path) -> None:
    for place in (tmp_path / "missing.log", tmp_path):
        with pytest.raises(InputError, match="give the path of a log"):
            list(read_log(str(place)))


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"some\nlines\n")))
    assert b"".join(read_log("-")) == b"some\nlines\n"


def test_the_log_of_a_job_is_asked_for_with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []

    def get(url: str, **options: object) -> object:
        asked.append((url, options["headers"]))
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b"text")
        return closing(answer)

    monkeypatch.setattr(transfer, "get", get)
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.delenv("GITHUB_API_URL", raising=False)
    assert b"".join(read_log("https://github.com/a/b/actions/runs/1/job/22")) == b"text"
    assert b"".join(read_log("https://example.org/build.log")) == b"text"
    assert asked == [
        ("https://api.github.com/repos/a/b/actions/jobs/22/logs", {"Authorization": "Bearer secret"}),
        ("https://example.org/build.log", None),
    ]


def test_the_token_is_sent_to_no_address_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("GITHUB_API_URL", "http://api.example.org")
    with pytest.raises(InputError, match="give an https address"):
        b"".join(read_log("https://github.com/a/b/actions/runs/1/job/22"))
