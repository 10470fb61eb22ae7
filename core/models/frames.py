"""Polars frames in the form that models are trained on and asked with (columns.py says which)."""

from __future__ import annotations

import polars as pl

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.columns import MISSING_TEXT, Columns, number_matrix, text_list
from quarterdeck.core.models.signature import Field, FieldKind, Signature


def model_frame(data: pl.DataFrame | Columns, signature: Signature) -> pl.DataFrame:
    """The signature's columns in its order: Float64 with NaN, or String with `MISSING_TEXT`, never null.

    Raises InputError for a column that is not there.
    """
    present = data.columns if isinstance(data, pl.DataFrame) else data
    missing = [name for name in signature.names if name not in present]
    if missing:
        raise InputError(
            f"The rows have no column {', '.join(repr(name) for name in missing)}.",
            hint="the model was trained on it; keep it in the step before",
        )
    if isinstance(data, pl.DataFrame):
        return data.select(_expression(field) for field in signature.fields)
    return pl.DataFrame([_series(field, data) for field in signature.fields])


def _expression(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    if field.kind is FieldKind.STRING:
        return column.cast(pl.String).fill_null(MISSING_TEXT)
    return column.cast(pl.Float64).fill_null(float("nan"))


def _series(field: Field, columns: Columns) -> pl.Series:
    if field.kind is FieldKind.STRING:
        return pl.Series(field.name, text_list(columns[field.name]), dtype=pl.String)
    return pl.Series(field.name, number_matrix(columns, [field.name])[:, 0])
