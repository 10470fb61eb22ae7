"""What is kept for the model card when a version is registered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from quarterdeck.core.evaluation import Evaluation
from quarterdeck.core.manifest import EvaluationSpec, GateSpec, Manifest
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Task
from quarterdeck.scheduler.delivery import deliver
from quarterdeck.scheduler.evaluation import keep_evaluation
from quarterdeck.scheduler.manifests import sync
from quarterdeck.scheduler.state import State
from quarterdeck.store import runs, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import put_value

SIGNATURE = Signature(
    fields=(
        Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),
        Field(name="noise", kind=FieldKind.NUMBER, minimum=0, maximum=1),
    ),
    task=Task.REGRESSION,
    target="y",
    time="at",
)
TRAINED = 400


@pytest.fixture
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x, start = rng.random(600), datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame({
        "at": [start + timedelta(hours=number) for number in range(600)],
        "x": x,
        "noise": rng.random(600),
        "port": ["Oslo" if number % 3 else "Bergen" for number in range(600)],
        "y": 5 * x + rng.normal(0, 0.3, 600),
    })  # fmt: skip


@pytest.fixture
def manifest(state: State) -> Manifest:
    folder = state.workspace.root / "pipelines" / "tiny"
    folder.mkdir(parents=True)
    (folder / "steps.py").write_text(
        "def bias(y_true, y_pred):\n    return abs((y_true - y_pred).mean())\n\n"
        "def at_oslo(y_true, y_pred, rows):\n    here = (rows['port'] == 'Oslo').to_numpy()\n"
        "    return abs(y_true - y_pred)[here].mean()\n"
    )
    gates = (GateSpec(metric="bias", maximum=9.0), GateSpec(metric="at_oslo", maximum=9.0))
    return Manifest(
        name="tiny", task=Task.REGRESSION, target="y", time="at", steps=(), folder=folder, gates=gates,
        evaluation=EvaluationSpec(slices=("port",), minimum_rows=20),
    )  # fmt: skip


def fitted(frame: pl.DataFrame, alpha: float = 0.01) -> FittedModel:
    train = frame.head(TRAINED)
    return FittedModel(
        estimator=Ridge(alpha=alpha).fit(train.select("x", "noise"), train["y"]), signature=SIGNATURE,
        reference=train.head(50).select("x", "noise"), trained_from=None, trained_to=None, rows=TRAINED,
    )  # fmt: skip


def request(state: State, manifest: Manifest, now: datetime) -> Run:
    with state.database.write() as tx:
        sync(tx, manifest, now)
        return runs.request(tx, manifest.name, by="ops", cause={}, now=now)


def kept(state: State, run: Run, manifest: Manifest, frame: pl.DataFrame, **more: object) -> Evaluation:
    artifacts = ArtifactStore(state.workspace.artifacts)
    model = fitted(frame)
    profile = build_profile({name: frame[name].head(TRAINED).to_list() for name in SIGNATURE.names}, SIGNATURE)
    given = {"values": {"mean_absolute_error": 0.24, "bias": 0.01, "at_oslo": 0.24}, "profile": profile} | more
    found = keep_evaluation(
        state, artifacts, run, manifest, model=model, train=frame.head(TRAINED), holdout=frame.tail(200),
        **given,  # type: ignore[arg-type]  # names of its arguments
    )  # fmt: skip
    assert found is not None
    return Evaluation.from_json(json.loads(artifacts.get(found.sha256)))


def test_everything_is_measured_and_kept(state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime) -> None:
    found = kept(state, request(state, manifest, now), manifest, frame)
    assert found.rows == 200 and found.notes == ()
    assert [item.name for item in found.metrics] == ["mean_absolute_error", "bias", "at_oslo"]
    assert all(item.interval is not None for item in found.metrics)
    assert found.importance is not None and found.importance.fields[0].field == "x"
    assert found.importance.fields[0].worse_by > 10 * abs(found.importance.fields[1].worse_by)
    assert found.residuals is not None and found.calibration is None
    assert found.slices is not None and [item.name for item in found.slices.named] == ["port = Oslo", "port = Bergen"]
    assert [(item.name, item.rows) for item in found.data] == [("train", 400), ("holdout", 200)]
    assert found.data[1].first == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=400)


def test_the_champion_is_asked_about_the_same_rows(
    state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime
) -> None:
    poor = fitted(frame, alpha=1_000.0)
    found = kept(state, request(state, manifest, now), manifest, frame, champion=poor, number=3)
    assert found.champion == 3
    for item in found.metrics:
        assert item.champion is not None and item.difference is not None
    error = found.measured("mean_absolute_error")
    assert error is not None and error.difference is not None and error.difference.high < 0


def test_the_fingerprints_are_the_hashes_under_which_the_run_kept_the_rows(
    state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime
) -> None:
    run, artifacts = request(state, manifest, now), ArtifactStore(state.workspace.artifacts)
    split = put_value(artifacts, {"train": frame.head(TRAINED), "holdout": frame.tail(200)}, step="split")
    with state.database.write() as tx:
        for part in split.parts():
            steps.record_artifact(tx, part.sha256, kind=part.kind, size=len(part.data), now=now)
        steps.plan(tx, run.id, [("judge", "evaluate", ("split",))])
        steps.record_lineage(tx, run.id, "judge", inputs={"split": split.sha256}, output=split.sha256)
    found = kept(state, run, manifest, frame)
    assert [item.sha256 for item in found.data] == [part.sha256 for part in split.children]


def test_the_same_run_measures_the_same(state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime) -> None:
    run = request(state, manifest, now)
    assert kept(state, run, manifest, frame) == kept(state, run, manifest, frame)


def test_a_champion_that_takes_other_fields_is_noted_and_the_rest_is_measured(
    state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime
) -> None:
    other = replace(SIGNATURE, fields=(Field(name="draught", kind=FieldKind.NUMBER),))
    champion = replace(fitted(frame), signature=other)
    found = kept(state, request(state, manifest, now), manifest, frame, champion=champion, number=3)
    assert found.champion is None and found.metrics[0].interval is not None
    assert "the champion on the same rows" in found.notes[0] and "draught" in found.notes[0]


def test_rows_that_cannot_be_measured_give_no_evaluation_and_the_log_says_why(
    state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    holdout = frame.tail(200).with_columns(y=pl.lit(None, dtype=pl.Float64))
    found = keep_evaluation(
        state, ArtifactStore(state.workspace.artifacts), request(state, manifest, now), manifest, model=fitted(frame),
        train=frame.head(TRAINED), holdout=holdout, values={}, profile=None,
    )  # fmt: skip
    assert found is None and "the model card will have no figures" in caplog.text


def test_a_version_is_registered_with_its_evaluation(
    state: State, manifest: Manifest, frame: pl.DataFrame, now: datetime
) -> None:
    artifacts, run = ArtifactStore(state.workspace.artifacts), request(state, manifest, now)
    sha256 = artifacts.put(b"model").sha256
    with state.database.write() as tx:
        steps.record_artifact(tx, sha256, kind="model", size=5, now=now)
    version = deliver(
        state, artifacts, run, replace(manifest, gates=()), model=fitted(frame), model_sha=sha256,
        train=frame.head(TRAINED), holdout=frame.tail(200), champion=None, now=now,
    )  # fmt: skip
    assert version.evaluation is not None
    assert Evaluation.from_json(json.loads(artifacts.get(version.evaluation))).rows == 200
