"""A closed window's rows are compared with the training rows once, by a process of its own, and the result is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.drift_spec import DriftSpec, Multivariate
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, MonitoringSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, Task, VersionState
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.multivariate import MultivariateRuns
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, registry, runs, steps, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import put_value
from quarterdeck.store.traffic import append_predictions, micros

DAY = timedelta(days=1)
SIGNATURE = Signature(
    fields=(
        Field(name="x", kind=FieldKind.NUMBER),
        Field(name="y", kind=FieldKind.NUMBER, nullable=True),
        Field(name="s", kind=FieldKind.STRING),
    ),
    task=Task.REGRESSION, target="z",
)  # fmt: skip


def rows(n: int, *, sign: float, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = sign * x + 0.1 * rng.normal(size=n)
    return [
        {"x": float(a), "y": float(b), "s": "ab"[int(c > 0)]} for a, b, c in zip(x, y, rng.normal(size=n), strict=True)
    ]


def manifests(state: State, *methods: Multivariate) -> Mapping[str, Manifest]:
    monitoring = MonitoringSpec(window=DAY, drift=DriftSpec(multivariate=methods))
    return {
        "fuel": Manifest(
            name="fuel", task=Task.REGRESSION, target="z", steps=(), folder=state.workspace.root, monitoring=monitoring
        )
    }


@pytest.fixture
def version(state: State, now: datetime) -> None:
    """A version whose run split its rows, and two days of traffic: the second's columns go together the other way."""
    artifacts = ArtifactStore(state.workspace.artifacts)
    train = pl.DataFrame(rows(1_000, sign=1, seed=1)).with_columns(z=pl.lit(1.0))
    split = put_value(artifacts, {"train": train, "holdout": train.head(10)}, step="split")
    columns = {name: train[name].to_list() for name in SIGNATURE.names}
    kept = artifacts.put(json.dumps(build_profile(columns, SIGNATURE).to_json()).encode())
    with state.database.write() as tx:
        made = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
        pipelines.put(tx, made)
        run = runs.request(tx, "fuel", by="ops", cause={"kind": "manual"}, now=now)
        steps.plan(tx, run.id, [("evaluation", "evaluate", ("split",))])
        for part in (*split.parts(), *(kept,)):
            size = part.size if hasattr(part, "size") else len(part.data)
            steps.record_artifact(tx, part.sha256, kind="frame", size=size, now=now)
        steps.record_lineage(tx, run.id, "evaluation", inputs={"split": split.sha256}, output=kept.sha256)
        draft = Version(
            model="fuel", number=0, state=VersionState.ACCEPTED, run_id=run.id, created=now, artifact=kept.sha256,
            onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={},
            verdicts=(), profile=kept.sha256, trained_from=None, trained_to=None, rows=1000, size_bytes=1,
        )  # fmt: skip
        registry.register(tx, draft, Audit(actor="ops", environment="production", at=now, reason="r"))
    start = now.replace(hour=0)
    sent = [(start, rows(300, sign=1, seed=2)), (start + DAY, rows(300, sign=-1, seed=3))]
    sent.append((start + 2 * DAY, rows(1, sign=1, seed=4)))  # the third day has begun
    numbered = iter(range(1_000))
    with state.traffic.write() as tx:
        append_predictions(
            tx,
            [
                {
                    "id": f"p{next(numbered)}",
                    "endpoint": "fuel",
                    "version": 1,
                    "entity": None,
                    "at": 1,
                    "event_at": micros(day),
                    "arm": "champion",
                    "latency_us": 1,
                    "answer": "1",
                    "score": 1.0,
                    "inputs": json.dumps(row),
                    "probabilities": None,
                }
                for day, found in sent
                for row in found
            ],
        )


@pytest.fixture
def compare(state: State, now: datetime) -> Iterator[Callable[[Mapping[str, Manifest]], list[Any]]]:
    running = MultivariateRuns(state)

    def until_done(asking: Mapping[str, Manifest]) -> list[Any]:
        at = now
        for _ in range(6):  # more than there are windows
            at += timedelta(seconds=3)
            running.tick(asking, at)
            if running._running is not None:
                running._running.child.wait(timeout=90)
        with state.database.read() as tx:
            return windows.last(tx, "fuel")

    yield until_done
    running.close()


def test_each_closed_window_is_compared_once_and_keeps_the_result(
    state: State, version: None, now: datetime, compare: Callable[..., list[Any]]
) -> None:
    asking = manifests(state, Multivariate.PCA, Multivariate.DOMAIN_CLASSIFIER)
    Monitor(state).tick(asking, now + timedelta(days=30))
    first, second, third = compare(asking)
    for window, drifted in ((first, False), (second, True)):
        found = window.dataset_drift["multivariate"]
        assert [(item["method"], item["drifted"], item["problem"]) for item in found] == [
            ("pca", drifted, None), ("domain_classifier", drifted, None),
        ]  # fmt: skip
        assert window.drifted == 0
    assert third.dataset_drift == {}
    Monitor(state).tick(asking, now + timedelta(days=30))  # a new daemon judges the windows anew
    with state.database.read() as tx:
        again = windows.last(tx, "fuel")
    assert [window.dataset_drift for window in again] == [first.dataset_drift, second.dataset_drift, {}]


def test_where_nothing_is_asked_nothing_is_compared(
    state: State, version: None, now: datetime, compare: Callable[..., list[Any]]
) -> None:
    asking = manifests(state)
    Monitor(state).tick(asking, now + timedelta(days=30))
    assert [window.dataset_drift.get("multivariate") for window in compare(asking)] == [[], [], None]


def test_rows_that_are_gone_are_a_problem_in_words(
    state: State, version: None, now: datetime, compare: Callable[..., list[Any]]
) -> None:
    asking = manifests(state, Multivariate.PCA)
    Monitor(state).tick(asking, now + timedelta(days=30))
    with state.traffic.write() as tx:
        tx.exec_driver_sql("DELETE FROM prediction")
    first, _, _ = compare(asking)
    [found] = first.dataset_drift["multivariate"]
    assert (found["value"], found["drifted"], found["problem"]) == (None, False, "its answers are no longer in the log")
