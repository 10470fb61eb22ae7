"""Rows of a classifier whose labels are known, or only how probable each label is.

A metric of labelled rows and its expectation without labels are then one computation: a known label is a probability
of 1. A row counts for each class by that class's probability, so an expected cell of the confusion matrix is a sum of
probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Beliefs:
    """n rows and k classes. `p`: (n, k), how probable each class is, each row a sum of 1. `score`: (n, k), what the
    model said. `predicted`: (n,) the number of the class that it named."""

    p: Floats
    score: Floats
    predicted: NDArray[np.intp]

    @property
    def n(self) -> int:
        return len(self.p)

    @property
    def classes(self) -> int:
        return int(self.p.shape[1])

    @property
    def confusion(self) -> Floats:
        """(k, k) rows of each true class (first) by the class that was named: counts, or expected ones."""
        named = np.eye(self.classes)[self.predicted]
        return np.asarray(self.p.T @ named)

    def take(self, chosen: NDArray[np.intp]) -> Beliefs:
        return Beliefs(p=self.p[chosen], score=self.score[chosen], predicted=self.predicted[chosen])


def two_columns(score: Floats) -> Floats:
    """(n, k) probabilities of any classifier: a binary model's (n,) become those of both classes."""
    return np.column_stack([1 - score, score]) if score.ndim == 1 else score


def top_probability(score: Floats) -> Floats:
    """(n,) the probability of the class that was named."""
    return np.asarray(two_columns(score).max(axis=1))


def name_classes(score: Floats, threshold: float = 0.5) -> NDArray[np.intp]:
    """(n,) the class that a model names: the second from `threshold` on (binary), or the most probable."""
    if score.ndim == 1:
        return np.asarray(score >= threshold, dtype=np.intp)
    return np.asarray(score.argmax(axis=1), dtype=np.intp)


def known(codes: NDArray[np.intp], score: Floats, *, threshold: float = 0.5) -> Beliefs:
    """Labelled rows: `codes` (n,) are numbers of classes; `score` (n,) for two classes, else (n, k)."""
    columns = two_columns(score)
    if len(codes) != len(columns):
        raise RefusedError(f"{len(codes)} labels for {len(columns)} rows")
    return Beliefs(p=np.eye(columns.shape[1])[codes], score=columns, predicted=name_classes(score, threshold))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A metric on n rows. `spread` is the standard deviation of what one row adds: the standard error of the value on
    n rows drawn like these is spread / sqrt(n); NaN where it is not known."""

    value: float
    spread: float
    n: int

    @property
    def standard_error(self) -> float:
        return self.spread / math.sqrt(self.n)
