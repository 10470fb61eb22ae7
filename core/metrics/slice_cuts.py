"""How a column is cut into slices: learned from training rows, applied to any.

A number is cut at the quantiles of training; one with few different values has a slice for each, as a category has.
Rare categories, and those that training did not see, share a slice; so do missing values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.toml_table import expected_names

BINS = 4
CATEGORIES = 20  # the most frequent of training; the others are the tail
FEW_VALUES = 10  # a number with so many different values, or fewer, is cut at each
MISSING = "(missing)"  # in brackets: no category of theirs is likely to be called so
OTHER = "(other)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """One column's slices. `values` for categories, `edges` for numbers (ascending, each the first of its bin)."""

    column: str
    labels: tuple[str, ...]  # the last two are OTHER and MISSING
    values: tuple[object, ...] | None
    edges: tuple[float, ...] | None

    def codes(self, frame: pl.DataFrame) -> NDArray[np.intp]:
        """(n,) each row's place in `labels`; RefusedError where the frame lacks the column."""
        series = _column(frame, self.column)
        other, missing = len(self.labels) - 2, len(self.labels) - 1
        if self.values is not None:
            places = {value: place for place, value in enumerate(self.values)}
            listed = [missing if value is None else places.get(value, other) for value in _values(series)]
            return np.array(listed, dtype=np.intp)
        numbers = series.cast(pl.Float64, strict=False).to_numpy()
        found = np.searchsorted(np.asarray(self.edges), numbers, side="right")
        return np.where(np.isnan(numbers), missing, found).astype(np.intp)


def cut_column(train: pl.DataFrame, column: str, *, bins: int = BINS, categories: int = CATEGORIES) -> Cut:
    """How a column is cut. RefusedError where it is not there (with the nearest name), or of a type without slices."""
    series = _column(train, column)
    if series.dtype.is_numeric() and series.n_unique() > FEW_VALUES:
        return _by_quantiles(column, series, bins)
    if not (series.dtype.is_numeric() or series.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum)):
        raise RefusedError(f"{column} is {series.dtype}: only numbers, text and true or false are cut into slices")
    return _by_values(column, series, categories)


def _by_quantiles(column: str, series: pl.Series, bins: int) -> Cut:
    numbers = series.cast(pl.Float64, strict=False).to_numpy()
    known = numbers[np.isfinite(numbers)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.array([])
    edges = edges[edges > known.min()] if len(known) else edges  # no bin that nothing of training is in
    words = _numbers(edges.tolist())
    labels = [f"below {words[0]}"] if words else ["any"]
    labels += [f"{low} to {high}" for low, high in pairwise(words)]
    labels += [f"{words[-1]} or more"] if words else []
    return Cut(column=column, labels=(*labels, OTHER, MISSING), values=None, edges=tuple(edges.tolist()))


def _by_values(column: str, series: pl.Series, most: int) -> Cut:
    counts: dict[object, int] = {}
    for value in _values(series):
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    frequent = sorted(counts, key=lambda value: (-counts[value], str(value)))[:most]
    if series.dtype.is_numeric():
        frequent.sort(key=lambda value: float(str(value)))
        labels = _numbers(float(str(value)) for value in frequent)
    else:
        labels = [_text(value) for value in frequent]
    return Cut(column=column, labels=(*labels, OTHER, MISSING), values=tuple(frequent), edges=None)


def _numbers(values: Iterable[float]) -> list[str]:
    """Numbers as short as keeps them apart."""
    listed = list(values)
    for digits in (4, 7, 17):
        words = [f"{value:.{digits}g}" for value in listed]
        if len(set(words)) == len(words):
            break
    return words


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _values(series: pl.Series) -> list[object]:
    """The column's values; NaN is missing as null is."""
    return (series.fill_nan(None) if series.dtype.is_float() else series).to_list()


def _column(frame: pl.DataFrame, column: str) -> pl.Series:
    if column not in frame.columns:
        raise RefusedError(f"there is no column {column!r}; {expected_names(column, frame.columns)}")
    return frame[column]
