"""Every metric that a gate can name is scikit-learn's, to the last digit, and says when it has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import METRICS, compute, direction, every_name, names
from quarterdeck.core.values import Direction, Task

RNG = np.random.default_rng(7)
N = 300

P = RNG.uniform(size=N)
Y2 = (RNG.uniform(size=N) < P).astype(int)
D2 = (P >= 0.5).astype(int)
P3 = RNG.dirichlet(np.ones(4), N)
Y3 = np.array([RNG.choice(4, p=row) for row in P3])
D3 = P3.argmax(axis=1)
YR = RNG.gamma(2.0, 3.0, N) + 0.1
PR = YR * RNG.uniform(0.7, 1.4, N)

BINARY: dict[str, Any] = {
    "roc_auc_score": lambda: sk.roc_auc_score(Y2, P),
    "average_precision_score": lambda: sk.average_precision_score(Y2, P),
    "log_loss": lambda: sk.log_loss(Y2, P),
    "brier_score_loss": lambda: sk.brier_score_loss(Y2, P),
    "accuracy_score": lambda: sk.accuracy_score(Y2, D2),
    "f1_score": lambda: sk.f1_score(Y2, D2),
    "balanced_accuracy_score": lambda: sk.balanced_accuracy_score(Y2, D2),
    "precision_score": lambda: sk.precision_score(Y2, D2),
    "recall_score": lambda: sk.recall_score(Y2, D2),
    "matthews_corrcoef": lambda: sk.matthews_corrcoef(Y2, D2),
    "cohen_kappa_score": lambda: sk.cohen_kappa_score(Y2, D2),
    "jaccard_score": lambda: sk.jaccard_score(Y2, D2),
    "hamming_loss": lambda: sk.hamming_loss(Y2, D2),
    "d2_log_loss_score": lambda: sk.d2_log_loss_score(Y2, P),
}
MULTICLASS: dict[str, Any] = {
    "roc_auc_score": lambda: sk.roc_auc_score(Y3, P3, multi_class="ovr"),
    "log_loss": lambda: sk.log_loss(Y3, P3),
    "accuracy_score": lambda: sk.accuracy_score(Y3, D3),
    "f1_score": lambda: sk.f1_score(Y3, D3, average="macro"),
    "balanced_accuracy_score": lambda: sk.balanced_accuracy_score(Y3, D3),
    "precision_score": lambda: sk.precision_score(Y3, D3, average="macro"),
    "recall_score": lambda: sk.recall_score(Y3, D3, average="macro"),
    "matthews_corrcoef": lambda: sk.matthews_corrcoef(Y3, D3),
    "cohen_kappa_score": lambda: sk.cohen_kappa_score(Y3, D3),
    "jaccard_score": lambda: sk.jaccard_score(Y3, D3, average="macro"),
    "hamming_loss": lambda: sk.hamming_loss(Y3, D3),
    "top_2_accuracy_score": lambda: sk.top_k_accuracy_score(Y3, P3, k=2),
    "d2_log_loss_score": lambda: sk.d2_log_loss_score(Y3, P3),
}
REGRESSION: dict[str, Any] = {
    name: (lambda name=name: getattr(sk, name)(YR, PR)) for name in every_name(Task.REGRESSION)
}
DATA = {
    Task.BINARY: (Y2, P, BINARY),
    Task.MULTICLASS: (Y3, P3, MULTICLASS),
    Task.REGRESSION: (YR, PR, REGRESSION),
}
CASES = [(task, name) for task in Task for name in every_name(task)]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_metric_is_what_scikit_learn_says(task: Task, name: str) -> None:
    y, score, expected = DATA[task]
    assert compute(name, task, y, score) == pytest.approx(expected[name](), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", list(METRICS))
def test_the_direction_is_the_way_in_which_a_perfect_answer_is_better(name: str) -> None:
    task = next(task for task in Task if task in METRICS[name].tasks)
    y, score, _ = DATA[task]
    perfect: Any = y if task is Task.REGRESSION else np.clip(y, 1e-6, 1 - 1e-6)
    if task is Task.MULTICLASS:
        perfect = np.eye(4)[y]
    better = compute(name, task, y, perfect) - compute(name, task, y, score)
    assert better > 0 if direction(name) is Direction.HIGHER else better < 0


def test_the_usual_metrics_are_some_of_all() -> None:
    for task in Task:
        assert set(names(task)) < set(every_name(task))


@pytest.mark.parametrize(
    ("name", "task", "y", "score", "said"),
    [
        ("matthews_corrcoef", Task.BINARY, [1, 1], [0.9, 0.2], "two classes"),
        ("balanced_accuracy_score", Task.MULTICLASS, [2, 2], [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], "two classes"),
        ("precision_score", Task.BINARY, [0, 0], [0.9, 0.2], "none of class number 2"),
        ("top_2_accuracy_score", Task.MULTICLASS, [0, 1], [[0.1, 0.9], [0.8, 0.2]], "three classes"),
        ("mean_absolute_percentage_error", Task.REGRESSION, [0.0, 1.0], [1.0, 1.0], "true value is 0"),
        ("mean_squared_log_error", Task.REGRESSION, [-2.0, 1.0], [1.0, 1.0], "above -1"),
        ("mean_gamma_deviance", Task.REGRESSION, [0.0, 1.0], [1.0, 1.0], "above 0"),
        ("mean_poisson_deviance", Task.REGRESSION, [0.0, 1.0], [0.0, 1.0], "above 0"),
        ("explained_variance_score", Task.REGRESSION, [1.0, 1.0], [0.0, 1.0], "differ"),
    ],
)
def test_what_has_no_meaning_is_refused_in_words(name: str, task: Task, y: Any, score: Any, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        compute(name, task, y, score)


def test_a_class_that_is_predicted_and_never_true_is_an_ordinary_mistake() -> None:
    score = [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]
    assert compute("balanced_accuracy_score", Task.MULTICLASS, [0, 0, 1], score) == 0.75
