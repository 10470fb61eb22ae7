"""Which rows of a SQLite database hold what cannot be read: no JSON, no date.

Asked when reading has failed, and by `quarterdeck doctor`. It goes by the file's own schema, so that it works where
the tables' classes are not loaded, and where a row cannot be made into a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

RESTORE = "stop the daemon and restore a backup of .quarterdeck; `quarterdeck doctor` lists all that is damaged"
_SHOWN = 40  # characters of a damaged value
# what SQLite itself doubts; Python, which will read it, decides
_DOUBTS = {"JSON": "json_valid({0}) = 0", "DATETIME": "datetime({0}) IS NULL"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """One value that cannot be read; `row` is the row's key in words."""

    table: str
    row: str
    column: str
    message: str

    def __str__(self) -> str:
        return f"table {self.table}, row {self.row}, column {self.column}: {self.message}"


def find_damage(tx: Connection) -> Iterator[Damage]:
    """Every damaged value, table by table. Tables that are not there are nothing to look at."""
    names = tx.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").scalars().all()
    for table in names:
        about = tx.exec_driver_sql("SELECT name, type, pk FROM pragma_table_info(?)", (table,)).all()
        key = [name for name, _, place in about if place] or ["rowid"]
        for column, kind, _ in about:
            if kind in _DOUBTS:
                yield from _column(tx, table, key, column, kind)


def _column(tx: Connection, table: str, key: list[str], column: str, kind: str) -> Iterator[Damage]:
    wanted, doubted = ", ".join(map(_quoted, [*key, column])), _DOUBTS[kind].format(_quoted(column))
    query = f"SELECT {wanted} FROM {_quoted(table)} WHERE {_quoted(column)} IS NOT NULL AND {doubted}"  # noqa: S608  # names from the schema
    for *of, value in tx.exec_driver_sql(query):
        message = _wrong(value, kind)
        if message is not None:
            row = ", ".join(f"{name} {part}" for name, part in zip(key, of, strict=True))
            yield Damage(table=table, row=row, column=column, message=message)


def _wrong(value: Any, kind: str) -> str | None:
    """What is wrong with a value, or None where it can be read."""
    try:
        _ = json.loads(value) if kind == "JSON" else datetime.fromisoformat(value)
    except (ValueError, TypeError):
        shown = repr(value) if len(repr(value)) <= _SHOWN else f"{repr(value)[:_SHOWN]}..."
        return f"{shown} is no {'JSON' if kind == 'JSON' else 'date'}"
    return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
