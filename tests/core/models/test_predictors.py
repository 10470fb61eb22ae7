"""Both engines: what they take, what they answer, and what they load."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LinearRegression

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.predictors import OnnxPredictor, SklearnPredictor
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task


def _both(model: Any) -> list[Any]:
    data = to_onnx(model).onnx
    assert data is not None
    return [OnnxPredictor(data, model.signature), SklearnPredictor(model.estimator, model.signature)]


@pytest.mark.parametrize("engine", [0, 1], ids=["onnx", "sklearn"])
def test_a_binary_models_score_is_the_probability_of_the_greater_class(train: Any, engine: int) -> None:
    model = train("linear_model.LogisticRegression")
    columns = {name: model.reference[name].to_list() for name in model.signature.names}
    answers = _both(model)[engine].predict(columns)
    assert answers.values is None
    assert answers.probabilities.shape == (200, 2)
    np.testing.assert_array_equal(answers.scores, answers.probabilities[:, 1])
    assert answers.labels == [int(score > 0.5) for score in answers.scores]
    assert {type(label) for label in answers.labels} == {int}


@pytest.mark.parametrize("engine", [0, 1], ids=["onnx", "sklearn"])
def test_a_multiclass_models_score_is_its_greatest_probability(train: Any, engine: int) -> None:
    model = train("ensemble.HistGradientBoostingClassifier", Task.MULTICLASS, max_iter=5)
    columns = {name: model.reference[name].to_list() for name in model.signature.names}
    answers = _both(model)[engine].predict(columns)
    assert model.signature.classes == ("early", "late", "on time")
    np.testing.assert_array_equal(answers.scores, answers.probabilities.max(axis=1))
    named = [model.signature.classes[place] for place in answers.probabilities.argmax(axis=1)]
    assert answers.labels == named
    assert {type(label) for label in answers.labels} == {str}


@pytest.mark.parametrize("engine", [0, 1], ids=["onnx", "sklearn"])
def test_a_regressions_values_are_its_scores(train: Any, engine: int) -> None:
    model = train("linear_model.Ridge", Task.REGRESSION)
    columns = {name: model.reference[name].to_list()[:3] for name in model.signature.names}
    answers = _both(model)[engine].predict(columns)
    assert answers.labels is None and answers.probabilities is None
    assert answers.values == answers.scores.tolist()
    assert len(answers.values) == 3


@pytest.mark.parametrize("engine", [0, 1], ids=["onnx", "sklearn"])
def test_one_row_is_answered_as_it_is_among_others(train: Any, engine: int) -> None:
    model = train("ensemble.HistGradientBoostingClassifier", max_iter=10)
    predictor = _both(model)[engine]
    columns = {name: model.reference[name].to_list() for name in model.signature.names}
    together = predictor.predict(columns).scores
    for place in (0, 50, 199):
        alone = predictor.predict({name: values[place : place + 1] for name, values in columns.items()})
        assert alone.scores[0] == pytest.approx(together[place], rel=1e-13)


@pytest.mark.parametrize("engine", [0, 1], ids=["onnx", "sklearn"])
def test_none_is_a_missing_number_and_columns_may_be_more_than_the_fields(train: Any, engine: int) -> None:
    model = train("ensemble.HistGradientBoostingClassifier", max_iter=10)
    row = {name: [model.reference[name][0]] for name in model.signature.names}
    missing = _both(model)[engine].predict({**row, "speed": [None], "trip": ["t1"], "night": [True]})
    nan = _both(model)[engine].predict({**row, "speed": [float("nan")], "night": [1]})
    assert missing.scores[0] == nan.scores[0]


@pytest.mark.parametrize("name", ["svm.LinearSVC", "linear_model.RidgeClassifier", "linear_model.Perceptron"])
def test_a_classifier_without_probabilities_names_labels_and_scores_zero_or_one(train: Any, name: str) -> None:
    model = train(name)
    columns = {name: model.reference[name].to_list() for name in model.signature.names}
    for predictor in _both(model):
        answers = predictor.predict(columns)
        assert answers.probabilities is None
        assert answers.scores.tolist() == [float(label) for label in answers.labels]
        assert set(answers.labels) == {0, 1}


def test_an_estimator_with_other_classes_than_the_signature_is_refused(train: Any) -> None:
    model = train("linear_model.LogisticRegression")
    other = train("linear_model.LogisticRegression", Task.MULTICLASS)
    with pytest.raises(IntegrityError, match="classes"):
        SklearnPredictor(other.estimator, model.signature)


def test_bytes_that_are_no_onnx_model_are_refused(train: Any) -> None:
    signature = train("linear_model.LogisticRegression").signature
    with pytest.raises(IntegrityError, match="cannot be used"):
        OnnxPredictor(b"nothing of the kind", signature)


def _foreign(inputs: list[tuple[str, int, list[Any]]]) -> bytes:
    """A float32 model of another exporter: the sum of all its inputs."""
    nodes = [helper.make_node("Sum", [name for name, _, _ in inputs], ["total"])]
    nodes.append(helper.make_node("ReduceSum", ["total", "axes"], ["y"], keepdims=1))
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info(*given) for given in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


NUMBERS = Signature(
    fields=tuple(Field(name=name, kind=FieldKind.NUMBER) for name in ("a", "b")),
    task=Task.REGRESSION,
    target="y",
)


@pytest.mark.parametrize(
    "inputs",
    [
        [("x", TensorProto.FLOAT, [None, 2])],
        [("a", TensorProto.FLOAT, [None, 1]), ("b", TensorProto.FLOAT, [None, 1])],
    ],
    ids=["one matrix", "an input for each field"],
)
def test_a_model_of_another_exporter_is_fed_by_field_or_as_one_matrix(inputs: Any) -> None:
    predictor = OnnxPredictor(_foreign(inputs), NUMBERS)
    assert predictor.predict({"b": [10, 20], "a": [1, 2]}).values == [11.0, 22.0]
    assert predictor.predict_rows([(1, 10), (2, 20)]).values == [11.0, 22.0]
    assert predictor.predict_rows([(1, 10)]).values == [11.0]


def test_a_model_whose_input_is_no_field_is_refused_before_it_is_asked() -> None:
    inputs = [("a", TensorProto.FLOAT, [None, 1]), ("zeta", TensorProto.FLOAT, [None, 1])]
    with pytest.raises(IntegrityError, match="zeta"):
        OnnxPredictor(_foreign(inputs), NUMBERS)


def test_a_model_that_fails_on_rows_says_so_as_an_error_of_ours() -> None:
    predictor = OnnxPredictor(_foreign([("x", TensorProto.FLOAT, [None, 3])]), NUMBERS)
    with pytest.raises(IntegrityError, match="cannot be used"):
        predictor.predict({"a": [1], "b": [2]})


def test_asking_an_onnx_model_loads_neither_scikit_learn_nor_polars(train: Any, tmp_path: Any) -> None:
    model = train("ensemble.HistGradientBoostingClassifier", max_iter=5)
    (tmp_path / "model.onnx").write_bytes(to_onnx(model).onnx or b"")
    program = f"""
import json, sys
from pathlib import Path
from quarterdeck.core.models.predictors import OnnxPredictor
from quarterdeck.core.models.signature import Signature
predictor = OnnxPredictor(Path({str(tmp_path / "model.onnx")!r}).read_bytes(),
                          Signature.from_json(json.loads({json.dumps(model.signature.to_json())!r})))
row = {{"speed": [50.0], "weight": [3], "night": [False], "city": ["Aarhus"], "remark": [None]}}
assert 0 < predictor.predict(row).scores[0] < 1
print([name for name in ("sklearn", "polars", "skl2onnx", "onnx", "scipy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_numbers_come_in_the_signatures_order_whatever_the_order_of_the_columns() -> None:
    estimator = LinearRegression().fit(np.array([[0.0, 0], [1, 0], [0, 1]]), [0.0, 1, 10])
    estimator.feature_names_in_ = np.array(["a", "b"], dtype=object)
    answers = SklearnPredictor(estimator, NUMBERS).predict({"b": [2], "a": [1]})
    assert answers.values == pytest.approx([21.0])
