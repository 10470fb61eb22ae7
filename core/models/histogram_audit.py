"""Checks histogram gradient boosting that came from a file: its trees, and the sets of categories they ask for.

What scikit-learn reads without looking is in sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx and
_bitset.pyx: a node's set by `bitset_idx`, the known categories by `f_idx_map`, and the prepared row by feature.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from quarterdeck.core.models.tree_rules import require, require_behind, require_below

_WORDS = 8  # of 32 bits: a set holds categories 0 to 255


def audit_histogram(part: Any) -> None:
    """Checks a built estimator; IntegrityError names what is wrong, a broken part raises what it raises."""
    by_category = np.zeros(part.n_features_in_, dtype=bool)  # of the features as trees count them
    if part.is_categorical_ is None:
        require(part._preprocessor is None, "it prepares its rows without need")
    else:
        by_category = _audit_categories(part)
    for predictor in (one for iteration in part._predictors for one in iteration):
        _audit_predictor(predictor, part.n_features_in_, by_category)


def _audit_predictor(predictor: Any, n_features: int, by_category: Any) -> None:
    require(isinstance(predictor, TreePredictor), "a boosted tree is something else")
    nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets
    require(nodes.dtype == PREDICTOR_RECORD_DTYPE and nodes.ndim == 1, "its nodes are others")
    leaves = nodes["is_leaf"] != 0
    require(len(nodes) > 0, "it has no nodes")
    require_behind(nodes["left"].astype(np.int64), leaves)
    require_behind(nodes["right"].astype(np.int64), leaves)
    require_below(nodes["feature_idx"][~leaves], n_features)
    splits = nodes[(nodes["is_categorical"] != 0) & ~leaves]
    require(bool(by_category[splits["feature_idx"]].all()), "it splits a number by category")
    if len(splits):
        shaped = isinstance(sets, np.ndarray) and sets.dtype == np.uint32 and sets.ndim == 2
        require(shaped and sets.shape[1] == _WORDS, "its sets of categories are others")
        require(int(splits["bitset_idx"].max()) < len(sets), "a node asks for a set of categories that is not there")


def _audit_categories(part: Any) -> Any:
    """Checks what encodes the categories, and gives the features that are some, as trees count them."""
    n_features, prepare, bins = part.n_features_in_, part._preprocessor, part._bin_mapper
    chosen = part.is_categorical_
    require(chosen.dtype == bool and chosen.shape == (n_features,), "its categorical features are not counted")
    known = isinstance(prepare, ColumnTransformer) and prepare.n_features_in_ == n_features
    require(known, "its rows are prepared otherwise")
    kinds = [kind for _, kind, _ in prepare.transformers_ if not isinstance(kind, str)]
    require(
        all(isinstance(kind, OrdinalEncoder | FunctionTransformer) for kind in kinds),
        "its rows are prepared by another",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may have learned names
        row = prepare.transform(np.zeros((1, n_features)))
    require(isinstance(row, np.ndarray) and row.shape == (1, n_features), "its rows are prepared to another width")
    by_category = bins.is_categorical_ != 0
    require(by_category.shape == (n_features,) and by_category.sum() == chosen.sum(), "its categories are not counted")
    for feature in np.flatnonzero(by_category).tolist():
        codes = np.asarray(bins.bin_thresholds_[feature])
        fits = codes.ndim == 1 and bool(((codes >= 0) & (codes < 32 * _WORDS)).all())
        require(fits, "it knows categories that no set can hold")
    return by_category
