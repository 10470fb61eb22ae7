"""A user's KPI on the labelled rows of one window: its number, and a standard error by resampling the rows.

Runs the user's function, so it belongs in a process of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from quarterdeck.core.metrics.kpi import Kpi

RESAMPLES = 100
SECONDS = 2.0  # that resampling may take; then it is done with what there is


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiFigure:
    """A KPI on `n` rows, or the `problem` that it came to."""

    name: str
    n: int
    value: float | None = None
    standard_error: float | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def figure(name: str, kpi: Kpi, y_true: Sequence[Any], y_pred: Sequence[Any], rows: Any = None) -> KpiFigure:
    """Whatever the function raises is the result's problem, and so is what is no number. `rows`: a polars frame."""
    truth, answers = np.asarray(y_true), np.asarray(y_pred)
    try:
        value = kpi(truth, answers, rows)
    except Exception as error:  # a user's function: anything can come out of it
        return KpiFigure(name=name, n=len(truth), problem=f"{type(error).__name__}: {error}")
    if not math.isfinite(value):
        return KpiFigure(name=name, n=len(truth), problem=f"it is {value}, no number")
    return KpiFigure(name=name, n=len(truth), value=value, standard_error=_error(kpi, truth, answers, rows))


def _error(kpi: Kpi, truth: Any, answers: Any, rows: Any) -> float | None:
    """None where the KPI has no number on most samples."""
    rng, until = np.random.default_rng(0), time.monotonic() + SECONDS
    values, tried = [], 0
    while tried < RESAMPLES and time.monotonic() < until:
        tried += 1
        at = rng.integers(0, len(truth), len(truth))
        try:
            values.append(kpi(truth[at], answers[at], None if rows is None else rows[at.tolist()]))
        except Exception:  # noqa: S112  # a user's function, on a sample without a class it needs
            continue
    known = [value for value in values if math.isfinite(value)]
    return float(np.std(known, ddof=1)) if len(known) > max(1, tried // 2) else None
