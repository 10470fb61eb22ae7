"""The monitor keeps what each window says of its version's performance, with labels early, late or never."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest, MonitoringSpec
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.performance.finding import Finding, Kind, of_kind
from quarterdeck.core.performance.learning import HeldOut, learn
from quarterdeck.core.performance.validity import NOT_VALID
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Arm, Engine, Task, VersionState
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, promotion, registry, steps, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import (
    FailureRecord,
    PredictionRecord,
    append_failures,
    append_labels,
    append_predictions,
    micros,
    predictions,
)

MONTH = timedelta(days=30)  # by then event time has come as far as the rows
DAY = timedelta(days=1)
PATIENCE_S = 60
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="carrier", kind=FieldKind.STRING)),
    task=Task.BINARY,
    target="late",
    classes=("no", "yes"),
)
STEPS = '''
def missed(y_true, y_pred):
    """The share of late ones that were not foreseen."""
    late = y_true == "yes"
    return float((y_pred[late] == "no").mean())


def broken(y_true, y_pred):
    raise ValueError("no tariff")
'''
MANIFEST = """
[pipeline]
name = "flights"
task = "binary"
target = "late"
[steps.rows]
[[gates]]
metric = "missed"
max = 0.4
[[gates]]
metric = "broken"
min = 0.0
[monitoring]
window = "1d"
"""


@pytest.fixture
def manifests(state: State) -> Mapping[str, Manifest]:
    """With two KPIs, one of which fails."""
    folder = state.workspace.root / "pipelines" / "flights"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.toml").write_text(MANIFEST)
    (folder / "steps.py").write_text("def rows():\n    return None\n" + STEPS)
    gates = (GateSpec(metric="missed", maximum=0.4), GateSpec(metric="broken", minimum=0.0))
    manifest = Manifest(
        name="flights", task=Task.BINARY, target="late", steps=(), folder=folder, gates=gates,
        monitoring=MonitoringSpec(window=DAY, minimum_rows=50),
    )  # fmt: skip
    return {"flights": manifest}


def drawn(seed: int, n: int, *, turned: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, n)
    late = rng.uniform(size=n) < (1 - x if turned else x)
    return pl.DataFrame({"x": x, "carrier": rng.choice(["AA", "UA"], n), "late": np.where(late, "yes", "no")})


@pytest.fixture(autouse=True)
def version(state: State, now: datetime) -> Version:
    """Champion 1, whose score is x; its reference is learned from 1,000 rows."""
    held = drawn(0, 1_000)
    columns = {name: held[name].to_list() for name in SIGNATURE.names}
    rows = Rows.check(Task.BINARY, held["late"].to_list(), held["x"].to_numpy(), classes=SIGNATURE.classes)
    reference = learn(HeldOut(rows=rows, columns=columns, frame=held), SIGNATURE, train=held, slices=("carrier",))
    kept = ArtifactStore(state.workspace.artifacts).put(reference.to_bytes())
    draft = Version(
        model="flights", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256,
        onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE,
        metrics={"missed": 0.25}, verdicts=(), profile=None, performance=kept.sha256, trained_from=None,
        trained_to=None, rows=1_000, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    known = pipelines.Pipeline(name="flights", task=Task.BINARY, description="", owner="", digest="", synced_at=now)
    with state.database.write() as tx:
        pipelines.put(tx, known)
        steps.record_artifact(tx, kept.sha256, kind="performance", size=kept.size, now=now)
        registered = registry.register(tx, draft, audit)
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
    return registered


def send(state: State, day: datetime, frame: pl.DataFrame, *, first: int) -> None:
    """One answer a minute of the day, asked at that time."""
    records: list[PredictionRecord] = [
        {
            "id": f"p{first + place}", "endpoint": "flights", "version": 1, "entity": None,
            "event_at": micros(day + timedelta(minutes=place)), "at": micros(day + timedelta(minutes=place)),
            "arm": Arm.CHAMPION.value, "latency_us": 900 + place, "answer": "x", "score": row["x"],
            "inputs": json.dumps({"x": row["x"], "carrier": row["carrier"]}), "probabilities": None,
        }
        for place, row in enumerate(frame.iter_rows(named=True))
    ]  # fmt: skip
    with state.traffic.write() as tx:
        append_predictions(tx, records)


def label(state: State, frame: pl.DataFrame, *, first: int) -> None:
    rows = [
        {"id": f"p{first + place}", "endpoint": "flights", "label": json.dumps(value), "at": first + place}
        for place, value in enumerate(frame["late"].to_list())
    ]
    with state.traffic.write() as tx:
        append_labels(tx, rows)


def found(state: State) -> list[Window]:
    with state.database.read() as tx:
        return windows.last(tx, "flights", version=1)


def of(window: Window, kind: Kind) -> dict[str, Finding]:
    return of_kind(window.performance, kind)


@pytest.fixture
def start(now: datetime) -> datetime:
    return now.replace(hour=0)


def test_a_window_without_labels_is_estimated_by_slice_too(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    send(state, start, drawn(1, 500), first=0)
    send(state, start + DAY, drawn(2, 1), first=500)
    Monitor(state).tick(manifests, now + MONTH)
    closed = found(state)[0]
    assert of(closed, Kind.LABELLED) == {}
    told = of(closed, Kind.ESTIMATED)
    assert told["roc_auc_score"].value == pytest.approx(0.83, abs=0.04)
    assert told["roc_auc_score"].agrees is None
    assert {name for name in of_kind(closed.performance, Kind.ESTIMATED, slices=True) if "[" in name} == {
        "roc_auc_score[carrier=AA]",
        "roc_auc_score[carrier=UA]",
    }


def test_labels_that_come_late_are_measured_beside_the_estimate(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    rows = drawn(1, 500)
    send(state, start, rows, first=0)
    send(state, start + DAY, drawn(2, 1), first=500)
    monitor = Monitor(state)
    monitor.tick(manifests, now + MONTH)
    label(state, rows, first=0)
    monitor.tick(manifests, now + MONTH)
    closed = found(state)[0]
    measured = of(closed, Kind.LABELLED)
    assert measured["accuracy_score"].n == 500
    assert measured["accuracy_score"].value == pytest.approx(closed.metrics["accuracy_score"])
    assert measured["roc_auc_score"].value == pytest.approx(closed.metrics["roc_auc_score"])
    assert of(closed, Kind.ESTIMATED)["accuracy_score"].agrees is True
    monitor.close()


def test_labels_that_contradict_the_estimates_take_back_those_of_later_windows(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    turned = [drawn(day, 400, turned=True) for day in range(4)]
    for day, rows in enumerate(turned):
        send(state, start + day * DAY, rows, first=400 * day)
    monitor = Monitor(state)
    monitor.tick(manifests, now + MONTH)
    assert not any(NOT_VALID in item["note"] for window in found(state) for item in window.performance)
    for day in (0, 1):  # the labels of the first two days come when all four have been answered
        label(state, turned[day], first=400 * day)
    monitor.tick(manifests, now + MONTH)
    notes = [of(window, Kind.ESTIMATED)["accuracy_score"].note for window in found(state)]
    assert [f"not valid since {start:%Y-%m-%d}" in note for note in notes] == [False, True, True, True]
    assert of(found(state)[0], Kind.LABELLED)["accuracy_score"].alert
    monitor.close()


def test_what_the_server_did_stands_beside_it(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    send(state, start, drawn(1, 432), first=0)
    failure: FailureRecord = {
        "endpoint": "flights", "version": 1, "arm": Arm.CHAMPION.value, "at": micros(start + timedelta(hours=1)),
        "kind": "raised", "count": 48,
    }  # fmt: skip
    with state.traffic.write() as tx:
        append_failures(tx, [failure])
    Monitor(state).tick(manifests, now + MONTH)
    served = of(found(state)[0], Kind.SERVED)
    assert served["error_rate"].value == pytest.approx(0.1)
    assert served["error_rate"].lower < 0.1 < served["error_rate"].upper
    assert served["requests_per_second"].value == pytest.approx(432 / 86_400)
    assert served["p50_ms"].value == pytest.approx(1.1, abs=0.1)
    assert served["confidence"].value == pytest.approx(0.75, abs=0.03)


def tick_until(monitor: Monitor, manifests: Mapping[str, Manifest], now: datetime, kept: Any) -> None:
    """Until the process aside has answered."""
    until = time.monotonic() + PATIENCE_S
    while not kept() and time.monotonic() < until:
        monitor.tick(manifests, now + MONTH)
    assert kept()


def test_kpis_of_a_window_are_measured_by_a_process_of_their_own_and_one_that_fails_says_why(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    rows = drawn(1, 400)
    send(state, start, rows, first=0)
    send(state, start + DAY, drawn(2, 1), first=400)
    label(state, rows, first=0)
    monitor = Monitor(state)
    tick_until(monitor, manifests, now + MONTH, lambda: len(found(state)) == 2 and of(found(state)[0], Kind.KPI))
    kpis = of(found(state)[0], Kind.KPI)
    missed = kpis["missed"]
    late = rows.filter(pl.col("late") == "yes")
    assert missed.value == pytest.approx((late["x"] < 0.5).mean())
    assert missed.standard_error == pytest.approx(0.03, abs=0.015)
    assert (missed.threshold_low, missed.threshold_high, missed.reference, missed.alert) == (None, 0.4, 0.25, False)
    assert kpis["broken"].value is None
    assert kpis["broken"].note == "ValueError: no tariff"
    again = Monitor(state)  # another daemon finds them measured
    again.tick(manifests, now + MONTH)
    assert of(found(state)[0], Kind.KPI) == kpis
    assert not again._performing._kpis._waiting and again._performing._kpis._running is None


def test_a_window_keeps_its_findings_when_retention_has_taken_its_answers(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime
) -> None:
    send(state, start, drawn(1, 200), first=0)
    send(state, start + DAY, drawn(2, 1), first=200)
    Monitor(state).tick(manifests, now + MONTH)
    before = found(state)[0].performance
    assert before
    remove_all(state)
    Monitor(state).tick(manifests, now + MONTH)
    assert found(state)[0].performance == before


def remove_all(state: State) -> None:
    with state.traffic.write() as tx:
        tx.execute(predictions.delete())


def test_an_unreadable_reference_leaves_what_is_measured(
    state: State, manifests: Mapping[str, Manifest], now: datetime, start: datetime, version: Version,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    digest = str(version.performance)
    (state.workspace.artifacts / digest[:2] / digest[2:]).write_bytes(b"{}")
    rows = drawn(1, 200)
    send(state, start, rows, first=0)
    label(state, rows, first=0)
    Monitor(state).tick({"flights": replace(manifests["flights"], gates=())}, now + MONTH)
    window = found(state)[0]
    assert of(window, Kind.LABELLED)["accuracy_score"].value is not None
    (told,) = of(window, Kind.ESTIMATED).values()
    assert told.value is None
    assert "the performance of flights@1 cannot be estimated" in caplog.text
