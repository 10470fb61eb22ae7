"""The prediction log, counted into windows once and compared as labels come; whatever happens to the daemon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, MonitoringSpec, Promotion, RolloutSpec, Strategy
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import build_profile
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Arm, Decision, Engine, Task, VersionState
from quarterdeck.scheduler.duels import Duels
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.state import State
from quarterdeck.store import duels, pipelines, promotion, registry, steps, traffic_queries, traffic_removal, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, micros
from quarterdeck.store.traffic_upgrade import SETTLED

DAY = timedelta(days=1)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),), task=Task.REGRESSION, target="y"
)


@pytest.fixture
def manifests(state: State) -> Mapping[str, Manifest]:
    rollout = RolloutSpec(strategy=Strategy.SHADOW, promote=Promotion.AUTO, minimum_labels=50, maximum_labels=300)
    manifest = Manifest(
        name="fuel", task=Task.REGRESSION, target="y", steps=(), folder=state.workspace.root, rollout=rollout,
        monitoring=MonitoringSpec(window=DAY, minimum_rows=50),
    )  # fmt: skip
    return {"fuel": manifest}


@pytest.fixture(autouse=True)
def versions(state: State, now: datetime) -> None:
    """Champion 1 and challenger 2, with the same profile: x evenly between 0 and 1."""
    profile = build_profile({"x": np.linspace(0, 1, 1000).tolist()}, SIGNATURE, np.linspace(0, 1, 1000).tolist())
    kept = ArtifactStore(state.workspace.artifacts).put(json.dumps(profile.to_json()).encode())
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE,
        metrics={"mean_absolute_error": 0.1}, verdicts=(), profile=kept.sha256, trained_from=None, trained_to=None,
        rows=1000, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    with state.database.write() as tx:
        pipelines.put(
            tx,
            pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now),
        )
        steps.record_artifact(tx, kept.sha256, kind="profile", size=kept.size, now=now)
        for _ in range(2):
            registry.register(tx, draft, audit)
        promotion.promote(tx, "fuel", 1, audit, saw_champion=None)
        promotion.challenge(tx, "fuel", 2, audit)


def answer(number: int, at: datetime, *, x: float, score: float, version: int = 1) -> PredictionRecord:
    return {
        "id": f"p{number}", "endpoint": "fuel", "version": version, "entity": None, "event_at": micros(at),
        "at": number,
        "arm": (Arm.CHAMPION if version == 1 else Arm.SHADOW).value, "latency_us": 1000, "answer": str(score),
        "inputs": json.dumps({"x": x}) if version == 1 else "", "score": score, "probabilities": None,
    }  # fmt: skip


def send(state: State, start: datetime, xs: list[float], *, first: int = 0) -> None:
    """One answer a minute; the champion says x."""
    records = [answer(first + index, start + timedelta(minutes=index), x=x, score=x) for index, x in enumerate(xs)]
    with state.traffic.write() as tx:
        append_predictions(tx, records)


def label(state: State, values: Mapping[int, float]) -> None:
    rows = [
        {"id": f"p{number}", "endpoint": "fuel", "label": str(value), "at": number} for number, value in values.items()
    ]
    with state.traffic.write() as tx:
        append_labels(tx, rows)


def found(state: State) -> list[Window]:
    with state.database.read() as tx:
        return windows.last(tx, "fuel", version=1)


def evenly(rows: int) -> list[float]:
    return np.linspace(0, 1, rows).tolist()


def test_a_window_that_looks_like_training_has_not_drifted_and_one_that_does_not_has(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(500))
    send(state, start + DAY, [0.95] * 500, first=500)
    send(state, start + 2 * DAY, [0.5], first=1000)  # the next day has begun: both windows are closed
    Monitor(state).tick(manifests, now + 3 * DAY)
    assert [(window.rows, window.closed, window.drifted) for window in found(state)] == [
        (500, True, 0),
        (500, True, 1),
        (1, False, None),
    ]


def test_a_row_about_the_far_future_closes_nothing_and_stops_nothing(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(100))
    send(state, start.replace(year=2099), [0.5], first=100)
    send(state, datetime(9999, 12, 31, 23, 59, tzinfo=UTC), [0.5], first=101)  # from before such times were refused
    Monitor(state).tick(manifests, now)
    assert [(window.rows, window.closed) for window in found(state)] == [(100, False), (1, False)]


def test_rows_are_counted_once_across_a_restart_and_late_ones_where_they_belong(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(100))
    Monitor(state).tick(manifests, now)
    send(state, start + DAY, evenly(60), first=100)
    send(state, start + timedelta(hours=12), evenly(30), first=160)  # late
    Monitor(state).tick(manifests, now)  # a new daemon
    assert [window.rows for window in found(state)] == [130, 60]
    with state.traffic.read() as tx:
        assert traffic_queries.is_counted(tx)


def test_labels_that_come_late_are_measured_in_the_window_of_their_prediction(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(100))
    send(state, start + DAY, [0.5], first=100)
    monitor = Monitor(state)
    monitor.tick(manifests, now + 2 * DAY)
    assert found(state)[0].metrics == {}
    label(state, {number: value + 0.25 for number, value in enumerate(evenly(100))})
    assert monitor.tick(manifests, now + 2 * DAY) == {"fuel"}
    first = found(state)[0]
    assert first.labelled == 100
    assert first.metrics["mean_absolute_error"] == pytest.approx(0.25)


def test_a_model_without_a_manifest_does_not_stop_the_log_from_being_read(state: State, now: datetime) -> None:
    send(state, now, evenly(10))
    Monitor(state).tick({}, now)
    with state.traffic.read() as tx:
        assert traffic_queries.is_counted(tx)


def test_a_window_keeps_what_it_showed_when_retention_has_taken_its_answers(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(100))
    label(state, {number: value + 0.25 for number, value in enumerate(evenly(100))})
    send(state, start + DAY, [0.5], first=100)
    Monitor(state).tick(manifests, now)
    before = found(state)[0]
    with state.traffic.write() as tx:
        traffic_removal.remove(tx, 1, 60, before=None, holds=(), now=0)
    monitor = Monitor(state)  # a new daemon judges every window anew
    monitor.tick(manifests, now)
    assert found(state)[0] == before
    send(state, start, evenly(20), first=101)  # late rows are still counted
    monitor.tick(manifests, now + DAY)
    after = found(state)[0]
    assert (after.rows, after.labelled, after.metrics) == (120, 100, before.metrics)


def test_rows_of_files_are_passed_over_and_close_no_window(
    state: State, manifests: Mapping[str, Manifest], now: datetime
) -> None:
    start = now.replace(hour=0)
    send(state, start, evenly(100))
    later = [answer(500 + n, start + 3 * DAY, x=0.5, score=0.5) | {"arm": Arm.BATCH.value} for n in range(50)]
    with state.traffic.write() as tx:
        append_predictions(tx, later)  # type: ignore[arg-type]  # a union of typed dicts is a plain one
    Monitor(state).tick(manifests, now)
    assert [(window.rows, window.closed) for window in found(state)] == [(100, False)]
    with state.traffic.read() as tx:
        assert traffic_queries.cursor(tx, SETTLED) == 150


def duel(state: State, now: datetime, challenger_error: float, rows: int) -> None:
    """Both answer `rows` requests; the champion is off by 0.5 and some noise, the challenger by what is given."""
    random = np.random.default_rng(1)
    truth = random.normal(size=rows)
    with state.traffic.write() as tx:
        for number, value in enumerate(truth):
            noise, other = random.normal(scale=0.1, size=2)
            append_predictions(
                tx,
                [
                    answer(number, now, x=0.5, score=value + 0.5 + noise),
                    answer(number, now, x=0.5, score=value + challenger_error + other, version=2),
                ],
            )
    label(state, dict(enumerate(truth)))


@pytest.mark.parametrize(("error", "decision"), [(0.1, Decision.PROMOTE), (1.5, Decision.REJECT), (0.5, Decision.HOLD)])
def test_the_verdict_on_a_challenger_is_kept_and_moves_no_name(
    state: State, manifests: Mapping[str, Manifest], now: datetime, error: float, decision: Decision
) -> None:
    duel(state, now, error, 100)
    Duels(state).tick(manifests, now)
    with state.database.read() as tx:
        assert duels.latest(tx, "production")[0].decision is decision
        assert registry.aliases(tx, "fuel", "production") == {Alias.CHAMPION: 1, Alias.CHALLENGER: 2}
