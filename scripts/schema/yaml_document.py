"""A YAML document as plain values, with each fault located: duplicate keys and unquoted versions do not get past here.

The YAML library alone would keep the last of two equal keys and read 3.10 as 3.1, both without a word.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import yaml

from scripts.schema.readers import Number, Problems, below

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(path: Path, problems: Problems) -> object:
    """What the file holds, as mappings, lists, texts, booleans, dates, `Number`s and None; None if unreadable."""
    try:
        loader = Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except OSError as error:
        problems.add(path.name, f"cannot be read ({error.strerror}); restore it from version control")
        return None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(path.name, f"is not YAML: {' '.join(str(error).split())}")
        return None
    return _plain(node, f"{path.name}:", problems)


def _plain(node: yaml.Node | None, where: str, problems: Problems) -> object:
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, where, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, below(where, index), problems) for index, item in enumerate(node.value)]
    return None if node is None else _plain_scalar(node, where, problems)


def _plain_mapping(node: yaml.MappingNode, where: str, problems: Problems) -> dict[str, object]:
    mapping: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = below(where, key)
        if key_node.tag.endswith((":int", ":float", ":bool", ":null", ":timestamp")):
            problems.add(here, f'the key {key} is not text to YAML; write it in quotes, "{key}"')
        if key in mapping:
            line = key_node.start_mark.line + 1
            problems.add(here, f"the key is there twice, again in line {line}; keep one")
        mapping[key] = _plain(value_node, here, problems)
    return mapping


def _plain_scalar(node: yaml.Node, where: str, problems: Problems) -> object:
    kind, value = node.tag.rpartition(":")[2], str(node.value)
    if kind in ("int", "float"):
        return Number(value)
    if kind == "timestamp":
        return _plain_date(value, where, problems)
    if kind == "bool":
        return value.lower() in ("true", "yes", "on")
    return None if kind == "null" else value


def _plain_date(value: str, where: str, problems: Problems) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        problems.add(where, f"{value} is not a date; write YYYY-MM-DD")
        return None
