"""Rows from and to files. polars is loaded only where a file is CSV or Parquet."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterdeck.core.errors import InputError, NotFoundError, UnavailableError, UsageError

if TYPE_CHECKING:
    import polars as pl

FORMATS = (".json", ".jsonl", ".csv", ".parquet")


def one_row(text: str) -> dict[str, Any]:
    """A JSON object; anything else is an InputError."""
    row = _parse(text, "--row")
    if not isinstance(row, dict):
        raise InputError("expected one JSON object", where="--row", hint='as {"field": value, ...}')
    return row


def read_rows(path: Path | None) -> list[dict[str, Any]]:
    """Rows of a file, or of stdin as JSON: a list of objects, one object, {"rows": [...]}, or one a line."""
    if path is None:
        return _of_json(_parse_any(sys.stdin.read(), "stdin"), "stdin")
    _check_format(path)
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    if path.suffix in (".json", ".jsonl"):
        return _of_json(_parse_any(path.read_text(encoding="utf-8"), str(path)), str(path))
    return [_plain(row) for row in _frame(path).iter_rows(named=True)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the whole file or nothing; a name with another ending is a UsageError."""
    _check_format(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(draft, path.suffix, rows)
        draft.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """A frame as .parquet or .csv, the whole file or nothing."""
    from polars.exceptions import PolarsError  # only where a frame is written

    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path.name} is not Parquet or CSV", hint="name a file ending in .parquet or .csv")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".csv":
            frame.write_csv(draft)
        else:
            frame.write_parquet(draft)
        draft.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
    except PolarsError as error:
        raise UsageError(f"it cannot be CSV: {error}", where=str(path), hint="write .parquet") from error
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    if kind == ".json":
        path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    elif kind == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        # start-up time: only these formats need it
        import polars as pl

        nested = [
            {key: json.dumps(item) if isinstance(item, dict) else item for key, item in row.items()} for row in rows
        ]
        frame = pl.DataFrame(nested, infer_schema_length=None)
        if kind == ".csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)


def _check_format(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise UsageError(f"{path.name} has an ending that is not known", hint=f"one of {', '.join(FORMATS)}")


def _frame(path: Path) -> pl.DataFrame:
    # start-up time: only these formats need it
    import polars as pl

    try:
        return pl.read_csv(path, infer_schema_length=10_000) if path.suffix == ".csv" else pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise InputError(str(error).partition("\n")[0], where=str(path)) from error


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """JSON values: times as ISO 8601, numbers that JSON has no word for as null."""
    return {key: _value(item) for key, item in row.items()}


def _value(item: Any) -> Any:
    if isinstance(item, datetime | date):
        return item.isoformat()
    return None if isinstance(item, float) and not math.isfinite(item) else item


def _parse_any(text: str, where: str) -> Any:
    """One JSON document, or one a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}"):
        return [_parse(line, f"{where}:{at}") for at, line in enumerate(lines, 1)]
    return _parse(text, where)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"this is not JSON: {error.msg} at {place}", where=where) from error


def _of_json(found: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(found, dict):
        found = found["rows"] if set(found) == {"rows"} else [found]
    rows: Iterable[Any] = found if isinstance(found, list) else [found]
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f"row {at} is not a JSON object", where=where)
    return list(rows)
