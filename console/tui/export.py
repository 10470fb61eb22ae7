"""Writes what a screen shows into the workspace's exports folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from quarterdeck.console.tui.widgets.columns import Column, Row

FOLDER = "exports"


def as_csv(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The columns' keys and the cells' texts. A text that a spreadsheet would compute is kept a text."""
    keys = _keys(columns, rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        texts = row.texts()
        writer.writerow([_harmless(texts.get(key, "")) for key in keys])
    return out.getvalue()


def as_json(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """A list of objects; numbers where a column is sorted by numbers."""
    keys = _keys(columns, rows)
    found = [{"id": row.id} | {key: _value(row, key) for key in keys} for row in rows]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write(root: Path, name: str, kind: str, text: str, now: datetime) -> Path:
    """Write to exports/NAME-TIME.KIND; gives the path. Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{now:%Y%m%dT%H%M%S}.{kind}"
    path.write_text(text, encoding="utf-8")
    return path


def _keys(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """The columns in their order, then what the rows hold beyond them."""
    extra = sorted({key for row in rows for key in row.cells} - {column.key for column in columns})
    return [column.key for column in columns] + extra


def _value(row: Row, key: str) -> Any:
    value = row.values.get(key)
    return value if isinstance(value, int | float) else row.texts().get(key)


def _harmless(text: str) -> str:
    number = text.replace(".", "", 1).replace(",", "").lstrip("+-").isdigit()
    return f"'{text}" if text[:1] in ("=", "@", "+", "-") and len(text) > 1 and not number else text
