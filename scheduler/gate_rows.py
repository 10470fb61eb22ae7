"""Judges the gates that are asked of held-out rows: limits, comparisons with the champion, either in every slice."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.core.errors import QuarterdeckError, RefusedError, StepError
from quarterdeck.core.gate_judging import judge_not_worse
from quarterdeck.core.gate_slices import judge_bound_by_interval, judge_in_slices
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.metrics.families import direction
from quarterdeck.core.metrics.intervals import Estimate, estimate, estimate_by_resampling, take
from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.metrics.slice_cuts import cut_column
from quarterdeck.core.values import Outcome

log = logging.getLogger(__name__)

# A KPI that takes longer on all rows is not resampled 200 times for an interval that decides nothing.
CHEAP_S = 0.01
MOST_ROWS = 20_000  # nor is a metric on more rows


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """The held-out rows with the candidate's answers, and the champion's scores on them (None: no champion).

    `frame`, `labels`, `predicted` (words or values) and `rows` (checked) are in the same order, (n,) each. `train`
    says where columns are cut into slices. `metrics` are the values on all rows, `left_out` why one has none.
    """

    frame: pl.DataFrame
    train: pl.DataFrame
    rows: Rows
    labels: NDArray[Any]
    predicted: NDArray[Any]
    score: Any
    champion_score: Any
    classes: Sequence[str | int] | None
    metrics: Mapping[str, float]
    left_out: Mapping[str, str]
    kpis: Mapping[str, Kpi]

    def kpi_of(self, name: str, chosen: NDArray[np.intp] | None = None) -> float:
        """A KPI on all rows or the chosen ones. StepError where it fails or gives no finite number."""
        kpi = self.kpis[name]
        labels = self.labels if chosen is None else self.labels[chosen]
        predicted = self.predicted if chosen is None else self.predicted[chosen]
        frame = None
        if kpi.takes_rows:
            frame = self.frame if chosen is None else self.frame[chosen]
        return measure_kpi(kpi, labels, predicted, frame)


def measure_kpi(kpi: Kpi, labels: NDArray[Any], predicted: NDArray[Any], frame: pl.DataFrame | None) -> float:
    """The KPI's number. StepError where the user's function fails, or gives none that is finite."""
    try:
        value = kpi(labels, predicted, frame)
    except QuarterdeckError:
        raise
    except Exception as error:  # a user's function: anything can come out of it, and it costs the run alone
        log.exception("the KPI %s", kpi.name)
        raise StepError(f"the KPI failed: {type(error).__name__}: {error}", where=kpi.name) from error
    if not np.isfinite(value):
        raise StepError(f"the KPI is {value}", where=kpi.name, hint="return a finite number for every set of rows")
    return value


def judge_on_rows(gate: GateSpec, held: HeldOut) -> GateResult:
    """One gate's verdict on the held-out rows."""
    if gate.slice is not None:
        result = _judge_slices(gate, held)
    elif gate.not_worse_than is not None:
        result = _judge_comparison(gate, held, None, gate.confidence)
    else:
        result = _judge_bound(gate, held)
    return replace(result, key=gate.key)


def _judge_bound(gate: GateSpec, held: HeldOut) -> GateResult:
    value = held.metrics.get(gate.metric)
    found = None if value is None else _cheap_interval(gate, held, value)
    limits = {"minimum": gate.minimum, "maximum": gate.maximum}
    n = len(held.labels)
    result = judge_bound(metric=gate.metric, value=value, n=n, owner=gate.owner, interval=found, **limits)
    return replace(result, reason=held.left_out[gate.metric]) if gate.metric in held.left_out else result


def _cheap_interval(gate: GateSpec, held: HeldOut, value: float) -> tuple[float, float] | None:
    """One-sided bounds of a value on all rows, where they cost little."""
    n = len(held.labels)
    if n > MOST_ROWS:
        return None
    if gate.metric not in held.kpis:
        return estimate(gate.metric, held.rows, confidence=gate.confidence).interval
    began = time.perf_counter()
    _resampled_kpi(gate.metric, held, np.arange(n))
    if time.perf_counter() - began > CHEAP_S:
        return None
    return _kpi_estimate(gate.metric, held, np.arange(n), gate.confidence, value).interval


def _judge_comparison(gate: GateSpec, held: HeldOut, chosen: NDArray[np.intp] | None, confidence: float) -> GateResult:
    def part(values: Any) -> Any:
        return values if values is None or chosen is None else np.asarray(values)[chosen]

    kpi = held.kpis.get(gate.metric)
    return judge_not_worse(
        metric=gate.metric,
        task=held.rows.task,
        y_true=part(held.labels),
        score=part(held.score),
        champion_score=part(held.champion_score),
        margin=gate.margin,
        confidence=confidence,
        classes=held.classes,
        kpi=kpi,
        kpi_direction=direction(gate.metric) if kpi is not None else None,
        frame=held.frame if chosen is None else held.frame[chosen],
        owner=gate.owner,
        against=gate.not_worse_than or "champion",
    )


def _judge_slices(gate: GateSpec, held: HeldOut) -> GateResult:
    assert gate.slice is not None
    blank = _blank(gate, held)
    if gate.not_worse_than is not None and held.champion_score is None:
        return replace(blank, gate=f"{blank.gate} in every {gate.slice}")
    try:
        cut = cut_column(held.train, gate.slice)
        codes = cut.codes(held.frame)
    except RefusedError as error:
        reason = f"the rows cannot be cut into slices: {error.message}"
        return replace(blank, gate=f"{blank.gate} in every {gate.slice}", outcome=Outcome.HOLD, reason=reason)

    def judge(chosen: NDArray[np.intp], confidence: float) -> GateResult:
        if gate.not_worse_than is not None:
            return _judge_comparison(gate, held, chosen, confidence)
        return _judge_part(gate, held, chosen, confidence)

    return judge_in_slices(judge, cut, codes, rows=gate.rows, confidence=gate.confidence, blank=blank)


def _blank(gate: GateSpec, held: HeldOut) -> GateResult:
    """The verdict's words before anything was looked at: HOLD, or PASS where there is no champion to compare with."""
    if gate.not_worse_than is not None:
        return _judge_comparison(gate, replace(held, champion_score=None), None, gate.confidence)
    return judge_bound(
        metric=gate.metric, value=None, n=0, minimum=gate.minimum, maximum=gate.maximum, owner=gate.owner
    )


def _judge_part(gate: GateSpec, held: HeldOut, chosen: NDArray[np.intp], confidence: float) -> GateResult:
    limits = {"minimum": gate.minimum, "maximum": gate.maximum}
    reason = None
    try:
        if gate.metric in held.kpis:
            value = _resampled_kpi(gate.metric, held, chosen)
            found: Estimate | None = _kpi_estimate(gate.metric, held, chosen, confidence, value)
        else:
            found = estimate(gate.metric, take(held.rows, chosen), confidence=confidence)
    except RefusedError as error:
        found, reason = None, error.message
    result = judge_bound_by_interval(
        metric=gate.metric, found=found, n=len(chosen), confidence=confidence, owner=gate.owner, **limits
    )
    return result if reason is None else replace(result, reason=reason)


def _kpi_estimate(name: str, held: HeldOut, chosen: NDArray[np.intp], confidence: float, value: float) -> Estimate:
    return estimate_by_resampling(
        lambda places: _resampled_kpi(name, held, chosen[places]), value, len(chosen), confidence=confidence
    )


def _resampled_kpi(name: str, held: HeldOut, chosen: NDArray[np.intp]) -> float:
    """As held.kpi_of(); a part of the rows on which the function has no meaning is RefusedError, and not logged."""
    kpi = held.kpis[name]
    try:
        value = kpi(held.labels[chosen], held.predicted[chosen], held.frame[chosen] if kpi.takes_rows else None)
    except Exception as error:  # a user's function, on rows it may not be made for
        raise RefusedError(f"{name} has no value on these rows: {type(error).__name__}: {error}") from error
    if not np.isfinite(value):
        raise RefusedError(f"{name} is {value} on these rows")
    return value
