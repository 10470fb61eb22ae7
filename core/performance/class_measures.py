"""Metrics of classifiers on rows with known or probable labels, each with what a single row adds to it.

The standard error is that of the influence function, the infinitesimal jackknife (Efron 1982, "The jackknife, the
bootstrap and other resampling plans", chapter 6): exact for means, the delta method for ratios such as F1, and for
the area under the ROC curve DeLong's (1988) but for n in place of n - 1. It costs one pass, a bootstrap hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from quarterdeck.core.performance.beliefs import Beliefs, Floats, Measure

# Log loss: scikit-learn's clip of probabilities of 0 and 1.
_CLIP = float(np.finfo(np.float64).eps)

# In the order they are shown. Of two classes all are of the second; of more, precision and its kin are means over
# the classes that there are, the area the mean of one class against the rest, as in ../metrics/families.py.
BINARY = (
    "roc_auc_score",
    "log_loss",
    "brier_score_loss",
    "accuracy_score",
    "f1_score",
    "precision_score",
    "recall_score",
    "specificity_score",
)
MULTICLASS = ("roc_auc_score", "log_loss", "accuracy_score", "f1_score", "precision_score", "recall_score")
SHARES = ("accuracy_score", "precision_score", "recall_score", "specificity_score")  # shares of rows, no more


def names_for(classes: int) -> tuple[str, ...]:
    return BINARY if classes == 2 else MULTICLASS


def measure(name: str, rows: Beliefs) -> Measure | None:
    """A metric of the rows; None where it has no meaning on them: no rows, a class that is missing, no row that was
    named the class that precision is of."""
    return _FUNCTIONS[name](rows) if rows.n else None


def measure_all(rows: Beliefs) -> dict[str, Measure]:
    """Every metric that has a meaning on the rows."""
    found = {name: measure(name, rows) for name in names_for(rows.classes)}
    return {name: item for name, item in found.items() if item is not None}


def _of(rows: Beliefs, value: float, influence: Floats) -> Measure:
    """`influence`: (n, k), what a row adds if its label is that class."""
    return Measure(value=float(value), spread=math.sqrt(float((rows.p * influence**2).sum()) / rows.n), n=rows.n)


def _mean(rows: Beliefs, values: Floats) -> Measure:
    value = float((rows.p * values).sum()) / rows.n
    return _of(rows, value, values - value)


def _accuracy(rows: Beliefs) -> Measure:
    return _mean(rows, np.eye(rows.classes)[rows.predicted])


def _log_loss(rows: Beliefs) -> Measure:
    return _mean(rows, -np.log(np.clip(rows.score, _CLIP, 1 - _CLIP)))


def _brier(rows: Beliefs) -> Measure:
    return _mean(rows, (rows.score[:, 1:] - np.arange(2)) ** 2)


def _ratio(rows: Beliefs, above: Floats, below: Floats) -> tuple[float, Floats] | None:
    """The ratio of two means, with its influence; None where the lower one is 0."""
    mean_below = float((rows.p * below).sum()) / rows.n
    if mean_below <= 0:
        return None
    value = float((rows.p * above).sum()) / rows.n / mean_below
    return value, (above - value * below) / mean_below


def _parts(rows: Beliefs, place: int) -> tuple[Floats, Floats, Floats]:
    """(n, k) each: the row is of that class and named so; it is named so; it is of that class."""
    named = np.broadcast_to((rows.predicted == place)[:, None], rows.p.shape).astype(np.float64)
    true = np.zeros(rows.p.shape)
    true[:, place] = 1
    return named * true, named, true


def _precision(rows: Beliefs, place: int) -> tuple[float, Floats] | None:
    both, named, _ = _parts(rows, place)
    return _ratio(rows, both, named)


def _recall(rows: Beliefs, place: int) -> tuple[float, Floats] | None:
    both, _, true = _parts(rows, place)
    return _ratio(rows, both, true)


def _f1(rows: Beliefs, place: int) -> tuple[float, Floats] | None:
    both, named, true = _parts(rows, place)
    return _ratio(rows, 2 * both, named + true)


Ratio = Callable[[Beliefs, int], tuple[float, Floats] | None]


def _of_a_class(ratio: Ratio) -> Callable[[Beliefs], Measure | None]:
    def found(rows: Beliefs) -> Measure | None:
        if rows.classes == 2:
            if rows.p[:, 1].sum() <= 0:
                return None
            one = ratio(rows, 1)
            return None if one is None else _of(rows, *one)
        there = np.flatnonzero(rows.confusion.sum(axis=0) + rows.confusion.sum(axis=1) > 0)
        nothing = (0.0, np.zeros(rows.p.shape))  # as scikit-learn's zero_division=0
        parts = [ratio(rows, int(place)) or nothing for place in there]
        return _of(rows, float(np.mean([value for value, _ in parts])), np.mean([row for _, row in parts], axis=0))

    return found


def _specificity(rows: Beliefs) -> Measure | None:
    one = _recall(rows, 0)
    return None if one is None else _of(rows, *one)


def _area(rows: Beliefs, place: int) -> tuple[float, Floats] | None:
    """One class against the rest; equal scores count half."""
    of_class, of_rest = rows.p[:, place], 1 - rows.p[:, place]
    ours, theirs = float(of_class.sum()), float(of_rest.sum())
    if min(ours, theirs) <= 0:
        return None
    _, group = np.unique(rows.score[:, place], return_inverse=True)
    class_at, rest_at = np.bincount(group, of_class), np.bincount(group, of_rest)
    below = (np.cumsum(rest_at) - rest_at / 2)[group] / theirs  # the share of the rest that a row of the class outranks
    above = 1 - (np.cumsum(class_at) - class_at / 2)[group] / ours  # the share of the class that outranks a row
    value = float(of_class @ below) / ours
    share = ours / rows.n
    influence = np.repeat(((above - value) / (1 - share))[:, None], rows.classes, axis=1)
    influence[:, place] = (below - value) / share
    return value, influence


def _roc_auc(rows: Beliefs) -> Measure | None:
    places = (1,) if rows.classes == 2 else range(rows.classes)
    parts = [_area(rows, place) for place in places]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    return _of(rows, float(np.mean([value for value, _ in found])), np.mean([row for _, row in found], axis=0))


_FUNCTIONS: dict[str, Callable[[Beliefs], Measure | None]] = {
    "roc_auc_score": _roc_auc,
    "log_loss": _log_loss,
    "brier_score_loss": _brier,
    "accuracy_score": _accuracy,
    "f1_score": _of_a_class(_f1),
    "precision_score": _of_a_class(_precision),
    "recall_score": _of_a_class(_recall),
    "specificity_score": _specificity,
}
