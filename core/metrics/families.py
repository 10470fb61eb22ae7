"""The metrics of each task by their scikit-learn names, which way each is better, and how to compute them.

Names and directions load without numpy and scikit-learn, for the console. A name that ends in `_score` is
better higher; `_error` and `_loss` are better lower, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.values import Direction, Task

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """`needs_score`: judged by probabilities; otherwise by the label or value they lead to."""

    name: str
    direction: Direction
    tasks: frozenset[Task]
    needs_score: bool


def direction(name: str, *, minimum: float | None = None, maximum: float | None = None) -> Direction:
    """Which way a metric is better: by its ending; a user's KPI with another ending by its one limit, else
    lower.
    """
    if name.endswith("_score"):
        return Direction.HIGHER
    if name.endswith(("_error", "_loss")):
        return Direction.LOWER
    return Direction.HIGHER if minimum is not None and maximum is None else Direction.LOWER


def _metric(name: str, *tasks: Task, needs_score: bool = False) -> tuple[str, Metric]:
    metric = Metric(name=name, direction=direction(name), tasks=frozenset(tasks), needs_score=needs_score)
    return name, metric


# In the order they are shown.
METRICS: dict[str, Metric] = dict(
    (
        _metric("roc_auc_score", Task.BINARY, Task.MULTICLASS, needs_score=True),  # multiclass: one against the rest
        _metric("average_precision_score", Task.BINARY, needs_score=True),
        _metric("log_loss", Task.BINARY, Task.MULTICLASS, needs_score=True),
        _metric("brier_score_loss", Task.BINARY, needs_score=True),
        _metric("accuracy_score", Task.BINARY, Task.MULTICLASS),
        _metric("f1_score", Task.BINARY, Task.MULTICLASS),  # multiclass: the mean over classes ("macro")
        _metric("mean_absolute_error", Task.REGRESSION),
        _metric("root_mean_squared_error", Task.REGRESSION),
        _metric("r2_score", Task.REGRESSION),
        _metric("median_absolute_error", Task.REGRESSION),
    )
)


def names(task: Task) -> tuple[str, ...]:
    """The metrics of a task."""
    return tuple(metric.name for metric in METRICS.values() if task in metric.tasks)


def check_name(name: str, task: Task) -> Metric:
    """Return the metric, or raise RefusedError naming those that the task has."""
    metric = METRICS.get(name)
    if metric is None or task not in metric.tasks:
        raise RefusedError(f"{task} has no metric {name!r}", hint=f"it has {', '.join(names(task))}")
    return metric


def compute(
    name: str,
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    classes: Sequence[str | int] | None = None,
    threshold: float = 0.5,
) -> float:
    """One metric on n rows.

    `y_true`: (n,), labels or values as they stand in the data. `score`: binary (n,), the probability of the
    second of `classes`; multiclass (n, k), a probability for each of `classes` in their order; regression
    (n,), values. `classes` may be left out where y_true holds only 0 and 1, or, for multiclass, 0 to k-1. A
    binary probability of at least `threshold` is the second class.

    Raises RefusedError on: no rows, unequal lengths, NaN or infinity, probabilities outside [0, 1], a label
    that is no class, and where the metric has no meaning on these rows (ROC AUC of one class, R2 of a
    constant).
    """
    check_name(name, task)
    from quarterdeck.core.metrics.scoring import (  # start-up time: scikit-learn takes two seconds
        Rows,
        score_rows,
    )

    return score_rows(name, Rows.check(task, y_true, score, classes=classes, threshold=threshold))


def compute_all(
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    classes: Sequence[str | int] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Every metric of the task that has a meaning on these rows; arguments and refusals as in compute()."""
    return compute_with_reasons(task, y_true, score, classes=classes, threshold=threshold)[0]


def compute_with_reasons(
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    classes: Sequence[str | int] | None = None,
    threshold: float = 0.5,
) -> tuple[dict[str, float], dict[str, str]]:
    """As compute_all(), and beside it the metrics left out, each with the reason."""
    from quarterdeck.core.metrics.scoring import (  # start-up time: scikit-learn takes two seconds
        Rows,
        score_rows,
    )

    rows = Rows.check(task, y_true, score, classes=classes, threshold=threshold)
    values: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for name in names(task):
        try:
            values[name] = score_rows(name, rows)
        except RefusedError as error:
            left_out[name] = error.message
    return values, left_out
