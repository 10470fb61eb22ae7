"""Histogram gradient boosting in ONNX, in double precision and with missing values going the learned way.

skl2onnx 1.20 cannot convert that of scikit-learn 1.9: node numbers have become unsigned and the baseline an
array. These converters read the estimator's predictors themselves. What scikit-learn does is in
sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx: NaN follows `missing_go_to_left`, other values go
left where they are <= `num_threshold`, and the raw score is the baseline plus the leaf of every tree. A
categorical feature is encoded first, and goes left where its code is in the node's set; a category that
training did not know is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from quarterdeck.core.models.onnx_categories import Categorical, add_categories
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
    source, features = _features(graph, graph.inputs_as_doubles(operator), estimator)
    trees = [
        _tree(predictor, target, features)
        for iteration in estimator._predictors
        for target, predictor in enumerate(iteration)
    ]
    total = add_sum_of_trees(graph.container, graph.scope, source, trees, estimator.n_trees_per_iteration_)
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return graph.node("Add", total, graph.constant(baseline))


def _features(graph: Graph, source: str, estimator: Any) -> tuple[str, list[int | Categorical]]:
    """The trees' input, and what each of their features is: a column of it, or a categorical one.

    Trees count the categorical features first, as scikit-learn's own encoding of them puts them.
    """
    if estimator.is_categorical_ is None:
        return source, list(range(estimator.n_features_in_))
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    columns = [int(column) for column in np.flatnonzero(estimator.is_categorical_)]
    known = [np.asarray(values, dtype=np.float64) for values in encoder.categories_]
    known = [values[~np.isnan(values)] for values in known]  # NaN, always the last, is no category
    source, found = add_categories(graph, source, columns, known, estimator.n_features_in_)
    return source, [*found, *(int(column) for column in np.flatnonzero(~estimator.is_categorical_))]


def _tree(predictor: Any, target: int, features: Sequence[int | Categorical]) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    left = np.where(is_leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(is_leaf, -1, nodes["right"].astype(np.int64))
    places = np.array([feature if isinstance(feature, int) else feature.column for feature in features])
    threshold = nodes["num_threshold"].astype(np.float64)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    members = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf).tolist():
        feature = features[nodes["feature_idx"][node]]
        assert isinstance(feature, Categorical)
        goes_left = _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]], len(feature.values))
        # What is missing or unknown is in no set: the set is of those that go the other way.
        chosen = feature.values[goes_left != missing_left[node]]
        if missing_left[node]:
            left[node], right[node] = right[node], left[node]
        missing_left[node] = False
        threshold[node] = -np.inf  # an empty set: no value is as low
        if len(chosen):
            members[node] = chosen
    return Tree(
        left=left,
        right=right,
        feature=places[nodes["feature_idx"].astype(np.int64)],
        threshold=threshold,
        missing_left=missing_left,
        values=nodes["value"].astype(np.float64).reshape(-1, 1),
        first_target=target,
        members=members,
    )


def _bits(words: Any, count: int) -> Any:
    """The first `count` bits of a set that is kept as 32-bit words, as booleans."""
    codes = np.arange(count)
    return (np.asarray(words, dtype=np.uint32)[codes // 32] >> (codes % 32)) & 1 == 1
