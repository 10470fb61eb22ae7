"""Rows of the prediction log as the columns of a table, many at a time.

What was kept as JSON is decoded in one go by a type that is made from the fields, twice as fast as row by row. Rows
that do not fit it (another version sent another kind) are read again as they are, and brought to the column's type
value by value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from quarterdeck.core.models.signature import FieldKind

INPUT = "input."  # before the name of a field
_KINDS: dict[str, Any] = {
    FieldKind.NUMBER: pl.Float64,
    FieldKind.INTEGER: pl.Int64,
    FieldKind.STRING: pl.String,
    FieldKind.BOOLEAN: pl.Boolean,
}
_TYPES: dict[str, Any] = {
    FieldKind.NUMBER: float,
    FieldKind.INTEGER: int,
    FieldKind.STRING: str,
    FieldKind.BOOLEAN: bool,
}
_TIME = pl.Datetime("us", "UTC")
_PLAIN = ("id", "endpoint", "version", "arm", "entity", "score")
_decode = msgspec.json.Decoder().decode


def schema_of(fields: Mapping[str, str], outcome: str) -> dict[str, Any]:
    """The columns of the file. `fields`: an input's name -> its kind; `outcome`: the kind of answers and labels."""
    kind = _KINDS[FieldKind(outcome)]
    return {
        "id": pl.String,
        "endpoint": pl.String,
        "version": pl.Int64,
        "arm": pl.String,
        "entity": pl.String,
        "event_at": _TIME,
        "at": _TIME,
        "latency_ms": pl.Float64,
        "answer": kind,
        "score": pl.Float64,
        "probabilities": pl.List(pl.Float64),
        "label": kind,
        "labelled_at": _TIME,
    } | {INPUT + name: _KINDS[FieldKind(found)] for name, found in fields.items()}


class Table:
    """Makes the columns of schema_of()."""

    def __init__(self, fields: Mapping[str, str], outcome: str) -> None:
        self._names = tuple(fields)
        self._outcome = outcome
        row = msgspec.defstruct(
            "Inputs",
            [(f"f{place}", _TYPES[FieldKind(kind)] | None, None) for place, kind in enumerate(fields.values())],
            rename={f"f{place}": name for place, name in enumerate(fields)},
            gc=False,
        )
        self._inputs = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]  # made just now

    def columns(self, rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """Of one row or more, with the columns of traffic_log.Logged; times in microseconds."""
        kept = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
        found: dict[str, Any] = {name: kept[name] for name in _PLAIN}
        for name in ("event_at", "at", "labelled_at"):
            found[name] = pl.Series(name, kept[name], dtype=pl.Int64).cast(_TIME)
        found["latency_ms"] = pl.Series("latency_ms", kept["latency_us"], dtype=pl.Int64) / 1_000
        found["probabilities"] = _decode(_listed(kept["probabilities"]))
        for name in ("answer", "label"):
            found[name] = [_outcome(value, self._outcome) for value in _decode(_listed(kept[name]))]
        return found | dict(zip((INPUT + name for name in self._names), self._fields(kept["inputs"]), strict=True))

    def _fields(self, inputs: Sequence[str]) -> list[Any]:
        if not self._names:
            return []
        text = _listed(text or "{}" for text in inputs)
        try:
            return list(zip(*map(msgspec.structs.astuple, self._inputs(text)), strict=True))
        except msgspec.ValidationError:
            rows = _decode(text)
            return [[row.get(name) for row in rows] for name in self._names]


def _listed(texts: Iterable[str | None]) -> str:
    """One JSON list of these texts; none is null."""
    return f"[{','.join(text or 'null' for text in texts)}]"


def _outcome(value: Any, kind: str) -> Any:
    return str(value) if kind == FieldKind.STRING and value is not None else value
