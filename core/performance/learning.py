"""Learns a version's performance reference from its held-out rows.

What is learned for estimates is tried at once: made of the earlier half of the rows alone, it must foretell the later
half within the errors of both. Where it does not, no estimate is made of live rows either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.metrics.families import MAIN_METRIC
from quarterdeck.core.metrics.intervals import take
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.metrics.slice_measures import cut_all
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.performance import class_measures, number_measures
from quarterdeck.core.performance.beliefs import Measure, known, top_probability, two_columns
from quarterdeck.core.performance.calibrating import learn_calibrator
from quarterdeck.core.performance.cbpe import Estimated, estimate_classes
from quarterdeck.core.performance.dle import NAMES as LOSS_NAMES
from quarterdeck.core.performance.dle import Losses, estimate_numbers
from quarterdeck.core.performance.error_fitting import learn_encoding, learn_errors
from quarterdeck.core.performance.labelled import measure_labelled
from quarterdeck.core.performance.reference import CONFIDENCE, Reference, slice_name
from quarterdeck.core.performance.spread import MetricReference, chunks_of, learn_reference
from quarterdeck.core.performance.support import learn_support
from quarterdeck.core.performance.validity import disagrees
from quarterdeck.core.values import Task

CLASS_ROWS = 200  # fewer rows calibrate nothing
OF_A_CLASS = 20  # nor do fewer of any class
LOSS_ROWS = 100
MOST_ROWS = 50_000  # more are thinned out evenly

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """Held-out rows in the order of their time: checked answers, the fields as the model took them, and the frame."""

    rows: Rows
    columns: Columns
    frame: pl.DataFrame

    def take(self, chosen: NDArray[np.intp]) -> HeldOut:
        listed = chosen.tolist()
        columns = {name: [values[place] for place in listed] for name, values in self.columns.items()}
        return HeldOut(rows=take(self.rows, chosen), columns=columns, frame=self.frame[listed])


def learn(
    held: HeldOut, signature: Signature, *, train: pl.DataFrame, slices: Sequence[str] = (), minimum_rows: int = 100
) -> Reference:
    """`train` says where the columns `slices` are cut; a slice with fewer than `minimum_rows` rows has no reference."""
    held = _thinned(_by_time(held, signature.time))
    metrics = _metrics(held.rows)
    answers = top_probability(held.rows.score) if held.rows.task is not Task.REGRESSION else held.rows.score
    silent, estimator = _estimator(held, signature, metrics)
    cuts, _ = cut_all(train, slices)
    return Reference(
        rows=len(held.rows.y),
        metrics=metrics,
        support=learn_support(held.columns, answers, signature),
        silent=silent,
        cuts=tuple(cuts),
        slices=_slices(held, cuts, metrics, minimum_rows),
        **estimator,
    )


def _by_time(held: HeldOut, time: str | None) -> HeldOut:
    if time is None or time not in held.frame.columns:
        return held
    order = held.frame[time].arg_sort().to_numpy()
    return held.take(order.astype(np.intp))


def _thinned(held: HeldOut) -> HeldOut:
    n = len(held.rows.y)
    return held if n <= MOST_ROWS else held.take(np.linspace(0, n - 1, MOST_ROWS).astype(np.intp))


def _metrics(rows: Rows) -> dict[str, MetricReference]:
    whole = {name: item.measure for name, item in measure_labelled(rows).items()}
    parts = [_measures(take(rows, np.arange(part.start, part.stop))) for part in chunks_of(len(rows.y))]
    if rows.task is not Task.REGRESSION:
        whole[CONFIDENCE] = number_measures.of_rows(top_probability(rows.score))
    return {name: learn_reference(item, [part.get(name) for part in parts]) for name, item in whole.items()}


def _measures(rows: Rows) -> dict[str, Measure]:
    """Of one chunk. Without the average precision: its bootstrap is not worth ten more."""
    if rows.task is Task.REGRESSION:
        return number_measures.measure_all(rows.y, rows.score)
    found = class_measures.measure_all(known(rows.y, rows.score, threshold=rows.threshold))
    return found | {CONFIDENCE: number_measures.of_rows(top_probability(rows.score))}


def _slices(
    held: HeldOut, cuts: Sequence[Any], metrics: Mapping[str, MetricReference], minimum_rows: int
) -> dict[str, MetricReference]:
    main = MAIN_METRIC[held.rows.task]
    between = metrics[main].between if main in metrics else None
    found = {}
    for cut in cuts:
        codes = cut.codes(held.frame)
        for place, label in enumerate(cut.labels):
            inside = np.flatnonzero(codes == place)
            item = _measures(take(held.rows, inside)).get(main) if len(inside) >= minimum_rows else None
            if item is not None and math.isfinite(item.spread):
                found[slice_name(cut.column, label)] = MetricReference(
                    value=item.value, spread=item.spread, between=between, n=item.n
                )
    return found


Estimator = Callable[[HeldOut], dict[str, Estimated]]


def _estimator(
    held: HeldOut, signature: Signature, metrics: Mapping[str, MetricReference]
) -> tuple[str, dict[str, Any]]:
    """Why there is none (or ""), and what estimates are made with."""
    too_few = _too_few(held.rows)
    if too_few:
        return f"no estimate: {too_few}", {}
    half = len(held.rows.y) // 2
    earlier, later = held.take(np.arange(half)), held.take(np.arange(half, len(held.rows.y)))
    then = _metrics(earlier.rows)  # with the unrest that the earlier half showed, not what came after
    _, tried = _learn_estimator(earlier, signature, then)
    wrong = _wrong(tried(later), _measures(later.rows), then)
    if wrong:
        return f"no estimate: learned from the earlier half of the held-out rows it is wrong of the later ({wrong})", {}
    made, _ = _learn_estimator(held, signature, metrics)
    return "", made


def _too_few(rows: Rows) -> str:
    n = len(rows.y)
    if rows.task is Task.REGRESSION:
        return f"{n} held-out rows are too few to learn from, {LOSS_ROWS} are needed" if n < LOSS_ROWS else ""
    if n < CLASS_ROWS:
        return f"{n} held-out rows are too few to calibrate on, {CLASS_ROWS} are needed"
    least = int(np.bincount(rows.y, minlength=two_columns(rows.score).shape[1]).min())
    return f"a class has {least} held-out rows, {OF_A_CLASS} are needed" if least < OF_A_CLASS else ""


def _learn_estimator(
    held: HeldOut, signature: Signature, metrics: Mapping[str, MetricReference]
) -> tuple[dict[str, Any], Estimator]:
    rows = held.rows
    if rows.task is not Task.REGRESSION:
        calibrator = learn_calibrator(rows.y, rows.score)
        return {"calibrator": calibrator}, lambda of: estimate_classes(
            calibrator, metrics, of.rows.score, threshold=of.rows.threshold
        )
    errors = np.abs(rows.y - rows.score)
    encoding = learn_encoding(held.columns, errors, signature)
    matrix = encoding.matrix(held.columns, rows.score)
    losses = Losses(encoding=encoding, absolute=learn_errors(matrix, errors), squared=learn_errors(matrix, errors**2))
    known_losses = {name: metrics[name] for name in LOSS_NAMES if name in metrics}
    return {"losses": losses}, lambda of: estimate_numbers(losses, known_losses, of.columns, of.rows.score)


def _wrong(told: Mapping[str, Estimated], found: Mapping[str, Measure], metrics: Mapping[str, MetricReference]) -> str:
    """The metric that was foretold worst, in words; "" where all were foretold within their errors."""
    shared = [name for name in told if name in found and name in metrics]
    for name in shared:
        real = found[name]
        if disagrees(told[name].value, told[name].learned, real.value, real.standard_error, metrics[name], len(shared)):
            return f"{name}: {told[name].value:.4g} was told, {real.value:.4g} came"
    return ""
