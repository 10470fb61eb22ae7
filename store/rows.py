"""From a row of a table to a value of core: by name, with enums and tuples made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlalchemy import Row, RowMapping, Table

from quarterdeck.core.errors import IntegrityError
from quarterdeck.store.damage import RESTORE

T = TypeVar("T")


def table(model: type) -> Table:
    """The Core table of a SQLModel class."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it when the class is made


def value_of(kind: type[T], row: Row[Any], /, **convert: Callable[[Any], Any]) -> T:
    """A dataclass filled from the row's columns of the same names; `convert` makes what SQL has no type for.

    IntegrityError where a column holds what nothing can be made of.
    """
    data = row._mapping
    values = {field.name: data[field.name] for field in fields(cast(Any, kind))}
    for name, make in convert.items():
        if values[name] is not None:
            try:
                values[name] = make(values[name])
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise _damaged(kind, data, name) from error
    return kind(**values)


_KEYS = ("environment", "model", "pipeline", "number", "name", "id", "seq")


def _damaged(kind: type, data: RowMapping, column: str) -> IntegrityError:
    """Which row it is, by what names rows in every table."""
    row = ", ".join(f"{name} {data[name]}" for name in _KEYS if name in data and name != column)
    message = f"the store is damaged: {column} of the {kind.__name__.lower()} with {row} cannot be read"
    return IntegrityError(message, where=f"{column} {str(data[column])[:60]!r}", hint=RESTORE)
