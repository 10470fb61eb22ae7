"""Where a model's errors changed, label by label: both stream detectors over one stream.

Windows say that something changed, and a stream says when. Only a rise counts: a model that errs less is no trouble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.core.drift.adwin import Adwin
from quarterdeck.core.drift.page_hinkley import PageHinkley

ADWIN, PAGE_HINKLEY = "adwin", "page_hinkley"
_LAMBDA = 30.0  # of Page-Hinkley, in mean errors of the first values: the scale of losses is the target's
_DELTA = 0.05
_FIRST = 200  # values that the scale is taken from


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftPoint:
    """A detector's word at the value `index` of the stream, with the mean errors before and after the change."""

    method: str
    index: int
    before: float
    after: float


def drift_points(errors: Sequence[float]) -> list[DriftPoint]:
    """Every point at which the errors rose, in the order of the stream; errors are 0 and up, in any unit."""
    found = _adwin(errors) + _page_hinkley(errors)
    return sorted(found, key=lambda point: (point.index, point.method))


def _adwin(errors: Sequence[float]) -> list[DriftPoint]:
    detector, begun, found = Adwin(), 0, []
    for index, value in enumerate(errors):
        if detector.update(value):
            border = max(index + 1 - detector.width, begun)
            found.append(_point(ADWIN, errors, index, begun, border))
            begun = border
    return [point for point in found if point.after > point.before]


def _page_hinkley(errors: Sequence[float]) -> list[DriftPoint]:
    scale = sum(errors[:_FIRST]) / max(len(errors[:_FIRST]), 1)
    if scale <= 0:
        return []
    detector = PageHinkley(threshold=_LAMBDA * scale, delta=_DELTA * scale, falls=False)
    begun, lowest, found = 0, 0, []
    for index, value in enumerate(errors):
        drifted = detector.update(value)
        if detector.at_lowest:
            lowest = index + 1  # from where the sum has risen
        if drifted:
            found.append(_point(PAGE_HINKLEY, errors, index, begun, lowest))
            begun = lowest = index + 1
    return [point for point in found if point.after > point.before]


def _point(method: str, errors: Sequence[float], index: int, begun: int, border: int) -> DriftPoint:
    return DriftPoint(
        method=method, index=index, before=_mean(errors[begun:border]), after=_mean(errors[border : index + 1])
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
