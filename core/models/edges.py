"""Rows at the edges of what a model may be asked, made from its reference rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from quarterdeck.core.models.signature import Field, FieldKind, Signature

UNSEEN = "\u2017 not seen in training \u2017"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    """One value for each field, beside the ordinary rows."""

    number: str  # what numbers become: minimum, maximum, below, above, zero or missing
    text: str | None  # what strings become; None: missing


_EDGES = (
    _Edge(number="minimum", text=UNSEEN),
    _Edge(number="maximum", text=UNSEEN),
    _Edge(number="below", text=""),
    _Edge(number="above", text=""),
    _Edge(number="zero", text=UNSEEN),
    _Edge(number="missing", text=None),
)


def check_columns(reference: pl.DataFrame, signature: Signature) -> Iterator[dict[str, list[Any]]]:
    """The reference rows, then one row alone, then each edge for all fields at once and for one field at a
    time.

    A field that is not nullable is never missing, and a field with known categories keeps to them.
    """
    rows = {name: reference[name].to_list() for name in signature.names}
    if reference.height == 0:
        return
    yield rows
    first = {name: values[:1] for name, values in rows.items()}
    yield first
    for edge in _EDGES:
        yield {field.name: [_value(field, edge, first[field.name][0])] for field in signature.fields}
    for edge in _EDGES:
        yield _one_at_a_time(signature, edge, first)


def _one_at_a_time(signature: Signature, edge: _Edge, first: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Row i has the edge in field i and the first reference row's values elsewhere."""
    columns: dict[str, list[Any]] = {name: values * len(signature.fields) for name, values in first.items()}
    for index, field in enumerate(signature.fields):
        columns[field.name][index] = _value(field, edge, first[field.name][0])
    return columns


def _value(field: Field, edge: _Edge, ordinary: Any) -> Any:
    if field.kind is FieldKind.STRING:
        return _text(field, edge, ordinary)
    if edge.number == "missing":
        return None if field.nullable else ordinary
    if field.kind is FieldKind.BOOLEAN:
        return edge.number in ("maximum", "above")
    low, high = field.minimum or 0.0, field.maximum or 0.0
    span = (high - low) or 1.0
    values = {"minimum": low, "maximum": high, "below": low - span, "above": high + span, "zero": 0.0}
    return values[edge.number]


def _text(field: Field, edge: _Edge, ordinary: Any) -> Any:
    if edge.text is None:
        return None if field.nullable else ordinary
    return ordinary if field.categories is not None else edge.text
