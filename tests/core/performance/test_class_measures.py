"""Metrics of classifiers: scikit-learn's values where labels are known, and errors that repeated samples show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from quarterdeck.core.performance.beliefs import Beliefs, known
from quarterdeck.core.performance.class_measures import measure, measure_all
from quarterdeck.core.statistics.delong import paired_auc_difference


def binary(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.uniform(size=n).round(2)  # with ties
    return (rng.uniform(size=n) < score**1.3).astype(int), score


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_of_two_classes_all_are_scikit_learns(seed: int) -> None:
    y, score = binary(seed)
    named = score >= 0.5
    found = {name: item.value for name, item in measure_all(known(y, score)).items()}
    assert found == pytest.approx(
        {
            "roc_auc_score": sk.roc_auc_score(y, score),
            "log_loss": sk.log_loss(y, np.column_stack([1 - score, score])),
            "brier_score_loss": sk.brier_score_loss(y, score),
            "accuracy_score": sk.accuracy_score(y, named),
            "f1_score": sk.f1_score(y, named),
            "precision_score": sk.precision_score(y, named),
            "recall_score": sk.recall_score(y, named),
            "specificity_score": sk.recall_score(y, named, pos_label=0),
        }
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(12, 200))
def test_of_several_classes_too(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.dirichlet([1, 2, 1, 0.3], size=rows)
    y = np.concatenate([np.arange(4), rng.integers(0, 4, rows - 4)])
    named = score.argmax(axis=1)
    found = {name: item.value for name, item in measure_all(known(y, score)).items()}
    macro = {"average": "macro", "zero_division": 0.0}
    assert found == pytest.approx(
        {
            "roc_auc_score": sk.roc_auc_score(y, score, multi_class="ovr"),
            "log_loss": sk.log_loss(y, score),
            "accuracy_score": sk.accuracy_score(y, named),
            "f1_score": sk.f1_score(y, named, **macro),
            "precision_score": sk.precision_score(y, named, **macro),
            "recall_score": sk.recall_score(y, named, **macro),
        }
    )


def test_the_error_of_the_area_is_delongs() -> None:
    y, score = binary(1, 2_000)
    found = measure("roc_auc_score", known(y, score))
    delong = paired_auc_difference(y, score, np.zeros(len(y))).standard_error
    assert found is not None
    assert found.standard_error == pytest.approx(delong, rel=0.002)


def test_errors_are_what_repeated_samples_show() -> None:
    samples = [measure_all(known(*binary(seed, 400))) for seed in range(400)]
    for name in samples[0]:
        values = np.array([sample[name].value for sample in samples])
        errors = np.array([sample[name].standard_error for sample in samples])
        assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.12), name


def test_what_has_no_meaning_has_no_value() -> None:
    one_class = known(np.zeros(5, dtype=np.intp), np.full(5, 0.2))
    assert set(measure_all(one_class)) == {"log_loss", "brier_score_loss", "accuracy_score", "specificity_score"}
    nothing_named = known(np.array([0, 1, 1]), np.full(3, 0.2))
    assert measure("precision_score", nothing_named) is None
    assert measure("recall_score", nothing_named).value == 0.0
    assert measure_all(known(np.zeros(0, dtype=np.intp), np.zeros(0))) == {}


def test_cells_of_the_confusion_matrix_are_sums_of_probabilities() -> None:
    rows = Beliefs(
        p=np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]]),
        score=np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]]),
        predicted=np.array([1, 1, 0]),
    )
    assert rows.confusion == pytest.approx(np.array([[0.7, 0.5], [0.3, 1.5]]))
    assert measure("precision_score", rows).value == pytest.approx(0.75)
    assert measure("recall_score", rows).value == pytest.approx(1.5 / 1.8)
    assert measure("accuracy_score", rows).value == pytest.approx(2.2 / 3)
