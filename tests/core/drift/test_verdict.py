"""What a distance means, for a feature and for the data set."""

from __future__ import annotations

import json
import math

import pytest

from quarterdeck.core.drift.verdict import DriftResult, decide_drift, summarise


def result(feature: str, value: float | None, *, threshold: float = 0.25, noise: float | None = 0.01) -> DriftResult:
    return decide_drift(
        feature=feature,
        method="psi",
        value=value,
        threshold=threshold,
        noise=noise,
        n_reference=1_000,
        n_window=500,
    )


@pytest.mark.parametrize(
    ("value", "noise", "drifted"),
    [(0.3, 0.01, True), (0.3, None, True), (0.3, 0.4, False), (0.2, 0.01, False), (0.25, 0.01, False)],
)
def test_drift_is_beyond_both_the_threshold_and_the_noise(value: float, noise: float | None, drifted: bool) -> None:
    assert result("a", value, noise=noise).drifted is drifted


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_could_not_be_measured_is_no_drift(value: float | None) -> None:
    found = result("a", value)
    assert (found.drifted, found.value) == (False, None)


def test_a_result_survives_json() -> None:
    found = result("a", 0.3)
    assert DriftResult.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_summary_names_the_drifted_features_the_farthest_first() -> None:
    summary = summarise([result("a", 0.3), result("b", 0.1), result("c", 0.9), result("d", None)])
    assert summary.drifted == ("c", "a")
    assert (summary.features, summary.measured) == (4, 3)
    assert summary.share == pytest.approx(2 / 3)
    assert summary.worst is not None
    assert summary.worst.feature == "c"


def test_nothing_measured_has_no_share() -> None:
    summary = summarise([result("a", None)])
    assert (summary.share, summary.worst, summary.drifted) == (None, None, ())
