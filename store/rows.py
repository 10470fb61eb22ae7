"""From a row of a table to a value of core: by name, with enums and tuples made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlalchemy import Row, Table

T = TypeVar("T")


def table(model: type) -> Table:
    """The Core table of a SQLModel class."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it when the class is made


def value_of(kind: type[T], row: Row[Any], /, **convert: Callable[[Any], Any]) -> T:
    """A dataclass filled from the row's columns of the same names; `convert` makes what SQL has no type for."""
    data = row._mapping
    return kind(
        **{
            field.name: (
                convert[field.name](data[field.name])
                if field.name in convert and data[field.name] is not None
                else data[field.name]
            )
            for field in fields(cast(Any, kind))
        }
    )
