from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.predictors import SklearnPredictor
from quarterdeck.core.pipeline.components.evaluate import evaluate
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.values import Task

LOGISTIC = "sklearn.linear_model.LogisticRegression"


def silent(fraction: float, message: str) -> None:
    """A report that nobody hears."""


def split(task: Task = Task.BINARY) -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(0)
    speed, night = rng.normal(size=300), rng.random(300) < 0.4
    raw = speed + night + rng.normal(0, 0.5, 300)
    targets: dict[Task, Any] = {
        Task.BINARY: raw > 0.5,
        Task.MULTICLASS: [str(place) for place in np.digitize(raw, [0, 1])],
        Task.REGRESSION: raw,
    }
    start = datetime(2024, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "trip": [str(number) for number in range(300)],
            "at": [start + timedelta(hours=number) for number in range(300)],
            "speed": speed,
            "night": night,
            "city": rng.choice(["a", "b"], 300),
            "y": targets[task],
        }
    )
    return {"train": frame[:200], "holdout": frame[200:]}


def fitted(task: Task = Task.BINARY, info: Any = None, **settings: Any) -> Any:
    given = {"estimator": LOGISTIC, **settings}
    return fit(split(task), pipeline=info(task), report=silent, **given)


def test_a_model_sees_all_but_target_entity_and_time_and_knows_its_rows_and_period(info: Any) -> None:
    model = fitted(info=info)
    assert model.signature.names == ("speed", "night", "city")
    assert model.signature.classes == (0, 1)
    assert model.rows == 200
    assert model.trained_from == datetime(2024, 1, 1, tzinfo=UTC)
    assert model.trained_to == datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=199)
    assert model.reference.height == 200


def test_features_can_be_named_and_progress_is_reported(info: Any) -> None:
    heard: list[float] = []
    model = fit(
        split(),
        estimator=LOGISTIC,
        features=["city", "speed"],
        pipeline=info(),
        report=lambda fraction, message: heard.append(fraction),
    )
    assert model.signature.names == ("city", "speed")
    assert heard == [0.0, 1.0]


def test_the_seed_makes_the_same_model_again(info: Any) -> None:
    forest = {"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 5}}
    columns = {name: split()["holdout"][name].to_list() for name in ("speed", "night", "city")}

    def scores(seed: int) -> list[float]:
        model = fit(split(), pipeline=info(seed=seed), report=silent, **forest)
        return SklearnPredictor(model.estimator, model.signature).predict(columns).scores.tolist()

    assert scores(1) == scores(1)
    assert scores(1) != scores(2)


def test_a_seed_among_the_parameters_wins(info: Any) -> None:
    model = fitted(info=info, parameters={"random_state": 99})
    assert model.estimator[-1].random_state == 99


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimator": "sklearn.linear_model.LogisticRegresion"}, "did you mean `LogisticRegression`"),
        ({"estimator": "sklearn.linear_modl.Ridge"}, "no module 'sklearn.linear_modl'"),
        ({"estimator": "os.system"}, "'os.system' is not in sklearn"),
        ({"estimator": "LogisticRegression"}, "is not in sklearn"),
        (
            {"estimator": "sklearn.linear_model.Ridge"},
            "is not a classifier, and the pipeline's task is binary",
        ),
        ({"estimator": "sklearn.preprocessing.StandardScaler"}, "has no estimator 'StandardScaler'"),
        ({"parameters": {"max_itr": 3}}, "no parameter 'max_itr'.*did you mean `max_iter`"),
        ({"parameters": {"C": -1.0}}, "The 'C' parameter of LogisticRegression must be"),
        ({"features": ["sped"]}, "no column 'sped'.*did you mean `speed`"),
        ({"features": ["y"]}, "a model may not see its target"),
        ({"features": ["at"]}, "Column 'at' is Datetime"),
    ],
)
def test_wrong_settings_are_refused_with_the_nearest_right_one(info: Any, settings: Any, message: str) -> None:
    with pytest.raises(StepError, match=message):
        fitted(info=info, **settings)


def test_a_package_that_is_named_may_be_used(info: Any) -> None:
    with pytest.raises(StepError, match="no module 'boosters'"):
        fitted(info=info, estimator="boosters.Classifier", packages=["boosters"])


def test_a_split_of_another_shape_and_targets_that_cannot_be_learned_are_refused(info: Any) -> None:
    def refused(rows: Any, message: str, task: Task = Task.BINARY) -> None:
        with pytest.raises(StepError, match=message):
            fit(rows, estimator=LOGISTIC, pipeline=info(task), report=silent)

    frame = split()["train"]
    refused(frame, "has no 'train' rows")
    refused({"train": frame[:0]}, "no rows to train on")
    refused({"train": frame.filter("y")}, "1 distinct values; task binary needs exactly 2")
    refused({"train": frame.with_columns(y=pl.col("speed"))}, "target 'y' is Float64")
    refused({"train": frame.drop("y")}, "no column 'y', the pipeline's target")
    gaps = frame.with_columns(y=pl.when(pl.col("speed") > 0).then("y"))
    refused({"train": gaps}, "is null in .* rows of 200")


def test_a_regressions_target_with_infinity_is_refused(info: Any) -> None:
    frame = split(Task.REGRESSION)["train"].with_columns(y=pl.lit(float("inf")))
    with pytest.raises(StepError, match="NaN or infinity"):
        fit(
            {"train": frame},
            estimator="sklearn.linear_model.Ridge",
            pipeline=info(Task.REGRESSION),
            report=silent,
        )


def test_evaluation_measures_the_holdout_as_scikit_learn_does(info: Any) -> None:
    model, rows = fitted(info=info), split()
    found = evaluate(model, rows, pipeline=info())
    columns = {name: rows["holdout"][name].to_list() for name in model.signature.names}
    scores = SklearnPredictor(model.estimator, model.signature).predict(columns).scores
    assert found["rows"] == 100
    assert found["metrics"]["roc_auc_score"] == pytest.approx(roc_auc_score(rows["holdout"]["y"], scores))
    assert found["left_out"] == {}


@pytest.mark.parametrize(
    ("task", "estimator", "metric"),
    [
        (Task.MULTICLASS, LOGISTIC, "log_loss"),
        (Task.REGRESSION, "sklearn.linear_model.Ridge", "r2_score"),
    ],
)
def test_every_task_is_evaluated(info: Any, task: Task, estimator: str, metric: str) -> None:
    model = fitted(task, info=info, estimator=estimator)
    assert metric in evaluate(model, split(task), pipeline=info(task))["metrics"]


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_a_model_without_probabilities_is_measured_by_its_labels_only(info: Any, task: Task) -> None:
    model = fitted(task, info=info, estimator="sklearn.svm.LinearSVC")
    found = evaluate(model, split(task), pipeline=info(task))
    assert "accuracy_score" in found["metrics"]
    assert found["left_out"]["roc_auc_score"] == "the model gives no probabilities"
    assert "log_loss" not in found["metrics"]


def test_a_metric_without_a_meaning_on_the_rows_is_left_out_with_the_reason(info: Any) -> None:
    rows = split()
    found = evaluate(fitted(info=info), {"holdout": rows["holdout"].filter("y")}, pipeline=info())
    assert "roc_auc_score" not in found["metrics"]
    assert "class" in found["left_out"]["roc_auc_score"]


def test_answers_that_are_no_numbers_are_refused(info: Any) -> None:
    model = fitted(Task.REGRESSION, info=info, estimator="sklearn.linear_model.Ridge")
    model.estimator[-1].intercept_ = float("nan")
    with pytest.raises(StepError, match="NaN or infinity for 100 rows of 100"):
        evaluate(model, split(Task.REGRESSION), pipeline=info(Task.REGRESSION))


def test_only_what_fit_returns_is_evaluated_on_rows_that_are_there(info: Any) -> None:
    with pytest.raises(StepError, match="is a dict, not what `fit` returns"):
        evaluate({}, split(), pipeline=info())  # type: ignore[arg-type]  # what a user may hand over
    with pytest.raises(StepError, match="no rows to evaluate on"):
        evaluate(fitted(info=info), {"holdout": split()["holdout"][:0]}, pipeline=info())
