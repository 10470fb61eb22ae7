"""Support vector machines with a kernel in ONNX; ONNX Runtime's own nodes know float32 only.

What scikit-learn does is libsvm's svm_predict_values: each pair of classes votes by the sign of its decision, the
first of those with the most votes wins, and a decision of exactly 0 is a vote for the second of the pair.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from quarterdeck.core.models.onnx_nodes import Graph, add_labels

_LEAST = 1e-7  # of a probability, in libsvm


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """SVR and NuSVR: the weighted kernels plus the intercept."""
    graph, machine = Graph(scope, container), operator.raw_operator
    product = graph.node("MatMul", _kernel(graph, operator), graph.constant(_dense(machine.dual_coef_).T))
    intercept = graph.constant(np.asarray(machine.intercept_, dtype=np.float64).reshape(1, -1))
    graph.node("Add", product, intercept, output=operator.outputs[0].full_name)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """SVC and NuSVC, with probabilities of two classes."""
    graph, machine = Graph(scope, container), operator.raw_operator
    classes = machine.classes_
    if machine.break_ties:
        raise NotImplementedError("a support vector machine with break_ties is not converted")
    weights, intercept = _pairs(machine)
    product = graph.node("MatMul", _kernel(graph, operator), graph.constant(weights))
    decisions = graph.node("Add", product, graph.constant(intercept.reshape(1, -1)))
    pairs = list(combinations(range(len(classes)), 2))
    first, second = (np.eye(len(classes))[[pair[place] for pair in pairs]] for place in (0, 1))
    wins = graph.cast(graph.node("Greater", decisions, graph.constant(0.0)), TensorProto.DOUBLE)
    votes = graph.node("MatMul", wins, graph.constant(first - second))
    votes = graph.node("Add", votes, graph.constant(second.sum(axis=0).reshape(1, -1)))
    add_labels(graph, graph.node("ArgMax", votes, axis=1, keepdims=0), classes, operator.outputs[0].full_name)
    if hasattr(machine, "predict_proba"):
        _add_probabilities(graph, decisions, operator)
    else:
        graph.node("Identity", decisions, output=operator.outputs[1].full_name)


def _pairs(machine: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weights of the support vectors (vectors, pairs) and intercepts (pairs,) of a decision for each two classes."""
    coefficients = _dense(machine.dual_coef_)
    intercept = np.asarray(machine.intercept_, dtype=np.float64)
    if len(machine.classes_) == 2:
        return -coefficients.T, -intercept  # scikit-learn turns the sign of what libsvm decides between two
    owner = np.repeat(np.arange(len(machine.classes_)), machine.n_support_)
    pairs = list(combinations(range(len(machine.classes_)), 2))
    weights = np.zeros((len(owner), len(pairs)))
    for place, (one, other) in enumerate(pairs):
        weights[owner == one, place] = coefficients[other - 1, owner == one]
        weights[owner == other, place] = coefficients[one, owner == other]
    return weights, intercept


def _add_probabilities(graph: Graph, decisions: str, operator: Any) -> None:
    machine = operator.raw_operator
    if len(machine.classes_) > 2:
        raise NotImplementedError("probabilities of a support vector machine of several classes are not converted")
    slope, offset = (graph.constant(np.asarray(part, dtype=np.float64)) for part in (machine.probA_, machine.probB_))
    raw = graph.node("Neg", graph.node("Add", graph.node("Mul", decisions, slope), offset))
    least, most = graph.constant(_LEAST), graph.constant(1 - _LEAST)
    first = graph.node("Min", graph.node("Max", graph.node("Sigmoid", raw), least), most)
    second = graph.node("Sub", graph.constant(1.0), first)
    graph.node("Concat", first, second, output=operator.outputs[1].full_name, axis=1)


def _kernel(graph: Graph, operator: Any) -> str:
    """The kernel of each row with each support vector, doubles (rows, vectors)."""
    machine = operator.raw_operator
    source, vectors = graph.inputs_as_doubles(operator), _dense(machine.support_vectors_)
    products = graph.node("MatMul", source, graph.constant(vectors.T))
    if machine.kernel == "linear":
        return products
    gamma = graph.constant(float(machine._gamma))
    if machine.kernel == "rbf":
        size = graph.node("ReduceSum", graph.node("Mul", source, source), graph.constant([1]), keepdims=1)
        sizes = graph.node("Add", size, graph.constant((vectors**2).sum(axis=1).reshape(1, -1)))
        apart = graph.node("Sub", sizes, graph.node("Mul", products, graph.constant(2.0)))
        apart = graph.node("Max", apart, graph.constant(0.0))
        return graph.node("Exp", graph.node("Neg", graph.node("Mul", gamma, apart)))
    moved = graph.node("Add", graph.node("Mul", products, gamma), graph.constant(float(machine.coef0)))
    if machine.kernel == "poly":
        return graph.node("Pow", moved, graph.constant(float(machine.degree)))
    if machine.kernel == "sigmoid":
        return graph.node("Tanh", moved)
    raise NotImplementedError(f"a support vector machine with kernel {machine.kernel!r} is not converted")


def _dense(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
