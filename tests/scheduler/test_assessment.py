"""A new model is measured on the held-out rows and held against every kind of gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from quarterdeck.core.errors import StepError
from quarterdeck.core.gates import GateResult
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.metrics.families import compute
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Outcome, Task
from quarterdeck.scheduler.assessment import Assessment, assess

SIGNATURE = Signature(
    fields=(Field(name="a", kind=FieldKind.NUMBER), Field(name="b", kind=FieldKind.NUMBER)),
    task=Task.BINARY, target="late", classes=(0, 1),
)  # fmt: skip
STEPS = """\
def missed(y_true, y_pred):
    return float(sum(t and not p for t, p in zip(y_true, y_pred))) / len(y_true)


def weighted(y_true, y_pred, rows):
    assert rows.height == len(y_true) == len(y_pred)
    return float((rows["seats"].to_numpy() * (y_true != y_pred)).mean())


def broken(y_true, y_pred):
    return 1 / 0
"""


def _frame(rows: int, seed: int) -> pl.DataFrame:
    """Flights; of carrier C the outcome has nothing to do with the features."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    carrier = rng.choice(list("ABC"), rows)
    late = (a + b + rng.normal(size=rows) > 0).astype(int)
    late[carrier == "C"] = rng.integers(0, 2, (carrier == "C").sum())
    return pl.DataFrame({"a": a, "b": b, "carrier": carrier, "seats": rng.integers(50, 200, rows), "late": late})


TRAIN, HOLDOUT = _frame(2000, 1), _frame(1500, 2)


def _fit(columns: list[str]) -> FittedModel:
    fields = tuple(field for field in SIGNATURE.fields if field.name in columns)
    estimator = LogisticRegression().fit(TRAIN.select(columns), TRAIN["late"].to_numpy())
    return FittedModel(
        estimator=estimator, signature=replace(SIGNATURE, fields=fields), reference=TRAIN.select(columns)[:20],
        trained_from=None, trained_to=None, rows=TRAIN.height,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model() -> FittedModel:
    return _fit(["a", "b"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steps.py").write_text(STEPS)
    return tmp_path


def _assess(folder: Path, model: FittedModel, *gates: GateSpec, champion: FittedModel | None = None) -> Assessment:
    manifest = Manifest(name="flights", task=Task.BINARY, target="late", steps=(), folder=folder, gates=gates)
    return assess(manifest, model, HOLDOUT, champion, train=TRAIN)


def _one(folder: Path, model: FittedModel, gate: GateSpec, champion: FittedModel | None = None) -> GateResult:
    return _assess(folder, model, gate, champion=champion).gates[0]


def test_a_limit_comes_with_the_interval_of_its_metric(folder: Path, model: FittedModel) -> None:
    found = _one(folder, model, GateSpec(metric="roc_auc_score", minimum=0.6))
    assert (found.outcome, found.key, found.n) == (Outcome.PASS, "roc_auc_score min", 1500)
    assert found.interval is not None and found.statistic is not None
    assert found.interval[0] < found.statistic < found.interval[1]


def test_a_metric_that_only_a_gate_names_is_measured(folder: Path, model: FittedModel) -> None:
    assessed = _assess(folder, model, GateSpec(metric="matthews_corrcoef", minimum=0.1))
    scores = model.estimator.predict_proba(HOLDOUT.select("a", "b"))[:, 1]
    expected = compute("matthews_corrcoef", Task.BINARY, HOLDOUT["late"].to_list(), scores)
    assert assessed.metrics["matthews_corrcoef"] == expected == assessed.gates[0].statistic


def test_a_kpi_is_measured_and_has_an_interval(folder: Path, model: FittedModel) -> None:
    found = _one(folder, model, GateSpec(metric="missed", maximum=0.5))
    assert found.outcome is Outcome.PASS
    assert found.statistic is not None and 0 < found.statistic < 0.5


def test_a_kpi_that_takes_the_rows_gets_those_it_is_asked_about_resampled_too(folder: Path, model: FittedModel) -> None:
    worse = _fit(["a"])
    gate = GateSpec(metric="weighted", not_worse_than="champion", margin=1.0)
    better, worsened = _one(folder, model, gate, worse), _one(folder, worse, gate, model)
    assert (better.outcome, worsened.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert better.statistic == pytest.approx(-(worsened.statistic or 0))
    sliced = _one(folder, model, GateSpec(metric="weighted", maximum=1000.0, slice="carrier"))
    assert (sliced.outcome, sliced.slice) == (Outcome.PASS, "carrier = C")


def test_a_kpi_that_fails_costs_the_run_and_is_named(folder: Path, model: FittedModel) -> None:
    with pytest.raises(StepError, match="ZeroDivisionError") as caught:
        _assess(folder, model, GateSpec(metric="broken", maximum=1.0))
    assert caught.value.where == "broken"


def test_a_limit_in_every_slice_names_the_one_that_breaks_it(folder: Path, model: FittedModel) -> None:
    found = _one(folder, model, GateSpec(metric="roc_auc_score", minimum=0.7, slice="carrier"))
    assert (found.outcome, found.slice, found.key) == (Outcome.FAIL, "carrier = C", "roc_auc_score min[carrier]")
    assert found.statistic == pytest.approx(0.5, abs=0.1)
    assert found.gate == "roc_auc_score at least 0.7 in every carrier"


def test_no_worse_than_the_champion_in_every_slice(folder: Path, model: FittedModel) -> None:
    gate = GateSpec(metric="roc_auc_score", not_worse_than="champion", margin=0.05, slice="carrier")
    assert _one(folder, model, gate).outcome is Outcome.PASS  # no champion to compare with
    same = _one(folder, model, gate, model)
    assert (same.outcome, same.statistic) == (Outcome.PASS, 0.0)
    worse = _one(folder, _fit(["a"]), gate, model)
    assert worse.outcome is Outcome.FAIL
    assert worse.slice in ("carrier = A", "carrier = B")


def test_a_column_that_is_not_there_holds_with_the_nearest(folder: Path, model: FittedModel) -> None:
    found = _one(folder, model, GateSpec(metric="roc_auc_score", minimum=0.7, slice="carier"))
    assert found.outcome is Outcome.HOLD
    assert "did you mean `carrier`?" in found.reason


def test_what_was_not_served_holds(folder: Path, model: FittedModel) -> None:
    gates = (GateSpec(metric="artifact_size_mb", maximum=1.0), GateSpec(metric="target_compatible"))
    assert [result.outcome for result in _assess(folder, model, *gates).gates] == [Outcome.HOLD, Outcome.HOLD]


def test_gates_that_are_given_judge_in_place_of_the_manifests(folder: Path, model: FittedModel) -> None:
    gate = GateSpec(metric="missed", maximum=0.5)
    manifest = Manifest(name="flights", task=Task.BINARY, target="late", steps=(), folder=folder, gates=(gate,))
    edited = assess(manifest, model, HOLDOUT, None, gates=[replace(gate, maximum=0.001)])
    assert edited.gates[0].outcome is Outcome.FAIL
