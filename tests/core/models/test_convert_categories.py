"""Histogram boosting that splits by sets of categories answers in ONNX as it does in scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.describe import describe_model, target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.predictors import OnnxPredictor, SklearnPredictor
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

Info = Callable[[Task], PipelineInfo]
TASKS = [Task.BINARY, Task.MULTICLASS, Task.REGRESSION]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Boosting on so few rows only waits for its threads."""
    with threadpool_limits(1):
        yield


def _frame(task: Task, places: Any, seed: int) -> pl.DataFrame:
    """A category of `places`, missing now and then, whose effect has nothing to do with its order; and a number."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(places), 900)
    effect, other = rng.normal(size=len(places)), rng.normal(size=900)
    raw = effect[chosen] * (1 + (other > 0)) + other + rng.normal(0, 0.2, 900)
    targets = {
        Task.BINARY: (raw > 0).astype(int),
        Task.MULTICLASS: np.digitize(raw, [-1, 1]),
        Task.REGRESSION: np.exp(raw / 3),
    }
    where = [None if gap else places[place] for place, gap in zip(chosen, rng.random(900) < 0.1, strict=True)]
    return pl.DataFrame({"place": where, "other": other, "y": targets[task]})


def _boosted(info: Info, task: Task, places: Any, seed: int = 0, **parameters: Any) -> FittedModel:
    """Fitted on the columns as they are, without preparation."""
    frame = _frame(task, places, seed)
    signature = infer_signature(frame, info(task))
    kind = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    estimator = kind(categorical_features=[0], max_iter=12, random_state=0, **parameters)
    estimator.fit(model_frame(frame, signature), target_array(frame, signature))
    return describe_model(estimator, frame, signature, 0)


def _agree(model: FittedModel, columns: dict[str, list[Any]]) -> None:
    conversion = to_onnx(model)
    assert conversion.onnx is not None, conversion.reason
    served = OnnxPredictor(conversion.onnx, model.signature).predict(columns)
    trusted = SklearnPredictor(model.estimator, model.signature).predict(columns)
    assert served.labels == trusted.labels
    np.testing.assert_allclose(served.scores, trusted.scores, rtol=1e-12)


def _asked(places: list[float], thresholds: list[float]) -> dict[str, list[Any]]:
    """Every place and what lies beside it, what is missing, and what training never saw, at each threshold."""
    beside = [value for place in places for value in (place, place + 0.5, np.nextafter(place, np.inf))]
    asked = [*beside, None, -1.0, 0.0, 63.0, 64.0, 65.0, 1e300, -1e300, 2.0**53, max(places) + 1, min(places) - 1]
    pairs = [(place, other) for place in asked for other in thresholds]
    return {"place": [place for place, _ in pairs], "other": [other for _, other in pairs]}


def _thresholds(model: FittedModel) -> list[float]:
    nodes = np.concatenate([tree.nodes for stage in model.estimator._predictors for tree in stage])
    found = nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
    found = found[np.isfinite(found)][:4]
    return [*found.tolist(), *np.nextafter(found, np.inf).tolist()]


PLACES = {
    "from 0": list(range(20)),
    "from 1 to 64": list(range(1, 65)),
    "from 0 to 64": list(range(65)),
    "from 1000": list(range(1000, 1030)),
    "negative": list(range(-7, 9)),
    "far apart": [3.0, 17.0, 900.0, 1e9, 2.0**60],
    "fractions": [0.1, 0.25, 0.5, 1.0, 7.75],
    "many": list(range(200)),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES.keys())
def test_known_missing_and_unknown_categories_go_where_scikit_learn_sends_them(
    info: Info, task: Task, places: Any
) -> None:
    model = _boosted(info, task, [float(place) for place in places])
    _agree(model, _asked([float(place) for place in places], _thresholds(model)))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gamma", "poisson", "quantile"])
def test_every_loss_of_regression_converts_with_categories(info: Info, loss: str) -> None:
    parameters = {"quantile": 0.8} if loss == "quantile" else {}
    model = _boosted(info, Task.REGRESSION, PLACES["from 0"], loss=loss, monotonic_cst=[0, 1], **parameters)
    _agree(model, _asked(PLACES["from 0"], _thresholds(model)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.floats(-1e6, 1e6) | st.integers(-99, 99).map(float), min_size=2, max_size=80, unique=True),
    seed=st.integers(0, 99),
    task=st.sampled_from(TASKS),
)
def test_any_set_of_categories_converts_exactly(info: Info, places: list[float], seed: int, task: Task) -> None:
    model = _boosted(info, task, places, seed)
    _agree(model, _asked(places, _thresholds(model) or [0.0]))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("count", [5, 120])
def test_strings_named_as_categorical_are_served_by_onnx(info: Info, task: Task, count: int) -> None:
    places = [f"place {number}" for number in range(count)]
    model = fit(
        {"train": _frame(task, places, 1)},
        estimator=f"sklearn.ensemble.HistGradientBoosting{'Regressor' if task is Task.REGRESSION else 'Classifier'}",
        parameters={"categorical_features": ["place"], "max_iter": 12},
        pipeline=info(task),
        report=lambda fraction, message: None,
    )
    asked = [*places, None, "", "nowhere"]
    _agree(model, {"place": asked * 2, "other": [0.1] * len(asked) + [-2.0] * len(asked)})


def test_a_category_that_is_always_missing_converts(info: Info) -> None:
    frame = _frame(Task.REGRESSION, [1.0, 2.0], 0).with_columns(place=pl.lit(None, dtype=pl.Float64))
    signature = infer_signature(frame, info(Task.REGRESSION))
    estimator = HistGradientBoostingRegressor(categorical_features=[0], max_iter=5)
    estimator.fit(model_frame(frame, signature), target_array(frame, signature))
    _agree(describe_model(estimator, frame, signature, 0), {"place": [None, 1.0], "other": [0.5, 0.5]})
