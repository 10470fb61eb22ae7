"""The main metric in every slice of a window, measured and estimated, each held against the slice's own reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import MAIN_METRIC
from quarterdeck.core.metrics.slice_cuts import Cut
from quarterdeck.core.performance.finding import LABELLED_SHARE, Finding, is_worse
from quarterdeck.core.performance.judging import Judge
from quarterdeck.core.performance.labelled import measure_labelled
from quarterdeck.core.performance.reference import slice_name

SLICE_ROWS = 30  # a slice of fewer rows is passed over


def judge_slices(judge: Judge) -> tuple[Finding, ...]:
    """None without a reference, for it says where columns are cut."""
    if judge.reference is None:
        return ()
    estimating = not judge.silent()
    found: list[Finding] = []
    parts = [part for cut in judge.reference.cuts for part in _parts(judge, cut)]
    for name, inside in parts:
        with_labels = inside[[judge.rows.labels[place] is not None for place in inside.tolist()]]
        found += _labelled(judge, name, with_labels, len(inside), len(parts))
        if estimating:
            found += _estimated(judge, name, inside, len(parts))
    return tuple(found)


def _parts(judge: Judge, cut: Cut) -> list[tuple[str, NDArray[np.intp]]]:
    """(name, places) of a column's slices with rows enough; none for a column that clients do not send."""
    if cut.column not in judge.rows.columns:
        return []
    codes = cut.codes(pl.DataFrame({cut.column: pl.Series(judge.rows.columns[cut.column], strict=False)}))
    places = [(label, np.flatnonzero(codes == place)) for place, label in enumerate(cut.labels)]
    return [(slice_name(cut.column, label), inside) for label, inside in places if len(inside) >= SLICE_ROWS]


def _labelled(judge: Judge, name: str, chosen: NDArray[np.intp], rows: int, looked: int) -> list[Finding]:
    metric = MAIN_METRIC[judge.task]
    try:
        measured = measure_labelled(judge.checked(chosen)).get(metric) if len(chosen) >= SLICE_ROWS else None
    except RefusedError:  # a label that the model does not know: it is said of the whole window
        return []
    if measured is None:
        return []
    found = _of_slice(judge, judge.as_labelled(metric, measured), name, looked)
    return [found if len(chosen) >= LABELLED_SHARE * rows else replace(found, alert=False)]


def _estimated(judge: Judge, name: str, chosen: NDArray[np.intp], looked: int) -> list[Finding]:
    metric = MAIN_METRIC[judge.task]
    told = judge.estimate(chosen).get(metric)
    return [] if told is None else [_of_slice(judge, judge.as_estimated(metric, told, None, 1), name, looked)]


def _of_slice(judge: Judge, item: Finding, name: str, looked: int) -> Finding:
    """Held against the slice's own reference; the thresholds are wider, the more slices are looked at."""
    assert judge.reference is not None and item.value is not None
    known = judge.reference.slices.get(name)
    limits: dict[str, Any] = {"reference": None, "threshold_low": None, "threshold_high": None, "alert": False}
    if known is not None:
        low, high = known.thresholds(item.metric, item.n, looked=looked)
        limits = {"reference": known.value, "threshold_low": low, "threshold_high": high}
        limits["alert"] = is_worse(item.metric, item.value, low, high)
    return replace(item, slice=name, **limits)
