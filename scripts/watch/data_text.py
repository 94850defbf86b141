"""Additions to the text of a data file: a row, an item of a list, a value that was open. All else keeps its bytes.

A YAML library that writes documents would lay the lines of others out anew; what is added is put in as text, where the
parser says that its neighbours end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml
from packaging.version import InvalidVersion, Version

from scripts.schema.yaml_document import Loader

Path = tuple[str | int, ...]  # keys and positions, from the top of the document


@dataclass(frozen=True, kw_only=True)
class DataEdit:
    """An addition to one file."""

    file: str
    at: Path  # of the mapping or list that it goes into, or of the null that it takes the place of
    key: str | None  # of a row or entry, by which it finds its place; None: behind all
    text: str  # lines of a row; `key: value` or an item of what stands on one line; the value

    def apply(self, content: str) -> str:
        """The content with the addition; raises ValueError for a place that is not there."""
        node = node_at(content, self.at)
        if isinstance(node, yaml.ScalarNode):
            if node.tag != "tag:yaml.org,2002:null":
                raise ValueError(f"{self.file}: {self.at} holds a value already")
            return content[: node.start_mark.index] + self.text + content[node.end_mark.index :]
        assert isinstance(node, yaml.CollectionNode)
        return _with_item(content, node, self) if node.flow_style else _with_row(content, node, self)


def node_at(content: str, at: Path) -> yaml.Node:
    """What stands at a place of the document; raises ValueError when nothing does."""
    node = Loader(content).get_single_node()
    for step in at:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            node = None
        if node is None:
            raise ValueError(f"nothing stands at {at}")
    assert node is not None
    return node


def order_of(key: str | None) -> tuple[int, Version, str]:
    """Where a key stands: by version, the free-threaded one behind its own; then names; None behind all."""
    if key is None:
        return (2, Version("0"), "")
    try:
        return (0, Version(key.removesuffix("t")), key)
    except InvalidVersion:
        return (1, Version("0"), key)


def _entries(node: yaml.CollectionNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Every entry: the text that it is ordered by, where it begins, where it ends."""
    for each in node.value:
        if isinstance(node, yaml.MappingNode):
            yield str(each[0].value), each[0], each[1]
        else:
            yield _name_of(each), each, each


def _name_of(item: yaml.Node) -> str:
    if isinstance(item, yaml.MappingNode):
        named = {key.value: value.value for key, value in item.value}
        return str(named.get("version", ""))
    return str(item.value)


def _with_item(content: str, node: yaml.CollectionNode, edit: DataEdit) -> str:
    before = [end for key, _, end in _entries(node) if order_of(key) < order_of(edit.key)]
    after = [start for key, start, _ in _entries(node) if not order_of(key) < order_of(edit.key)]
    if before:
        index = _end_index(before[-1])
        return f"{content[:index]}, {edit.text}{content[index:]}"
    if after:
        index = after[0].start_mark.index
        return f"{content[:index]}{edit.text}, {content[index:]}"
    index = node.start_mark.index + 1
    return content[:index] + edit.text + content[index:]


def _end_index(node: yaml.Node) -> int:
    return int(node.end_mark.index)


def _with_row(content: str, node: yaml.CollectionNode, edit: DataEdit) -> str:
    """The row behind the last that comes before it; its comments are inside of it, those of the next stay with that."""
    lines = content.splitlines(keepends=True)
    earlier = [
        _last_line(start, end, lines) for key, start, end in _entries(node) if order_of(key) < order_of(edit.key)
    ]
    if earlier:
        line = earlier[-1] + 1
    else:
        line = node.value[0][0].start_mark.line if isinstance(node, yaml.MappingNode) else node.value[0].start_mark.line
    return "".join([*lines[:line], edit.text.rstrip("\n") + "\n", *lines[line:]])


def row_lines(content: str, node: yaml.Node, key: str) -> tuple[int, int]:
    """The first and the last line of a row of a mapping or list; raises KeyError when it has none of that name."""
    assert isinstance(node, yaml.CollectionNode)
    for name, start, end in _entries(node):
        if name == key:
            return start.start_mark.line, _last_line(start, end, content.splitlines(keepends=True))
    raise KeyError(key)


def _last_line(start: yaml.Node, end: yaml.Node, lines: Sequence[str]) -> int:
    """The last line of an entry. An alias stands for a node elsewhere, and a block ends only where the next begins."""
    found = [start.start_mark.line, *_leaf_lines(end)]
    last = max(line for line in found if line >= start.start_mark.line)
    while last > start.start_mark.line and not lines[last].strip():
        last -= 1
    return last


def _leaf_lines(node: yaml.Node) -> Iterator[int]:
    if isinstance(node, yaml.ScalarNode):
        block = node.style in ("|", ">")
        yield node.end_mark.line - 1 if block else node.end_mark.line
    elif isinstance(node, yaml.CollectionNode):
        if node.flow_style:
            yield node.end_mark.line
            return
        for each in node.value:
            for one in each if isinstance(each, tuple) else (each,):
                yield from _leaf_lines(one)
