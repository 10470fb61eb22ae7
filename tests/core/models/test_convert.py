"""Every model that is served by ONNX Runtime answers as scikit-learn does."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from quarterdeck.core.models.convert import TOLERANCE, to_onnx
from quarterdeck.core.models.describe import describe_model, target_array
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.predictors import OnnxPredictor, SklearnPredictor
from quarterdeck.core.models.preparation import with_preparation
from quarterdeck.core.values import Task

CLASSIFIERS = [
    ("ensemble.HistGradientBoostingClassifier", {"max_iter": 30}),
    ("ensemble.RandomForestClassifier", {"n_estimators": 20}),
    ("ensemble.ExtraTreesClassifier", {"n_estimators": 20}),
    ("ensemble.GradientBoostingClassifier", {"n_estimators": 20}),
    ("tree.DecisionTreeClassifier", {"max_depth": 6}),
    ("linear_model.LogisticRegression", {}),
]
REGRESSORS = [
    ("ensemble.HistGradientBoostingRegressor", {"max_iter": 30}),
    ("ensemble.HistGradientBoostingRegressor", {"max_iter": 30, "loss": "poisson"}),
    ("ensemble.HistGradientBoostingRegressor", {"max_iter": 30, "loss": "gamma"}),
    ("ensemble.HistGradientBoostingRegressor", {"max_iter": 30, "loss": "absolute_error"}),
    ("ensemble.HistGradientBoostingRegressor", {"max_iter": 30, "loss": "quantile", "quantile": 0.9}),
    ("ensemble.RandomForestRegressor", {"n_estimators": 20}),
    ("ensemble.ExtraTreesRegressor", {"n_estimators": 20}),
    ("ensemble.GradientBoostingRegressor", {"n_estimators": 20}),
    ("ensemble.GradientBoostingRegressor", {"n_estimators": 20, "loss": "huber"}),
    ("tree.DecisionTreeRegressor", {"max_depth": 6}),
    ("linear_model.Ridge", {}),
]
CASES = [
    *[(name, Task.BINARY, parameters) for name, parameters in CLASSIFIERS],
    *[(name, Task.MULTICLASS, parameters) for name, parameters in CLASSIFIERS],
    *[(name, Task.REGRESSION, parameters) for name, parameters in REGRESSORS],
]


@pytest.mark.parametrize(("name", "task", "parameters"), CASES)
def test_the_usual_estimators_convert_and_agree_to_nine_digits(
    train: Any, rows: Any, name: str, task: Task, parameters: dict[str, Any]
) -> None:
    model = train(name, task, **parameters)
    conversion = to_onnx(model)
    assert conversion.onnx is not None, conversion.reason
    assert conversion.max_difference is not None and conversion.max_difference < 1e-9

    fresh = rows(task, seed=99)
    columns = {field: fresh[field].to_list() for field in model.signature.names}
    served = OnnxPredictor(conversion.onnx, model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    assert served.labels == trusted.labels
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-9)
    if task is not Task.REGRESSION:
        np.testing.assert_allclose(served.probabilities, trusted.probabilities, rtol=1e-9, atol=1e-12)


def test_a_row_on_a_threshold_takes_the_same_branch_in_both_engines(train: Any) -> None:
    model = train("ensemble.HistGradientBoostingRegressor", Task.REGRESSION, max_iter=40)
    nodes = np.concatenate([tree.nodes for stage in model.estimator[-1]._predictors for tree in stage])
    thresholds = nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == 0)]
    thresholds = thresholds[np.isfinite(thresholds)]
    assert len(thresholds) > 50
    values = [*thresholds, *np.nextafter(thresholds, np.inf), *np.nextafter(thresholds, -np.inf)]
    columns = {name: [model.reference[name][0]] * len(values) for name in model.signature.names}
    columns["speed"] = values
    served = OnnxPredictor(to_onnx(model).onnx or b"", model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-12)


def test_a_forest_rounds_its_input_to_single_precision_in_both_engines(train: Any) -> None:
    model = train("ensemble.RandomForestRegressor", Task.REGRESSION, n_estimators=30)
    trees = [member.tree_ for member in model.estimator[-1].estimators_]
    thresholds = np.concatenate([tree.threshold[tree.feature == 0] for tree in trees])
    thresholds = thresholds[np.isfinite(thresholds)]  # an infinite one parts missing values from all others
    values = [*thresholds, *np.nextafter(thresholds, np.inf), *(thresholds * (1 + 1e-9))]
    columns = {name: [model.reference[name][0]] * len(values) for name in model.signature.names}
    columns["speed"] = values
    served = OnnxPredictor(to_onnx(model).onnx or b"", model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-12)


@pytest.mark.parametrize("name", ["ensemble.HistGradientBoostingClassifier", "linear_model.LogisticRegression"])
def test_null_empty_and_unseen_strings_mean_the_same_to_both_engines(train: Any, name: str) -> None:
    model = train(name)
    columns = {field: [model.reference[field][0]] * 4 for field in model.signature.names}
    columns["remark"] = [None, "", "volcano", "ice"]
    served = OnnxPredictor(to_onnx(model).onnx or b"", model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-12)
    assert served.scores[0] == served.scores[1]
    assert served.scores[0] != served.scores[2]


def test_a_tree_of_one_leaf_converts(train: Any) -> None:
    model = train("tree.DecisionTreeRegressor", Task.REGRESSION, min_samples_split=10_000)
    assert model.estimator[-1].tree_.node_count == 1
    assert to_onnx(model).onnx is not None


def test_boosting_that_starts_from_another_estimator_is_left_to_scikit_learn(train: Any) -> None:
    model = train("ensemble.GradientBoostingRegressor", Task.REGRESSION, n_estimators=3)
    model.estimator[-1].init = Ridge()
    conversion = to_onnx(model)
    assert conversion.onnx is None
    assert (
        conversion.reason == "does not convert: gradient boosting that starts from another estimator is not converted"
    )


class Shifted(ClassifierMixin, BaseEstimator):
    """A classifier that no converter knows."""

    def fit(self, x: Any, y: Any) -> Shifted:
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        return np.zeros(len(x), dtype=int)


def test_an_estimator_without_a_converter_is_named_in_one_line(train: Any) -> None:
    model = train("linear_model.LogisticRegression")
    strange = Pipeline([*model.estimator.steps[:-1], ("model", Shifted().fit([[0], [1]], [0, 1]))])
    conversion = to_onnx(dataclasses.replace(model, estimator=strange))
    assert conversion.onnx is None and conversion.max_difference is None
    assert "Shifted" in conversion.reason and "\n" not in conversion.reason


def test_a_conversion_that_answers_otherwise_is_refused(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = train("linear_model.Ridge", Task.REGRESSION)
    asked = SklearnPredictor.predict

    def wrong(self: SklearnPredictor, columns: Any) -> Any:
        answers = asked(self, columns)
        return dataclasses.replace(answers, scores=answers.scores * (1 + 3 * TOLERANCE))

    monkeypatch.setattr(SklearnPredictor, "predict", wrong)
    conversion = to_onnx(model)
    assert conversion.onnx is None
    assert conversion.max_difference == pytest.approx(3 * TOLERANCE, rel=0.01)
    assert conversion.reason == "converts, but differs from scikit-learn by 3.0e-05, more than 1e-05"


def test_a_users_own_pipeline_with_columns_by_place_or_remainder_converts(rows: Any, info: Any) -> None:
    frame = rows(Task.BINARY).select("speed", "weight", "y").drop_nulls()
    signature = infer_signature(frame, info(Task.BINARY))
    columns = ColumnTransformer([("scaled", StandardScaler(), [1])], remainder="passthrough")
    estimator = make_pipeline(columns, LogisticRegression())
    estimator.fit(model_frame(frame, signature), target_array(frame, signature))
    conversion = to_onnx(describe_model(estimator, frame, signature, 0))
    assert conversion.onnx is not None, conversion.reason


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid"])
def test_support_vector_machines_decide_as_libsvm_does_with_every_kernel(
    train: Any, rows: Any, task: Task, kernel: str
) -> None:
    model = train("svm.SVC", task, kernel=kernel, C=0.5, coef0=0.3)
    _answers_alike(model, rows(task, seed=9))


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid"])
@pytest.mark.parametrize("name", ["svm.SVR", "svm.NuSVR"])
def test_support_vector_regression_converts_with_every_kernel(train: Any, rows: Any, name: str, kernel: str) -> None:
    _answers_alike(train(name, Task.REGRESSION, kernel=kernel), rows(Task.REGRESSION, seed=9))


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_boosted_votes_of_trees_convert_for_two_classes_and_for_more(train: Any, rows: Any, task: Task) -> None:
    _answers_alike(train("ensemble.AdaBoostClassifier", task, n_estimators=15), rows(task, seed=9))


def test_the_reason_names_an_estimator_without_a_converter_in_plain_words(train: Any) -> None:
    conversion = to_onnx(train("kernel_ridge.KernelRidge", Task.REGRESSION))
    assert conversion.reason == "does not convert: there is no converter for KernelRidge"


TARGETS = {
    "as it is": TransformedTargetRegressor(),
    "logarithm": TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    "trees": TransformedTargetRegressor(DecisionTreeRegressor(max_depth=4), func=np.log, inverse_func=np.exp),
    "root": TransformedTargetRegressor(Ridge(), func=np.sqrt, inverse_func=np.square),
    "scaled": TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    "between": TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler((1, 2))),
}


@pytest.mark.parametrize("estimator", TARGETS.values(), ids=TARGETS.keys())
def test_a_regression_of_a_transformed_target_finds_its_way_back(rows: Any, info: Any, estimator: Any) -> None:
    frame = rows(Task.REGRESSION)
    signature = infer_signature(frame, info(Task.REGRESSION))
    fitted = with_preparation(estimator, signature)
    fitted.fit(model_frame(frame, signature), target_array(frame, signature))
    _answers_alike(describe_model(fitted, frame, signature, 0), rows(Task.REGRESSION, seed=9))


def test_a_target_transformed_in_another_way_is_left_to_scikit_learn(rows: Any, info: Any) -> None:
    frame = rows(Task.REGRESSION).select("weight", "y").drop_nulls()
    signature = infer_signature(frame, info(Task.REGRESSION))
    for estimator in (
        TransformedTargetRegressor(Ridge(), func=np.cbrt, inverse_func=np.cosh, check_inverse=False),
        TransformedTargetRegressor(Shifted(), transformer=StandardScaler()),
    ):
        estimator.fit(model_frame(frame, signature), target_array(frame, signature))
        conversion = to_onnx(describe_model(estimator, frame, signature, 0))
        assert conversion.onnx is None
        assert "transformed" in conversion.reason


def _answers_alike(model: Any, fresh: Any) -> None:
    conversion = to_onnx(model)
    assert conversion.onnx is not None, conversion.reason
    columns = {field: fresh[field].to_list() for field in model.signature.names}
    served = OnnxPredictor(conversion.onnx, model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    assert served.labels == trusted.labels
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-9, atol=1e-12)
