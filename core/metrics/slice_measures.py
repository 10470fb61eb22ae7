"""A model's metric and loss on each slice against the rest of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import MAIN_METRIC
from quarterdeck.core.metrics.intervals import Estimate, estimate, take
from quarterdeck.core.metrics.losses import DEFAULT_LOSS, losses_of
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.metrics.slice_cuts import Cut, cut_column
from quarterdeck.core.metrics.slices import Condition, Slice
from quarterdeck.core.statistics.false_discovery import control_false_discoveries

MINIMUM_ROWS = 100
SIDED = 0.975  # each one-sided bound of a two-sided 95 % interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Welch:
    """For k slices against their rests: (k,) each. `p`: NaN where either side has fewer than two rows."""

    rows: NDArray[np.intp]
    mean: Floats
    difference: Floats  # NaN where a side is empty
    p: Floats


def welch(losses: Floats, codes: NDArray[np.intp], slices: int) -> Welch:
    """Is the mean loss of the rows of each code, 0 to `slices` - 1, greater than that of all other rows?

    `losses`: (n,), finite; `codes`: (n,). One-sided p-values of Welch's t test (Welch 1947), which needs no equal
    variances. Without any variance on either side p is 0 or 1 as the means are, and 1 where they are equal. n = 0
    gives NaN throughout.
    """
    centred = losses - (losses.mean() if len(losses) else 0.0)  # sums of squares of large numbers would cancel
    rows = np.bincount(codes, minlength=slices)
    sums = np.bincount(codes, centred, slices)
    squares = np.bincount(codes, centred**2, slices)
    rest = len(losses) - rows
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = sums / rows, (centred.sum() - sums) / rest
        own = np.maximum(squares - rows * mean**2, 0) / (rows - 1) / rows
        others = np.maximum((centred**2).sum() - squares - rest * other**2, 0) / (rest - 1) / rest
        difference = mean - other
        freedom = (own + others) ** 2 / (own**2 / (rows - 1) + others**2 / (rest - 1))
        p = special.stdtr(freedom, -difference / np.sqrt(own + others))
    p = np.where(own + others == 0, np.where(difference > 0, 0.0, 1.0), p)
    p = np.where((rows < 2) | (rest < 2), np.nan, p)
    return Welch(rows=rows, mean=mean + (losses.mean() if len(losses) else 0.0), difference=difference, p=p)


def measure_slices(
    rows: Rows,
    holdout: pl.DataFrame,
    train: pl.DataFrame,
    columns: Sequence[str],
    *,
    minimum_rows: int = MINIMUM_ROWS,
) -> tuple[tuple[Slice, ...], int, dict[str, str]]:
    """Every slice of the named columns with at least `minimum_rows` rows, in the order of the columns' labels.

    `rows`: the model's checked answers to `holdout`, row by row; `train` says where columns are cut. Also: how many
    slices had fewer rows, and the columns that could not be cut, each with the reason.
    """
    losses = losses_of(rows, DEFAULT_LOSS[rows.task])
    found: list[Slice] = []
    small, left_out = 0, {}
    for column in columns:
        try:
            cut = cut_column(train, column)
            codes = cut.codes(holdout)
        except RefusedError as error:
            left_out[column] = error.message
            continue
        test = welch(losses, codes, len(cut.labels))
        small += int(((test.rows > 0) & (test.rows < minimum_rows)).sum())
        for place in np.flatnonzero(test.rows >= minimum_rows):
            condition = (Condition(column=cut.column, label=cut.labels[place]),)
            found.append(one_slice(rows, codes == place, condition, test, int(place)))
    return with_q_values(found), small, left_out


def one_slice(
    rows: Rows, inside: NDArray[np.bool_], conditions: tuple[Condition, ...], test: Welch, place: int
) -> Slice:
    """The slice of the rows that are `inside`, with what welch() found in `place`."""
    metric = MAIN_METRIC[rows.task]
    own = _estimate(metric, rows, inside)
    return Slice(
        conditions=conditions,
        rows=int(inside.sum()),
        metric=metric,
        value=None if own is None else own.value,
        interval=None if own is None else own.interval,
        elsewhere=_value(metric, rows, ~inside),
        mean_loss=float(test.mean[place]),
        difference=_number(test.difference[place]),
        p_value=_number(test.p[place]),
        q_value=None,
    )


def with_q_values(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """The same slices with q-values over all of them that have a p-value."""
    tested = [index for index, item in enumerate(slices) if item.p_value is not None]
    p_values = [item.p_value for item in slices if item.p_value is not None]
    q_values = control_false_discoveries(p_values).q_values
    by_place = dict(zip(tested, q_values, strict=True))
    return tuple(replace(item, q_value=by_place.get(index)) for index, item in enumerate(slices))


def _estimate(metric: str, rows: Rows, inside: NDArray[np.bool_]) -> Estimate | None:
    try:
        return estimate(metric, take(rows, np.flatnonzero(inside)), confidence=SIDED)
    except RefusedError:  # one class alone
        return None


def _value(metric: str, rows: Rows, inside: NDArray[np.bool_]) -> float | None:
    try:
        return score_rows(metric, take(rows, np.flatnonzero(inside))) if inside.any() else None
    except RefusedError:
        return None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def cut_all(train: pl.DataFrame, columns: Sequence[str]) -> tuple[list[Cut], dict[str, str]]:
    """The cuts of all columns that can be cut, and why the others cannot."""
    cuts, left_out = [], {}
    for column in columns:
        try:
            cuts.append(cut_column(train, column))
        except RefusedError as error:
            left_out[column] = error.message
    return cuts, left_out
