"""Checks decision trees that came from a file before any of them is asked.

scikit-learn follows the node numbers of a tree without looking at them: a file with a number out of range
makes the process read, or write, memory that is not the tree's. skops leaves that check to whoever trusts
the type. What can go wrong while a tree is built is checked before (`audit_nodes`); the rest on the
built estimator (`audit_estimator`). Children stand behind their parent in every tree that scikit-learn
makes, so no path is endless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.tree import BaseDecisionTree
from sklearn.utils.validation import check_array
from skops.io._audit import CachedNode, Node
from skops.io._general import DictNode, FunctionNode, JsonNode, PartialNode, TupleNode
from skops.io._numpy import NdArrayNode
from skops.io._sklearn import TreeNode

from quarterdeck.core.models.histogram_audit import audit_histogram
from quarterdeck.core.models.tree_rules import broken, require, require_behind, require_below

LEAF = -1
_LEARNED: dict[type, str] = {
    BaseDecisionTree: "tree_",
    BaseForest: "estimators_",
    BaseGradientBoosting: "estimators_",
    BaggingClassifier: "estimators_",
    BaggingRegressor: "estimators_",
    IsolationForest: "estimators_",
    BaseHistGradientBoosting: "_predictors",
}


def audit_nodes(root: Node) -> None:
    """Checks every `Tree` and `partial` that skops is about to build. IntegrityError names what is wrong.

    The parts of a tree are built here, once: skops keeps what a node built, so what is checked is what is
    used, whatever the file says at other places under the same number.
    """
    for node in _nodes(root):
        if isinstance(node, TreeNode):
            try:
                _audit_tree(node)
            except (LookupError, TypeError, ValueError, AttributeError, OSError) as error:
                raise broken("it is not written as scikit-learn writes it") from error
        elif isinstance(node, PartialNode):
            # histogram boosting with categories keeps this one; of another function nothing is known
            known = isinstance(node.func, FunctionNode) and node.func.construct() is check_array
            require(known, "it holds a function with arguments that is not check_array")


def audit_estimator(estimator: Any) -> None:
    """Checks that every tree inside a built estimator fits the one that asks it; IntegrityError if not."""
    parts = list(_parts(estimator))
    for part in parts:
        try:
            _audit_part(part)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise broken("a part of the estimator is missing or of another shape") from error
    for part in parts:  # last, since it asks the estimator that boosting starts from
        if isinstance(part, BaseGradientBoosting) and _fitted(part):
            start = part._raw_predict_init(np.zeros((1, part.n_features_in_), dtype=np.float32))
            require(start.shape[1] == part.estimators_.shape[1], "gradient boosting starts with other outputs")


def foreign_partials(estimator: Any) -> list[str]:
    """Functions with arguments inside `estimator` that audit_nodes() would refuse, sorted."""
    found = {part.func for part in _parts(estimator) if isinstance(part, partial)} - {check_array}
    return sorted(f"a partial of {getattr(function, '__name__', function)}" for function in found)


def _audit_tree(node: TreeNode) -> None:
    require(isinstance(node.args, TupleNode) and isinstance(node.attrs, DictNode), "it is put together otherwise")
    for part in (*node.args.content, *node.attrs.content.values()):
        # nothing but numbers and arrays of them: another tree here would be built unchecked
        require(isinstance(part, JsonNode) or _is_plain_array(part), "it is made of other parts")
    n_features, n_classes, n_outputs = node.args.construct()
    state = node.attrs.construct()
    nodes, values = state["nodes"], state["values"]
    count = len(nodes)
    require(all(type(one) is int for one in (n_features, n_outputs, state["node_count"])), "it is not counted")
    require(n_classes.ndim == 1 and len(n_classes) == n_outputs and n_classes.min() >= 1, "its outputs disagree")
    require(count >= 1 and nodes.ndim == 1 and state["node_count"] == count, "its node count is wrong")
    require(values.shape == (count, n_outputs, n_classes.max()), "its values are of another shape")
    leaves = (nodes["left_child"] == LEAF) & (nodes["right_child"] == LEAF)
    require_behind(nodes["left_child"], leaves)
    require_behind(nodes["right_child"], leaves)
    require_below(nodes["feature"][~leaves], n_features)


def _audit_part(part: Any) -> None:
    if isinstance(part, tuple(_LEARNED)) and not _fitted(part):
        return  # a forest keeps the unfitted tree that its members are copies of, and so do others
    if isinstance(part, BaseDecisionTree):
        require(part.tree_.n_features == part.n_features_in_, "a tree has other features than its estimator")
        require(part.tree_.n_outputs == part.n_outputs_, "a tree has other outputs than its estimator")
    elif isinstance(part, BaseForest):
        _require_members(part.estimators_, part.n_features_in_)
    elif isinstance(part, BaseGradientBoosting):
        _require_members(part.estimators_.ravel().tolist(), part.n_features_in_)
        require(part.estimators_.shape[1] == part.n_trees_per_iteration_, "boosting has other trees than outputs")
        for member in part.estimators_.ravel().tolist():
            require(member.tree_.value.shape[1:] == (1, 1), "a boosted tree has more than one value a node")
    elif isinstance(part, BaggingClassifier | BaggingRegressor | IsolationForest):
        for member, features in zip(part.estimators_, part.estimators_features_, strict=True):
            if isinstance(member, BaseDecisionTree):
                _require_members([member], len(features))
    elif isinstance(part, BaseHistGradientBoosting):
        audit_histogram(part)


def _fitted(part: Any) -> bool:
    """Whether it holds what it asks when it predicts; without, scikit-learn refuses to."""
    return any(learned in vars(part) for kind, learned in _LEARNED.items() if isinstance(part, kind))


def _require_members(members: Any, n_features: int) -> None:
    for member in members:
        require(isinstance(member, BaseDecisionTree), "a member of a forest is no tree")
        require(member.n_features_in_ == n_features, "a tree has other features than its forest")


def _is_plain_array(node: Node) -> bool:
    return isinstance(node, NdArrayNode) and node.type == "numpy" and node.class_name == "ndarray"


def _nodes(root: Node) -> Iterator[Node]:
    """Every node below `root`, each once."""
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list | tuple):
            waiting.extend(part.values() if isinstance(part, dict) else part)
        elif isinstance(part, Node) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting.append(part.cached if isinstance(part, CachedNode) else part.children)


def _parts(root: Any) -> Iterator[Any]:
    """Every object reachable from `root` through attributes, lists, tuples, dicts and arrays of objects."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type | None):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            waiting.extend(part.ravel().tolist() if part.dtype == object else ())
        else:
            waiting.extend(vars(part).values() if hasattr(part, "__dict__") else ())
