"""Where the challenger is better and where it is worse: the difference in loss in the rows of one value of one column.

A column is cut as metrics/slice_cuts.py cuts it: a category is a slice, numbers are cut at the quartiles of these rows.
Looked at are the slices with `floor` rows or more. Their intervals hold together and at every look: Bonferroni over
every slice that has rows, also the small ones, so that the correction does not shrink while rows come, and the
confidence sequence of duel_intervals.py for each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.duel import SliceResult, Standing
from quarterdeck.core.duel_intervals import sequence_interval, standing
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.slice_cuts import cut_column
from quarterdeck.core.values import Direction

FLOOR = 30  # rows; below, neither a mean nor its error can be trusted
SHOWN = 3  # of the worst and of the best each

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slices:
    """The worst and the best, the worst first; how many had rows enough."""

    shown: tuple[SliceResult, ...]
    looked: int


def slices_of(
    columns: Mapping[str, Sequence[Any]],
    losses: Floats,
    side: NDArray[np.int8] | None = None,
    *,
    alpha: float,
    asked: Collection[str] = (),
    floor: int = FLOOR,
) -> Slices:
    """Slices of n rows. Each of `columns` is (n,), values as they were sent, None where one is missing.

    Paired (`side` None): `losses` are (n,) differences, challenger less champion. Two arms: `losses` are each row's
    own, and `side` is (n,) 0 for a champion's row and 1 for a challenger's; a slice needs `floor` rows of both.
    `asked` are columns that a gate names: their worse slices are always among those shown. No rows and no columns
    give no slices.
    """
    groups = [(name, value, places) for name in columns for value, places in _groups(name, columns[name])]
    found = []
    for name, value, places in groups:
        estimate = _estimate(losses[places], None if side is None else side[places], floor)
        if estimate is None:
            continue
        n, difference, error = estimate
        interval = sequence_interval(difference, error, n=n, alpha=alpha, minimum=floor, looked=len(groups))
        found.append(
            SliceResult(
                column=name,
                value=value,
                n=len(places),
                difference=difference,
                interval=interval,
                standing=standing(interval, Direction.LOWER),
                asked=name in asked,
            )
        )
    found.sort(key=lambda item: (-item.difference, item.name))
    return Slices(shown=_ends(found), looked=len(found))


def _ends(found: list[SliceResult]) -> tuple[SliceResult, ...]:
    """The worst and the best few, and whatever a gate asks for and is worse."""
    if len(found) <= 2 * SHOWN:
        return tuple(found)
    middle = [item for item in found[SHOWN:-SHOWN] if item.asked and item.standing is Standing.WORSE]
    return (*found[:SHOWN], *middle, *found[-SHOWN:])


def _estimate(losses: Floats, side: NDArray[np.int8] | None, floor: int) -> tuple[int, float, float] | None:
    """(rows that the error is of, difference, standard error), or None for too few rows."""
    if side is None:
        n = len(losses)
        return None if n < floor else (n, float(losses.mean()), float(losses.std(ddof=1)) / n**0.5)
    ours, theirs = losses[side == 0], losses[side == 1]
    n = min(len(ours), len(theirs))
    if n < floor:
        return None
    error = (float(ours.var(ddof=1)) / len(ours) + float(theirs.var(ddof=1)) / len(theirs)) ** 0.5
    return n, float(theirs.mean() - ours.mean()), error


def _groups(name: str, values: Sequence[Any]) -> list[tuple[str, NDArray[np.intp]]]:
    """(value in words, places) for each slice of a column that has rows; none for a column that has no slices."""
    frame = pl.DataFrame({name: pl.Series(name, values, strict=False)})
    try:
        cut = cut_column(frame, name)
    except RefusedError:  # a column of nothing but missing values, or of lists
        return []
    codes = cut.codes(frame)
    found = [(label, np.flatnonzero(codes == place)) for place, label in enumerate(cut.labels)]
    return [(label, places) for label, places in found if len(places)]
