"""What is not about one feature: whether the data set as a whole has drifted, and what the model said and was to say.

Values only; loads without numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quarterdeck.core.drift.verdict import DriftResult, summarise


@dataclass(frozen=True, kw_only=True, slots=True)
class MultivariateResult:
    """All features together, on a sample of the window's rows.

    PCA: `value` is the error of reconstruction, drifted outside `lower` to `upper`, which the reference's own chunks
    keep; `threshold` is the upper one. Domain classifier: `value` is an area under the curve, drifted above `threshold`
    where the interval from `lower` to `upper` excludes 0.5. `problem` says why there is no value.
    """

    method: str
    value: float | None
    threshold: float | None
    drifted: bool
    n_reference: int
    n_window: int
    lower: float | None = None
    upper: float | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MultivariateResult:
        return cls(**data)


def not_measured(method: str, problem: str, rows: int) -> MultivariateResult:
    """No value, and why."""
    return MultivariateResult(
        method=method, value=None, threshold=None, drifted=False, n_reference=0, n_window=rows, problem=problem
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetDrift:
    """The data set drifted where at least `threshold` of the measured features did."""

    share: float | None  # None where no feature was measured
    threshold: float
    drifted: bool
    features: tuple[str, ...]  # those that drifted, the farthest first
    prediction: DriftResult | None = None  # the model's score
    answer: DriftResult | None = None  # its class
    target: DriftResult | None = None  # the truth, where labels came
    multivariate: tuple[MultivariateResult, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DatasetDrift:
        single = {name: _result(data[name]) for name in ("prediction", "answer", "target")}
        listed = {
            "features": tuple(data["features"]),
            "notes": tuple(data["notes"]),
            "multivariate": tuple(MultivariateResult.from_json(item) for item in data["multivariate"]),
        }
        return cls(**(data | single | listed))


def dataset_verdict(results: Sequence[DriftResult], share: float) -> tuple[float | None, bool, tuple[str, ...]]:
    """(share of the measured features that drifted, whether that is the data set's drift, which they are)."""
    summary = summarise(results)
    return summary.share, summary.share is not None and summary.share >= share, summary.drifted


def _result(data: dict[str, Any] | None) -> DriftResult | None:
    return None if data is None else DriftResult.from_json(data)
