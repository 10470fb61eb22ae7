"""Measures a model on the rows held out from its training: everything that an Evaluation holds.

Bounded, so that registering stays quick: what grows with the rows is done on a part of them (see the modules that
do it). A part that cannot be measured is left out, and the evaluation's notes say why; the others stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.evaluation import (
    Calibration,
    CalibrationBin,
    Coverage,
    DataSet,
    Evaluation,
    FieldSeen,
    ImportanceOf,
    Residuals,
    Target,
)
from quarterdeck.core.evaluation_importance import Scores, permutation_importance
from quarterdeck.core.evaluation_intervals import KpiFigure, measure
from quarterdeck.core.metrics.families import MAIN_METRIC, METRICS
from quarterdeck.core.metrics.scoring import Floats, Rows
from quarterdeck.core.metrics.slices import SliceReport
from quarterdeck.core.models.describe import training_period
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.profile import Profile
from quarterdeck.core.profile_frames import count_frame
from quarterdeck.core.statistics.calibration import Reliability, reliability, top_label_reliability
from quarterdeck.core.values import Task

T = TypeVar("T")

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SHARES = (0.5, 0.8, 0.95)  # of errors, whose widths are tried on later rows
FEW = 40  # fewer rows than this have no halves worth comparing
SHOWN_CLASSES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """The held-out rows as they came, and what is known of the model's answers to them.

    `rows`: checked truths and scores. `probable`: whether the scores are probabilities that the model gave, not
    labels turned into 0 and 1. `champion`: the scores of version `champion_number` on the same rows.
    """

    frame: pl.DataFrame
    rows: Rows
    probable: bool = True
    champion: Rows | None = None
    champion_number: int | None = None


def evaluate(
    held: HeldOut,
    signature: Signature,
    *,
    values: Mapping[str, float],
    scores: Scores,
    main: str | None = None,
    kpis: Mapping[str, KpiFigure] | None = None,
    profile: Profile | None = None,
    data: Sequence[DataSet] = (),
    slices: Callable[[], SliceReport] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Everything about `held`. `values` are the metrics and KPIs already measured on all its rows; `main` is the
    metric that matters most (one of the task's; None: the usual one); `scores` asks the model; `slices` measures
    the slices. The same rows and seed give the same evaluation.
    """
    notes: list[str] = []
    rows = held.rows
    metric = main if main in METRICS and rows.task in METRICS[main].tasks else MAIN_METRIC[rows.task]
    if METRICS[metric].needs_score and not held.probable:
        metric = "accuracy_score"
    sliced = _or_note(notes, "slices", slices) if slices is not None else None
    calibration = None
    if rows.task is not Task.REGRESSION:
        if held.probable:
            calibration = _or_note(notes, "calibration", lambda: calibrate(rows))
        else:
            notes.append("calibration: the model names classes without probabilities")
    return Evaluation(
        rows=len(rows.y),
        target=describe_target(rows, signature),
        metrics=measure(values, rows, held.champion, kpis or {}, seed=seed),
        data=tuple(data),
        champion=held.champion_number,
        slices=sliced,
        calibration=calibration,
        residuals=_residuals_of(held, signature) if rows.task is Task.REGRESSION else None,
        importance=_or_note(notes, "importance", lambda: _importance(held, signature, scores, metric, seed)),
        fields=_or_note(notes, "fields", lambda: _fields(held.frame, profile)) or (),
        notes=tuple(notes),
    )


def _or_note(notes: list[str], what: str, make: Callable[[], T]) -> T | None:
    try:
        return make()
    except QuarterdeckError as error:
        notes.append(f"{what}: {error.message}")
        return None


def calibrate(rows: Rows) -> Calibration:
    """In ten bins of equal width: of the second class (binary), or of the most probable class (more)."""
    several = rows.task is Task.MULTICLASS
    found: Reliability = (top_label_reliability if several else reliability)(rows.y, rows.score)
    bins = []
    for index, n in enumerate(found.counts):
        predicted, observed = found.predicted[index], found.observed[index]
        if predicted is not None and observed is not None:
            low, high = found.edges[index], found.edges[index + 1]
            bins.append(CalibrationBin(low=low, high=high, n=n, predicted=predicted, observed=observed))
    return Calibration(
        error=found.expected_calibration_error,
        greatest=found.maximum_calibration_error,
        top_label=several,
        bins=tuple(bins),
    )


def residuals(errors: Floats) -> Residuals:
    """Of the errors (n,), truth less prediction, in the order of time, n >= 1.

    The widths within which a share of the first half's errors lay are tried on the second half: the width of a
    share is the least one that held it. Fewer than 40 rows have no such trial.
    """
    quantiles = tuple(
        (share, float(value)) for share, value in zip(QUANTILES, np.quantile(errors, QUANTILES), strict=True)
    )
    if len(errors) < FEW:
        return Residuals(quantiles=quantiles, coverage=())
    first, second = np.abs(errors[: len(errors) // 2]), np.abs(errors[len(errors) // 2 :])
    coverage = []
    for share in SHARES:
        width = float(np.quantile(first, share, method="higher"))
        coverage.append(Coverage(share=share, width=width, observed=float(np.mean(second <= width))))
    return Residuals(quantiles=quantiles, coverage=tuple(coverage))


def _residuals_of(held: HeldOut, signature: Signature) -> Residuals:
    errors = held.rows.y - held.rows.score
    if signature.time is not None and signature.time in held.frame.columns:
        errors = errors[np.argsort(held.frame[signature.time].to_physical().to_numpy(), kind="stable")]
    return residuals(errors)


def describe_target(rows: Rows, signature: Signature) -> Target:
    """Classes with their shares, the most frequent first (20 at most), or quantiles of the true values."""
    if rows.task is Task.REGRESSION:
        values = np.quantile(rows.y, QUANTILES)
        return Target(quantiles=tuple((share, float(value)) for share, value in zip(QUANTILES, values, strict=True)))
    classes = signature.classes or (0, 1)
    counts = np.bincount(rows.y, minlength=len(classes))
    order = sorted(range(len(classes)), key=lambda index: (-counts[index], index))
    return Target(shares=tuple((str(classes[i]), float(counts[i] / len(rows.y))) for i in order[:SHOWN_CLASSES]))


def _importance(held: HeldOut, signature: Signature, scores: Scores, metric: str, seed: int) -> ImportanceOf:
    return permutation_importance(held.frame, held.rows, scores, signature.names, metric, seed=seed)


def _fields(frame: pl.DataFrame, profile: Profile | None) -> tuple[FieldSeen, ...]:
    if profile is None or frame.height == 0:
        return ()
    counted = count_frame(profile, frame).features
    return tuple(
        FieldSeen(name=name, missing=bins.missing / frame.height, outside=bins.outside / frame.height)
        for name, bins in counted.items()
    )


def data_set(name: str, frame: pl.DataFrame, time: str | None, sha256: str | None) -> DataSet:
    """What a frame is, in a line."""
    first, last = training_period(frame, time)
    return DataSet(name=name, rows=frame.height, columns=frame.width, sha256=sha256, first=first, last=last)
