"""Estimates without labels: NannyML's numbers, the truth where the probabilities are right, and errors that hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quarterdeck.core.performance.beliefs import known, two_columns
from quarterdeck.core.performance.calibrating import Calibrator, learn_calibrator, squared_errors
from quarterdeck.core.performance.cbpe import estimate_classes, expected_rows
from quarterdeck.core.performance.class_measures import measure_all
from quarterdeck.core.performance.spread import MetricReference

GOLDEN = json.loads((Path(__file__).parent / "golden_nannyml.json").read_text())


def drawn(seed: int, n: int, *, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that come true as often as score ** power says."""
    rng = np.random.default_rng(seed)
    score = rng.beta(1.5, 1.5, n)
    return (rng.uniform(size=n) < score**power).astype(np.intp), score


def reference_of(y: np.ndarray, score: np.ndarray) -> dict[str, MetricReference]:
    return {
        name: MetricReference(value=item.value, spread=item.spread, between=0.0, n=item.n)
        for name, item in measure_all(known(y, score)).items()
    }


@pytest.mark.parametrize("name", GOLDEN["binary"]["estimates"])
def test_of_two_classes_the_estimates_are_nannymls(name: str) -> None:
    y, score = drawn(GOLDEN["seed"], GOLDEN["rows"], power=GOLDEN["power"])
    calibrator = learn_calibrator(y, score)
    assert calibrator.curves is not None  # as NannyML found too
    _, later = drawn(GOLDEN["seed"] + 1, GOLDEN["rows"])
    found = [
        estimate_classes(calibrator, reference_of(y, score), chunk)[name].value
        for chunk in np.split(later, GOLDEN["chunks"])
    ]
    assert found == pytest.approx(GOLDEN["binary"]["estimates"][name], abs=1e-5)


@pytest.mark.parametrize("name", GOLDEN["multiclass"]["estimates"])
def test_of_several_classes_too(name: str) -> None:
    y, score = several(GOLDEN["seed"], GOLDEN["rows"])
    calibrator = learn_calibrator(y, score)
    _, later = several(GOLDEN["seed"] + 1, GOLDEN["rows"])
    found = [
        estimate_classes(calibrator, reference_of(y, score), chunk)[name].value
        for chunk in np.split(later, GOLDEN["chunks"])
    ]
    assert found == pytest.approx(GOLDEN["multiclass"]["estimates"][name], abs=2e-3)


def several(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes whose probabilities are said to be more even than they are."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet([1.0, 1.5, 0.8], n)
    said = np.sqrt(true)
    y = (rng.uniform(size=n)[:, None] > np.cumsum(true, axis=1)).sum(axis=1).clip(0, 2)
    return y.astype(np.intp), said / said.sum(axis=1, keepdims=True)


def test_probabilities_that_are_right_are_left_alone_and_wrong_ones_are_not() -> None:
    left_alone = sum(learn_calibrator(*drawn(seed, 2_000)).curves is None for seed in range(20))
    assert left_alone >= 17
    assert all(learn_calibrator(*drawn(seed, 2_000, power=2.0)).curves is not None for seed in range(20))


def test_calibration_makes_wrong_probabilities_better_on_other_rows() -> None:
    calibrator = learn_calibrator(*drawn(0, 4_000, power=2.0))
    y, score = drawn(1, 4_000, power=2.0)
    better = squared_errors(y, calibrator.calibrate(score)).mean()
    assert better < squared_errors(y, two_columns(score)).mean()
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    assert (again.calibrate(score) == calibrator.calibrate(score)).all()


def test_calibrated_probabilities_of_several_classes_sum_to_one() -> None:
    calibrator = Calibrator(curves=(((0.0, 1.0), (0.0, 0.0)),) * 3)  # no class ever came true: nothing is known
    found = calibrator.calibrate(np.array([[0.2, 0.3, 0.5]]))
    assert found == pytest.approx(np.full((1, 3), 1 / 3))


def test_the_truth_lies_within_two_errors_about_95_of_100_times() -> None:
    reference = drawn(10_000, 4_000, power=1.5)
    calibrator, known_metrics = learn_calibrator(*reference), reference_of(*reference)
    inside = dict.fromkeys(known_metrics, 0)
    for seed in range(150):
        y, score = drawn(seed, 400, power=1.5)
        came = measure_all(known(y, score))
        for name, told in estimate_classes(calibrator, known_metrics, score).items():
            inside[name] += abs(told.value - came[name].value) <= 1.96 * told.standard_error
    assert all(count / 150 >= 0.88 for count in inside.values()), inside


def test_it_sees_a_shift_of_the_inputs_and_not_of_what_they_lead_to() -> None:
    calibrator = Calibrator()
    y, score = drawn(0, 5_000)
    clear = np.where(score > 0.5, score**0.3, score**3)  # surer of every row
    uncertain = 0.5 + (score - 0.5) * 0.2
    metrics = reference_of(y, score)
    accuracy = [estimate_classes(calibrator, metrics, s)["accuracy_score"].value for s in (uncertain, score, clear)]
    assert accuracy == sorted(accuracy)
    turned = estimate_classes(calibrator, metrics, score)["accuracy_score"].value
    assert turned > 0.7  # also if every label had turned round since: this is what the words of warning are for
    assert measure_all(known(1 - y, score))["accuracy_score"].value < 0.3


def test_a_model_that_says_only_yes_or_no_is_estimated_by_how_often_each_is_right() -> None:
    y, score = drawn(0, 4_000)
    said = (score > 0.5).astype(float)
    calibrator = learn_calibrator(y, said)
    told = expected_rows(calibrator, said)
    assert measure_all(told)["accuracy_score"].value == pytest.approx((said == y).mean(), abs=0.001)
