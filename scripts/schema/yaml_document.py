"""A YAML document as plain values, with each fault located: duplicate keys and unquoted versions do not get past here.

The YAML library alone would keep the last of two equal keys and read 3.10 as 3.1, both without a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml

from scripts.schema.readers import Number, Problems, below

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KNOWN_TAGS = frozenset(("str", "int", "float", "bool", "null", "timestamp", "map", "seq"))
NAMES = ("id", "name")  # the keys of a row in a list that tell it from the others
MOST_VALUES = 100_000  # of a document whose aliases are written out; the longest of ours has 3 000


def read_document(path: Path, problems: Problems) -> object:
    """What the file holds, as mappings, lists, texts, booleans, dates, `Number`s and None; None if unreadable."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        node = Loader(text).get_single_node()
    except OSError as error:
        problems.add(path.name, f"cannot be read ({error.strerror}); restore it from version control")
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.add(f"{path.name}:{line}", f"is not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8")
        return None
    except (yaml.YAMLError, RecursionError) as error:
        problems.add(*_fault(path.name, text, error))
        return None
    return _Plain(problems=problems).of(node, f"{path.name}:")


def _fault(name: str, text: str, error: Exception) -> tuple[str, str]:
    """Where a text is no YAML, and why."""
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)  # of a character that YAML does not allow
    number = mark.line if mark else text.count("\n", 0, position) if isinstance(position, int) else None
    if number is None:
        return name, f"is not YAML: {' '.join(str(error).split())}"
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "\\t" in str(error):
        return f"{name}:{number + 1}", "is indented with a tab; YAML takes blanks only, replace it"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return f"{name}:{number + 1}", f"is not YAML: {reason}; correct the line or the one before it"


@dataclass(kw_only=True)
class _Plain:
    """Makes plain values of one document."""

    problems: Problems
    left: int = MOST_VALUES
    inside: set[int] = field(default_factory=set)  # the mappings and lists around the value that is read

    def of(self, node: yaml.Node | None, where: str) -> object:
        """The node's value; its line, and the name of a row, are noted for whoever finds it wrong."""
        if node is None:
            return None
        self.problems.lines[where] = node.start_mark.line + 1
        self.left -= 1
        if self.left == 0:
            self.problems.add(where, f"has more than {MOST_VALUES} values with all aliases written out; leave some out")
        if self.left <= 0:
            return None
        if id(node) in self.inside:
            self.problems.add(where, "is an alias of what it stands in; write the value out")
            return None
        if node.tag.rpartition(":")[2] not in KNOWN_TAGS or not node.tag.startswith("tag:yaml.org,2002:"):
            self.problems.add(where, f"has the tag {node.tag}; write the value without one")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, where)
        self.inside.add(id(node))
        try:
            return self._mapping(node, where) if isinstance(node, yaml.MappingNode) else self._list(node, where)
        finally:
            self.inside.discard(id(node))

    def _list(self, node: yaml.Node, where: str) -> list[object]:
        found = []
        for index, item in enumerate(node.value):
            here = below(where, index)
            if isinstance(item, yaml.MappingNode):
                named = {str(key.value): value.value for key, value in item.value if isinstance(value, yaml.ScalarNode)}
                self.problems.names[here] = next((named[key] for key in NAMES if named.get(key)), "")
            found.append(self.of(item, here))
        return found

    def _mapping(self, node: yaml.MappingNode, where: str) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.add(where, f"has a key in line {line} that is a list or a mapping; write a text")
                continue
            key = str(key_node.value)
            here = below(where, key)
            if key in mapping:
                self.problems.add(here, f"the key is there twice, again in line {line}; keep one")
            mapping[key] = self.of(value_node, here)
            self.problems.lines[here] = line
            if key_node.tag.endswith((":int", ":float", ":bool", ":null", ":timestamp")):
                self.problems.add(here, f'the key {key} is not text to YAML; write it in quotes, "{key}"')
        return mapping

    def _scalar(self, node: yaml.ScalarNode, where: str) -> object:
        kind, value = node.tag.rpartition(":")[2], str(node.value)
        if kind in ("int", "float"):
            return Number(value)
        if kind == "timestamp":
            return self._date(value, where)
        if kind == "bool":
            return value.lower() in ("true", "yes", "on")
        return None if kind == "null" else value

    def _date(self, value: str, where: str) -> date | None:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.problems.add(where, f"{value} is not a date; write YYYY-MM-DD")
            return None
