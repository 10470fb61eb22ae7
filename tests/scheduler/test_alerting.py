"""The daemon holds what it knows against the rules: alerts open, go on cheaply, and are resolved."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.alerting import WORKSPACE
from quarterdeck.core.alerting_live import SPANS
from quarterdeck.core.alerting_spec import DEFAULTS, AlertOn, AlertSpec
from quarterdeck.core.drift.verdict import DriftResult
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, MonitoringSpec, TriggerSpec
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.operations import Alert, Window
from quarterdeck.core.registry import Version
from quarterdeck.core.values import (
    AlertState,
    Engine,
    RunStatus,
    ServiceKind,
    Severity,
    Task,
    TriggerKind,
    VersionState,
)
from quarterdeck.scheduler.alerting import EVERY, Alerting
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.watch import Watch
from quarterdeck.store import alerts, pipelines, promotion, registry, runs, services, steps, triggers, windows
from quarterdeck.store.traffic import append_failures, append_predictions, micros

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
AUDIT = Audit(actor="ops", environment="production", at=datetime.fromisoformat("2026-03-01T12:00Z"), reason="r")


@pytest.fixture(autouse=True)
def champion(state: State, now: datetime) -> None:
    """fuel@1 answers."""
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact="a" * 64, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None,
        signature=Signature(fields=(), task=Task.REGRESSION, target="y"), metrics={"mae": 1.0}, verdicts=(),
        profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
    )  # fmt: skip
    pipeline = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
    with state.database.write() as tx:
        pipelines.put(tx, pipeline)
        steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=now)
        registry.register(tx, draft, AUDIT)
        promotion.promote(tx, "fuel", 1, AUDIT, saw_champion=None)


def manifest(*rules: AlertSpec, triggers: tuple[TriggerSpec, ...] = ()) -> dict[str, Manifest]:
    found = Manifest(
        name="fuel", task=Task.REGRESSION, target="y", steps=(), folder=Path(), alerts=rules, triggers=triggers,
        monitoring=MonitoringSpec(window=HOUR),
    )  # fmt: skip
    return {"fuel": found}


def drifted(state: State, now: datetime, number: int, *, yes: bool = True) -> None:
    item = DriftResult(
        feature="wind", method="psi", value=0.5, threshold=0.25, noise=None, drifted=yes, n_reference=90, n_window=90,
        psi=0.5,
    ).to_json()  # fmt: skip
    window = Window(
        model="fuel", version=1, start=now + number * HOUR, end=now + (number + 1) * HOUR, closed=True, rows=90,
        labelled=0, drifted=int(yes), drift=[item], metrics={}, p50_ms=1.0, p99_ms=1.0, updated_at=now,
    )  # fmt: skip
    with state.database.write() as tx:
        windows.put(tx, window)


def answered(state: State, since: datetime, until: datetime, *, rows: int, failed: int = 0, ms: int = 1) -> None:
    step = (until - since) / rows
    found = [
        {
            "id": uuid.uuid4().hex, "endpoint": "fuel", "version": 1, "arm": "champion", "entity": None,
            "event_at": micros(since + n * step), "at": micros(since + n * step), "latency_us": ms * 1_000,
            "inputs": "{}", "answer": "1", "score": 1.0, "probabilities": None,
        }
        for n in range(rows)
    ]  # fmt: skip
    with state.traffic.write() as tx:
        append_predictions(tx, found)  # type: ignore[arg-type]
        if failed:
            lost: Any = {"endpoint": "fuel", "version": 1, "arm": "champion", "at": micros(since), "kind": "failed",
                         "count": failed}  # fmt: skip
            append_failures(tx, [lost])


def going(state: State) -> dict[tuple[str, str], Alert]:
    with state.database.read() as tx:
        return {(item.kind, item.subject): item for item in alerts.page(tx, unresolved=True)}


def test_windows_open_an_alert_count_it_and_resolve_it(state: State, now: datetime) -> None:
    alerting, pipelines = Alerting(state), manifest()
    for number in range(3):
        drifted(state, now, number)
        alerting.windows(pipelines, {"fuel"}, now)
    alerting.windows(pipelines, {"fuel"}, now)  # the same windows again are not one more
    (alert,) = going(state).values()
    assert (alert.kind, alert.subject, alert.count, alert.event_at) == ("drift", "features", 2, now + 2 * HOUR)
    drifted(state, now, 3, yes=False)
    alerting.windows(pipelines, {"fuel"}, now)
    assert going(state) == {}


def test_a_triggers_alert_is_the_one_with_the_severity_of_the_rule(state: State, now: datetime) -> None:
    trigger = TriggerSpec(name="weather", kind=TriggerKind.DRIFT)
    rule = replace(DEFAULTS[AlertOn.DRIFT], severity=Severity.CRITICAL)
    found = manifest(rule, triggers=(trigger,))
    with state.database.write() as tx:
        triggers.sync(tx, "fuel", [("weather", TriggerKind.DRIFT, {})])
    for number in range(2):
        drifted(state, now, number)
    Watch(state).tick(found, {"fuel"}, now)
    Alerting(state).windows(found, {"fuel"}, now)
    (alert,) = going(state).values()
    assert (alert.kind, alert.subject, alert.severity) == ("drift", "weather", Severity.CRITICAL)
    Alerting(state).tick(found, {}, now)
    assert list(going(state)) == [("drift", "weather")]
    Alerting(state).tick(manifest(rule), {}, now)  # the trigger has gone
    assert going(state) == {}


def test_errors_and_latency_of_the_last_minutes(state: State, now: datetime) -> None:
    answered(state, now - 4 * MINUTE, now, rows=60, failed=40, ms=2_000)
    alerting = Alerting(state)
    alerting.tick(manifest(), {}, now)
    found = going(state)
    assert found["errors", "answers"].severity is Severity.CRITICAL
    assert found["errors", "answers"].message == "40.0% of 100 rows in 5m could not be answered"
    assert found["latency", "p99"].message.startswith("p99 is 2000 ms")
    answered(state, now + 6 * MINUTE, now + 9 * MINUTE, rows=60)
    alerting.tick(manifest(), {}, now + 10 * MINUTE)
    assert going(state) == {}


def test_an_alert_that_goes_on_is_written_once_a_minute(state: State, now: datetime) -> None:
    answered(state, now - 2 * MINUTE, now, rows=60, failed=40)
    alerting = Alerting(state)
    for seconds in range(0, 60, 2):
        alerting.tick(manifest(), {}, now + timedelta(seconds=seconds))
    assert going(state)["errors", "answers"].count == 1
    alerting.tick(manifest(), {}, now + MINUTE + EVERY)
    assert going(state)["errors", "answers"].count == 2


def test_silence_where_there_was_traffic_all_day(state: State, now: datetime) -> None:
    answered(state, now - (SPANS + 1) * HOUR, now, rows=100)
    alerting = Alerting(state)
    alerting.tick(manifest(), {}, now)
    assert going(state) == {}
    alerting.tick(manifest(), {}, now + HOUR)
    assert going(state)["silence", "traffic"].severity is Severity.WARNING
    answered(state, now + HOUR, now + HOUR + MINUTE, rows=5)
    alerting.tick(manifest(), {}, now + HOUR + 2 * MINUTE)
    assert going(state) == {}


def test_a_replay_of_a_minute_that_ends_is_no_silence(state: State, now: datetime) -> None:
    answered(state, now - MINUTE, now, rows=100)
    Alerting(state).tick(manifest(), {}, now + 3 * HOUR)
    assert going(state) == {}


def test_a_failed_run_is_an_alert_until_one_succeeds(state: State, now: datetime) -> None:
    alerting = Alerting(state)
    for place, status in enumerate((RunStatus.FAILED, RunStatus.SUCCEEDED)):
        with state.database.write() as tx:
            run = runs.request(tx, "fuel", by="ops", cause={}, now=now)
            runs.claim(tx, run.id, pid=1, process_started=0.0, now=now)
            runs.finish(tx, run.id, status, now=now, error="no rows\nline 2")
        alerting.tick(manifest(), {}, now + place * EVERY)
        assert [alert.message for alert in going(state).values()] == (["run 1 failed: no rows"] if not place else [])


def test_what_the_daemon_cannot_do_is_an_alert_when_it_lasts(state: State, now: datetime) -> None:
    alerting, broken = Alerting(state), {"retention": "the disk is full"}
    alerting.tick(manifest(), broken, now)
    assert going(state) == {}
    alerting.tick(manifest(), broken, now + 2 * MINUTE)
    (alert,) = going(state).values()
    assert (alert.model, alert.subject, alert.severity) == (WORKSPACE, "retention", Severity.CRITICAL)
    alerting.tick(manifest(), {}, now + 3 * MINUTE)
    assert going(state) == {}


def test_predictions_that_the_server_could_not_log_are_an_alert_for_a_while(state: State, now: datetime) -> None:
    def beat(dropped: int) -> None:
        with state.database.write() as tx:
            services.beat(tx, ServiceKind.SERVER, "main", now=now, detail={"dropped": dropped})

    with state.database.write() as tx:
        services.announce(tx, ServiceKind.SERVER, "main", pid=1, now=now, detail={"dropped": 7})
    alerting = Alerting(state)
    alerting.tick(manifest(), {}, now)
    assert going(state) == {}  # of before: when, nobody knows
    beat(12)
    alerting.tick(manifest(), {}, now + EVERY)
    assert going(state)["log", "prediction log"].message == "5 predictions of the last 5m could not be logged"
    alerting.tick(manifest(), {}, now + 6 * MINUTE)
    assert going(state) == {}


def test_a_silence_ends_by_the_daemons_tick_and_a_rule_that_is_off_leaves_nothing_open(
    state: State, now: datetime
) -> None:
    answered(state, now - 4 * MINUTE, now, rows=60, failed=40)
    alerting = Alerting(state)
    alerting.tick(manifest(), {}, now)
    (alert,) = going(state).values()
    with state.database.write() as tx:
        alerts.silence(tx, alert.id, until=now + MINUTE, reason="", by="ops", now=now)
    alerting.tick(manifest(), {}, now + MINUTE / 2)
    assert going(state)["errors", "answers"].state is AlertState.SILENCED
    alerting.tick(manifest(), {}, now + MINUTE)
    assert going(state)["errors", "answers"].state is AlertState.OPEN
    alerting.tick(manifest(replace(DEFAULTS[AlertOn.ERRORS], off=True)), {}, now + 2 * MINUTE)
    assert going(state) == {}


def test_rules_that_are_off_are_not_looked_at(state: State, now: datetime) -> None:
    answered(state, now - 4 * MINUTE, now, rows=60, failed=40, ms=2_000)
    off = tuple(replace(DEFAULTS[kind], off=True) for kind in (AlertOn.ERRORS, AlertOn.LATENCY))
    quiet = tuple(replace(DEFAULTS[kind], off=True) for kind in (AlertOn.DAEMON, AlertOn.LOG))
    settings = replace(state.settings, alerts=quiet)
    alerting = Alerting(replace(state, settings=settings))
    for minute in range(3):
        alerting.tick(manifest(*off), {"monitor": "broken"}, now + minute * MINUTE)
    assert going(state) == {}
