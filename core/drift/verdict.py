"""What was found when one window was held against the reference: per feature, and for the data set.

Values only; loads without numpy. Seasonality is not taken out: a reference of the summer drifts in winter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftResult:
    """One feature's distance between reference and window.

    `drifted` where `value` exceeds both `threshold`, what matters, and `noise`, what chance alone reaches
    with that many rows. `value` is None where either side has no rows, and that is not drift.
    """

    feature: str
    method: str  # "psi"
    value: float | None
    threshold: float
    noise: float | None
    drifted: bool
    n_reference: int
    n_window: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DriftResult:
        return cls(**data)


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSummary:
    """A window over all features. `share` is drifted / measured features; None where none was measured."""

    features: int
    measured: int
    drifted: tuple[str, ...]  # the farthest first
    share: float | None
    worst: DriftResult | None


def decide_drift(
    *,
    feature: str,
    method: str,
    value: float | None,
    threshold: float,
    noise: float | None,
    n_reference: int,
    n_window: int,
) -> DriftResult:
    """Judge one distance; NaN counts as not measured."""
    measured = value if value is not None and math.isfinite(value) else None
    drifted = measured is not None and measured > threshold and (noise is None or measured > noise)
    return DriftResult(
        feature=feature,
        method=method,
        value=measured,
        threshold=threshold,
        noise=noise,
        drifted=drifted,
        n_reference=n_reference,
        n_window=n_window,
    )


def summarise(results: Sequence[DriftResult]) -> DriftSummary:
    """The data set's drift from its features' results."""
    measured = [result for result in results if result.value is not None]
    by_distance = sorted(measured, key=lambda result: result.value or 0.0, reverse=True)
    drifted = tuple(result.feature for result in by_distance if result.drifted)
    return DriftSummary(
        features=len(results),
        measured=len(measured),
        drifted=drifted,
        share=len(drifted) / len(measured) if measured else None,
        worst=by_distance[0] if by_distance else None,
    )
