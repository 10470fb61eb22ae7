"""How good the model is on all its predictions, by the labels that people gave to some of them.

The mean over reviewed rows is worse than the truth, because the unsure ones are chosen. Each row counts one over its
probability here. Not every chosen row has a label: within a stratum (why it was chosen) those that have one stand for
the others, so that probabilities are multiplied by the stratum's share of labelled rows (weighting classes: Särndal,
Swensson and Wretman, Model Assisted Survey Sampling, 1992, section 15.6). That holds where, among rows chosen for the
same reason, whether one was looked at does not hang on whether the model was right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from quarterdeck.core.models.signature import Signature
from quarterdeck.core.review import Stratum
from quarterdeck.core.statistics.inverse_probability import Estimate, ratio
from quarterdeck.core.values import Task

_LEAST = 1e-15  # of a probability, in a log loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewed:
    """One chosen prediction; `label` is None where it has none (yet)."""

    stratum: Stratum
    probability: float  # with which it was chosen
    answer: str  # JSON, as the label
    score: float
    probabilities: str | None  # a JSON list, multiclass only
    label: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricEstimate:
    """`weighted` speaks for all predictions, `naive` for the labelled ones alone. `why` says what is missing."""

    name: str
    weighted: Estimate | None
    naive: float | None
    why: str | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the weighted value lies with 95 % confidence, within what the metric can be."""
        if self.weighted is None:
            return None
        low, high = self.weighted.interval
        return max(0.0, low), high if self.name in _UNBOUNDED else min(1.0, high)


_UNBOUNDED = ("log_loss", "mean_absolute_error", "mean_squared_error")

Parts = Callable[["Reviewed", Signature], tuple[float, float]]  # a row's share above and below the line


def estimates(rows: Sequence[Reviewed], signature: Signature, *, random_share: float) -> list[MetricEstimate]:
    """Every metric of the task that is a ratio of sums over rows; `random_share` is the manifest's."""
    labelled = [row for row in rows if row.label is not None]
    missing = _missing(rows, random_share)
    probabilities = [] if missing else _adjusted(rows, labelled)
    return [
        _estimate(name, parts, labelled, probabilities, signature, missing) for name, parts in _METRICS[signature.task]
    ]


def _estimate(
    name: str,
    parts: Parts,
    labelled: Sequence[Reviewed],
    probabilities: Sequence[float],
    signature: Signature,
    missing: str | None,
) -> MetricEstimate:
    pairs = [parts(row, signature) for row in labelled]
    tops, bottoms = [top for top, _ in pairs], [bottom for _, bottom in pairs]
    if not all(map(math.isfinite, tops)):
        return MetricEstimate(name=name, weighted=None, naive=None, why="the model gives no probabilities")
    below = math.fsum(bottoms)
    naive = math.fsum(tops) / below if below else None
    weighted = None if missing else ratio(tops, bottoms, probabilities)
    none = "no labelled row has what it is measured on" if weighted is None else None
    return MetricEstimate(name=name, weighted=weighted, naive=naive, why=missing or none)


def _missing(rows: Sequence[Reviewed], random_share: float) -> str | None:
    """Why nothing can be said of all predictions; None where it can."""
    if random_share == 0:
        return "random_share is 0: nothing is known of the predictions that were not chosen"
    if not any(row.label is not None for row in rows):
        return "nothing is decided yet"
    chosen, decided = {row.stratum for row in rows}, {row.stratum for row in rows if row.label is not None}
    if Stratum.RANDOM not in chosen:
        return "no prediction was chosen by chance yet"
    lacking = sorted(chosen - decided)
    return f"none of the rows that were chosen as {lacking[0]} is decided yet" if lacking else None


def _adjusted(rows: Sequence[Reviewed], labelled: Sequence[Reviewed]) -> list[float]:
    """Each labelled row's probability of being chosen and labelled."""
    share = {}
    for stratum in {row.stratum for row in labelled}:
        chosen = math.fsum(1 / row.probability for row in rows if row.stratum is stratum)
        decided = math.fsum(1 / row.probability for row in labelled if row.stratum is stratum)
        share[stratum] = min(1.0, decided / chosen)
    return [row.probability * share[row.stratum] for row in labelled]


def _label(row: Reviewed) -> Any:
    return json.loads(row.label or "null")


def _right(row: Reviewed, _: Signature) -> tuple[float, float]:
    return float(json.loads(row.answer) == _label(row)), 1.0


def _precision(row: Reviewed, signature: Signature) -> tuple[float, float]:
    said = json.loads(row.answer) == signature.positive
    return float(said and _label(row) == signature.positive), float(said)


def _recall(row: Reviewed, signature: Signature) -> tuple[float, float]:
    is_positive = _label(row) == signature.positive
    return float(is_positive and json.loads(row.answer) == signature.positive), float(is_positive)


def _f1(row: Reviewed, signature: Signature) -> tuple[float, float]:
    said, is_positive = json.loads(row.answer) == signature.positive, _label(row) == signature.positive
    return 2.0 * (said and is_positive), float(said) + float(is_positive)


def _brier(row: Reviewed, signature: Signature) -> tuple[float, float]:
    return (row.score - float(_label(row) == signature.positive)) ** 2, 1.0


def _log_loss(row: Reviewed, signature: Signature) -> tuple[float, float]:
    if signature.task is Task.BINARY:
        given = row.score if _label(row) == signature.positive else 1 - row.score
    elif row.probabilities is None or _label(row) not in (signature.classes or ()):
        return math.nan, 1.0
    else:
        given = json.loads(row.probabilities)[(signature.classes or ()).index(_label(row))]
    return -math.log(min(1.0, max(_LEAST, given))), 1.0


def _absolute(row: Reviewed, _: Signature) -> tuple[float, float]:
    return abs(row.score - float(_label(row))), 1.0


def _squared(row: Reviewed, _: Signature) -> tuple[float, float]:
    return (row.score - float(_label(row))) ** 2, 1.0


_METRICS: dict[Task, tuple[tuple[str, Parts], ...]] = {
    Task.BINARY: (
        ("accuracy_score", _right),
        ("precision_score", _precision),
        ("recall_score", _recall),
        ("f1_score", _f1),
        ("brier_score_loss", _brier),
        ("log_loss", _log_loss),
    ),
    Task.MULTICLASS: (("accuracy_score", _right), ("log_loss", _log_loss)),
    Task.REGRESSION: (("mean_absolute_error", _absolute), ("mean_squared_error", _squared)),
}
