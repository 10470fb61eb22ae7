"""The gate "not worse than the champion", on the same rows, by a one-sided confidence bound of the worsening.

Which bound depends on the metric: Student's t where the metric is a mean over rows, DeLong for a binary ROC
AUC, the paired bootstrap for everything else, a user's KPI included. Needs numpy; gates.py has the values and
does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.gates import GateResult
from quarterdeck.core.metrics.families import check_name, direction
from quarterdeck.core.metrics.intervals import ROW_LOSS, take
from quarterdeck.core.metrics.kpi import Kpi, as_kpi
from quarterdeck.core.metrics.losses import losses_of
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.statistics.delong import paired_auc_difference
from quarterdeck.core.statistics.paired_bootstrap import bootstrap_bound
from quarterdeck.core.statistics.paired_bound import Bound, normal_bound, paired_bound, rows_needed
from quarterdeck.core.values import Direction, Outcome, Task

# Below these the bounds lean on a normal approximation that does not hold yet.
MINIMUM_ROWS = 30
MINIMUM_PER_CLASS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class _Paired:
    """Both models on the same checked rows; `labels` and `frame` are the rows as they came, for a KPI."""

    candidate: Rows
    champion: Rows
    labels: NDArray[Any]
    frame: Any
    classes: Sequence[str | int] | None

    @property
    def n(self) -> int:
        return len(self.labels)


def judge_not_worse(
    *,
    metric: str,
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    champion_score: ArrayLike | None,
    margin: float = 0.0,
    confidence: float = 0.95,
    classes: Sequence[str | int] | None = None,
    kpi: Kpi | Callable[..., Any] | None = None,
    kpi_direction: Direction | None = None,
    frame: Any = None,
    owner: str | None = None,
    against: str = "champion",
) -> GateResult:
    """Judge whether a candidate is worse than the champion by more than `margin`, in the metric's unit.

    `y_true`, `score`, `champion_score` and `classes` are as in metrics.families.compute(), for the same rows
    in the same order. `kpi`, the user's function of (y_true, y_pred) or (y_true, y_pred, rows), is called with
    the true labels, the predicted labels or values, and `frame`, a polars frame of the same rows, which are
    resampled alike. The statistic is the worsening: candidate - champion for a loss, the reverse
    for a score.

    PASS: its upper bound is at most the margin, or there is no champion (`champion_score` None). FAIL: its
    lower bound is above the margin. HOLD: neither, or rows that cannot be compared, with the rows still
    needed where they can be told. NaN and unequal lengths are HOLD too, with the reason. Raises RefusedError
    on a metric that the task does not have and on a margin or confidence without meaning.
    """
    if kpi is None:
        check_name(metric, task)
    if not (0 <= margin < math.inf and 0.5 <= confidence < 1):
        raise RefusedError(f"margin {margin}, confidence {confidence}", hint="0 or more; 0.5 or more and below 1")
    blank = GateResult(
        gate=f"{metric} not worse than the {against} by more than {margin:g}",
        metric=metric,
        outcome=Outcome.HOLD,
        statistic=None,
        threshold=margin,
        direction=Direction.LOWER,
        n=_length(y_true),
        reason="",
        owner=owner,
    )
    if champion_score is None:
        return replace(blank, outcome=Outcome.PASS, reason=f"no {against} to compare with")
    better = kpi_direction or direction(metric)
    try:
        paired = _pair(task, y_true, score, champion_score, classes, frame)
        short = _too_few(paired)
        if short is not None:
            return replace(blank, reason=short[0], rows_needed=short[1])
        bound = _worsening(metric, paired, confidence, None if kpi is None else as_kpi(kpi), better)
    except RefusedError as error:
        return replace(blank, reason=str(error))
    return _verdict(blank, bound, margin)


def _length(values: ArrayLike) -> int:
    shape = np.shape(values)
    return shape[0] if shape else 0


def _pair(
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    champion: ArrayLike,
    classes: Sequence[str | int] | None,
    frame: Any,
) -> _Paired:
    return _Paired(
        candidate=Rows.check(task, y_true, score, classes=classes),
        champion=Rows.check(task, y_true, champion, classes=classes),
        labels=np.asarray(y_true),
        frame=frame,
        classes=classes,
    )


def _too_few(paired: _Paired) -> tuple[str, int] | None:
    """Why the rows are too few for any bound, and how many more may do."""
    n = paired.n
    if n < MINIMUM_ROWS:
        return f"{n} rows are too few to compare on; {MINIMUM_ROWS} are needed", MINIMUM_ROWS - n
    if paired.candidate.task is Task.BINARY:
        rarer = min(int(paired.candidate.y.sum()), n - int(paired.candidate.y.sum()))
        if rarer < MINIMUM_PER_CLASS:
            more = math.ceil((MINIMUM_PER_CLASS - rarer) * n / max(rarer, 1))
            return f"{rarer} rows of the rarer class are too few; {MINIMUM_PER_CLASS} are needed", more
    return None


def _worsening(metric: str, paired: _Paired, confidence: float, kpi: Kpi | None, better: Direction) -> Bound:
    if kpi is not None:
        return _by_bootstrap(_kpi_worsening(kpi, paired, better), paired.n, confidence)
    if metric in ROW_LOSS:
        loss = ROW_LOSS[metric]
        return paired_bound(losses_of(paired.candidate, loss) - losses_of(paired.champion, loss), confidence=confidence)
    if metric == "roc_auc_score" and paired.candidate.task is Task.BINARY:
        found = paired_auc_difference(paired.candidate.y, paired.champion.score, paired.candidate.score)
        return normal_bound(found.difference, found.standard_error, n=paired.n, confidence=confidence)
    return _by_bootstrap(_metric_worsening(metric, paired, better), paired.n, confidence)


def _by_bootstrap(worsening: Callable[[NDArray[np.intp]], float], n: int, confidence: float) -> Bound:
    bound = bootstrap_bound(worsening, n, confidence=confidence)
    if not math.isfinite(bound.estimate):
        raise RefusedError("the metric is not a number on these rows")
    return bound


def _metric_worsening(metric: str, paired: _Paired, better: Direction) -> Callable[[NDArray[np.intp]], float]:
    sign = 1 if better is Direction.LOWER else -1

    def worsening(rows: NDArray[np.intp]) -> float:
        candidate = score_rows(metric, take(paired.candidate, rows))
        return sign * (candidate - score_rows(metric, take(paired.champion, rows)))

    return worsening


def _kpi_worsening(kpi: Kpi, paired: _Paired, better: Direction) -> Callable[[NDArray[np.intp]], float]:
    sign = 1 if better is Direction.LOWER else -1
    candidate = predicted_words(paired.candidate, paired.classes)
    champion = predicted_words(paired.champion, paired.classes)

    def worsening(rows: NDArray[np.intp]) -> float:
        labels = paired.labels[rows]
        frame = paired.frame[rows] if kpi.takes_rows else None
        return sign * (kpi(labels, candidate[rows], frame) - kpi(labels, champion[rows], frame))

    return worsening


def predicted_words(rows: Rows, classes: Sequence[str | int] | None) -> NDArray[Any]:
    """(n,) what the model says, in the words of the labels."""
    if rows.task is Task.REGRESSION:
        return rows.score
    return rows.predicted if classes is None else np.asarray(classes)[rows.predicted]


def _verdict(blank: GateResult, bound: Bound, margin: float) -> GateResult:
    found = replace(blank, statistic=bound.estimate, interval=(bound.low, bound.high))
    share = f"{bound.confidence:.4g}"
    # At the margin it passes: a candidate that answers exactly as the champion does is not worse, at margin 0
    # too.
    if bound.high <= margin:
        reason = f"worse by at most {bound.high:.4g} with confidence {share}; {margin:g} is allowed"
        return replace(found, outcome=Outcome.PASS, reason=reason)
    if bound.low > margin:
        reason = f"worse by at least {bound.low:.4g} with confidence {share}; {margin:g} is allowed"
        return replace(found, outcome=Outcome.FAIL, reason=reason)
    reason = f"worse by {bound.low:.4g} to {bound.high:.4g} on {bound.n} rows: not enough to tell from {margin:g}"
    return replace(found, reason=reason, rows_needed=rows_needed(bound, margin))
