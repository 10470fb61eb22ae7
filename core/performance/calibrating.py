"""From a model's probabilities to how often they come true: isotonic regression on the held-out rows.

As in NannyML's CBPE: each class against the rest by a monotone step function (Zadrozny and Elkan 2002, "Transforming
classifier scores into accurate multiclass probability estimates"), and the classes scaled to a sum of 1. And only
where it is better than leaving the probabilities alone, which is tried on rows that it was not learned from: the
squared error over five folds must fall by more than its own standard error. NannyML asks that the calibration error
falls in every one of ten splits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.performance.beliefs import Floats, two_columns

FOLDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrator:
    """`curves`: for each class (of two, for the second alone) the probabilities as given, ascending, and as they come
    true; None: they are left as they are."""

    curves: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] | None = None

    def calibrate(self, score: Floats) -> Floats:
        """(n, k) probabilities from what the model said, (n,) for two classes or (n, k); each row a sum of 1."""
        if self.curves is None:
            return two_columns(score)
        if score.ndim == 1:
            return two_columns(np.interp(score, *self.curves[0]))
        found = np.column_stack([np.interp(score[:, place], *curve) for place, curve in enumerate(self.curves)])
        sums = found.sum(axis=1, keepdims=True)
        return np.where(sums > 0, found / np.where(sums > 0, sums, 1), 1 / score.shape[1])

    def to_json(self) -> list[Any] | None:
        return None if self.curves is None else [[list(given), list(true)] for given, true in self.curves]

    @classmethod
    def from_json(cls, data: Sequence[Any] | None) -> Calibrator:
        return cls(curves=None if data is None else tuple((tuple(given), tuple(true)) for given, true in data))


def learn_calibrator(codes: NDArray[np.intp], score: Floats, *, seed: int = 0) -> Calibrator:
    """Of n rows: `codes` (n,) numbers of the true classes, `score` as calibrate() takes it."""
    given = squared_errors(codes, Calibrator().calibrate(score))
    better = given - _of_folds(codes, score, seed)
    error = float(better.std(ddof=1)) / math.sqrt(len(better)) if len(better) > 1 else math.inf
    return _fit(codes, score) if float(better.mean()) > error else Calibrator()


def squared_errors(codes: NDArray[np.intp], p: Floats) -> Floats:
    """(n,) the squared distance of a row's probabilities from what came true."""
    return np.asarray(((p - np.eye(p.shape[1])[codes]) ** 2).sum(axis=1))


def _of_folds(codes: NDArray[np.intp], score: Floats, seed: int) -> Floats:
    """(n,) the squared error of each row by a calibrator that was learned without it."""
    fold = np.random.default_rng(seed).permutation(len(codes)) % FOLDS
    found = np.empty(len(codes))
    for number in range(FOLDS):
        held = fold == number
        if held.any():
            calibrator = _fit(codes[~held], score[~held])
            found[held] = squared_errors(codes[held], calibrator.calibrate(score[held]))
    return found


def _fit(codes: NDArray[np.intp], score: Floats) -> Calibrator:
    columns = {1: score} if score.ndim == 1 else dict(enumerate(score.T))
    return Calibrator(curves=tuple(_curve(column, codes == place) for place, column in columns.items()))


def _curve(given: Floats, true: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import IsotonicRegression  # start-up time: whoever only calibrates does not need it

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(given, true.astype(np.float64))
    return tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist())
