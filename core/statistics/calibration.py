"""Whether probabilities mean what they say: the reliability curve and the calibration error over its bins.

Rows are put into bins by the probability they were given; in each bin the mean probability is held against the
share of rows in which it came true. The expected calibration error is the mean gap weighted by rows, the
maximum calibration error the largest gap of any bin.

Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning"; for top
labels Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks"; for bins of equal mass
Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis for natural language processing
models". Both errors are biased upwards on few rows: a perfectly calibrated model does not have 0, so compare
only what has about the same n and bins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError

BINS = 10
Floats = NDArray[np.float64]


class Binning(StrEnum):
    EQUAL_WIDTH = "equal_width"  # edges at 0, 1/k, ..., 1
    EQUAL_MASS = "equal_mass"  # edges at quantiles, so that each bin has about as many rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """The curve and its errors, both within [0, 1], 0 is perfect; lower is better.

    k bins have k + 1 `edges` in [0, 1]; an edge belongs to the bin below it, the first edge to the first bin.
    `counts` are rows; `predicted` the mean probability, `observed` the share that came true, None in a bin
    without rows.
    """

    expected_calibration_error: float
    maximum_calibration_error: float
    n: int
    binning: Binning
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    predicted: tuple[float | None, ...]
    observed: tuple[float | None, ...]

    def to_json(self) -> dict[str, Any]:
        lists = {name: list(getattr(self, name)) for name in ("edges", "counts", "predicted", "observed")}
        return asdict(self) | {"binning": self.binning.value} | lists


def reliability(
    y_true: ArrayLike, probability: ArrayLike, *, bins: int = BINS, binning: Binning = Binning.EQUAL_WIDTH
) -> Reliability:
    """The reliability of n probabilities (n,) of class 1; y_true (n,) holds 0 and 1.

    One row is one bin with rows. In bins of equal mass equal probabilities stay together, so there may be
    fewer bins than asked; constant probabilities make one. Raises RefusedError on no rows, NaN, probabilities
    outside [0, 1], other labels, and on fewer than one bin.
    """
    y, p = np.asarray(y_true), np.asarray(probability, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or len(y) == 0:
        raise RefusedError(f"one label and one probability for each row are needed, found {y.shape} and {p.shape}")
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0, 1)).all():
        raise RefusedError("a probability lies between 0 and 1, and a label is 0 or 1")
    if bins < 1:
        raise RefusedError(f"{bins} bins hold no rows", hint=f"{BINS} is the default")
    edges = _edges(p, bins, binning)
    place = np.searchsorted(edges[1:-1], p, side="left")
    counts = np.bincount(place, minlength=len(edges) - 1)
    return _curve(binning, edges, counts, _means(place, p, counts), _means(place, y.astype(np.float64), counts))


def top_label_reliability(
    y_true: ArrayLike, probabilities: ArrayLike, *, bins: int = BINS, binning: Binning = Binning.EQUAL_WIDTH
) -> Reliability:
    """The reliability of the greatest probability of each row: does the class it names come true as often?

    `probabilities` is (n, k), k >= 2, rows adding up to 1; y_true (n,) holds column numbers. Of equal
    greatest probabilities the first column's is taken. Says nothing of the other columns. Refuses what
    reliability() does, and rows that do not add up to 1.
    """
    y, p = np.asarray(y_true), np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or y.shape != p.shape[:1] or len(y) == 0:
        raise RefusedError(f"a label and two probabilities or more a row are needed, found {y.shape} and {p.shape}")
    if not np.allclose(p.sum(axis=1), 1.0, atol=1e-3) or not np.isin(y, np.arange(p.shape[1])).all():
        raise RefusedError("a row's probabilities add up to 1, and its label is the number of a column")
    return reliability(p.argmax(axis=1) == y, np.minimum(p.max(axis=1), 1.0), bins=bins, binning=binning)


def _edges(p: Floats, bins: int, binning: Binning) -> Floats:
    if binning is Binning.EQUAL_WIDTH:
        return np.linspace(0.0, 1.0, bins + 1)
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def _means(place: NDArray[np.intp], values: Floats, counts: NDArray[np.intp]) -> Floats:
    total = np.bincount(place, weights=values, minlength=len(counts))
    means = np.full(len(counts), np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means


def _curve(
    binning: Binning, edges: Floats, counts: NDArray[np.intp], predicted: Floats, observed: Floats
) -> Reliability:
    gaps = np.abs(predicted - observed)[counts > 0]
    n = int(counts.sum())
    return Reliability(
        expected_calibration_error=float(gaps @ counts[counts > 0] / n),
        maximum_calibration_error=float(gaps.max()),
        n=n,
        binning=binning,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        predicted=_known(predicted),
        observed=_known(observed),
    )


def _known(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else value for value in values.tolist())
