"""The computation behind families.py: rows checked once, then scikit-learn's functions on them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.values import Task

Floats = NDArray[np.float64]

# How far a row's probabilities may be from a sum of 1: float32 over some hundred classes.
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Checked rows. `y`: (n,) place of the true class, or the true value. `score`: (n,) or (n, k)."""

    task: Task
    y: NDArray[Any]
    score: Floats
    threshold: float

    @classmethod
    def check(
        cls,
        task: Task,
        y_true: ArrayLike,
        score: ArrayLike,
        *,
        classes: Sequence[str | int] | None = None,
        threshold: float = 0.5,
    ) -> Rows:
        """Check and align labels and scores; the rules are compute()'s."""
        scores = _scores(task, score)
        labels = np.asarray(y_true)
        if labels.ndim != 1 or len(labels) != len(scores):
            raise RefusedError(f"y_true has shape {labels.shape}, score has {len(scores)} rows")
        if len(labels) == 0:
            raise RefusedError("there are no rows to score")
        y = _values(labels) if task is Task.REGRESSION else encode(labels, _classes(task, scores, classes))
        return cls(task=task, y=y, score=scores, threshold=threshold)

    @property
    def predicted(self) -> NDArray[np.intp]:
        """(n,) the index of the predicted class."""
        if self.task is Task.BINARY:
            return np.asarray(self.score >= self.threshold, dtype=np.intp)
        return np.asarray(self.score.argmax(axis=1), dtype=np.intp)


def _scores(task: Task, score: ArrayLike) -> Floats:
    scores = np.asarray(score, dtype=np.float64)
    expected = 2 if task is Task.MULTICLASS else 1
    if scores.ndim != expected:
        raise RefusedError(f"the score of a {task} model has {expected} dimension(s), found shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise RefusedError(f"{int((~np.isfinite(scores)).sum())} scores are NaN or infinite")
    if task is Task.REGRESSION or scores.size == 0:
        return scores
    if scores.min() < 0 or scores.max() > 1:
        raise RefusedError(f"probabilities lie between 0 and 1, found {scores.min():g} to {scores.max():g}")
    return _normalised(scores) if task is Task.MULTICLASS else scores


def _normalised(scores: Floats) -> Floats:
    sums = scores.sum(axis=1, keepdims=True)
    if np.abs(sums - 1).max() > _SUM_TOLERANCE:
        raise RefusedError("the probabilities of a row do not sum to 1")
    return np.asarray(scores / sums)


def _values(labels: NDArray[Any]) -> Floats:
    try:
        values = labels.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"the true values are not numbers: {error}") from error
    if not np.isfinite(values).all():
        raise RefusedError(f"{int((~np.isfinite(values)).sum())} true values are NaN or infinite")
    return values


def _classes(task: Task, scores: Floats, classes: Sequence[str | int] | None) -> Sequence[str | int]:
    width = scores.shape[1] if task is Task.MULTICLASS else 2
    found: Sequence[str | int] = list(range(width)) if classes is None else list(classes)
    if len(found) != width:
        raise RefusedError(f"there are {len(found)} classes and {width} probabilities")
    return found


def encode(labels: NDArray[Any], classes: Sequence[str | int]) -> NDArray[np.intp]:
    """(n,) each label's place in `classes`. Raises RefusedError on a label that is none of them, NaN and None
    too.
    """
    places = {label: index for index, label in enumerate(classes)}
    codes = np.array([places.get(label, -1) for label in labels.tolist()], dtype=np.intp)
    if (codes < 0).any():
        stranger = labels[int(np.argmax(codes < 0))]
        shown = ", ".join(map(repr, list(classes)[:10]))
        raise RefusedError(f"the label {stranger!r} is none of the classes", hint=f"the classes are {shown}")
    return codes


def score_rows(name: str, rows: Rows) -> float:
    """One metric of checked rows. Raises RefusedError where it has no meaning on them."""
    return float(_FUNCTIONS[name](rows))


def _need_classes(rows: Rows, needed: Sequence[int], name: str) -> None:
    present = set(np.unique(rows.y).tolist())
    missing = [index for index in needed if index not in present]
    if missing:
        places = ", ".join(str(index + 1) for index in missing)
        raise RefusedError(f"{name} needs rows of every class it compares; there are none of class number {places}")


def _roc_auc(rows: Rows) -> float:
    if rows.task is Task.BINARY:
        _need_classes(rows, (0, 1), "roc_auc_score")
        return float(sk.roc_auc_score(rows.y, rows.score))
    width = rows.score.shape[1]
    _need_classes(rows, range(width), "roc_auc_score")
    return float(sk.roc_auc_score(rows.y, rows.score, multi_class="ovr", labels=list(range(width))))


def _average_precision(rows: Rows) -> float:
    _need_classes(rows, (1,), "average_precision_score")
    return float(sk.average_precision_score(rows.y, rows.score))


def _log_loss(rows: Rows) -> float:
    score = rows.score
    if rows.task is Task.BINARY:
        score = np.column_stack([1 - score, score])
    return float(sk.log_loss(rows.y, score, labels=list(range(score.shape[1]))))


def _brier(rows: Rows) -> float:
    return float(np.mean((rows.score - rows.y) ** 2))


def _of_a_class(name: str) -> Callable[[Rows], float]:
    """Precision, recall and their kin: of the positive class, or the mean over classes that there are."""
    function = getattr(sk, name)

    def score(rows: Rows) -> float:
        if rows.task is Task.BINARY:
            _need_classes(rows, (1,), name)
            return float(function(rows.y, rows.predicted, zero_division=0.0))
        return float(function(rows.y, rows.predicted, average="macro", zero_division=0.0))

    return score


def _of_classes(name: str) -> Callable[[Rows], float]:
    """What compares classes has no meaning where there is one alone: chance cannot be told from skill."""
    function = getattr(sk, name)

    def score(rows: Rows) -> float:
        if len(np.unique(rows.y)) < 2:
            raise RefusedError(f"{name} needs rows of two classes or more")
        with warnings.catch_warnings():
            # it says that a class was predicted that no row has, which is an ordinary mistake of a model
            warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
            return float(function(rows.y, rows.predicted))

    return score


def _top_2(rows: Rows) -> float:
    width = rows.score.shape[1]
    if width < 3:
        raise RefusedError("top_2_accuracy_score needs three classes or more")
    return float(sk.top_k_accuracy_score(rows.y, rows.score, k=2, labels=list(range(width))))


def _d2_log_loss(rows: Rows) -> float:
    if len(rows.y) < 2 or len(np.unique(rows.y)) < 2:
        raise RefusedError("d2_log_loss_score needs rows of two classes or more")
    score = rows.score if rows.task is Task.MULTICLASS else np.column_stack([1 - rows.score, rows.score])
    return float(sk.d2_log_loss_score(rows.y, score, labels=list(range(score.shape[1]))))


def _of_values(name: str) -> Callable[[Rows], float]:
    function = getattr(sk, name)
    return lambda rows: float(function(rows.y, rows.score))


def _of_varied(name: str) -> Callable[[Rows], float]:
    """What is held against the spread of the true values has no meaning where they have none."""
    function = getattr(sk, name)

    def score(rows: Rows) -> float:
        if len(rows.y) < 2 or np.ptp(rows.y) == 0:
            raise RefusedError(f"{name} needs true values that differ")
        return float(function(rows.y, rows.score))

    return score


def _above(name: str, least_true: float | None, least_score: float) -> Callable[[Rows], float]:
    """What takes logarithms or quotients: refused where a value is not above its limit (None: below 0)."""
    function = getattr(sk, name)

    def score(rows: Rows) -> float:
        low = rows.y.min() < 0 if least_true is None else rows.y.min() <= least_true
        if low or rows.score.min() <= least_score:
            words = "0 or more" if least_true is None else f"above {least_true:g}"
            raise RefusedError(f"{name} needs true values {words} and predictions above {least_score:g}")
        return float(function(rows.y, rows.score))

    return score


def _percentage(rows: Rows) -> float:
    if (rows.y == 0).any():
        zeros = int((rows.y == 0).sum())
        raise RefusedError(f"mean_absolute_percentage_error has no meaning where the true value is 0, as in {zeros}")
    return float(sk.mean_absolute_percentage_error(rows.y, rows.score))


_FUNCTIONS: dict[str, Callable[[Rows], Any]] = {
    "roc_auc_score": _roc_auc,
    "average_precision_score": _average_precision,
    "log_loss": _log_loss,
    "brier_score_loss": _brier,
    "accuracy_score": lambda rows: np.mean(rows.y == rows.predicted),
    "f1_score": _of_a_class("f1_score"),
    "balanced_accuracy_score": _of_classes("balanced_accuracy_score"),
    "precision_score": _of_a_class("precision_score"),
    "recall_score": _of_a_class("recall_score"),
    "matthews_corrcoef": _of_classes("matthews_corrcoef"),
    "cohen_kappa_score": _of_classes("cohen_kappa_score"),
    "jaccard_score": _of_a_class("jaccard_score"),
    "hamming_loss": lambda rows: np.mean(rows.y != rows.predicted),
    "top_2_accuracy_score": _top_2,
    "d2_log_loss_score": _d2_log_loss,
    "mean_absolute_error": _of_values("mean_absolute_error"),
    "root_mean_squared_error": _of_values("root_mean_squared_error"),
    "r2_score": _of_varied("r2_score"),
    "median_absolute_error": _of_values("median_absolute_error"),
    "mean_squared_error": _of_values("mean_squared_error"),
    "mean_absolute_percentage_error": _percentage,
    "mean_squared_log_error": _above("mean_squared_log_error", -1.0, -1.0),
    "root_mean_squared_log_error": _above("root_mean_squared_log_error", -1.0, -1.0),
    "explained_variance_score": _of_varied("explained_variance_score"),
    "d2_absolute_error_score": _of_varied("d2_absolute_error_score"),
    "max_error": _of_values("max_error"),
    "mean_pinball_loss": _of_values("mean_pinball_loss"),
    "mean_poisson_deviance": _above("mean_poisson_deviance", None, 0.0),
    "mean_gamma_deviance": _above("mean_gamma_deviance", 0.0, 0.0),
}
