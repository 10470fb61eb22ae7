"""A user's KPIs in a live comparison: what each is for both, how sure the difference is, and what that means.

A KPI is any number of a set of rows, so its standard error is the bootstrap's: both models' rows drawn again with the
same draw where both answered the same rows, apart where they are separate arms. measure() runs the user's functions
and belongs in a process of its own; stand() turns its figures into intervals and needs no user code.

How a difference is judged: by the confidence sequence of duel_intervals.py at alpha / (number of KPIs), so that it may
be looked at at any time and all KPIs together err with probability alpha at most, in the limit of many rows. Worse
means that all of the interval is worse than what the KPI's gate allows (its margin, or 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.duel import KpiResult
from quarterdeck.core.duel_intervals import sequence_interval, standing
from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.values import Direction

RESAMPLES = 100  # a standard error to 7 %; each is a pass of the user's function over all rows, twice


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiRows:
    """One model's rows: labels and answers (n,), and `rows`, a polars frame of them, where the KPI takes one."""

    y_true: Sequence[Any]
    y_pred: Sequence[Any]
    rows: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A KPI of both, and the standard error of the difference; or the `problem` that it came to."""

    name: str
    n: int
    champion: float | None = None
    challenger: float | None = None
    standard_error: float | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiAsked:
    """A KPI that the manifest's gates name: which way it is better, and how much worse is still no worse."""

    name: str
    direction: Direction
    margin: float = 0.0


def measure(name: str, kpi: Kpi, champion: KpiRows, challenger: KpiRows, *, paired: bool, seed: int = 0) -> Measured:
    """Run one KPI on both.

    Whatever the user's function raises, and a number that is not finite, is the result's `problem`; so are fewer than
    half of the resamples with a number. The same seed gives the same figures.
    """
    n = min(len(champion.y_true), len(challenger.y_true))
    if n < 2:
        return Measured(name=name, n=n, problem=f"{n} rows are too few")
    try:
        ours, theirs = (_Side.of(kpi, side) for side in (champion, challenger))
        first, second = ours.all(), theirs.all()
    except Exception as error:  # a user's function: anything can come out of it
        return Measured(name=name, n=n, problem=f"{type(error).__name__}: {error}")
    if not (math.isfinite(first) and math.isfinite(second)):
        return Measured(name=name, n=n, problem=f"it is {first} and {second}: no numbers to compare")
    error_of = _standard_error(ours, theirs, paired, np.random.default_rng(seed))
    if error_of is None:
        return Measured(name=name, n=n, problem="it has no number on most samples of these rows")
    return Measured(name=name, n=n, champion=first, challenger=second, standard_error=error_of)


@dataclass(frozen=True, slots=True)
class _Side:
    kpi: Kpi
    y_true: NDArray[Any]
    y_pred: NDArray[Any]
    rows: Any

    @classmethod
    def of(cls, kpi: Kpi, given: KpiRows) -> _Side:
        return cls(kpi, np.asarray(given.y_true), np.asarray(given.y_pred), given.rows)

    @property
    def n(self) -> int:
        return len(self.y_true)

    def all(self) -> float:
        return self.of_rows(np.arange(self.n))

    def of_rows(self, places: NDArray[np.intp]) -> float:
        rows = None if self.rows is None else self.rows[places]
        return self.kpi(self.y_true[places], self.y_pred[places], rows)


def _standard_error(ours: _Side, theirs: _Side, paired: bool, rng: np.random.Generator) -> float | None:
    values = []
    for _ in range(RESAMPLES):
        places = rng.integers(0, ours.n, ours.n)
        others = places if paired else rng.integers(0, theirs.n, theirs.n)
        values.append(_difference(ours, places, theirs, others))
    known = [value for value in values if math.isfinite(value)]
    return float(np.std(known, ddof=1)) if len(known) >= RESAMPLES // 2 else None


def _difference(ours: _Side, places: NDArray[np.intp], theirs: _Side, others: NDArray[np.intp]) -> float:
    """On one sample; NaN where the KPI has no meaning on it, such as where it holds no positive."""
    try:
        return theirs.of_rows(others) - ours.of_rows(places)
    except Exception:  # a user's function: anything can come out of it
        return math.nan


def stand(
    measured: Sequence[Measured], asked: Sequence[KpiAsked], *, alpha: float, minimum: int
) -> tuple[KpiResult, ...]:
    """The KPIs that were asked for, in their order, with what their intervals say; one that was not measured has
    that as its problem. `minimum` rows are needed for an interval."""
    found = {item.name: item for item in measured}
    return tuple(_stand(found.get(kpi.name), kpi, alpha, minimum, len(asked)) for kpi in asked)


def _stand(item: Measured | None, kpi: KpiAsked, alpha: float, minimum: int, looked: int) -> KpiResult:
    if item is None:
        return KpiResult(name=kpi.name, direction=kpi.direction, margin=kpi.margin, problem="it was not measured")
    if item.champion is None or item.challenger is None or item.standard_error is None:
        return KpiResult(
            name=kpi.name, direction=kpi.direction, margin=kpi.margin, n=item.n, problem=item.problem or "no number"
        )
    difference = item.challenger - item.champion
    interval = sequence_interval(difference, item.standard_error, n=item.n, alpha=alpha, minimum=minimum, looked=looked)
    return KpiResult(
        name=kpi.name,
        direction=kpi.direction,
        n=item.n,
        champion=item.champion,
        challenger=item.challenger,
        difference=difference,
        interval=interval,
        standing=standing(interval, kpi.direction, margin=kpi.margin),
        margin=kpi.margin,
    )
