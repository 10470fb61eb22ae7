"""Histogram gradient boosting in ONNX, in double precision and with missing values going the learned way.

skl2onnx 1.20 cannot convert that of scikit-learn 1.9: node numbers have become unsigned and the baseline an
array. These converters read the estimator's predictors themselves. What scikit-learn does is in
sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx: NaN follows `missing_go_to_left`, other values go
left where they are <= `num_threshold`, and the raw score is the baseline plus the leaf of every tree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quarterdeck.core.models.onnx_nodes import Graph, add_raw_classification
from quarterdeck.core.models.onnx_tree_ensemble import Tree, add_sum_of_trees

LINKS = {"IdentityLink": None, "LogLink": "Exp"}  # a loss's link, and the node of its inverse


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """HistGradientBoostingClassifier: sigmoid of the raw score, or softmax of one for each class."""
    graph = Graph(scope, container)
    raw = _raw_scores(graph, operator)
    add_raw_classification(graph, raw, operator, zero_is_positive=False)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """HistGradientBoostingRegressor: the inverse link of the raw score."""
    graph = Graph(scope, container)
    link = type(operator.raw_operator._loss.link).__name__
    if link not in LINKS:
        raise NotImplementedError(f"the link {link} of loss {operator.raw_operator.loss!r} is not converted")
    graph.node(LINKS[link] or "Identity", _raw_scores(graph, operator), output=operator.outputs[0].full_name)


def _raw_scores(graph: Graph, operator: Any) -> str:
    estimator = operator.raw_operator
    if estimator.is_categorical_ is not None:
        raise NotImplementedError("categorical_features of histogram gradient boosting is not converted")
    trees = [
        _tree(predictor.nodes, target)
        for iteration in estimator._predictors
        for target, predictor in enumerate(iteration)
    ]
    total = add_sum_of_trees(
        graph.container,
        graph.scope,
        graph.inputs_as_doubles(operator),
        trees,
        estimator.n_trees_per_iteration_,
    )
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return graph.node("Add", total, graph.constant(baseline))


def _tree(nodes: Any, target: int) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=nodes["value"].astype(np.float64).reshape(-1, 1),
        first_target=target,
    )
