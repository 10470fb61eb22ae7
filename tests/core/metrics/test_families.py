"""Metrics have names, directions and values; what has no meaning is refused in words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import (
    METRICS,
    compute,
    compute_all,
    compute_with_reasons,
    direction,
    names,
)
from quarterdeck.core.values import Direction, Task


def test_names_and_directions_load_without_numpy() -> None:
    code = "import sys, quarterdeck.core.metrics.families as f; print('numpy' in sys.modules, len(f.METRICS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(len(METRICS))]


@pytest.mark.parametrize(
    ("name", "limits", "expected"),
    [
        ("roc_auc_score", {}, Direction.HIGHER),
        ("roc_auc_score", {"maximum": 1.0}, Direction.HIGHER),
        ("mean_absolute_error", {}, Direction.LOWER),
        ("log_loss", {"minimum": 0.0}, Direction.LOWER),
        ("missed_delay_cost", {}, Direction.LOWER),
        ("missed_delay_cost", {"maximum": 120.0}, Direction.LOWER),
        ("flights_saved", {"minimum": 3.0}, Direction.HIGHER),
        ("flights_saved", {"minimum": 3.0, "maximum": 9.0}, Direction.LOWER),
    ],
)
def test_the_ending_says_which_way_is_better_and_then_the_limit(
    name: str, limits: dict[str, float], expected: Direction
) -> None:
    assert direction(name, **limits) is expected


def test_binary_metrics_by_hand() -> None:
    y, score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    values = compute_all(Task.BINARY, y, score)
    assert list(values) == list(names(Task.BINARY))
    assert values["roc_auc_score"] == 0.75
    assert values["average_precision_score"] == pytest.approx(5 / 6)
    assert values["brier_score_loss"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert values["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())
    assert values["accuracy_score"] == 0.75
    assert values["f1_score"] == pytest.approx(2 / 3)


def test_classes_say_which_label_the_probability_is_of() -> None:
    score = [0.1, 0.4, 0.35, 0.8]
    words = compute_all(Task.BINARY, ["early", "early", "late", "late"], score, classes=("early", "late"))
    assert words == compute_all(Task.BINARY, [0, 0, 1, 1], score)
    assert words == compute_all(Task.BINARY, [False, False, True, True], score)
    assert words == compute_all(Task.BINARY, np.array([0.0, 0.0, 1.0, 1.0]), score)


def test_multiclass_metrics_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    score = rng.dirichlet(np.ones(3), 200)
    labels = np.array(["a", "b", "c"])
    y = labels[[rng.choice(3, p=row) for row in score]]
    values = compute_all(Task.MULTICLASS, y, score.astype(np.float32), classes=("a", "b", "c"))
    predicted = labels[score.argmax(axis=1)]
    assert values == pytest.approx(
        {
            "roc_auc_score": sk.roc_auc_score(y, score, multi_class="ovr"),
            "log_loss": sk.log_loss(y, score),
            "accuracy_score": sk.accuracy_score(y, predicted),
            "f1_score": sk.f1_score(y, predicted, average="macro"),
        },
        rel=1e-5,
    )


def test_regression_metrics_by_hand() -> None:
    values = compute_all(Task.REGRESSION, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0])
    assert values == pytest.approx(
        {
            "mean_absolute_error": 1.0,
            "root_mean_squared_error": 2.0,
            "r2_score": 1 - 16 / 5,
            "median_absolute_error": 0.0,
        }
    )


def test_with_one_class_only_the_ranking_metrics_are_left_out_with_the_reason() -> None:
    values, left_out = compute_with_reasons(Task.BINARY, [0, 0, 0], [0.1, 0.2, 0.7])
    assert set(values) == {"log_loss", "brier_score_loss", "accuracy_score"}
    assert set(left_out) == {"roc_auc_score", "average_precision_score", "f1_score"}
    assert "none of class number 2" in left_out["roc_auc_score"]
    with pytest.raises(RefusedError, match="class number 2"):
        compute("roc_auc_score", Task.BINARY, [0, 0, 0], [0.1, 0.2, 0.7])


def test_r2_of_a_constant_is_left_out() -> None:
    assert "r2_score" not in compute_all(Task.REGRESSION, [2.0, 2.0], [1.0, 3.0])


@pytest.mark.parametrize(
    ("task", "y", "score", "message"),
    [
        (Task.BINARY, [], [], "no rows"),
        (Task.BINARY, [0, 1], [0.1], "1 rows"),
        (Task.BINARY, [0, 1], [0.1, np.nan], "1 scores are NaN"),
        (Task.BINARY, [0, 1], [0.1, 1.5], "between 0 and 1"),
        (Task.BINARY, [0, 1], [[0.1, 0.9], [0.2, 0.8]], "dimension"),
        (Task.BINARY, [0, 2], [0.1, 0.9], "none of the classes"),
        (Task.BINARY, [0.0, np.nan], [0.1, 0.9], "none of the classes"),
        (Task.BINARY, ["a", "b"], [0.1, 0.9], "none of the classes"),
        (Task.MULTICLASS, [0, 1], [[0.1, 0.1, 0.1], [0.2, 0.8, 0.0]], "sum to 1"),
        (Task.REGRESSION, [0.0, np.nan], [0.1, 0.9], "true values are NaN"),
        (Task.REGRESSION, ["x", "y"], [0.1, 0.9], "not numbers"),
        (Task.REGRESSION, [0.0, 1.0], [0.1, np.inf], "infinite"),
    ],
)
def test_rows_that_cannot_be_scored_are_refused_in_words(task: Task, y: Any, score: Any, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        compute_all(task, y, score)


def test_a_metric_of_another_task_is_refused_with_those_there_are() -> None:
    with pytest.raises(RefusedError, match="regression has no metric 'roc_auc_score'") as caught:
        compute("roc_auc_score", Task.REGRESSION, [1.0], [1.0])
    assert "mean_absolute_error" in str(caught.value.hint)


def test_the_number_of_classes_must_be_the_number_of_probabilities() -> None:
    with pytest.raises(RefusedError, match="2 classes and 3 probabilities"):
        compute_all(Task.MULTICLASS, ["a"], [[0.2, 0.3, 0.5]], classes=("a", "b"))
