"""What was found when one window was held against the reference: per feature, and for the data set.

A distance and a test are different things: a distance has a unit and a threshold that somebody chose, and chance keeps
it from 0; a test has a p-value, which grows small with the number of rows however little has moved.

Values only; loads without numpy. Seasonality is not taken out: a reference of the summer drifts in winter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

DISTANCE, TEST = "distance", "test"
PSI_ACT = 0.25  # by the credit-scoring convention


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """How far the window lies from the reference; `noise` is what chance alone reaches with that many rows."""

    value: float
    threshold: float
    noise: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PValue:
    """A statistic and the probability that chance alone brings it so far, in [0, 1]."""

    statistic: float
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftResult:
    """One feature held against the reference, as it is kept with the window.

    Of a distance: `drifted` where `value` exceeds both `threshold`, what matters, and `noise`, what chance alone
    reaches with that many rows. Of a test: `value` is the statistic, and `drifted` where `q_value`, its p-value
    adjusted for the other features' (Benjamini-Hochberg), is at most `threshold`, which is alpha. `value` is None where
    either side has no rows, and that is not drift. The PSI is kept whatever the method: triggers are set by it.
    """

    feature: str
    method: str
    value: float | None
    threshold: float
    noise: float | None
    drifted: bool
    n_reference: int
    n_window: int
    kind: str = DISTANCE
    p_value: float | None = None
    q_value: float | None = None
    psi: float | None = None
    psi_noise: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DriftResult:
        """Also what earlier releases kept, which was always the PSI."""
        if data["method"] == "psi" and "psi" not in data:
            data = data | {"psi": data["value"], "psi_noise": data["noise"]}
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
    psi: float | None = None,
    psi_noise: float | None = None,
) -> DriftResult:
    """Judge one distance; NaN counts as not measured."""
    measured = finite(value)
    drifted = measured is not None and measured > threshold and (noise is None or measured > noise)
    return DriftResult(
        feature=feature,
        method=method,
        value=measured,
        threshold=threshold,
        noise=noise if noise is None or math.isfinite(noise) else None,
        drifted=drifted,
        n_reference=n_reference,
        n_window=n_window,
        psi=measured if method == "psi" else finite(psi),
        psi_noise=finite(noise if method == "psi" else psi_noise),
    )


def decide_test(
    *,
    feature: str,
    method: str,
    found: PValue,
    q_value: float | None,
    alpha: float,
    n_reference: int,
    n_window: int,
    psi: float | None = None,
    psi_noise: float | None = None,
) -> DriftResult:
    """Judge one test by its adjusted p-value; None where it could not be made."""
    return DriftResult(
        feature=feature,
        method=method,
        value=None if q_value is None else finite(found.statistic),
        threshold=alpha,
        noise=None,
        drifted=q_value is not None and q_value <= alpha,
        n_reference=n_reference,
        n_window=n_window,
        kind=TEST,
        p_value=finite(found.p_value),
        q_value=q_value,
        psi=finite(psi),
        psi_noise=finite(psi_noise),
    )


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def farness(result: DriftResult) -> tuple[bool, float]:
    """Orders results of whatever methods, the farthest first: the drifted, and among them by PSI."""
    far = result.psi if result.psi is not None else result.value
    return not result.drifted, -(far if far is not None else -1.0)


def summarise(results: Sequence[DriftResult]) -> DriftSummary:
    """The data set's drift from its features' results."""
    measured = [result for result in results if result.value is not None]
    by_distance = sorted(measured, key=farness)
    drifted = tuple(result.feature for result in by_distance if result.drifted)
    return DriftSummary(
        features=len(results),
        measured=len(measured),
        drifted=drifted,
        share=len(drifted) / len(measured) if measured else None,
        worst=by_distance[0] if by_distance else None,
    )
