"""Decision trees as one ONNX node that computes in double precision.

The older nodes TreeEnsembleRegressor and TreeEnsembleClassifier compare and add in float32, whatever they
are given: near a threshold a row takes the other branch. `TreeEnsemble` (domain ai.onnx.ml, version 5) takes
and gives doubles. skl2onnx knows that domain up to version 3 only, so converters add the node unversioned,
and `declare_version` states the version in the finished model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, numpy_helper

DOMAIN = "ai.onnx.ml"
OPERATOR = "TreeEnsemble"
VERSION = 5
BRANCH_LEQ = 0
BRANCH_MEMBER = 6
SUM = 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tree:
    """One tree as parallel arrays over its nodes, node 0 the root; `left` is -1 at a leaf.

    left, right: (nodes,) int; feature: (nodes,) int; threshold: (nodes,) float64, a row goes left where its
    value is <= threshold; missing_left: (nodes,) bool, where NaN goes; values: (nodes, targets) float64,
    read at leaves. A node in `members` asks something else: a row goes left where its value is one of these.
    ONNX Runtime looks up whole numbers from 1 to 64 in one step, others one after the other.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    missing_left: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64]
    first_target: int = 0  # column of the sum that `values` starts at
    members: Mapping[int, npt.NDArray[np.float64]] = field(default_factory=dict)


def add_sum_of_trees(container: Any, scope: Any, source: str, trees: Sequence[Tree], n_targets: int) -> str:
    """Adds nodes that give the sum of the trees' leaves, (rows, n_targets) float64, and names the result.

    `source` names a double tensor (rows, features).
    """
    # A leaf holds one target only: a tree of several targets is repeated for each.
    single = [part for tree in trees for part in _one_target_each(tree)]
    result = scope.get_unique_variable_name("tree_sum")
    container.add_node(
        OPERATOR,
        [source],
        [result],
        op_domain=DOMAIN,
        op_version=1,
        name=scope.get_unique_operator_name(OPERATOR),
        n_targets=n_targets,
        aggregate_function=SUM,
        post_transform=0,
        **_attributes(single),
    )
    return str(result)


def declare_version(model: ModelProto) -> None:
    """States the version of the domain that `TreeEnsemble` needs, where the model has one."""
    if any(node.op_type == OPERATOR for node in model.graph.node):
        for entry in model.opset_import:
            if entry.domain == DOMAIN:
                entry.version = VERSION


def _one_target_each(tree: Tree) -> list[Tree]:
    return [
        Tree(
            left=tree.left,
            right=tree.right,
            feature=tree.feature,
            threshold=tree.threshold,
            missing_left=tree.missing_left,
            values=tree.values[:, [column]],
            first_target=tree.first_target + column,
            members=tree.members,
        )
        for column in range(tree.values.shape[1])
    ]


def _attributes(trees: Sequence[Tree]) -> dict[str, Any]:
    """Attributes of the node: splits and leaves are numbered apart, each through all trees."""
    parts = [_numbered(tree) for tree in trees]
    splits = np.cumsum([0, *(len(part["features"]) for part in parts)])
    leaves = np.cumsum([0, *(len(part["weights"]) for part in parts)])

    def joined(key: str) -> npt.NDArray[Any]:
        return np.concatenate([part[key] for part in parts])

    def children(side: str) -> list[int]:
        moved = [
            np.where(part[f"{side}_is_leaf"], part[side] + leaf, part[side] + split)
            for part, split, leaf in zip(parts, splits[:-1], leaves[:-1], strict=True)
        ]
        return [int(child) for child in np.concatenate(moved)]

    sets = [values for part in parts for values in part["members"]]
    member = np.array([values is not None for values in sets])
    listed = [np.append(values, np.nan) for values in sets if values is not None]  # NaN ends each set
    return {
        "tree_roots": [int(root) for root in splits[:-1]],
        "nodes_featureids": [int(feature) for feature in joined("features")],
        "nodes_splits": numpy_helper.from_array(joined("thresholds").astype(np.float64)),
        "nodes_modes": numpy_helper.from_array(np.where(member, BRANCH_MEMBER, BRANCH_LEQ).astype(np.uint8)),
        "nodes_missing_value_tracks_true": [int(goes) for goes in joined("missing_left")],
        "nodes_truenodeids": children("left"),
        "nodes_trueleafs": [int(leaf) for leaf in joined("left_is_leaf")],
        "nodes_falsenodeids": children("right"),
        "nodes_falseleafs": [int(leaf) for leaf in joined("right_is_leaf")],
        "leaf_targetids": [int(target) for target in joined("targets")],
        "leaf_weights": numpy_helper.from_array(joined("weights").astype(np.float64)),
        **({"membership_values": numpy_helper.from_array(np.concatenate(listed))} if listed else {}),
    }


def _numbered(tree: Tree) -> dict[str, Any]:
    """Splits and leaves of one tree, each numbered from 0; a tree that is one leaf becomes a split with it
    twice.
    """
    if tree.left[0] < 0:
        return _stump(tree)
    is_leaf = tree.left < 0
    number = np.where(is_leaf, np.cumsum(is_leaf), np.cumsum(~is_leaf)) - 1
    left, right = tree.left[~is_leaf], tree.right[~is_leaf]
    weights = tree.values[is_leaf, 0]
    return {
        "features": tree.feature[~is_leaf],
        "thresholds": tree.threshold[~is_leaf],
        "missing_left": tree.missing_left[~is_leaf],
        "left": number[left],
        "left_is_leaf": is_leaf[left],
        "right": number[right],
        "right_is_leaf": is_leaf[right],
        "weights": weights,
        "targets": np.full(len(weights), tree.first_target),
        "members": [tree.members.get(node) for node in np.flatnonzero(~is_leaf).tolist()],
    }


def _stump(tree: Tree) -> dict[str, Any]:
    zero, yes = np.array([0]), np.array([True])
    weights = np.repeat(tree.values[0, 0], 2)
    return {
        "features": zero,
        "thresholds": np.array([0.0]),
        "missing_left": yes,
        "left": zero,
        "left_is_leaf": yes,
        "right": np.array([1]),
        "right_is_leaf": yes,
        "weights": weights,
        "targets": np.full(2, tree.first_target),
        "members": [None],
    }
