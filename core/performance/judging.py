"""One window's rows held against its version's reference: what is measured, and what is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import MAIN_METRIC
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.performance.beliefs import top_probability
from quarterdeck.core.performance.cbpe import Estimated, estimate_classes
from quarterdeck.core.performance.dle import estimate_numbers
from quarterdeck.core.performance.finding import ESTIMATE_NOTE, LABELLED_SHARE, Finding, Kind, is_worse
from quarterdeck.core.performance.labelled import Measured, interval_of, measure_labelled
from quarterdeck.core.performance.reference import Reference
from quarterdeck.core.performance.support import too_far
from quarterdeck.core.performance.validity import disagrees
from quarterdeck.core.values import Task

NO_REFERENCE = "no estimate: nothing is kept of this version's held-out rows"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WindowRows:
    """n rows that were read, of `total` that there are. `scores`: (n,), or (n, k) for several classes; `labels`: None
    where one has not come; `columns`: the fields as they were sent, and whatever came with them."""

    start: datetime
    scores: NDArray[np.float64]
    labels: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]
    total: int

    @property
    def labelled(self) -> NDArray[np.intp]:
        return np.flatnonzero([label is not None for label in self.labels])

    @property
    def share(self) -> float:
        """Of the rows that have a label."""
        return len(self.labelled) / len(self.labels) if len(self.labels) else 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judge:
    """`minimum_rows`: on fewer nothing alerts and nothing is estimated."""

    rows: WindowRows
    signature: Signature
    reference: Reference | None
    minimum_rows: int

    @property
    def task(self) -> Task:
        return self.signature.task

    def labelled(self) -> tuple[tuple[Finding, ...], dict[str, Measured]]:
        """Every metric of the rows that have labels."""
        chosen = self.rows.labelled
        if not len(chosen):
            return (), {}
        try:
            measured = measure_labelled(self.checked(chosen))
        except RefusedError as error:  # a label that the model does not know
            note = f"not measured: {error.message}"
            return (
                Finding(metric=MAIN_METRIC[self.task], kind=Kind.LABELLED, value=None, n=len(chosen), note=note),
            ), {}
        return tuple(self.as_labelled(name, item) for name, item in measured.items()), measured

    def checked(self, chosen: NDArray[np.intp]) -> Rows:
        labels = [self.rows.labels[place] for place in chosen.tolist()]
        return Rows.check(self.task, labels, self.rows.scores[chosen], classes=self.signature.classes)

    def as_labelled(self, name: str, item: Measured) -> Finding:
        measure = item.measure
        known = None if self.reference is None else self.reference.metrics.get(name)
        low, high = (None, None) if known is None else known.thresholds(name, measure.n)
        return Finding(
            metric=name,
            kind=Kind.LABELLED,
            value=measure.value,
            n=measure.n,
            lower=None if item.interval is None else item.interval[0],
            upper=None if item.interval is None else item.interval[1],
            standard_error=finite(measure.standard_error),
            reference=None if known is None else known.value,
            threshold_low=low,
            threshold_high=high,
            alert=self._enough(measure.n) and is_worse(name, measure.value, low, high),
            note=self._how_many(),
        )

    def _enough(self, labelled: int) -> bool:
        return labelled >= self.minimum_rows and self.rows.share >= LABELLED_SHARE

    def _how_many(self) -> str:
        said = []
        if self.rows.total > len(self.rows.labels):
            said.append(f"of {len(self.rows.labels):,} rows out of {self.rows.total:,}")
        if self.rows.share < LABELLED_SHARE:
            said.append(
                f"{self.rows.share:.0%} of the rows have labels: those that come first are no random part of them"
            )
        return "; ".join(said)

    def estimated(self, measured: Mapping[str, Measured]) -> tuple[Finding, ...]:
        """Every metric that can be estimated, or one finding that says why none can."""
        why = self.silent()
        if why:
            return (
                Finding(
                    metric=MAIN_METRIC[self.task], kind=Kind.ESTIMATED, value=None, n=len(self.rows.labels), note=why
                ),
            )
        told = self.estimate(np.arange(len(self.rows.labels)))
        return tuple(self.as_estimated(name, item, measured.get(name), len(told)) for name, item in told.items())

    def silent(self) -> str:
        """Why no estimate can be made of these rows; "" where one can."""
        if self.reference is None:
            return NO_REFERENCE
        if self.reference.silent:
            return self.reference.silent
        n = len(self.rows.labels)
        if n < self.minimum_rows:
            return f"no estimate: {n} rows are too few, {self.minimum_rows} are needed"
        missing = [name for name in self.signature.names if name not in self.rows.columns]
        if missing:
            return f"no estimate: the rows lack the field {missing[0]}"
        answers = self.rows.scores if self.task is Task.REGRESSION else top_probability(self.rows.scores)
        return too_far(self.reference.support.outside(self.rows.columns, answers))

    def estimate(self, chosen: NDArray[np.intp]) -> dict[str, Estimated]:
        assert self.reference is not None
        scores = self.rows.scores[chosen]
        if self.reference.calibrator is not None:
            return estimate_classes(self.reference.calibrator, self.reference.metrics, scores)
        if self.reference.losses is None:
            return {}
        columns: Mapping[str, Sequence[Any]] = self.rows.columns
        if len(chosen) < len(self.rows.labels):
            listed = chosen.tolist()
            columns = {name: [values[place] for place in listed] for name, values in columns.items()}
        return estimate_numbers(self.reference.losses, self.reference.metrics, columns, scores)

    def as_estimated(self, name: str, item: Estimated, came: Measured | None, metrics: int) -> Finding:
        assert self.reference is not None
        known = self.reference.metrics[name]
        low, high = known.thresholds(name, item.n)
        interval = interval_of(name, item.value, item.standard_error, item.n)
        agrees = None
        if came is not None and self._enough(came.measure.n):
            real = came.measure
            agrees = not disagrees(
                item.value, item.learned, real.value, real.standard_error, reference=known, metrics=metrics
            )
        return Finding(
            metric=name,
            kind=Kind.ESTIMATED,
            value=item.value,
            n=item.n,
            lower=None if interval is None else interval[0],
            upper=None if interval is None else interval[1],
            standard_error=finite(item.standard_error),
            reference=known.value,
            threshold_low=low,
            threshold_high=high,
            alert=is_worse(name, item.value, low, high),
            agrees=agrees,
            note=ESTIMATE_NOTE,
        )


def finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
