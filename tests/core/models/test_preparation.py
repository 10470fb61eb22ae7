"""What stands before an estimator, by what it takes."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.estimators import make_estimator
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.predictors import SklearnPredictor
from quarterdeck.core.models.preparation import with_preparation
from quarterdeck.core.values import Task

CLASSIFIERS = [
    "ensemble.HistGradientBoostingClassifier",
    "ensemble.RandomForestClassifier",
    "ensemble.GradientBoostingClassifier",
    "ensemble.AdaBoostClassifier",
    "linear_model.LogisticRegression",
    "naive_bayes.GaussianNB",
    "naive_bayes.MultinomialNB",
    "neural_network.MLPClassifier",
    "svm.SVC",
    "neighbors.KNeighborsClassifier",
    "discriminant_analysis.LinearDiscriminantAnalysis",
]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_kind_of_estimator_takes_strings_and_missing_values(train: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence, and of columns that depend on each other
        model = train(name)
        missing = {field: [None, model.reference[field][0]] for field in model.signature.names}
        scores = SklearnPredictor(model.estimator, model.signature).predict(missing).scores
        to_onnx(model)
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_histogram_boosting_takes_an_unknown_string_as_missing_and_a_forest_as_minus_one(train: Any) -> None:
    boosting = train("ensemble.HistGradientBoostingClassifier", max_iter=3).estimator["prepare"]
    forest = train("ensemble.RandomForestClassifier", n_estimators=3).estimator["prepare"]
    unknown = [steps.named_transformers_["strings"].unknown_value for steps in (boosting, forest)]
    assert unknown[0] != unknown[0]  # NaN
    assert unknown[1] == -1
    assert not isinstance(boosting.named_transformers_["numbers"], SimpleImputer)


@pytest.mark.parametrize("chosen", [["city", "remark"], [3, 4], [-2, -1], [False, False, False, True, True]], ids=str)
def test_categorical_features_are_named_or_counted_as_the_features_are(train: Any, chosen: Any) -> None:
    boosted = train("ensemble.HistGradientBoostingClassifier", max_iter=3, categorical_features=chosen)
    assert boosted.estimator[-1].is_categorical_.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("signs", [{"weight": 1}, [0, 1, 0]], ids=str)
def test_columns_are_counted_before_strings_are_moved_behind_the_numbers(rows: Any, info: Any, signs: Any) -> None:
    frame = rows(Task.REGRESSION).select("city", "weight", "speed", "y")
    signature = infer_signature(frame, info(Task.REGRESSION))
    estimator = HistGradientBoostingRegressor(categorical_features=[0], monotonic_cst=signs)
    prepared = with_preparation(estimator, signature)["model"]
    assert prepared.categorical_features == [False, False, True]
    assert prepared.monotonic_cst == [1, 0, 0]


@pytest.mark.parametrize("chosen", [["town"], [9], [True, False]], ids=str)
def test_a_categorical_feature_that_is_not_there_is_refused(train: Any, chosen: Any) -> None:
    with pytest.raises(StepError, match="categorical_features"):
        train("ensemble.HistGradientBoostingClassifier", categorical_features=chosen)


def test_an_estimator_that_needs_another_is_refused_with_a_way_out() -> None:
    with pytest.raises(StepError, match=r"arguments that are estimators.*step of your own"):
        make_estimator("sklearn.ensemble.StackingClassifier", {}, task=Task.BINARY, seed=0)


def test_the_seed_is_set_only_where_it_is_taken() -> None:
    forest = make_estimator("sklearn.ensemble.RandomForestClassifier", {}, task=Task.BINARY, seed=5)
    bayes = make_estimator("sklearn.naive_bayes.GaussianNB", {}, task=Task.BINARY, seed=5)
    assert forest.random_state == 5
    assert "random_state" not in bayes.get_params()
