"""An addition keeps every byte that it does not add, and finds its place among its neighbours."""

from __future__ import annotations

import pytest
import yaml

from scripts.facts.load import DATA
from scripts.watch.data_text import DataEdit, node_at, row_lines

TABLES = (
    ("torch.yaml", "torch"),
    ("cuda.yaml", "cuda"),
    ("python.yaml", "python"),
    ("deepspeed.yaml", "releases"),
    ("msvc.yaml", "toolsets"),
)
TEXT = """\
# a head
rows:
  # of the first
  "1.9":
    days: {"1.9.0": 2026-01-01, "1.9.10": null}  # why
    list: [a1, a3]
    more: >-
      folded
      text

  # of the second
  "1.10": {list: []}
after: yes
"""


def with_edit(*at: str, key: str | None = "", text: str = "") -> str:
    return DataEdit(file="x.yaml", at=at, key=key, text=text).apply(TEXT)


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_a_row_that_was_taken_out_comes_back_to_where_it_stood(file: str, table: str) -> None:
    content = (DATA / file).read_text(encoding="utf-8")
    lines = content.splitlines(keepends=True)
    names = [
        str(each[0].value) if isinstance(each, tuple) else {k.value: v.value for k, v in each.value}["version"]
        for each in node_at(content, (table,)).value
    ]
    assert len(names) > 9
    for name in names:
        first, last = row_lines(content, node_at(content, (table,)), name)
        row, rest = "".join(lines[first : last + 1]), "".join(lines[:first] + lines[last + 1 :])
        if ": &" in row:  # the others repeat its list by that name
            continue
        assert DataEdit(file=file, at=(table,), key=name, text=row).apply(rest) == content


@pytest.mark.parametrize(
    ("at", "key", "text", "line"),
    [
        (
            ("rows", "1.9", "days"),
            "1.9.2",
            '"1.9.2": 2026-02-02',
            '01-01, "1.9.2": 2026-02-02, "1.9.10"',
        ),
        (("rows", "1.9", "days"), "1.10.0", '"1.10.0": null', '"1.9.10": null, "1.10.0": null}  # why'),
        (("rows", "1.9", "days", "1.9.10"), None, "2026-03-03", '"1.9.10": 2026-03-03}'),
        (("rows", "1.9", "list"), "a2", "a2", "[a1, a2, a3]"),
        (("rows", "1.9", "list"), "a0", "a0", "[a0, a1, a3]"),
        (("rows", "1.10", "list"), "a", "a", "{list: [a]}"),
    ],
)
def test_an_item_takes_its_place_by_version(at: tuple[str, ...], key: str | None, text: str, line: str) -> None:
    edited = with_edit(*at, key=key, text=text)
    assert line in edited
    assert len(edited.splitlines()) == len(TEXT.splitlines())


def test_comments_stay_with_the_row_that_they_stand_above() -> None:
    edited = with_edit("rows", key="1.9.5", text='  "1.9.5": {}')
    assert '      text\n  "1.9.5": {}\n\n  # of the second\n  "1.10"' in edited
    assert list(yaml.safe_load(edited)["rows"]) == ["1.9", "1.9.5", "1.10"]


def test_a_row_without_a_key_goes_behind_all_and_one_before_all_goes_first() -> None:
    assert list(yaml.safe_load(with_edit("rows", key=None, text="  last: {}"))["rows"]) == ["1.9", "1.10", "last"]
    assert next(iter(yaml.safe_load(with_edit("rows", key="1.0", text='  "1.0": {}'))["rows"])) == "1.0"


def test_a_value_that_is_there_is_never_replaced() -> None:
    with pytest.raises(ValueError, match="holds a value already"):
        with_edit("rows", "1.9", "days", "1.9.0", text="2027-01-01")


def test_a_place_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="nothing stands at"):
        with_edit("rows", "2.0", "list", text="a")
