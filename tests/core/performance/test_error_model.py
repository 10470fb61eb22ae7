"""The trees of the error model: scikit-learn's numbers without scikit-learn, and no estimate from noise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.performance.error_fitting import _as_numbers, learn_encoding, learn_errors
from quarterdeck.core.performance.error_model import ErrorModel
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="speed", kind=FieldKind.NUMBER, nullable=True),
        Field(name="ship", kind=FieldKind.STRING),
        Field(name="docked", kind=FieldKind.BOOLEAN),
    ),
    task=Task.REGRESSION,
    target="fuel",
)


def test_the_trees_say_what_scikit_learn_says_missing_values_too() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(500, 4))
    matrix[rng.uniform(size=(500, 4)) < 0.1] = np.nan
    errors = np.abs(np.nan_to_num(matrix[:, 0]) + np.where(np.isnan(matrix[:, 1]), 2, 0) + rng.normal(size=500))
    booster = HistGradientBoostingRegressor(max_iter=40, random_state=0).fit(matrix, errors)
    asked = rng.normal(size=(300, 4))
    asked[rng.uniform(size=(300, 4)) < 0.2] = np.nan
    found = _as_numbers(booster).predict(asked)
    assert found == pytest.approx(np.maximum(booster.predict(asked), 0), abs=1e-12)


def test_kept_as_json_they_say_the_same() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(400, 2))
    model = learn_errors(matrix, np.abs(matrix[:, 0]))
    again = ErrorModel.from_json(json.loads(json.dumps(model.to_json())))
    assert not model.is_constant
    assert (again.predict(matrix) == model.predict(matrix)).all()


def test_trees_that_would_never_end_are_refused() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(400, 2))
    document = learn_errors(matrix, np.abs(matrix[:, 0])).to_json()
    inner = next(place for place, feature in enumerate(document["feature"]) if feature >= 0)
    document["left"][inner] = inner
    with pytest.raises(IntegrityError, match="do not end"):
        ErrorModel.from_json(document)


def test_errors_that_the_fields_do_not_tell_are_estimated_by_their_mean() -> None:
    constant = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        errors = np.abs(rng.normal(size=300))
        model = learn_errors(rng.normal(size=(300, 3)), errors)
        constant += model.is_constant
        if model.is_constant:
            assert model.predict(np.zeros((2, 3))) == pytest.approx([errors.mean()] * 2)
    assert constant >= 6


def test_a_category_becomes_its_mean_error_and_a_strange_one_is_missing() -> None:
    columns = {"speed": [1.0, None, 3.0, 4.0], "ship": ["A", "B", "A", None], "docked": [True, False, True, False]}
    encoding = learn_encoding(columns, np.array([4.0, 0.0, 4.0, 0.0]), SIGNATURE)
    asked = {"speed": [2.0, None], "ship": ["A", "C"], "docked": [False, None]}
    matrix = encoding.matrix(asked, np.array([10.0, 20.0]))
    assert matrix[0] == pytest.approx([2.0, (8 + 10 * 2) / 12, 20 / 12, 10.0])
    assert np.isnan(matrix[1, :3]).all()
    assert matrix[1, 3] == 20.0
