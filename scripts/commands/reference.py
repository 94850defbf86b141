"""The parts of the reference that are written from the code: `python -m scripts.commands.reference` writes them anew.

The table of each task comes from its option classes, docs/errors.md from the ids of the errors, docs/verify.md and the
README's table of parts from the parts of the verification and their last results.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts import errors
from scripts.commands.command_task import CommandTask
from scripts.commands.parts_summary import README, with_summary
from scripts.commands.verify_page import VERIFY_PAGE, verify_page
from scripts.dirs import CHECKOUT
from scripts.facts.load import DATA
from scripts.files import write_whole
from scripts.options import Option, options_of
from scripts.plan.selection import Selection
from scripts.schema.annotations import RowName, reader_of
from scripts.schema.readers import Problems, keyed
from scripts.schema.yaml_document import read_document

REFERENCE, ERROR_PAGE = CHECKOUT / "docs" / "reference.md", CHECKOUT / "docs" / "errors.md"
HEAD = "| option | means |\n| --- | --- |\n"
INTRODUCTION = """\
# Errors

Every error is printed as `error[ID]: MESSAGE`. The message says what happened and what to do next; here are the ids,
with the [exit codes](reference.md#exit-codes) that they end with. This page is
written by `python -m scripts.commands.reference`.
"""


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """What one id of an error means."""

    id: RowName
    means: str
    do: str  # what a user does next


def read_errors() -> Mapping[str, ErrorRow]:
    """By id, the rows of errors.yaml; raises DataError with every problem of the file."""
    problems = Problems()
    document = read_document(DATA / "errors.yaml", problems)
    read = keyed(dict[str, Any], errors=reader_of(Mapping[str, ErrorRow]))(document, "errors.yaml:", problems)
    if problems:
        raise errors.DataError("errors.yaml", problems)
    return dict(read["errors"])


def with_tables(text: str, tasks: Mapping[str, CommandTask]) -> str:
    """The reference with the table of each task as its option classes have it."""
    for name, task in tasks.items():
        typed = name.replace("_", "-")
        section = re.compile(rf"(^### `invoke {typed}`\n(?:(?!^###).*\n)*?)\| option \| means \|\n(?:\|.*\n)+", re.M)
        text = section.sub(lambda match: match[1] + HEAD + "".join(task_rows(task)), text, count=1)  # noqa: B023
    return text


def task_rows(task: CommandTask) -> Iterator[str]:
    """The rows of a task's table; selectors share one, which leads to their own table."""
    for kind in task.kinds.values():
        if kind is Selection:
            flags = " ".join(_flags(each) for each in options_of(kind))
            yield f"| {flags} | [selectors](#selectors) |\n"
        else:
            yield from (f"| {_flags(each)} | {each.stated.more} |\n" for each in options_of(kind))


def _flags(option: Option) -> str:
    value = " N" if option.kind is int else ""
    flags = [f"`--{name.replace('_', '-')}{value}`" for name in option.names]
    if option.kind is bool and option.default:
        flags.append(f"`--no-{option.name.replace('_', '-')}`")
    return " ".join(flags)


def error_page() -> str:
    """docs/errors.md."""
    raised = raised_ids()
    parts = [INTRODUCTION]
    for row in read_errors().values():
        codes = " or ".join(str(code) for code in sorted(kind.exit_code for kind in raised[row.id]))
        parts.append(f"\n## {row.id}\n\n{row.means} {row.do} (exit code {codes})\n")
    return "".join(parts)


def raised_ids() -> Mapping[str, set[type[errors.WheelsError]]]:
    """By id, the classes of errors.py that the code raises with it: their own, or one that the raise names."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((CHECKOUT / "scripts").rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    family = {name: kind for name, kind in vars(errors).items() if _is_error(kind)}
    found: dict[str, set[type[errors.WheelsError]]] = defaultdict(set)
    for kind in family.values():
        found[kind.id].add(kind)
    family = {name: family[base] for name, base in _bases(nodes) if base in family} | family
    for name, named in _named_ids(nodes):
        if name in family and named:  # "" is the class's own
            found[named].add(family[name])
    return found


def _bases(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Every class with each base that is a plain name."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, base.id) for base in node.bases if isinstance(base, ast.Name))


def _named_ids(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """The class and the id of every `SomeError(..., id="...")`."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for word in node.keywords:
                if word.arg == "id":
                    yield from ((node.func.id, value) for value in _values(word.value))


def _values(value: ast.expr) -> Iterator[str]:
    """The texts that an expression can be: itself, or either side of a condition."""
    if isinstance(value, ast.IfExp):
        yield from (*_values(value.body), *_values(value.orelse))
    elif isinstance(value, ast.Constant):
        yield str(value.value)


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.WheelsError)


def main() -> None:
    """Write the pages."""
    sys.path.insert(0, str(CHECKOUT))
    import tasks  # the task file, which imports this package

    found = {name: task for name, task in vars(tasks).items() if isinstance(task, CommandTask)}
    write_whole(REFERENCE, with_tables(REFERENCE.read_text(encoding="utf-8"), found).encode())
    write_whole(ERROR_PAGE, error_page().encode())
    write_whole(VERIFY_PAGE, verify_page().encode())
    write_whole(README, with_summary(README.read_text(encoding="utf-8")).encode())


if __name__ == "__main__":
    main()
