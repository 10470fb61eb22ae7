"""Grows the trees of error_model.py: scikit-learn's histogram boosting on the errors of held-out rows.

Where the fields tell nothing about the errors of rows that were left out, over three folds, the model is the mean
error: an estimate that follows noise is worse than one that says nothing new.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.performance.beliefs import Floats
from quarterdeck.core.performance.error_model import Encoding, ErrorModel, category

FOLDS = 3
PRIOR = 10.0  # rows of the mean error that every category starts with: a rare one is not taken at its word
_CATEGORIES = (FieldKind.STRING, FieldKind.BOOLEAN)


def learn_encoding(columns: Mapping[str, Sequence[Any]], errors: Floats, signature: Signature) -> Encoding:
    """Categories by their mean error on these rows."""
    kept = {field.name: _means(columns[field.name], errors) for field in signature.fields if field.kind in _CATEGORIES}
    return Encoding(names=signature.names, categories=kept)


def _means(values: Sequence[Any], errors: Floats) -> dict[str, float]:
    names, places = np.unique([category(value) for value in values], return_inverse=True)
    sums, counts = np.bincount(places, errors), np.bincount(places)
    means = (sums + PRIOR * errors.mean()) / (counts + PRIOR)
    return dict(zip(names.tolist(), means.tolist(), strict=True))


def learn_errors(matrix: Floats, errors: Floats, *, seed: int = 0) -> ErrorModel:
    """(n, fields) as Encoding gives them, and (n,) the error of each row."""
    fold = np.random.default_rng(seed).permutation(len(errors)) % FOLDS
    gained = np.empty(len(errors))
    for number in range(FOLDS):
        held = fold == number
        told = _grow(matrix[~held], errors[~held], seed).predict(matrix[held])
        gained[held] = (errors[held] - errors[~held].mean()) ** 2 - (errors[held] - told) ** 2
    error = float(gained.std(ddof=1)) / math.sqrt(len(gained))
    if float(gained.mean()) <= error:
        return ErrorModel.constant(float(errors.mean()))
    return _grow(matrix, errors, seed)


def _grow(matrix: Floats, errors: Floats, seed: int) -> ErrorModel:
    leaf = max(20, len(errors) // 200)
    booster = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=leaf, early_stopping=False,
        random_state=seed,
    )  # fmt: skip
    booster.fit(matrix, errors)
    return _as_numbers(booster)


def _as_numbers(booster: Any) -> ErrorModel:
    """The trees' nodes, one after another. A node's children always stand behind it."""
    roots, parts, start = [], [], 0
    for (predictor,) in booster._predictors:
        roots.append(start)
        parts.append(_nodes(predictor.nodes, start))
        start += len(predictor.nodes)
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    baseline = float(np.asarray(booster._baseline_prediction).ravel()[0])
    return ErrorModel(baseline=baseline, roots=np.array(roots, dtype=np.int64), **table)


def _nodes(nodes: Any, start: int) -> dict[str, NDArray[Any]]:
    leaf = nodes["is_leaf"].astype(np.bool_)
    return {
        "feature": np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
        "threshold": np.where(leaf, nodes["value"], nodes["num_threshold"]).astype(np.float64),
        "left": np.where(leaf, -1, nodes["left"].astype(np.int64) + start),
        "right": np.where(leaf, -1, nodes["right"].astype(np.int64) + start),
        "missing_left": nodes["missing_go_to_left"].astype(np.bool_),
    }
