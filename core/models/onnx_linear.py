"""Linear classifiers in ONNX: skl2onnx makes these in single precision only, or not at all for two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from quarterdeck.core.models.onnx_nodes import Graph, add_labels, add_raw_classification


def convert_linear_classifier(scope: Any, operator: Any, container: Any) -> None:
    """RidgeClassifier, LinearSVC, Perceptron: the sign of one decision value, or the greatest of several.

    The second output holds the decision values, (rows, 1) or (rows, classes).
    """
    graph = Graph(scope, container)
    estimator = operator.raw_operator
    coefficients = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    if len(estimator.classes_) == 2 and coefficients.shape[1] != 1:
        raise NotImplementedError("a linear classifier of several targets is not converted")
    product = graph.node("MatMul", graph.inputs_as_doubles(operator), graph.constant(coefficients))
    intercept = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)).reshape(1, -1)
    decision = graph.node("Add", product, graph.constant(intercept), output=operator.outputs[1].full_name)
    if coefficients.shape[1] == 1:
        above = graph.cast(graph.node("Greater", decision, graph.constant(0.0)), TensorProto.INT64)
        index = graph.node("Reshape", above, graph.constant([-1]))
    else:
        index = graph.node("ArgMax", decision, axis=1, keepdims=0)
    add_labels(graph, index, estimator.classes_, operator.outputs[0].full_name)


def convert_discriminant(scope: Any, operator: Any, container: Any) -> None:
    """LinearDiscriminantAnalysis: sigmoid of the decision value, or softmax of one for each class."""
    graph, estimator = Graph(scope, container), operator.raw_operator
    coefficients = np.asarray(estimator.coef_, dtype=np.float64).T
    product = graph.node("MatMul", graph.inputs_as_doubles(operator), graph.constant(coefficients))
    raw = graph.node("Add", product, graph.constant(np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)))
    add_raw_classification(graph, raw, operator, zero_is_positive=False)
