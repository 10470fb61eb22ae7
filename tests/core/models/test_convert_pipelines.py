"""Pipelines that people build of a ColumnTransformer answer in ONNX as they do in scikit-learn, or stay there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.describe import describe_model, target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.predictors import OnnxPredictor, SklearnPredictor
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

NUMBERS = ("speed", "weight", "night")
TEXTS = ("city", "remark")
UNKNOWN = {"handle_unknown": "use_encoded_value", "unknown_value": -1}

OF_TEXTS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore"),
    "one-hot, dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "one-hot, strict": OneHotEncoder(handle_unknown="error"),
    "one-hot, first dropped": OneHotEncoder(drop="first", handle_unknown="ignore"),
    "one-hot, binary dropped": OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    "one-hot, few": OneHotEncoder(min_frequency=150, handle_unknown="infrequent_if_exist"),
    "one-hot, share": OneHotEncoder(min_frequency=0.27, handle_unknown="ignore"),
    "one-hot, most": OneHotEncoder(max_categories=2, handle_unknown="infrequent_if_exist", drop="first"),
    "one-hot, warned": OneHotEncoder(max_categories=3, handle_unknown="warn"),
    "ordinal": OrdinalEncoder(**UNKNOWN),
    "ordinal, strict": OrdinalEncoder(),
    "ordinal, few": OrdinalEncoder(min_frequency=150, **UNKNOWN),
    "ordinal, most": OrdinalEncoder(max_categories=2, **UNKNOWN),
    "filled": make_pipeline(
        SimpleImputer(missing_values="", strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    ),
    "constant": make_pipeline(
        SimpleImputer(missing_values="", strategy="constant", fill_value="none at all"),
        OneHotEncoder(handle_unknown="ignore"),
    ),
    "nothing missing": make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder(**UNKNOWN)),
    "target": make_pipeline(TargetEncoder(target_type="continuous", random_state=0)),
}
FILL = SimpleImputer()
OF_NUMBERS = {
    "mean": SimpleImputer(),
    "median": SimpleImputer(strategy="median"),
    "frequent": SimpleImputer(strategy="most_frequent"),
    "constant": SimpleImputer(strategy="constant", fill_value=-3.5),
    "indicator": SimpleImputer(add_indicator=True),
    "indicator, kept": SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
    "what is missing": make_pipeline(MissingIndicator(features="all")),
    "standard": make_pipeline(FILL, StandardScaler()),
    "standard, with NaN": make_pipeline(StandardScaler(), FILL),
    "standard, no mean": make_pipeline(FILL, StandardScaler(with_mean=False)),
    "standard, no std": make_pipeline(FILL, StandardScaler(with_std=False)),
    "min max": make_pipeline(FILL, MinMaxScaler()),
    "min max, clipped": make_pipeline(FILL, MinMaxScaler((-1, 1), clip=True)),
    "max abs": make_pipeline(FILL, MaxAbsScaler()),
    "robust": make_pipeline(FILL, RobustScaler()),
    "robust, no centre": make_pipeline(FILL, RobustScaler(with_centering=False, unit_variance=True)),
    "bins": make_pipeline(FILL, KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")),
    "bins, dense": make_pipeline(FILL, KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform")),
    "bins, ordinal": make_pipeline(FILL, KBinsDiscretizer(3, encode="ordinal", strategy="kmeans", random_state=0)),
    "as it is": make_pipeline(FILL, FunctionTransformer(None)),
    "squares": make_pipeline(FILL, StandardScaler(), PolynomialFeatures(2)),
    "products": make_pipeline(FILL, StandardScaler(), PolynomialFeatures(3, interaction_only=True, include_bias=False)),
    "power": make_pipeline(FILL, PowerTransformer()),
    "power, as it is": make_pipeline(PowerTransformer(standardize=False), FILL),
    "power of positive": make_pipeline(FILL, MinMaxScaler((1, 3), clip=True), PowerTransformer("box-cox")),
    "quantiles": make_pipeline(FILL, QuantileTransformer(n_quantiles=50)),
    "normal quantiles": make_pipeline(FILL, QuantileTransformer(n_quantiles=50, output_distribution="normal")),
    "spline": make_pipeline(FILL, SplineTransformer(4)),
    "unit length": make_pipeline(FILL, Normalizer()),
    "above": make_pipeline(FILL, Binarizer(threshold=0.5)),
    "varied": make_pipeline(FILL, VarianceThreshold(0.01)),
    "best": make_pipeline(FILL, SelectKBest(f_regression, k=1)),
    "one-hot": make_pipeline(OneHotEncoder(handle_unknown="ignore", max_categories=6)),
    "ordinal": make_pipeline(OrdinalEncoder(**UNKNOWN), FILL),
    "ordinal, missing": OrdinalEncoder(encoded_missing_value=-2, **UNKNOWN),
    "ordinal, missing and few": OrdinalEncoder(encoded_missing_value=-2, max_categories=5, **UNKNOWN),
}
# What no converter makes exactly: scikit-learn answers, and the registry says so.
LEFT = {"normal quantiles", "spline"}
Made = tuple[Callable[..., pl.DataFrame], Callable[[Task], PipelineInfo]]  # rows of a task, and what is said of it


@pytest.fixture
def made(rows: Any, info: Any) -> Made:
    return rows, info


def _fitted(made: Made, parts: list[Any], estimator: Any = None, seed: int = 0) -> FittedModel:
    rows, info = made
    frame = rows(Task.REGRESSION, seed)
    signature = infer_signature(frame, info(Task.REGRESSION), [*NUMBERS, *TEXTS])
    columns = ColumnTransformer(parts)
    model = make_pipeline(columns, estimator or Ridge(alpha=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that are constant
        model.fit(model_frame(frame, signature), target_array(frame, signature))
    return describe_model(model, frame, signature, 0)


def _edge_rows(made: Made, model: FittedModel, seed: int) -> list[dict[str, Any]]:
    """Ordinary rows, and rows with one field, or every field, at an edge."""
    fresh = made[0](Task.REGRESSION, seed).select(model.signature.names).head(12).to_dicts()
    edges: dict[str, list[Any]] = {
        "speed": [None, 0.0, -1e9, 1e9, 50.0, -0.0, 1e-300],
        "weight": [None, 0, -5, 10**6, 20, 1, 39],
        "night": [None, True, False, True, False, True, False],
        "city": ["", None, "nowhere", "Łódź", "東京", "‗", "Aarhus "],
        "remark": ["", None, "nowhere", "fog", "none", "ice", "FOG"],
    }
    single = [{**fresh[0], name: value} for name, values in edges.items() for value in values]
    together = [{name: values[place] for name, values in edges.items()} for place in range(7)]
    return [*fresh, *single, *together]


def _agree(model: FittedModel, onnx: bytes, rows: list[dict[str, Any]]) -> None:
    served, trusted = OnnxPredictor(onnx, model.signature), SklearnPredictor(model.estimator, model.signature)
    columns = {name: [row[name] for row in rows] for name in model.signature.names}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unknown categories
            expected = trusted.predict(columns).scores
    except ValueError:  # scikit-learn refuses a row: each half is asked by itself
        if len(rows) > 1:
            _agree(model, onnx, rows[::2])
            _agree(model, onnx, rows[1::2])
        return
    answered = served.predict(columns).scores
    np.testing.assert_allclose(answered, expected, rtol=1e-8)
    np.testing.assert_array_equal(served.predict_rows(list(zip(*columns.values(), strict=True))).scores, answered)


@pytest.mark.parametrize("name", OF_TEXTS)
@pytest.mark.parametrize("chosen", [("remark",), TEXTS], ids=len)
def test_what_is_done_to_strings_converts(made: Made, name: str, chosen: tuple[str, ...]) -> None:
    model = _fitted(made, [("texts", OF_TEXTS[name], list(chosen)), ("numbers", SimpleImputer(), ["speed"])])
    _converts(made, name, model)


@pytest.mark.parametrize("name", OF_NUMBERS)
@pytest.mark.parametrize("chosen", [("speed",), ("weight", "speed"), NUMBERS], ids=len)
def test_what_is_done_to_numbers_converts(made: Made, name: str, chosen: tuple[str, ...]) -> None:
    estimator = DecisionTreeRegressor(max_depth=4, random_state=0) if "NaN" in name else None
    model = _fitted(made, [("numbers", OF_NUMBERS[name], list(chosen))], estimator=estimator)
    _converts(made, name, model)


def _converts(made: Made, name: str, model: FittedModel) -> None:
    conversion = to_onnx(model)
    if conversion.onnx is None:
        assert name in LEFT, conversion.reason
        assert conversion.reason and "\n" not in conversion.reason
        return
    _agree(model, conversion.onnx, _edge_rows(made, model, 5))


@st.composite
def _parts(draw: st.DrawFn) -> list[Any]:
    """One to four parts, each a way of preparing some columns of its kind; a column may be in several."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        texts = draw(st.booleans())
        names = draw(st.sampled_from(sorted(OF_TEXTS if texts else OF_NUMBERS)))
        chosen = draw(st.lists(st.sampled_from(TEXTS if texts else NUMBERS), min_size=1, max_size=3, unique=True))
        found.append((f"part {number}", (OF_TEXTS if texts else OF_NUMBERS)[names], chosen))
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=_parts(), seed=st.integers(0, 5), trees=st.booleans())
def test_whatever_is_put_together_agrees_or_says_why_it_is_left(
    made: Made, parts: list[Any], seed: int, trees: bool
) -> None:
    estimator = DecisionTreeRegressor(max_depth=5, random_state=0) if trees else None
    try:
        model = _fitted(made, parts, estimator=estimator, seed=seed)
    except ValueError:
        return  # such as NaN that nothing filled, before a linear model
    conversion = to_onnx(model)
    if conversion.onnx is None:
        assert conversion.reason and "\n" not in conversion.reason
        return
    _agree(model, conversion.onnx, _edge_rows(made, model, seed + 10))
