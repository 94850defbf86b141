"""Readers made from annotations: what a row's class says of its fields is what its document may hold.

    @dataclass(frozen=True, kw_only=True)
    class Toolset:
        version: Annotated[str, version]       # a reader of its own
        stl_min_cuda: VersionText | None       # the key may be absent or null
        components: PerSystem[tuple[str, ...]] # exactly the keys "windows" and "linux"
        link: tuple[str, ...] = ()             # may be absent

A mapping of rows gives each row its own key, in the field that is annotated as `RowName`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from packaging.specifiers import SpecifierSet

from scripts.schema import readers
from scripts.schema.readers import Reader, keyed, listed, mapped, table

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Keys:
    """Marks a mapping that has exactly these keys."""

    names: tuple[str, ...]


ROW_NAME = "the key of the row"  # marks the field that holds it

VersionText: TypeAlias = Annotated[str, readers.version]
RowName: TypeAlias = Annotated[str, ROW_NAME, readers.text]
RowVersion: TypeAlias = Annotated[str, ROW_NAME, readers.version]
Source: TypeAlias = Annotated[tuple[str, ...], readers.source]
System: TypeAlias = Annotated[str, readers.choice("windows", "linux")]
PerSystem = Annotated[Mapping[str, T], Keys(("windows", "linux"))]

PLAIN: Mapping[Any, Reader[Any]] = {
    str: readers.text,
    int: readers.integer,
    float: readers.number,
    bool: readers.flag,
    date: readers.day,
    SpecifierSet: readers.specifiers(),
}


@cache
def row_reader(row: type[Any]) -> Reader[Any]:
    """The reader of a row of this class: a mapping with exactly its fields."""
    return keyed(row, **dict(_fields(row)))


def reader_of(annotation: Any) -> Reader[Any]:  # noqa: ANN401  any annotation
    """The reader of a value of this annotation; TypeError where there is none."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return row_reader(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        present, *_ = (argument for argument in arguments if argument is not type(None))
        return readers.Optional(reader_of(present))
    if origin is tuple:
        return listed(reader_of(arguments[0]))
    if origin is Mapping:
        return _mapping(arguments[1])
    if annotation not in PLAIN:
        raise TypeError(f"no reader for {annotation}; annotate the field with one")
    return PLAIN[annotation]


def _fields(row: Any) -> Iterator[tuple[str, Reader[Any]]]:  # noqa: ANN401  a dataclass
    hints = get_type_hints(row, include_extras=True)
    for field in dataclasses.fields(row):
        reader = reader_of(hints[field.name])
        if field.default is not dataclasses.MISSING:
            reader = readers.Optional(reader, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            reader = readers.Optional(reader, field.default_factory())
        yield field.name, reader


def _annotated(base: Any, marks: tuple[Any, ...]) -> Reader[Any]:  # noqa: ANN401  any annotation
    for mark in marks:
        if isinstance(mark, Keys):
            item = reader_of(get_args(base)[1])
            return keyed(dict, **dict.fromkeys(mark.names, item))
        if callable(mark):
            reader: Reader[Any] = mark
            return reader
    return reader_of(base)


def _mapping(item: Any) -> Reader[Any]:  # noqa: ANN401  any annotation
    if not dataclasses.is_dataclass(item):
        return mapped(reader_of(item))
    hints = get_type_hints(item, include_extras=True)
    names = [name for name, hint in hints.items() if ROW_NAME in get_args(hint)]
    return table(names[0], reader_of(item)) if names else mapped(reader_of(item))
