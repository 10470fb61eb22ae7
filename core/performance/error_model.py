"""How far off a regression will be on a row, from its fields and the answer itself: small boosted trees as numbers.

error_fitting.py grows them. They are kept as JSON, so that nothing has to be trusted to be loaded, and are asked here
with numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.performance.beliefs import Floats

_LEAF = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """How fields become numbers: a category is its mean error on the reference, a strange one is missing."""

    names: tuple[str, ...]
    categories: Mapping[str, Mapping[str, float]]

    def matrix(self, columns: Mapping[str, Sequence[Any]], predicted: Floats) -> Floats:
        """(n, fields + 1); the answer is the last column. What is no number is missing, NaN."""
        found = [self._column(name, columns[name]) for name in self.names]
        return np.column_stack([*found, np.asarray(predicted, dtype=np.float64)])

    def _column(self, name: str, values: Sequence[Any]) -> Floats:
        codes = self.categories.get(name)
        if codes is not None:
            return np.array([codes.get(category(value), np.nan) for value in values], dtype=np.float64)
        return np.array([value if isinstance(value, int | float) else np.nan for value in values], dtype=np.float64)


def category(value: Any) -> str:
    """A category's name in JSON; a missing value is one too."""
    return "" if value is None else str(value)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ErrorModel:
    """Trees whose leaves are added to `baseline`, all in one table of nodes; without trees it says the baseline."""

    baseline: float
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]  # of a node; -1: a leaf
    threshold: Floats  # of a node: at most goes left; of a leaf: its value
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]

    @classmethod
    def constant(cls, value: float) -> ErrorModel:
        none = np.zeros(0, dtype=np.int64)
        return cls(
            baseline=value, roots=none, feature=none, threshold=np.zeros(0), left=none, right=none,
            missing_left=np.zeros(0, dtype=np.bool_),
        )  # fmt: skip

    @property
    def is_constant(self) -> bool:
        return len(self.roots) == 0

    def predict(self, matrix: Floats) -> Floats:
        """(n,) the expected error of each row of an encoded matrix; never below 0."""
        total = np.full(len(matrix), self.baseline)
        rows = np.arange(len(matrix))
        for root in self.roots:
            node = np.full(len(matrix), root)
            while True:
                feature = self.feature[node]
                inner = feature != _LEAF
                if not inner.any():
                    break
                value = matrix[rows, np.where(inner, feature, 0)]
                goes_left = np.where(np.isnan(value), self.missing_left[node], value <= self.threshold[node])
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            total += self.threshold[node]
        return np.asarray(np.maximum(total, 0.0))

    def to_json(self) -> dict[str, Any]:
        return {
            "baseline": self.baseline,
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "threshold": self.threshold.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "missing_left": self.missing_left.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ErrorModel:
        """What to_json() gave. IntegrityError where a node leads anywhere but to a later one: it might never end."""
        whole = {name: np.array(data[name], dtype=np.int64) for name in ("roots", "feature", "left", "right")}
        missing, threshold = np.array(data["missing_left"], dtype=np.bool_), np.array(data["threshold"], dtype=float)
        found = cls(baseline=float(data["baseline"]), threshold=threshold, missing_left=missing, **whole)
        inner = np.flatnonzero(found.feature != _LEAF)
        for way in (found.left, found.right):
            if (way[inner] <= inner).any() or (way[inner] >= len(found.feature)).any():
                raise IntegrityError("the trees of an error model do not end", hint="register the model again")
        return found
