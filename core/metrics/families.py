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
    """`needs_score`: judged by probabilities; otherwise by the label or value they lead to.

    `usual`: measured for every model and every window; the others where a gate names them.
    """

    name: str
    direction: Direction
    tasks: frozenset[Task]
    needs_score: bool
    usual: bool


def direction(name: str, *, minimum: float | None = None, maximum: float | None = None) -> Direction:
    """Which way a metric is better: by its ending; a user's KPI with another ending by its one limit, else
    lower.
    """
    if name in METRICS:
        return METRICS[name].direction
    return _by_ending(name) or (Direction.HIGHER if minimum is not None and maximum is None else Direction.LOWER)


def _by_ending(name: str) -> Direction | None:
    if name.endswith("_score"):
        return Direction.HIGHER
    return Direction.LOWER if name.endswith(("_error", "_loss")) else None


def _metric(
    name: str, *tasks: Task, needs_score: bool = False, usual: bool = False, better: Direction | None = None
) -> tuple[str, Metric]:
    """`better` where scikit-learn's name does not end in what says it."""
    known = better or _by_ending(name)
    assert known is not None, name
    return name, Metric(name=name, direction=known, tasks=frozenset(tasks), needs_score=needs_score, usual=usual)


_CLASSES = (Task.BINARY, Task.MULTICLASS)


# In the order they are shown. Of several classes, precision, recall, F1 and Jaccard are means over classes
# ("macro"), the area under the ROC curve and the average precision means of one class against the rest.
METRICS: dict[str, Metric] = dict(
    (
        _metric("roc_auc_score", *_CLASSES, needs_score=True, usual=True),
        _metric("average_precision_score", Task.BINARY, needs_score=True, usual=True),
        _metric("log_loss", *_CLASSES, needs_score=True, usual=True),
        _metric("brier_score_loss", Task.BINARY, needs_score=True, usual=True),
        _metric("accuracy_score", *_CLASSES, usual=True),
        _metric("f1_score", *_CLASSES, usual=True),
        _metric("balanced_accuracy_score", *_CLASSES),
        _metric("precision_score", *_CLASSES),
        _metric("recall_score", *_CLASSES),
        _metric("matthews_corrcoef", *_CLASSES, better=Direction.HIGHER),
        _metric("cohen_kappa_score", *_CLASSES),
        _metric("jaccard_score", *_CLASSES),
        _metric("hamming_loss", *_CLASSES),
        _metric("top_2_accuracy_score", Task.MULTICLASS, needs_score=True),
        _metric("d2_log_loss_score", *_CLASSES, needs_score=True),
        _metric("mean_absolute_error", Task.REGRESSION, usual=True),
        _metric("root_mean_squared_error", Task.REGRESSION, usual=True),
        _metric("r2_score", Task.REGRESSION, usual=True),
        _metric("median_absolute_error", Task.REGRESSION, usual=True),
        _metric("mean_squared_error", Task.REGRESSION),
        _metric("mean_absolute_percentage_error", Task.REGRESSION),
        _metric("mean_squared_log_error", Task.REGRESSION),
        _metric("root_mean_squared_log_error", Task.REGRESSION),
        _metric("explained_variance_score", Task.REGRESSION),
        _metric("d2_absolute_error_score", Task.REGRESSION),
        _metric("max_error", Task.REGRESSION),
        _metric("mean_pinball_loss", Task.REGRESSION),
        _metric("mean_poisson_deviance", Task.REGRESSION, better=Direction.LOWER),
        _metric("mean_gamma_deviance", Task.REGRESSION, better=Direction.LOWER),
    )
)

# What stands for a model where one number must do, and for each of its slices.
MAIN_METRIC = {
    Task.BINARY: "roc_auc_score",
    Task.MULTICLASS: "accuracy_score",
    Task.REGRESSION: "mean_absolute_error",
}


def names(task: Task) -> tuple[str, ...]:
    """The metrics that are measured for every model of a task, and in every window of its labelled predictions."""
    return tuple(metric.name for metric in METRICS.values() if task in metric.tasks and metric.usual)


def every_name(task: Task) -> tuple[str, ...]:
    """All metrics that a gate of a task can name."""
    return tuple(metric.name for metric in METRICS.values() if task in metric.tasks)


def check_name(name: str, task: Task) -> Metric:
    """Return the metric, or raise RefusedError naming those that the task has."""
    metric = METRICS.get(name)
    if metric is None or task not in metric.tasks:
        raise RefusedError(f"{task} has no metric {name!r}", hint=f"it has {', '.join(every_name(task))}")
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
    """Every usual metric of the task that has a meaning on these rows; arguments and refusals as in compute()."""
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
