"""The rows kept with a model: it is checked, warmed and explained with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import polars as pl

from quarterdeck.core.models.signature import FieldKind, Signature

ROWS = 200
MOST_EDGES = 150  # so that ordinary rows are always among them


def reference_rows(frame: pl.DataFrame, signature: Signature, seed: int, rows: int = ROWS) -> pl.DataFrame:
    """Up to `rows` rows of the signature's columns: the edges first, then a random sample without
    replacement.

    The edges are a row with each column's minimum, maximum and a null, and one with each category, for as
    long as there is room. The same frame and seed give the same rows.
    """
    columns = frame.select(signature.names)
    most_edges = min(MOST_EDGES, rows * 3 // 4)
    chosen = list(islice(dict.fromkeys(_edges(columns, signature)), most_edges))
    order = np.random.default_rng(seed).permutation(columns.height)
    taken = set(chosen)
    chosen.extend(islice((int(index) for index in order if index not in taken), rows - len(chosen)))
    return columns[chosen]


def _edges(columns: pl.DataFrame, signature: Signature) -> Iterator[int]:
    """Row numbers, the columns' own edges before any category, so that a wide frame keeps the former."""
    for field in signature.fields:
        column = columns[field.name]
        if field.kind is not FieldKind.STRING:
            yield from (index for index in (column.arg_min(), column.arg_max()) if index is not None)
        if column.null_count():
            yield int(column.is_null().arg_max() or 0)
    for field in signature.fields:
        if field.categories is not None:
            first = columns.select(pl.int_range(pl.len()).filter(pl.col(field.name).is_first_distinct()).alias("row"))
            yield from first["row"].to_list()
