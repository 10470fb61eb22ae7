"""What stands before an estimator, by what it takes."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.impute import SimpleImputer

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.estimators import make_estimator
from quarterdeck.core.models.predictors import SklearnPredictor
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


def test_an_estimator_that_needs_another_is_refused_with_a_way_out() -> None:
    with pytest.raises(StepError, match=r"arguments that are estimators.*step of your own"):
        make_estimator("sklearn.ensemble.StackingClassifier", {}, task=Task.BINARY, seed=0)


def test_the_seed_is_set_only_where_it_is_taken() -> None:
    forest = make_estimator("sklearn.ensemble.RandomForestClassifier", {}, task=Task.BINARY, seed=5)
    bayes = make_estimator("sklearn.naive_bayes.GaussianNB", {}, task=Task.BINARY, seed=5)
    assert forest.random_state == 5
    assert "random_state" not in bayes.get_params()
