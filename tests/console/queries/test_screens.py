"""What the screens are told by the store."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.queries import duel, find, live, overview, pipelines, raw, registry, status
from quarterdeck.console.queries.answer import Reader
from quarterdeck.console.queries.questions import AskDuels, AskLive, AskOverview, AskPipelines, AskRegistry
from quarterdeck.console.queries.traffic import TrafficTail
from quarterdeck.console.queries.values import Aliases, Health, Status, Traffic
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.rights import Right, Role
from quarterdeck.core.values import AlertState, RunStatus, ServiceKind
from quarterdeck.store import alerts, services

HERE = "production"


def test_the_overview_has_one_row_a_model_and_says_why(console: Console) -> None:
    with console.database.read() as tx:
        found = overview.overview(tx, HERE, {"flights": Traffic(requests=5)})
    flights, fuel = found.models
    assert (flights.health, flights.why) == (
        Health.ALERT,
        "3 features drifted: wind_speed, precip, visibility",
    )
    assert flights.aliases == Aliases(champion=2, challenger=4, previous=1)
    assert flights.work == "run 5 model" and flights.progress == pytest.approx(0.62)
    assert (flights.monitored.metric, flights.monitored.drifted, flights.monitored.watched) == (
        "roc_auc_score",
        3,
        8,
    )
    assert flights.traffic.requests == 5 and fuel.traffic.requests == 0
    assert (fuel.health, fuel.why) == (Health.FAILED, "run 7 failed")


def test_in_another_environment_nothing_is_live(console: Console) -> None:
    with console.database.read() as tx:
        found = overview.overview(tx, "staging", {})
    assert all(row.aliases == Aliases() for row in found.models)


def test_the_timeline_is_newest_first_and_names_what_moved(console: Console) -> None:
    with console.database.read() as tx:
        events = overview.overview(tx, HERE, {}).events
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)
    texts = {event.id: f"{event.kind} {event.subject} {event.text}" for event in events}
    assert "promote flights@2 champion 1 -> 2 by ops: passed its gates" in texts.values()
    assert any("drift fired: run 5" in text for text in texts.values())
    assert any("KeyError: 'draught'" in text for text in texts.values())


def test_pipelines_show_the_runs_of_one_and_the_steps_of_one_run(console: Console) -> None:
    with console.database.read() as tx:
        first = pipelines.screen(tx, AskPipelines())
        failed = pipelines.screen(tx, AskPipelines(status=RunStatus.FAILED, everywhere=True))
        asked = pipelines.screen(tx, AskPipelines(run_id=7))
    assert (first.pipeline, [run.id for run in first.runs]) == ("flights", [5, 4, 3, 2, 1])
    assert [step.name for step in first.steps] == [
        "flights",
        "weather",
        "features",
        "split",
        "model",
        "evaluation",
    ]
    assert first.triggers[0].condition == "0 3 * * * America/New_York"
    assert first.triggers[1].condition == "3 features over PSI 0.25"
    assert [run.id for run in failed.runs] == [7]
    assert asked.pipeline == "fuel" and asked.run is not None and asked.run.id == 7


def test_a_version_comes_with_its_gates_lineage_and_the_champion_beside_it(console: Console) -> None:
    with console.database.read() as tx:
        found = registry.screen(tx, HERE, AskRegistry(selected=("flights", 4)))
        assert registry.detail(tx, HERE, "flights", 99) is None
    assert found.detail is not None
    assert (found.detail.row.passed, found.detail.row.gates) == (3, 3)
    assert found.detail.metrics[0].name == "roc_auc_score"
    assert (found.detail.metrics[0].value, found.detail.metrics[0].champion) == (0.7466, 0.7410)
    assert ("features", "out") in {(step, direction) for step, direction, _, _ in found.detail.lineage}
    assert {event.kind for event in found.detail.history} == {"register", "challenge"}
    rejected = next(row for row in found.versions if row.reference == "flights@3")
    assert (rejected.passed, rejected.gates, rejected.outcome) == (2, 3, "fail")


def test_live_shows_windows_newest_first_drift_farthest_first_and_open_alerts_first(console: Console) -> None:
    with console.database.read() as tx:
        found = live.screen(tx, HERE, AskLive(model="flights"), {}, utc_now(), 1e6)
    assert found.windows[0].start > found.windows[-1].start
    assert [row.feature for row in found.features if row.drifted] == ["precip", "visibility", "wind_speed"]
    assert [row.state for row in found.alerts] == [AlertState.OPEN, AlertState.ACKNOWLEDGED]
    assert found.server is not None and (found.server.requests, found.server.errors) == (1_840, 12)


def test_a_duel_compares_on_live_rows_and_on_the_holdout(console: Console) -> None:
    with console.database.read() as tx:
        found = duel.screen(tx, HERE, AskDuels(model="flights"))
    assert found.detail is not None and found.detail.row.running
    first = found.detail.compared[0]
    assert (first.name, first.difference, first.low, first.high) == ("log_loss", -0.0055, -0.0112, 0.0002)
    assert first.lower_is_better and first.live
    assert {item.name for item in found.detail.compared if not item.live} == {"log_loss", "roc_auc_score"}
    assert len(found.detail.path) == 35 and found.detail.row.needed == 20.0


def _status(tx: Connection, now: datetime, patience: float, person: str = "ops") -> Status:
    return status.status(tx, now, patience, person=person, environment=HERE)


def test_the_header_knows_what_a_person_may(console: Console) -> None:
    with console.database.read() as tx:
        assert _status(tx, utc_now(), 60.0).role == "admin"  # nobody has a role yet: the first who acts will be
    acts.grant(console, "bob", Role.VIEWER, environment=HERE, reason="new here")
    with console.database.read() as tx:
        bob, eve = _status(tx, utc_now(), 60.0, "bob"), _status(tx, utc_now(), 60.0, "eve")
    assert (bob.role, bob.rights) == ("viewer", frozenset({Right.VIEW}))
    assert (eve.role, eve.rights) == ("no role", frozenset())


def test_a_silent_daemon_is_told_from_one_that_stopped(console: Console) -> None:
    now = utc_now()
    with console.database.write() as tx:
        services.beat(tx, ServiceKind.DAEMON, "main", now=now)
    with console.database.read() as tx:
        assert _status(tx, now, 60.0).daemon == "ok"
        # its process is this one, which lives
        assert _status(tx, now + timedelta(minutes=5), 10.0).daemon == "silent 5m"
    with console.database.write() as tx:
        found = services.find(tx, ServiceKind.DAEMON)
        assert found is not None
        services.stopped(tx, ServiceKind.DAEMON, "main", pid=found.pid, now=now)
        assert _status(tx, now, 10.0).daemon == "stopped"


def test_the_traffic_tail_counts_what_is_new_and_gives_rates(console: Console, seed: Any) -> None:
    tail = TrafficTail()
    with console.traffic.read() as tx:
        first = tail.look(tx, 0.0)
    assert (first["flights"].requests, first["flights"].rate) == (1_400, None)
    assert first["flights"].p99_ms is not None and first["flights"].p99_ms > (first["flights"].p50_ms or 0)
    seed.predict(console, "flights", 2, 30, start=10_000)
    with console.traffic.read() as tx:
        second = tail.look(tx, 2.0)
    assert (second["flights"].requests, second["flights"].rate) == (1_430, 15.0)
    assert second["fuel"].rate == 0.0


def test_a_long_log_is_counted_over_several_looks(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quarterdeck.console.queries.traffic.SLICE", 1_000)
    monkeypatch.setattr("quarterdeck.console.queries.traffic.PATIENCE", 0.0)
    tail = TrafficTail()
    with console.traffic.read() as tx:
        first = tail.look(tx, 0.0)
        assert (first["flights"].requests, first["flights"].rate) == (1_000, None)
        second = tail.look(tx, 1.0)
    assert (second["flights"].requests, second["fuel"].requests, second["flights"].rate) == (1_400, 440, None)


def test_the_rate_forgets_what_is_long_ago(console: Console) -> None:
    tail = TrafficTail()
    with console.traffic.read() as tx:
        for clock in range(0, 40, 2):
            found = tail.look(tx, float(clock))
    assert found["flights"].rate == 0.0


def test_every_question_is_answered_in_one_look(console: Console) -> None:
    reader = Reader(console)
    for question in (AskOverview(), AskPipelines(), AskRegistry(), AskLive(), AskDuels()):
        look = reader.look(question, utc_now(), "a story")
        assert (look.question, look.story, look.status.open_alerts) == (question, "a story", 1)


@pytest.mark.parametrize(
    ("kind", "key", "holds"),
    [
        ("version", "flights@4", '"number": 4'),
        ("run", "5", '"name": "evaluation"'),
        ("trigger", "flights/nightly", '"cron"'),
        ("alert", "1", '"wind_speed"'),
        ("duel", "flights:2:4", '"e_value"'),
        ("model", "flights", '"champion": 2'),
        ("event", "ledger-1", '"act": "register"'),
        ("event", "firing-1", '"fired": true'),
        ("event", "run-7", '"fuel"'),
    ],
)
def test_a_whole_record_is_json(console: Console, kind: str, key: str, holds: str) -> None:
    with console.database.read() as tx:
        text = raw.record(tx, HERE, kind, key)
    assert json.loads(text) and holds in text


def test_a_version_is_found_as_a_person_writes_it(console: Console) -> None:
    with console.database.read() as tx:
        assert find.find_version(tx, HERE, "flights").number == 2
        assert find.find_version(tx, HERE, "flights@challenger").number == 4
        with pytest.raises(NotFoundError):
            find.find_version(tx, HERE, "fuel@challenger")


def test_a_resolved_alert_is_no_longer_shown(console: Console) -> None:
    with console.database.write() as tx:
        alerts.resolve(tx, model="flights", kind="drift", subject="drift", now=utc_now())
    with console.database.read() as tx:
        found = live.screen(tx, HERE, AskLive(), {}, utc_now(), 60.0)
    assert [row.model for row in found.alerts] == ["fuel"]
