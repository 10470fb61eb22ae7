"""What commands print: JSON with stable keys, or tables and fields. Nothing in the data is read as markup."""

from __future__ import annotations

import csv
import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from quarterdeck.console.formats import lasted, number

Cell = str | int | float | bool | datetime | timedelta | Enum | None


def print_json(value: Any) -> None:
    """One JSON document; times as ISO 8601 in UTC, numbers that JSON has no word for as null."""
    print(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))


def jsonable(value: Any) -> Any:
    """The value as dicts, lists, text, numbers, booleans and None."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value):
        return {item.name: jsonable(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(jsonable(key)): jsonable(item) for key, item in value.items()}
    return [jsonable(item) for item in value]


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: TextIO | None = None) -> None:
    """A line of names and a line for each row, as RFC 4180 quotes them; what is no plain value as JSON.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    writer = csv.writer(file or sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(jsonable(value)) for value in row])


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, empty: str) -> None:
    """A table; `empty` says what to do where there is no row. A column of numbers stands to the right."""
    cells = [list(row) for row in rows]
    if not cells:
        print(empty)
        return
    right = [all(_is_number(row[at]) for row in cells) for at in range(len(columns))]
    texts = [[text_of(cell) for cell in row] for row in cells]
    if sys.stdout.isatty():
        _rich_table(columns, texts, right)
    else:
        _plain_table(columns, texts, right)


def _is_number(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def print_fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values under each other; several lines of a value stay several lines."""
    texts = [(name, clean(_field(value), lines=True)) for name, value in pairs]
    width = max((len(name) for name, _ in texts), default=0)
    for name, text in texts:
        first, *rest = text.split("\n")
        print(f"{name:<{width}}  {first}".rstrip())
        for line in rest:
            print(f"{'':<{width}}  {line}".rstrip())


def _field(value: Any) -> str:
    if isinstance(value, dict | list | tuple) or is_dataclass(value):
        return json.dumps(jsonable(value), ensure_ascii=False) if value else "-"
    return str(value) if isinstance(value, str) and value else text_of(value)


def text_of(cell: Any) -> str:
    """One cell as one line of text."""
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return number(cell)
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, timedelta):
        return lasted(cell)
    return clean(str(cell.value) if isinstance(cell, Enum) else str(cell))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def clean(text: str, *, lines: bool = False) -> str:
    """The text without characters that could steer a terminal; they are shown as escapes."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character == "\n" and lines
        else " "
        if character in "\n\t"
        else repr(character)[1:-1]
        if unicodedata.category(character).startswith("C")
        else character
        for character in text
    )


def _plain_table(columns: Sequence[str], rows: list[list[str]], right: list[bool]) -> None:
    widths = [max(len(title), *(len(row[at]) for row in rows)) for at, title in enumerate(columns)]
    for row in [[title.upper() for title in columns], *rows]:
        padded = (
            text.rjust(width) if numbers else text.ljust(width)
            for text, width, numbers in zip(row, widths, right, strict=True)
        )
        print("  ".join(padded).rstrip())


def _rich_table(columns: Sequence[str], rows: list[list[str]], right: list[bool]) -> None:
    # start-up time: only a terminal needs it
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title, numbers in zip(columns, right, strict=True):
        table.add_column(Text(title), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(text) for text in row))
    Console(highlight=False, markup=False).print(table)
