"""Direct loss estimation: it foretells the error where the fields tell it, and its own error holds."""

from __future__ import annotations

import numpy as np
import pytest

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.performance import number_measures
from quarterdeck.core.performance.dle import NAMES, Losses, estimate_numbers
from quarterdeck.core.performance.error_fitting import learn_encoding, learn_errors
from quarterdeck.core.performance.spread import MetricReference
from quarterdeck.core.values import Task

SIGNATURE = Signature(fields=(Field(name="x", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y")


def drawn(seed: int, n: int, *, low: float = 0.0, high: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, the truth 2x with noise that grows with x, and the answer 2x."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, high, n)
    return x, 2 * x + rng.normal(size=n) * (0.2 + x), 2 * x


@pytest.fixture(scope="module")
def learned() -> tuple[Losses, dict[str, MetricReference]]:
    x, y, answer = drawn(1, 3_000)
    errors = np.abs(y - answer)
    encoding = learn_encoding({"x": x.tolist()}, errors, SIGNATURE)
    matrix = encoding.matrix({"x": x.tolist()}, answer)
    losses = Losses(encoding=encoding, absolute=learn_errors(matrix, errors), squared=learn_errors(matrix, errors**2))
    metrics = {
        name: MetricReference(value=item.value, spread=item.spread, between=0.0, n=item.n)
        for name, item in number_measures.measure_all(y, answer).items()
    }
    return losses, metrics


@pytest.mark.parametrize(("low", "high"), [(0.0, 4.0), (2.0, 4.0), (0.0, 1.5)])
def test_rows_that_are_harder_or_easier_are_told_so(
    learned: tuple[Losses, dict[str, MetricReference]], low: float, high: float
) -> None:
    x, y, answer = drawn(2, 4_000, low=low, high=high)
    told = estimate_numbers(*learned, {"x": x.tolist()}, answer)
    came = number_measures.measure_all(y, answer)
    assert set(told) == set(NAMES)
    for name in NAMES:
        assert told[name].value == pytest.approx(came[name].value, rel=0.12), name


def test_the_truth_lies_within_two_errors_about_95_of_100_times(
    learned: tuple[Losses, dict[str, MetricReference]],
) -> None:
    inside = dict.fromkeys(NAMES, 0)
    for seed in range(100, 160):
        x, y, answer = drawn(seed, 200)
        came = number_measures.measure_all(y, answer)
        for name, told in estimate_numbers(*learned, {"x": x.tolist()}, answer).items():
            inside[name] += abs(told.value - came[name].value) <= 1.96 * told.standard_error
    assert all(count / 60 >= 0.85 for count in inside.values()), inside


def test_no_rows_are_not_estimated(learned: tuple[Losses, dict[str, MetricReference]]) -> None:
    assert estimate_numbers(*learned, {"x": []}, np.zeros(0)) == {}


def test_kept_as_json_it_says_the_same(learned: tuple[Losses, dict[str, MetricReference]]) -> None:
    losses, metrics = learned
    x, _, answer = drawn(3, 50)
    again = Losses.from_json(losses.to_json())
    asked = {"x": x.tolist()}
    assert estimate_numbers(again, metrics, asked, answer) == estimate_numbers(losses, metrics, asked, answer)
