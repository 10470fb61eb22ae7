"""A search for the slices on which a model does worst: single columns, and pairs of columns.

Every slice with enough rows is tested, and all of them are corrected together (Benjamini and Hochberg), so that of
the slices shown a given share is expected to be there by chance. The cuts come from training and the columns' order
from the caller: nothing of the rows that are tested chooses what is tested. After Chung et al. 2019, "Slice Finder:
automated data slicing for model validation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.metrics.losses import DEFAULT_LOSS, losses_of
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.metrics.slice_cuts import Cut
from quarterdeck.core.metrics.slice_measures import MINIMUM_ROWS, Welch, cut_all, one_slice, welch
from quarterdeck.core.metrics.slices import Condition, Slice
from quarterdeck.core.statistics.false_discovery import control_false_discoveries

RATE = 0.05  # the share of slices shown that may be there by chance
MOST_SHOWN = 10
MOST_PAIRED = 20  # columns whose pairs are looked at: 190 pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """Slices of one column or a pair, as codes of rows, with their tests."""

    cuts: tuple[Cut, ...]
    codes: NDArray[np.intp]
    test: Welch
    places: NDArray[np.intp]  # those with enough rows, here and elsewhere

    def conditions(self, place: int) -> tuple[Condition, ...]:
        width = len(self.cuts[-1].labels)
        at = (place,) if len(self.cuts) == 1 else divmod(place, width)
        return tuple(Condition(column=cut.column, label=cut.labels[i]) for cut, i in zip(self.cuts, at, strict=True))


def worst_slices(
    rows: Rows,
    holdout: pl.DataFrame,
    train: pl.DataFrame,
    columns: Sequence[str],
    *,
    minimum_rows: int = MINIMUM_ROWS,
    rate: float = RATE,
    most: int = MOST_SHOWN,
) -> tuple[tuple[Slice, ...], int]:
    """The slices whose mean loss is greater than elsewhere with a q-value of at most `rate`, and how many were tested.

    At most `most`, the greatest difference first; equal ones in the order of the columns. `rows`: the model's checked
    answers to `holdout`, row by row. A pair is shown only where it is worse than the other rows of each of its two
    columns' slices, corrected for how many pairs come that far (Bonferroni): not as a mere part of a bad slice.
    Columns that cannot be cut, and those that the frame lacks, are passed over.
    """
    losses = losses_of(rows, DEFAULT_LOSS[rows.task])
    cuts = [cut for cut in cut_all(train, columns)[0] if cut.column in holdout.columns]
    codes = {cut.column: cut.codes(holdout) for cut in cuts}
    found = list(_search(losses, codes, cuts, minimum_rows))
    p_values = np.concatenate([item.test.p[item.places] for item in found]) if found else np.array([])
    judged = control_false_discoveries(p_values, rate=rate)
    places = [(item, int(place)) for item in found for place in item.places]
    worse = [
        (item, place, q)
        for (item, place), q in zip(places, judged.q_values, strict=True)
        if q <= rate and item.test.difference[place] > 0
    ]
    pairs = sum(len(item.cuts) == 2 for item, _, _ in worse)
    own = [one for one in worse if _has_its_own_part(losses, codes, *one[:2], rate / max(pairs, 1))]
    own.sort(key=lambda one: -one[0].test.difference[one[1]])
    shown = tuple(
        replace(one_slice(rows, item.codes == place, item.conditions(place), item.test, place), q_value=q)
        for item, place, q in own[:most]
    )
    return shown, len(p_values)


def _has_its_own_part(
    losses: NDArray[np.float64], codes: Mapping[str, NDArray[np.intp]], item: _Found, place: int, alpha: float
) -> bool:
    """Whether a pair is worse than what is left of each of its two slices: not just a part of a bad one."""
    if len(item.cuts) == 1:
        return True
    inside = item.codes == place
    for cut in item.cuts:
        own = codes[cut.column]
        whole = own == own[inside][0]
        if not welch(losses[whole], (~inside[whole]).astype(np.intp), 2).p[0] <= alpha:
            return False
    return True


def _search(
    losses: NDArray[np.float64], codes: Mapping[str, NDArray[np.intp]], cuts: Sequence[Cut], floor: int
) -> Iterator[_Found]:
    for cut in cuts:
        yield _tested(losses, (cut,), codes[cut.column], len(cut.labels), floor)
    for first, second in combinations(cuts[:MOST_PAIRED], 2):
        width = len(second.labels)
        both = codes[first.column] * width + codes[second.column]
        yield _tested(losses, (first, second), both, len(first.labels) * width, floor)


def _tested(
    losses: NDArray[np.float64], cuts: tuple[Cut, ...], codes: NDArray[np.intp], slices: int, floor: int
) -> _Found:
    test = welch(losses, codes, slices)
    enough = (test.rows >= max(floor, 2)) & (len(losses) - test.rows >= max(floor, 2)) & ~np.isnan(test.p)
    return _Found(cuts=cuts, codes=codes, test=test, places=np.flatnonzero(enough))
