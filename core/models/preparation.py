"""What stands before an estimator in a pipeline made by `fit`: columns of any kind become numbers it can
take.
"""

from __future__ import annotations

import math
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

from quarterdeck.core.models.column_places import place_columns
from quarterdeck.core.models.columns import number_names, text_names
from quarterdeck.core.models.signature import Signature

# By module: these split on one column at a time, so the codes of an ordinal encoding do them no harm.
TREE_MODULES = (
    "sklearn.tree",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "lightgbm",
    "xgboost",
    "catboost",
)
HISTOGRAMS = "sklearn.ensemble._hist_gradient_boosting"


def with_preparation(estimator: Any, signature: Signature) -> Pipeline:
    """An unfitted Pipeline of a ColumnTransformer, `prepare`, and the estimator, `model`.

    Trees get strings as ordinal codes and numbers as they are; everything else gets strings one-hot and
    numbers scaled (not where the estimator takes positive numbers only). Where an estimator takes no missing
    values, the median of training stands in for them. An unknown string is -1, or missing to histogram
    boosting, or all zeros. Histogram boosting splits by sets of categories in the columns that it is told to.
    """
    module = type(estimator).__module__
    tags = get_tags(estimator).input_tags
    order = (*number_names(signature), *text_names(signature))
    if module.startswith(HISTOGRAMS):
        place_columns(estimator, signature.names, order)
    if module.startswith((*TREE_MODULES, HISTOGRAMS)):
        unknown = math.nan if module.startswith(HISTOGRAMS) else -1
        strings: Any = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)
        numbers: Any = "passthrough" if tags.allow_nan else _imputer()
    else:
        strings = OneHotEncoder(handle_unknown="ignore", sparse_output=tags.sparse)
        numbers = _imputer() if tags.positive_only else make_pipeline(_imputer(), StandardScaler())
    parts = [
        ("numbers", numbers, list(number_names(signature))),
        ("strings", strings, list(text_names(signature))),
    ]
    columns = ColumnTransformer([part for part in parts if part[2]])
    return Pipeline([("prepare", columns), ("model", estimator)])


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)
