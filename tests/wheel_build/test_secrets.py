"""A build among secrets writes and prints none: not its own, and not what the programs say that it starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.command import Command
from scripts.fetch.installer import Installer
from scripts.outgoing import forget_secrets, printable, redacted, redacted_values, reference, with_references
from tests.wheel_build import stub_deepspeed
from tests.wheel_build.factories import repository_variables, write_tree
from tests.wheel_build.stub_deepspeed import make_dirs

builds = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)
TOKEN, PASSWORD, MIRROR, NETRC, SIGNED = "hush-0token0", "hush%401pass", "hush-2mirror", "hush-3netrc", "hush-4signed"
SECRETS = {
    "GITHUB_TOKEN": TOKEN,
    "PIP_INDEX_URL": f"https://me:{PASSWORD}@pip.example/simple?a=1&b=2",
    "UV_INDEX_MINE_PASSWORD": "hush-5uv",
    "DEEPSPEED_WHEELS_TAG_ARCHIVE": f"https://{MIRROR}@mirror.example/{{version}}.tar.gz?X-Amz-Signature={SIGNED}",
}
HIDDEN = (TOKEN, PASSWORD, "hush@1pass", MIRROR, NETRC, SIGNED, "hush-5uv")
SAY = 'echo "$PIP_INDEX_URL: error: $UV_DEFAULT_INDEX says $DEEPSPEED_WHEELS_TAG_ARCHIVE"; env; cat "$NETRC"\n'
SETUP = "import os; print(dict(os.environ), open(os.environ['NETRC']).read(), flush=True)\n"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The variables of a person who has secrets."""
    file = tmp_path / "given" / "netrc"
    write_tree(file.parent, {"netrc": f"machine pip.example login me password {NETRC}\n"})
    found = {**SECRETS, "NETRC": str(file)}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    forget_secrets()
    return found


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@builds
def test_a_whole_build_leaves_no_secret_anywhere(
    tmp_path: Path, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = stub_deepspeed.MEMBERS
    monkeypatch.setitem(members, "setup.py", SETUP + members["setup.py"])
    dirs, given = make_dirs(tmp_path), tmp_path / "given"
    uv = stub_deepspeed.make_installer(given)
    client = program(given / "client", f'{SAY}exec {uv} "$@"\n')
    failing = program(
        given / "failing", f'for word; do case "$word" in *.cpp) {SAY} exit 1;; esac; done; exec g++ "$@"\n'
    )
    summary = tmp_path / "summary.md"
    variables = {
        **repository_variables(),
        **secrets,
        "FAILING": failing,
        "DEEPSPEED_WHEELS_OUTPUT": str(tmp_path / "checkout"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_STEP_SUMMARY": str(summary),
        "DEEPSPEED_WHEELS_SITE": "http://127.0.0.1:9/",
    }
    argv = [sys.executable, "-m", "tests.wheel_build.secret_build", str(dirs.cache), str(tmp_path / "checkout"), client]
    ended = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said
    assert "error[compile-failed]" in said
    assert "***@pip.example/simple" in said
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(given)]
    names = {path.name for path in files}
    assert {"builds.json", "summary.md"} < names
    assert {".log", ".whl", ".json"} < {path.suffix for path in files}
    leaks = {str(path): secret for path in files for secret in HIDDEN if secret.encode() in path.read_bytes()}
    assert leaks == {}
    assert [secret for secret in HIDDEN if secret in said] == []
    log = next(path for path in files if path.suffix == ".log").read_text(encoding="utf-8")
    for text in (log, ended.stdout):
        assert 'UV_DEFAULT_INDEX="$PIP_INDEX_URL" ' in text


def test_a_line_names_the_variable_that_holds_the_secret(secrets: dict[str, str]) -> None:
    url = secrets["PIP_INDEX_URL"]
    command = Installer(uv=None).install(Path("python"), ["x"], index=url)
    assert command.as_shell(windows=False).endswith('--extra-index-url "$PIP_INDEX_URL" x')
    assert command.as_shell(windows=True).endswith('--extra-index-url "%PIP_INDEX_URL%" x')


@pytest.mark.skipif(sys.platform == "win32", reason="a Unix shell runs it")
def test_a_line_with_the_variable_of_a_secret_still_runs(secrets: dict[str, str]) -> None:
    url = secrets["PIP_INDEX_URL"]
    line = Command(argv=("echo", f"<{url}>"), env={"A": url}).as_shell(windows=False)
    ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert ran.stdout == f"<{url}>\n"


def test_a_secret_that_no_variable_holds_is_masked_in_a_line(secrets: dict[str, str]) -> None:
    assert "hush" not in with_references("https://other:hush-6-conf@pip.example/simple")
    assert with_references(f"--header={TOKEN}") == f"--header={reference('GITHUB_TOKEN')}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://user:hush@host/simple", "https://***@host/simple"),
        ("Looking in indexes: https://hush@host/a, https://b", "Looking in indexes: https://***@host/a, https://b"),
        ("https://h/x?access_token=hush&b=1#frag", "https://h/x?access_token=***&b=1#frag"),
        (
            "GET /x?X-Amz-Credential=hush&X-Amz-Signature=hush HTTP/1.1",
            "GET /x?X-Amz-Credential=***&X-Amz-Signature=*** HTTP/1.1",
        ),
        ("https://blob/x?sv=1&sig=hush", "https://blob/x?sv=1&sig=***"),
        ("{'Authorization': 'Bearer hush'}", "{'Authorization': 'Bearer ***'}"),
        ("> Authorization: Basic hush==", "> Authorization: Basic ***"),
        ("--password hush --api-key=hush", "--password *** --api-key=***"),
        ("ghp_" + "hush" * 9, "***"),
        ("-DMAX_TOKEN=5 -I/usr/include/x@y keys: a, b", "-DMAX_TOKEN=5 -I/usr/include/x@y keys: a, b"),
        ("note: author=me; see https://h/a@b?c=d", "note: author=me; see https://h/a@b?c=d"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text: str, kept: str) -> None:
    assert redacted(text) == kept
    assert redacted_values({text: [text, {"a": (text, 1, None)}]}) == {kept: [kept, {"a": [kept, 1, None]}]}


@pytest.mark.parametrize("part", ["--", "?token_", "://", "auth: ", "cookie'", "\x1b[", "\x1b]", "https://a:", "key="])
def test_a_long_line_is_read_in_linear_time(part: str) -> None:
    """Ten times as much takes about ten times as long: a quadratic pattern would take minutes here."""
    assert len(printable(part * 200_000)) >= 0
