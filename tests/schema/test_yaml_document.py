"""A file that is no YAML, or hardly, is told with its line; none is read for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.schema.readers import Problems, listed, text
from scripts.schema.yaml_document import MOST_VALUES, read_document

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\n\tb: 2\n", "rows.yaml:2: is indented with a tab"),
        (b"a:\n  - x\n\t- y\n", "rows.yaml:3: is indented with a tab"),
        (b"a: 1\nb: caf\xe9\n", "rows.yaml:2: is not UTF-8 (byte 0xe9)"),
        ("a: 1\n".encode("utf-16"), "rows.yaml:1: is not UTF-8 (byte 0xff)"),
        (b"a: [\n", "rows.yaml:2: is not YAML: "),
        (b"a: *b\n", "rows.yaml:1: is not YAML: found undefined alias"),
        (b"a: 1\nb: 2\na: 3\n", "rows.yaml:1: a: the key is there twice, again in line 3"),
        (b"a: &a [*a]\n", "rows.yaml:1: a[0]: is an alias of what it stands in"),
        (LAUGHS.encode(), f"has more than {MOST_VALUES} values"),
        (b"a: !!python/object:os.system x\n", "rows.yaml:1: a: has the tag "),
        (b"? [a]\n: b\n", "rows.yaml:1: has a key in line 1 that is a list"),
        (b"a: b\n---\nc: d\n", "rows.yaml:2: is not YAML: but found another document"),
        (b"[" * 5000, "rows.yaml:"),
        (b"a: \0\n", "rows.yaml:"),
    ],
)
def test_a_document_that_cannot_be_read_is_told_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_bytes(content)
    problems = Problems()
    read_document(tmp_path / "rows.yaml", problems)
    assert any(message in problem for problem in problems), problems


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_bytes(b"\xef\xbb\xbfa: b\n")
    problems = Problems()
    assert (read_document(tmp_path / "rows.yaml", problems), problems) == ({"a": "b"}, [])


def test_a_fault_has_the_line_of_its_value_or_of_the_nearest_above_it(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text("rows:\n- id: first\n- id: second\n  names:\n  - a\n  - 7\n")
    problems = Problems()
    document = read_document(tmp_path / "rows.yaml", problems)
    assert isinstance(document, dict)
    listed(text)(document["rows"][1]["names"], "rows.yaml: rows[1].names", problems)
    problems.add("rows.yaml: rows[1].source", "is missing")
    assert [problem.partition(": ")[0] for problem in problems] == ["rows.yaml:6", "rows.yaml:3"]
    assert all(" (second): " in problem for problem in problems)
