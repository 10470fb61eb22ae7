"""The rows of a file, a chunk at a time, as the objects that the prediction server would be sent.

A Parquet file is read by its row groups, text files line by line: memory does not grow with the file. What the model
has no field for is left out, but for the entity and the time. A cell of CSV is read as its field's kind; one that
cannot be stays text, and the check of its row names it. NaN is a missing value, as pandas writes it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from quarterdeck.core.errors import InputError, NotFoundError
from quarterdeck.core.field_checks import nearest
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.scheduler.batch.parts import check_format
from quarterdeck.scheduler.serving.repeats import refuse_repeats

Row = Any  # a dict; or, of .jsonl, whatever stands there, for the check to refuse
CHUNK = 8_192
_decode = msgspec.json.Decoder().decode
_DIGITS = 18  # that any integer of 64 bits has room for
_NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)


class Source:
    """A file's rows. `left_out` are columns that the model does not take."""

    def __init__(self, path: Path, signature: Signature) -> None:
        check_format(path)
        if not path.is_file():
            raise NotFoundError(f"there is no file {path}")
        self._path = path
        self._signature = signature
        self._beside = tuple(
            name for name in (signature.entity, signature.time) if name and name not in signature.names
        )
        self.left_out: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()  # that are read

    def check(self) -> None:
        """Hold the columns against the signature before any row is read. InputError names the first that is wrong."""
        if self._path.suffix == ".parquet":
            with _readable(self._path):
                schema = self._scan().collect_schema()
            self._choose(list(schema))
            for field in self._signature.fields:
                if not _fits(field, schema[field.name]):
                    message = f"expected a column of kind {field.kind}, found {schema[field.name]}"
                    raise InputError(message, where=f"{self._path}, column {field.name!r}")
        elif self._path.suffix == ".csv":
            with _readable(self._path), self._text() as file:
                head = next(csv.reader(file), [])
            self._choose(head)

    def rows(self) -> int | None:
        """How many there are, where the file says so."""
        return self._scan().select(pl.len()).collect().item() if self._path.suffix == ".parquet" else None

    def read(self, start: int) -> Iterator[list[Row]]:
        """Chunks of `CHUNK` rows from row `start` on, the first being 0; the last may be shorter."""
        rows: Iterator[Row]
        if self._path.suffix == ".parquet":
            rows = chain.from_iterable(self._parquet(start))
        else:
            rows = islice(self._csv() if self._path.suffix == ".csv" else self._jsonl(), start, None)
        while chunk := list(islice(rows, CHUNK)):
            yield chunk

    def _choose(self, found: list[str]) -> None:
        known = {*self._signature.names, *self._beside}
        missing = [name for name in self._signature.names if name not in found]
        extra = [name for name in found if name not in known]
        if missing:
            near = nearest(missing[0], extra)
            hint = f"is it {near!r}?" if near else "a column without a value in any row is still a column"
            raise InputError("the column is missing", where=f"{self._path}, column {missing[0]!r}", hint=hint)
        twice = next((name for name in found if found.count(name) > 1), None)
        if twice is not None:
            raise InputError("the column is there twice", where=f"{self._path}, column {twice!r}")
        self.columns = tuple(name for name in found if name in known)
        self.left_out = tuple(extra)

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._path, low_memory=True)

    def _parquet(self, start: int) -> Iterator[list[Row]]:
        frame = self._scan().select(self.columns).slice(start)
        schema = frame.collect_schema()
        frame = frame.with_columns(
            pl.col(name).cast(_nearest(kind)) for name, kind in schema.items() if isinstance(kind, pl.Decimal)
        )
        floats = [name for name, kind in schema.items() if kind.is_float()]
        times = [name for name, kind in schema.items() if kind.is_temporal()]
        with _readable(self._path):
            for batch in frame.with_columns(pl.col(floats).fill_nan(None)).collect_batches(chunk_size=CHUNK):
                for part in batch.iter_slices(CHUNK):
                    yield [_timed(row, times) for row in part.to_dicts()] if times else part.to_dicts()

    def _csv(self) -> Iterator[Row]:
        kinds = {field.name: _reader(field) for field in self._signature.fields}
        with _readable(self._path), self._text() as file:
            lines = csv.reader(file)
            head = next(lines, [])
            wanted = [(place, name, kinds.get(name, _text)) for place, name in enumerate(head) if name in self.columns]
            for cells in lines:
                if len(cells) == len(head):
                    yield {name: read(cells[place]) for place, name, read in wanted}
                elif cells:  # the check says that this is no row
                    yield f"a line of {len(cells)} cells, not {len(head)}"

    def _jsonl(self) -> Iterator[Row]:
        known = {*self._signature.names, *self._beside}
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.isspace():
                    continue
                try:
                    row = _decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise InputError(f"this is not JSON: {error}", where=f"{self._path}:{number}") from error
                try:
                    refuse_repeats(line, row)
                except InputError as error:
                    raise InputError(error.message, where=f"{self._path}:{number}", hint=error.hint) from error
                if isinstance(row, dict):
                    row = {name: value for name, value in row.items() if name in known}
                yield row

    def _text(self) -> Any:
        return self._path.open(encoding="utf-8-sig", newline="")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the libraries say against a file, as our error."""
    try:
        yield
    except (csv.Error, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"it cannot be read as {path.suffix}: {reason}", where=str(path)) from error


def _fits(field: Field, kind: pl.DataType) -> bool:
    if kind == pl.Null:
        return True  # no value in any row: where that is wrong, the check names the first
    if field.kind in _NUMBERS:
        return kind.is_numeric()
    if field.kind is FieldKind.BOOLEAN:
        return kind == pl.Boolean
    return isinstance(kind, pl.String | pl.Categorical | pl.Enum)


def _nearest(kind: pl.Decimal) -> type[pl.DataType]:
    """A decimal is read as JSON would write it: as the number of 64 bits next to it, or as the integer it is."""
    return pl.Int64 if kind.scale == 0 and (kind.precision or _DIGITS + 1) <= _DIGITS else pl.Float64


def _timed(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        if isinstance(row[name], datetime | date):
            row[name] = row[name].isoformat()
    return row


def _reader(field: Field) -> Callable[[str], Any]:
    empty = "" if field.kind is FieldKind.STRING and not field.nullable else None
    converters: dict[FieldKind, Callable[[str], Any]] = {
        FieldKind.NUMBER: _number,
        FieldKind.INTEGER: _integer,
        FieldKind.BOOLEAN: _boolean,
        FieldKind.STRING: str,
    }
    convert = converters[field.kind]
    return lambda cell: convert(cell) if cell else empty


def _number(cell: str) -> Any:
    if "_" in cell or not cell.isascii():  # what Python takes for a number, and nobody else does
        return cell
    try:
        number = float(cell)
    except ValueError:
        return cell
    return None if math.isnan(number) else number


def _integer(cell: str) -> Any:
    if "_" in cell or not cell.isascii():
        return cell
    try:
        return int(cell)
    except ValueError:
        return _number(cell)


def _boolean(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _text(cell: str) -> Any:
    return cell or None
