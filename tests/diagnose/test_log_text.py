"""A log is read whatever its encoding, colours, time stamps and length."""

from __future__ import annotations

import codecs

import pytest

from scripts.diagnose.diagnosis import diagnose
from scripts.diagnose.log_text import AROUND, decode, pages, plain

GERMAN = 'LINK : fatal error LNK1181: Eingabedatei "cublas.lib" kann nicht geöffnet werden.'
CHINESE = "compiled_autograd.h(1108): error C2872: “std”: 不明确的符号"
RUSSIAN = "PermissionError: [WinError 5] Отказано в доступе: 'C:\\venv\\a.pyd'"


@pytest.mark.parametrize(
    ("line", "encoding"),
    [
        (GERMAN, "cp1252"),
        (CHINESE, "cp936"),
        (RUSSIAN, "cp1251"),
        (CHINESE, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
    ],
)
def test_a_line_is_shown_as_it_was_written(line: str, encoding: str) -> None:
    found = diagnose([f"one\r\ntwo\r\n{line}\r\n".encode(encoding)])
    assert [(finding.line, finding.line_number) for finding in found.findings] == [(line, 3)]


def test_each_line_may_have_its_own_encoding() -> None:
    mixed = b"\n".join((GERMAN.encode("cp1252"), CHINESE.encode("cp936"), RUSSIAN.encode("utf-8")))
    assert decode(mixed).split("\n") == [GERMAN, CHINESE, RUSSIAN]


def test_utf_16_may_be_cut_inside_a_letter() -> None:
    raw = codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le")
    assert diagnose([raw[:31], raw[31:]]).findings[0].line == CHINESE


@pytest.mark.parametrize(
    "shown",
    [
        "\x1b[31mfatal: it broke\x1b[0m",
        "2026-11-26T03:14:00.1234567Z fatal: it broke",
        "build (3.11)\tBuild\t2026-11-26T03:14:00.1234567Z fatal: it broke",
        "2026-11-26T03:14:00.123+01:00 fatal: it broke",
        "[2026-11-26 03:14:00,123] fatal: it broke",
        "#12 34.567 fatal: it broke",
        "[rank0]: fatal: it broke",
        "172.17.226.129: ^[[93mfatal: it broke",
        "  │ fatal: it broke",
        "  ╰─> fatal: it broke\r",
        "   411\tfatal: it broke",
        "411:fatal: it broke",
        "  411   fatal: it broke",
        "&nbsp;&nbsp;fatal: it broke",
    ],
)
def test_what_is_not_the_message_is_taken_off(shown: str) -> None:
    assert plain(shown) == "fatal: it broke"


def test_the_signs_of_a_page_are_read_as_what_they_stand_for() -> None:
    line = "ModuleNotFoundError: No module named &#39;torch&#39;"
    assert plain(line) == "ModuleNotFoundError: No module named 'torch'"
    assert plain("if (a && b) c &lt d; 6 | #include <a.h>") == "if (a && b) c &lt d; 6 | #include <a.h>"


@pytest.mark.parametrize(
    "prompt", ["C:\\ds> ", "PS C:\\ds>", "(venv) D:\\a b>", "(base) ann@gpu7:~/ds$ ", "> $env:WHY = 1 # "]
)
def test_what_somebody_types_at_a_prompt_is_not_said_by_a_program(prompt: str) -> None:
    said = "RuntimeError: CUDA_HOME does not exist, unable to compile CUDA op(s)"
    assert diagnose([f"{prompt}{said}".encode()]).findings == ()
    assert diagnose([said.encode()]).findings[0].cause == "cuda-home-missing"


def test_every_line_counts_once_wherever_the_blocks_end() -> None:
    log = b"".join(b"%d needle\n" % number for number in range(500))
    for size in (7, 100, 5000):
        blocks = [log[start : start + size] for start in range(0, len(log), size)]
        found = [
            page.lines[index]
            for page in pages(blocks, frozenset((b"needle",)), lambda words: True)
            for index, _ in page.hits
        ]
        assert found == [f"{number} needle" for number in range(500)]


def test_a_line_is_seen_with_the_lines_around_it() -> None:
    frame = '  File "C:\\src\\setup.py", line 262, in <module>\n    result = subprocess.check_output(git_hash_cmd)\n'
    log = ("building\n" * 100 + frame + "noise\n" * 9 + "FileNotFoundError: [WinError 2] x\n").encode()
    for size in (1, 64, len(log)):
        found = diagnose([log[start : start + size] for start in range(0, len(log), size)])
        assert [(each.cause, each.line_number) for each in found.findings] == [("git-hash-bash-missing", 112)]
    assert AROUND >= 30


def test_an_endless_line_is_not_kept() -> None:
    assert diagnose([b"x" * 100_000] * 50).findings == ()
    found = diagnose([b"x" * 100_000] * 5 + [b"\nfatal error C1060: compiler is out of heap space\n"])
    assert [(each.cause, each.line_number) for each in found.findings] == [("out-of-memory", 2)]
