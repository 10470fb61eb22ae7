"""The gate "not worse than the champion": PASS, FAIL and HOLD by a confidence bound on the same rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.gate_judging import judge_not_worse
from quarterdeck.core.gates import GateResult
from quarterdeck.core.metrics.families import compute, names
from quarterdeck.core.values import Direction, Outcome, Task

Floats = NDArray[np.float64]


def rows(seed: int, n: int, *, candidate: float, champion: float = 1.5) -> tuple[NDArray[np.int_], Floats, Floats]:
    """Labels and two probabilities: the greater the number, the better the model sees; 1.5 is calibrated."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * signal))).astype(int)

    def model(quality: float) -> Floats:
        seen = quality * signal + (1.5 - quality) * rng.normal(size=n) if quality < 1.5 else 1.5 * signal
        return np.asarray(1 / (1 + np.exp(-seen - 0.05 * rng.normal(size=n))))

    return y, model(candidate), model(champion)


def judge(data: tuple[Any, Any, Any], metric: str = "roc_auc_score", **options: Any) -> GateResult:
    y, candidate, champion = data
    arguments: dict[str, Any] = {"task": Task.BINARY, "margin": 0.01} | options
    return judge_not_worse(metric=metric, y_true=y, score=candidate, champion_score=champion, **arguments)


BINARY = names(Task.BINARY)


@pytest.mark.parametrize("metric", BINARY)
def test_a_candidate_as_good_passes_and_a_much_worse_one_fails(metric: str) -> None:
    good = judge(rows(1, 3_000, candidate=1.5), metric, margin=0.02)
    assert good.outcome is Outcome.PASS, good.reason
    bad = judge(rows(1, 3_000, candidate=0.1), metric, margin=0.02)
    assert bad.outcome is Outcome.FAIL, bad.reason
    assert bad.interval is not None
    assert bad.statistic is not None
    assert bad.interval[0] <= bad.statistic <= bad.interval[1]
    assert bad.n == 3_000


@pytest.mark.parametrize("metric", BINARY)
def test_the_statistic_is_the_worsening_of_the_metric(metric: str) -> None:
    y, candidate, champion = rows(2, 500, candidate=1.0)
    result = judge((y, candidate, champion), metric)
    change = compute(metric, Task.BINARY, y, candidate) - compute(metric, Task.BINARY, y, champion)
    sign = 1 if metric.endswith("loss") else -1
    assert result.statistic == pytest.approx(sign * change)
    assert result.direction is Direction.LOWER
    assert result.threshold == 0.01


@pytest.mark.parametrize("metric", BINARY)
def test_too_little_evidence_holds_with_the_rows_still_needed(metric: str) -> None:
    result = judge(rows(3, 120, candidate=1.3), metric, margin=0.002)
    assert result.outcome is Outcome.HOLD
    assert result.rows_needed is not None
    assert result.rows_needed > 0


def test_as_many_rows_as_were_needed_are_about_enough() -> None:
    held = judge(rows(4, 400, candidate=1.49), "brier_score_loss", margin=0.0005)
    assert held.outcome is Outcome.HOLD
    assert held.rows_needed is not None
    more = judge(rows(5, 4 * (400 + held.rows_needed), candidate=1.49), "brier_score_loss", margin=0.0005)
    assert more.outcome is not Outcome.HOLD


@pytest.mark.parametrize("metric", BINARY)
def test_the_same_model_again_is_not_worse_even_at_margin_0(metric: str) -> None:
    y, candidate, _ = rows(6, 200, candidate=1.0)
    result = judge((y, candidate, candidate), metric, margin=0.0)
    assert (result.outcome, result.statistic, result.interval) == (Outcome.PASS, 0.0, (0.0, 0.0))


def test_without_a_champion_it_passes_and_says_so() -> None:
    result = judge(([0, 1], [0.1, 0.9], None))
    assert (result.outcome, result.reason, result.n) == (Outcome.PASS, "no champion to compare with", 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y, a, b: ([], [], []), "no rows"),
        (lambda y, a, b: (y, np.where(np.arange(100) == 7, np.nan, a), b), "NaN"),
        (lambda y, a, b: (y, a, b[:-1]), "99 rows"),
        (lambda y, a, b: (y[:29], a[:29], b[:29]), "29 rows are too few"),
        (lambda y, a, b: (np.zeros(100, dtype=int), a, b), "0 rows of the rarer class"),
        (lambda y, a, b: (["late"] * 100, a, b), "none of the classes"),
    ],
)
def test_rows_that_cannot_be_compared_hold_and_never_pass(change: Any, reason: str) -> None:
    result = judge(change(*rows(7, 100, candidate=1.5)))
    assert result.outcome is Outcome.HOLD
    assert reason in result.reason


def test_a_worse_candidate_passes_no_more_often_than_the_confidence_allows() -> None:
    """At the margin itself, PASS and FAIL are each wrong; each may happen in one case of ten."""
    margin = 0.1 + _crossing()
    outcomes = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=60)
        champion = y + rng.normal(size=60)
        worse = champion + 0.1 * np.sign(champion - y)  # its absolute error is greater by 0.1 in every row
        candidate = worse + 0.5 * rng.normal(size=60) * np.sign(champion - y)
        data = (y, candidate, champion)
        outcomes.append(judge(data, "mean_absolute_error", task=Task.REGRESSION, margin=margin, confidence=0.9).outcome)
    shares = {outcome: outcomes.count(outcome) / 400 for outcome in Outcome}
    assert 0.05 < shares[Outcome.PASS] < 0.15
    assert 0.05 < shares[Outcome.FAIL] < 0.15


def _crossing() -> float:
    """What the noise adds to the absolute error of that candidate by crossing zero, from a large sample."""
    rng = np.random.default_rng(10_000)
    error = np.abs(rng.normal(size=2_000_000))
    return float(np.mean(np.abs(error + 0.1 + 0.5 * rng.normal(size=error.size)) - error - 0.1))


def test_regression_and_multiclass_metrics_are_judged_too() -> None:
    rng = np.random.default_rng(8)
    y = rng.normal(size=300)
    good, bad = y + 0.1 * rng.normal(size=300), y + 2 * rng.normal(size=300)
    for metric in names(Task.REGRESSION):
        options = {"task": Task.REGRESSION, "margin": 0.05}
        assert judge((y, good, bad), metric, **options).outcome is Outcome.PASS
        assert judge((y, bad, good), metric, **options).outcome is Outcome.FAIL
    labels = rng.integers(0, 3, 300)
    sharp = np.full((300, 3), 0.1) + 0.7 * np.eye(3)[labels]
    blunt = rng.dirichlet(np.ones(3), 300)
    words = np.array(["a", "b", "c"])[labels]
    for metric in names(Task.MULTICLASS):
        options = {"task": Task.MULTICLASS, "margin": 0.05, "classes": ("a", "b", "c")}
        assert judge((words, sharp, blunt), metric, **options).outcome is Outcome.PASS
        assert judge((words, blunt, sharp), metric, **options).outcome is Outcome.FAIL


def test_a_kpi_is_called_with_true_and_predicted_labels_and_judged_its_own_way() -> None:
    y, candidate, champion = rows(9, 1_000, candidate=0.1)
    words = np.where(y == 1, "late", "early")

    def missed(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
        assert set(y_pred) <= {"early", "late"}
        return float(np.mean((y_true == "late") & (y_pred == "early")))

    options: dict[str, Any] = {"classes": ("early", "late"), "kpi": missed, "margin": 0.02}
    data = (words, candidate, champion)
    assert judge(data, "missed_share", **options).outcome is Outcome.FAIL
    assert judge(data, "missed_share", **options, kpi_direction=Direction.HIGHER).outcome is Outcome.PASS


def test_a_kpi_that_is_no_number_holds() -> None:
    result = judge(rows(9, 100, candidate=1.0), "odd", kpi=lambda y_true, y_pred: math.nan)
    assert result.outcome is Outcome.HOLD


@pytest.mark.parametrize(
    "options",
    [{"margin": -0.1}, {"margin": math.nan}, {"confidence": 1.0}, {"metric": "r2_score"}, {"metric": "kpi"}],
)
def test_a_gate_without_meaning_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        judge(rows(1, 100, candidate=1.5), **options)


def test_the_result_names_gate_owner_and_confidence() -> None:
    result = judge(rows(1, 500, candidate=1.5), margin=0.05, owner="network-operations", against="previous")
    assert result.gate == "roc_auc_score not worse than the previous by more than 0.05"
    assert result.owner == "network-operations"
    assert "with confidence 0.95" in result.reason
