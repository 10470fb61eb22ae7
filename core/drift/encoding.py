"""Rows of mixed columns as a matrix of numbers, by what the reference rows say; for the multivariate methods.

Numbers are taken from their mean in standard deviations, a missing one stands at the mean; a category is the share of
the reference's rows that have it (count encoding, as NannyML's), likewise from mean and deviation. What is missing and
a category that the reference did not have have the share 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quarterdeck.core.binning import Floats, as_numbers, is_missing
from quarterdeck.core.errors import RefusedError

FARTHEST = 20.0  # deviations: one value far out must not be all that is seen


class Encoder:
    """Learned from the reference rows: lists of n values by column, `numbers` of them numeric."""

    def __init__(self, columns: Mapping[str, Sequence[Any]], numbers: frozenset[str]) -> None:
        self._numbers = numbers
        self._shares = {name: _shares(values) for name, values in columns.items() if name not in numbers}
        raw = {name: self._raw(name, values) for name, values in columns.items()}
        self._mean = {name: float(np.nanmean(values)) for name, values in raw.items() if _some(values)}
        self._spread = {name: float(np.nanstd(raw[name])) or 1.0 for name in self._mean}
        if not self._mean:
            raise RefusedError("the reference rows have no value to compare with")

    def encode(self, columns: Mapping[str, Sequence[Any]]) -> Floats:
        """(n, columns that have any value in the reference); finite."""
        parts = []
        for name, mean in self._mean.items():
            scaled = (self._raw(name, columns[name]) - mean) / self._spread[name]
            parts.append(
                np.clip(np.nan_to_num(scaled, nan=0.0, posinf=FARTHEST, neginf=-FARTHEST), -FARTHEST, FARTHEST)
            )
        return np.column_stack(parts)

    def _raw(self, name: str, values: Sequence[Any]) -> Floats:
        if name in self._numbers:
            found = as_numbers(values, name)
            return np.where(np.isinf(found), np.nan, found)
        shares = self._shares[name]
        return np.array([shares.get(value, 0.0) for value in values], dtype=np.float64)


def _shares(values: Sequence[Any]) -> dict[Any, float]:
    found = Counter(value for value in values if not is_missing(value))
    return {value: count / len(values) for value, count in found.items()}


def _some(values: Floats) -> bool:
    return bool(np.isfinite(values).any())
