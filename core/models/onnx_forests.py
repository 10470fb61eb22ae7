"""Trees, forests and gradient boosting in ONNX, in double precision.

These estimators round their input to float32 and compare it with a double threshold; so does the model made
here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.tree import BaseDecisionTree

from quarterdeck.core.models.onnx_nodes import Graph, add_labels, add_raw_classification
from quarterdeck.core.models.onnx_tree_ensemble import Tree, add_sum_of_trees


def convert_forest_classifier(scope: Any, operator: Any, container: Any) -> None:
    """A forest, or one tree: the mean over trees of the classes' shares in the leaf, and the greatest of
    them.
    """
    graph = Graph(scope, container)
    trees = _members(operator.raw_operator)
    classes = operator.raw_operator.classes_
    if isinstance(classes, list):
        raise NotImplementedError("a forest with several outputs is not converted")
    parts = [_tree(member, _shares(member)) for member in trees]
    total = _sum(graph, operator, parts, len(classes))
    output = operator.outputs[1].full_name
    graph.node("Div", total, graph.constant(float(len(trees))), output=output)
    add_labels(graph, graph.node("ArgMax", output, axis=1, keepdims=0), classes, operator.outputs[0].full_name)


def convert_forest_regressor(scope: Any, operator: Any, container: Any) -> None:
    """A forest, or one tree: the mean over trees of the leaf's value."""
    graph = Graph(scope, container)
    trees = _members(operator.raw_operator)
    if operator.raw_operator.n_outputs_ != 1:
        raise NotImplementedError("a forest with several outputs is not converted")
    total = _sum(graph, operator, [_tree(member, member.tree_.value[:, :, 0]) for member in trees], 1)
    graph.node("Div", total, graph.constant(float(len(trees))), output=operator.outputs[0].full_name)


def convert_boosting_classifier(scope: Any, operator: Any, container: Any) -> None:
    """GradientBoostingClassifier with the log loss."""
    if operator.raw_operator.loss != "log_loss":
        raise NotImplementedError(f"gradient boosting with loss {operator.raw_operator.loss!r} is not converted")
    graph = Graph(scope, container)
    raw = _boosted(graph, operator)
    add_raw_classification(graph, raw, operator, zero_is_positive=True)


def convert_boosting_regressor(scope: Any, operator: Any, container: Any) -> None:
    """GradientBoostingRegressor: the raw score is the value."""
    graph = Graph(scope, container)
    graph.node("Identity", _boosted(graph, operator), output=operator.outputs[0].full_name)


def convert_adaboost_classifier(scope: Any, operator: Any, container: Any) -> None:
    """AdaBoostClassifier of trees: each adds its weight to the class that it names, and takes a share from others."""
    graph, estimator = Graph(scope, container), operator.raw_operator
    classes = len(estimator.classes_)
    weights = estimator.estimator_weights_
    parts = []
    for member, weight in zip(estimator.estimators_, weights, strict=False):  # boosting may have ended before the last
        if not isinstance(member, BaseDecisionTree) or len(member.classes_) != classes:
            raise NotImplementedError("AdaBoostClassifier of other estimators than trees is not converted")
        named = _shares(member).argmax(axis=1).reshape(-1, 1) == np.arange(classes)
        parts.append(_tree(member, np.where(named, weight, -1 / (classes - 1) * weight)))
    mean = graph.node("Div", _sum(graph, operator, parts, classes), graph.constant(float(weights.sum())))
    # the softmax of two scores is the sigmoid of their difference, which scikit-learn halves first
    scale = 1.0 if classes == 2 else 1 / (classes - 1)
    if classes == 2:
        mean = graph.node("MatMul", mean, graph.constant(np.array([[-1.0], [1.0]])))
    add_raw_classification(graph, graph.node("Mul", mean, graph.constant(scale)), operator, zero_is_positive=False)


def _boosted(graph: Graph, operator: Any) -> str:
    estimator = operator.raw_operator
    if estimator.init not in (None, "zero"):
        raise NotImplementedError("gradient boosting that starts from another estimator is not converted")
    parts = [
        _tree(member, member.tree_.value[:, :, 0] * estimator.learning_rate, target)
        for stage in estimator.estimators_
        for target, member in enumerate(stage)
    ]
    total = _sum(graph, operator, parts, estimator.n_trees_per_iteration_)
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))
    return graph.node("Add", total, graph.constant(np.asarray(start, dtype=np.float64)))


def _members(estimator: Any) -> list[Any]:
    return [estimator] if isinstance(estimator, BaseDecisionTree) else list(estimator.estimators_)


def _shares(member: Any) -> Any:
    """(nodes, classes): what `predict_proba` of one tree gives in each node."""
    counts = member.tree_.value[:, 0, :]
    return counts / counts.sum(axis=1, keepdims=True)


def _sum(graph: Graph, operator: Any, trees: list[Tree], n_targets: int) -> str:
    source = graph.as_float32(graph.inputs_as_doubles(operator))
    return add_sum_of_trees(graph.container, graph.scope, source, trees, n_targets)


def _tree(member: Any, values: Any, target: int = 0) -> Tree:
    tree = member.tree_
    return Tree(
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        feature=tree.feature.astype(np.int64),
        threshold=tree.threshold.astype(np.float64),
        missing_left=tree.missing_go_to_left.astype(bool),
        values=np.asarray(values, dtype=np.float64),
        first_target=target,
    )
