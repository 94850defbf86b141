"""`fields_read`: the fields of rows that code reads; mypy tells of which class `row` is where it says `row.name`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

from mypy.build import build
from mypy.modulefinder import BuildSource
from mypy.nodes import MemberExpr
from mypy.options import Options
from mypy.plugin import AttributeContext, Plugin
from mypy.types import Type

ROOT = Path(__file__).parent.parent
FACTS = "scripts.facts."


class Reads(Plugin):
    """Notes each line that reads an attribute of a class of scripts/facts."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.found: dict[str, set[tuple[str, int]]] = {}  # "Class.field" -> (path, line)

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        if not fullname.startswith(FACTS):
            return None
        _, _, field = fullname.removeprefix(FACTS).partition(".")

        def note(context: AttributeContext) -> Type:
            if isinstance(context.context, MemberExpr) and not context.is_lvalue:  # not the field's own definition
                self.found.setdefault(field, set()).add((context.api.path, context.context.line))
            return context.default_attr_type

        return note


def fields_read(sources: Mapping[Path, ast.Module]) -> frozenset[str]:
    """`Class.field` of every field that these modules read, except to check the data itself."""
    options = Options()
    options.incremental = False
    options.cache_dir = "/dev/null"
    options.platform = "linux"  # the same modules everywhere
    options.ignore_missing_imports = True
    options.check_untyped_defs = True
    options.mypy_path = [str(ROOT)]
    reads = Reads(options)
    build([BuildSource(str(path), _module_of(path)) for path in sources], options, extra_plugins=[reads])
    checks = {(str(path), line) for path, tree in sources.items() for line in _lines_of_checks(path, tree)}
    return frozenset(field for field, lines in reads.found.items() if lines - checks)


def _module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _lines_of_checks(path: Path, tree: ast.Module) -> set[int]:
    """Lines of functions that compare rows with each other: nothing becomes of a field that only they read."""
    if path.parent.name != "facts":
        return set()
    checks = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and (path.name == "consistency.py" or node.name.lstrip("_").startswith("check_"))
    ]
    return {line for node in checks for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
