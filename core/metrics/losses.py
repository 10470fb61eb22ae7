"""The loss of each single row: what a paired comparison of two models on the same rows is made of.

Proper scoring rules, so that a model cannot look better by saying less than it knows (Gneiting and Raftery
2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.values import Task

# A probability of 0 for what happened is an infinite log loss; one such row would drown all others.
CLIP = 1e-6

DEFAULT_LOSS = {
    Task.BINARY: "brier_score_loss",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "absolute_error",
}


def row_losses(
    task: Task,
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    classes: Sequence[str | int] | None = None,
    loss: str | None = None,
) -> NDArray[np.float64]:
    """(n,) the loss of each row; lower is better, 0 is perfect.

    Binary: squared error of the probability (Brier), within [0, 1]. Multiclass, and binary with `loss` =
    "log_loss": minus the log of the probability given to what happened, clipped at 1e-6, so within [0, 13.9].
    Regression: absolute error in the target's unit, or "squared_error". Also "zero_one_loss" for classes.
    Arguments and refusals as in families.compute(); no rows are refused too.
    """
    rows = Rows.check(task, y_true, score, classes=classes)
    return losses_of(rows, loss or DEFAULT_LOSS[task])


def losses_of(rows: Rows, loss: str) -> NDArray[np.float64]:
    """As row_losses(), of checked rows."""
    if rows.task is Task.REGRESSION and loss in ("absolute_error", "squared_error"):
        errors = np.abs(rows.y - rows.score)
        return np.asarray(errors if loss == "absolute_error" else errors**2)
    if rows.task is Task.BINARY and loss == "brier_score_loss":
        return np.asarray((rows.score - rows.y) ** 2)
    if rows.task is not Task.REGRESSION and loss == "zero_one_loss":
        return np.asarray(rows.y != rows.predicted, dtype=np.float64)
    if rows.task is not Task.REGRESSION and loss == "log_loss":
        return np.asarray(-np.log(np.clip(_given(rows), CLIP, 1.0)))
    raise RefusedError(f"a {rows.task} model has no row loss {loss!r}")


def _given(rows: Rows) -> NDArray[np.float64]:
    """(n,) the probability given to what happened."""
    if rows.task is Task.BINARY:
        return np.where(rows.y == 1, rows.score, 1 - rows.score)
    return np.asarray(rows.score[np.arange(len(rows.y)), rows.y])
