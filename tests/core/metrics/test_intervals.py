"""A metric's interval: by its own variance where there is one, by resampling elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from quarterdeck.core.metrics.intervals import estimate, estimate_by_resampling
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.values import Task


def _binary(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n)
    return Rows.check(Task.BINARY, (rng.uniform(size=n) < p).astype(int), p)


def test_the_interval_of_a_mean_loss_is_students() -> None:
    rows = _binary(200, 0)
    losses = (rows.score - rows.y) ** 2
    found = estimate("brier_score_loss", rows, confidence=0.975)
    expected = stats.t.interval(0.95, 199, loc=losses.mean(), scale=losses.std(ddof=1) / np.sqrt(200))
    assert found.value == pytest.approx(losses.mean())
    assert found.interval == pytest.approx(expected)


def test_accuracy_is_one_less_the_share_of_wrong_answers() -> None:
    rows = _binary(300, 1)
    right, wrong = (estimate(name, rows, confidence=0.95) for name in ("accuracy_score", "hamming_loss"))
    assert right.value == pytest.approx(1 - wrong.value)
    assert right.interval is not None and wrong.interval is not None
    assert right.interval == pytest.approx((1 - wrong.interval[1], 1 - wrong.interval[0]))


def test_the_interval_of_an_area_agrees_with_resampling() -> None:
    rows = _binary(1500, 2)
    by_variance = estimate("roc_auc_score", rows, confidence=0.95)
    again = estimate_by_resampling(
        lambda chosen: score_rows("roc_auc_score", Rows.check(Task.BINARY, rows.y[chosen], rows.score[chosen])),
        by_variance.value, len(rows.y), confidence=0.95,
    )  # fmt: skip
    assert by_variance.interval is not None and again.interval is not None
    assert by_variance.interval == pytest.approx(again.interval, abs=0.004)


def test_the_interval_covers_the_true_area_as_often_as_it_says() -> None:
    """Scores that are uniform, and true with the score's probability, have the area 5/6."""
    held = [estimate("roc_auc_score", _binary(400, seed), confidence=0.975).interval for seed in range(300)]
    inside = sum(low <= 5 / 6 <= high for low, high in held if low is not None)
    assert 0.92 * 300 <= inside <= 0.98 * 300


def test_one_row_has_a_value_and_no_interval() -> None:
    found = estimate("mean_absolute_error", Rows.check(Task.REGRESSION, [1.0], [3.0]), confidence=0.95)
    assert (found.value, found.interval) == (2.0, None)


def test_a_bound_stays_within_what_the_metric_can_be() -> None:
    rows = Rows.check(Task.BINARY, [0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.5, 0.8, 0.9])
    found = estimate("roc_auc_score", rows, confidence=0.975)
    assert found.interval is not None
    assert found.interval[1] == 1.0
