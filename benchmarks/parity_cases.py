"""Every classifier and regressor of scikit-learn, fitted on a table that suits it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

from quarterdeck.core.models.describe import describe_model, target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.preparation import with_preparation
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

ROWS = 240
NUMBERS, MIXED, COUNTS, ONE = "four numbers", "mixed columns", "counts", "one number"
SEVERAL_TARGETS = {
    *("ClassifierChain", "MultiOutputClassifier", "MultiOutputRegressor", "MultiTaskElasticNet"),
    *("MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV", "RegressorChain"),
}
TWO_CLASSES = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
NOT_TEXT = {"SelfTrainingClassifier"}  # it takes classes of text as objects only
OF_COUNTS = {"MultinomialNB", "ComplementNB", "CategoricalNB"}
GIVEN: dict[str, dict[str, Any]] = {
    "CCA": {"n_components": 1},
    "PLSCanonical": {"n_components": 1},
    "PLSRegression": {"n_components": 1},
    "CategoricalNB": {"min_categories": 10},
    "RadiusNeighborsClassifier": {"radius": 50.0},
    "RadiusNeighborsRegressor": {"radius": 50.0},
    "GaussianProcessRegressor": {"alpha": 0.1},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    kind: type
    task: Task
    table: str

    @property
    def name(self) -> str:
        return self.kind.__name__

    def __str__(self) -> str:
        return f"{self.name}, {self.task}, {self.table}"


def kinds() -> list[type]:
    return [kind for of in ("classifier", "regressor") for _, kind in all_estimators(of)]


def cases() -> Iterator[Case]:
    """Each estimator that takes one target, for each task that it is made for, on each table that suits it."""
    for kind in kinds():
        if kind.__name__ in SEVERAL_TARGETS:
            continue
        tasks = [Task.BINARY, Task.MULTICLASS] if issubclass(kind, ClassifierMixin) else [Task.REGRESSION]
        for task in tasks[:1] if kind.__name__ in TWO_CLASSES | NOT_TEXT else tasks:
            tables = [NUMBERS, MIXED]
            if kind.__name__ in OF_COUNTS:
                tables = [COUNTS]
            if kind.__name__ == "IsotonicRegression":
                tables = [ONE]
            for table in tables:
                yield Case(kind=kind, task=task, table=table)


def make_estimator(kind: type) -> Any:
    """With the smallest arguments that it takes, and those without which it cannot be kept."""
    classifies = issubclass(kind, ClassifierMixin)
    parameters = inspect.signature(kind).parameters
    tree = DecisionTreeClassifier(max_depth=3) if classifies else DecisionTreeRegressor(max_depth=3)
    inner = LogisticRegression() if classifies else Ridge()
    given: dict[str, Any] = dict(GIVEN.get(kind.__name__, {}))
    if "estimators" in parameters:
        given["estimators"] = [("linear", inner), ("tree", tree)]
    needs = "estimator" in parameters and parameters["estimator"].default is inspect.Parameter.empty
    if needs or kind.__name__ == "SelfTrainingClassifier":
        given["estimator"] = inner
    if "random_state" in parameters:
        given["random_state"] = 0
    if "Neighbors" in kind.__name__:
        given["algorithm"] = "brute"
    return kind(**given)


def rows(task: Task, table: str, seed: int = 0, count: int = ROWS) -> pl.DataFrame:
    """A table with its target `y`."""
    rng = np.random.default_rng(seed)
    first, second, third, fourth = (rng.normal(size=count) for _ in range(4))
    place = rng.choice(["Aarhus", "Łódź", "東京"], count)
    raw = first + 0.3 * second + 0.3 * rng.normal(size=count)
    columns: dict[str, Any] = {"a": first, "b": second, "c": third, "d": fourth}
    if table == ONE:
        columns = {"a": first}
    if table == COUNTS:
        columns = {
            name: rng.poisson(2 + (raw > shift), count).clip(0, 9)
            for name, shift in zip("abc", (-1, 0, 1), strict=True)
        }
    if table == MIXED:
        raw = raw + (place == "東京")
        gaps = rng.random((2, count)) < 0.1
        columns |= {
            "a": [None if gap else float(value) for gap, value in zip(gaps[0], first, strict=True)],
            "c": rng.random(count) < 0.4,
            "place": [None if gap else str(value) for gap, value in zip(gaps[1], place, strict=True)],
        }
    targets: dict[Task, Any] = {
        Task.BINARY: (raw > 0).astype(int),
        Task.MULTICLASS: np.array(["low", "mid", "top"])[np.digitize(raw, [-0.5, 0.7])].tolist(),
        Task.REGRESSION: np.exp(raw / 3),
    }
    return pl.DataFrame({**columns, "y": targets[task]})


def fitted(case: Case) -> FittedModel:
    """As `fit` prepares it, or behind a scaler; counts and one number as they are."""
    frame = rows(case.task, case.table)
    info = PipelineInfo(
        name="parity", task=case.task, target="y", entity=None, time=None, seed=0, workspace=Path("unused")
    )
    signature = infer_signature(frame, info)
    estimator = make_estimator(case.kind)
    if case.table == MIXED:
        model: Any = with_preparation(estimator, signature)
    else:
        model = make_pipeline(StandardScaler(), estimator) if case.table == NUMBERS else make_pipeline(estimator)
    model.fit(model_frame(frame, signature), target_array(frame, signature))
    return describe_model(model, frame, signature, 0)


def asked(case: Case, model: FittedModel) -> list[dict[str, Any]]:
    """Fresh rows, and rows exactly on the thresholds of its trees and on either side of them."""
    fresh = rows(case.task, case.table, seed=5, count=60).drop("y").to_dicts()
    for number in (name for name in ("a", "b") if name in fresh[0] and case.table not in (COUNTS,)):
        for place, value in enumerate(thresholds(model, number)):
            for near in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf)):
                fresh.append({**fresh[place % 60], number: near})
    return fresh


def thresholds(model: FittedModel, name: str, most: int = 25) -> list[float]:
    """Some thresholds of trees on a field that reaches them unchanged, between its least and its greatest value."""
    low, high = next((field.minimum, field.maximum) for field in model.signature.fields if field.name == name)
    before, last = model.estimator[:-1], model.estimator[-1]
    if not len(before) or name not in getattr(before, "feature_names_in_", []):
        return []
    place = list(before.feature_names_in_).index(name)
    found = np.unique([value for value in _splits(last, place)])[:400]
    scaler = before[-1] if isinstance(before[-1], StandardScaler) else None
    if scaler is not None:  # back through the scaler: the nearest double to what it takes to the threshold
        found = found * scaler.scale_[place] + scaler.mean_[place]
    inside = [float(value) for value in found if low is not None and high is not None and low < value < high]
    return inside[:: max(1, len(inside) // most)]


def _splits(estimator: Any, place: int) -> Iterator[float]:
    if hasattr(estimator, "_predictors"):
        for predictor in (one for stage in estimator._predictors for one in stage):
            nodes = predictor.nodes
            yield from nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == place)]
        return
    members = [estimator] if hasattr(estimator, "tree_") else np.ravel(getattr(estimator, "estimators_", []))
    for member in members:
        if hasattr(member, "tree_"):
            yield from member.tree_.threshold[member.tree_.feature == place]
