"""Confidence-based performance estimation: how good a classifier's answers are, from its own probabilities.

If a row's probabilities are right, then of all rows that were given 0.8 four in five are right: the expected cells of
the confusion matrix are sums of calibrated probabilities, the expected ROC curve their cumulated sums, and each metric
is computed of rows that count for every class by its probability. NannyML's CBPE; for the argument see Bialek and
others 2024, "Estimating model performance under covariate shift without labels".

It holds while the same inputs still lead to the same outcomes. Where what is to be predicted has changed for the same
inputs (concept drift), it says what the metric would be had it not changed. It also needs inputs like those that the
probabilities were calibrated on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from quarterdeck.core.performance.beliefs import Beliefs, Floats, name_classes, two_columns
from quarterdeck.core.performance.calibrating import Calibrator
from quarterdeck.core.performance.class_measures import measure_all
from quarterdeck.core.performance.spread import MetricReference


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimated:
    """A metric as it is expected of n rows. `standard_error`: of the rows, whose labels are open, and of what was
    learned from the reference, together; `learned` is the latter's part."""

    value: float
    standard_error: float
    learned: float
    n: int


def expected_rows(calibrator: Calibrator, score: Floats, *, threshold: float = 0.5) -> Beliefs:
    """The rows with their calibrated probabilities; `score` (n,) of two classes, else (n, k)."""
    return Beliefs(p=calibrator.calibrate(score), score=two_columns(score), predicted=name_classes(score, threshold))


def estimate_classes(
    calibrator: Calibrator, reference: Mapping[str, MetricReference], score: Floats, *, threshold: float = 0.5
) -> dict[str, Estimated]:
    """Every metric that the reference has and that has a meaning on these rows; `score` as in expected_rows()."""
    found = measure_all(expected_rows(calibrator, score, threshold=threshold))
    return {
        name: combine(item.value, item.standard_error, reference[name], item.n)
        for name, item in found.items()
        if name in reference
    }


def combine(value: float, own: float, reference: MetricReference, n: int) -> Estimated:
    """An estimate with its error: the rows' own, and that of the reference it was learned from."""
    learned = reference.standard_error
    return Estimated(value=value, standard_error=math.hypot(own, learned), learned=learned, n=n)
