"""Alerts: one row per cause, its states, silences, and what receivers are told of it."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection

from quarterdeck.core.alerting import CALM
from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import AlertState, Severity
from quarterdeck.store import alerts, notifications, silences
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate

HOUR = timedelta(hours=1)
CAUSE = {"model": "flights", "kind": "drift", "subject": "drift"}


def sight(tx: Connection, now: datetime, **more: Any) -> Alert:
    return alerts.raise_alert(tx, **CAUSE, message="3 features", evidence={}, now=now, **more)


def told(tx: Connection, now: datetime) -> list[str]:
    """What goes out now, which is then gone."""
    found = notifications.unplanned(tx, now)
    notifications.set_planned(tx, [event.id for event in found])
    return [event.type.removeprefix("alert.") for event in found]


def test_an_alert_that_goes_on_is_one_row_with_a_count_and_one_message(database: Database, now: datetime) -> None:
    with database.write() as tx:
        numbers = {sight(tx, now + n * HOUR).id for n in range(3)}
        (alert,) = alerts.page(tx)
        assert numbers == {alert.id}
        assert (alert.count, alert.last_at, alert.severity) == (3, now + 2 * HOUR, Severity.WARNING)
        assert told(tx, now + 2 * HOUR) == ["opened"]


def test_the_same_evidence_seen_again_is_not_one_more(database: Database, now: datetime) -> None:
    with database.write() as tx:
        assert [sight(tx, now, event_at=now + n * HOUR).count for n in (0, 0, 1, 1)] == [1, 1, 2, 2]


def test_a_cause_that_comes_back_much_later_is_a_new_alert(database: Database, now: datetime) -> None:
    with database.write() as tx:
        first = sight(tx, now)
        resolved = alerts.resolve(tx, **CAUSE, now=now)
        assert resolved is not None and resolved.resolved_at == now
        assert alerts.resolve(tx, **CAUSE, now=now) is None
        assert sight(tx, now + 2 * HOUR).id != first.id
        assert told(tx, now + 2 * HOUR) == ["opened", "resolved", "opened"]


def test_an_alert_that_flaps_is_the_same_row_and_no_storm(database: Database, now: datetime) -> None:
    heard = []
    with database.write() as tx:
        for minute in range(0, 40, 2):
            at = now + timedelta(minutes=minute)
            alert = sight(tx, at)
            heard += told(tx, at)
            alerts.resolve(tx, **CAUSE, now=at + timedelta(minutes=1))
            heard += told(tx, at + timedelta(minutes=1))
        assert heard == ["opened", "resolved", "opened"]
        assert (alerts.get(tx, alert.id).flaps, len(alerts.page(tx))) == (19, 1)
        assert told(tx, now + timedelta(minutes=39) + CALM) == ["resolved"]


def test_an_alert_is_acknowledged_once_and_opens_again_where_it_becomes_worse(
    database: Database, now: datetime
) -> None:
    with database.write() as tx:
        number = sight(tx, now).id
        assert alerts.acknowledge(tx, number, by="ops", now=now).state is AlertState.ACKNOWLEDGED
        assert sight(tx, now).state is AlertState.ACKNOWLEDGED  # the same cause stays what it is
        worse = sight(tx, now, severity=Severity.CRITICAL)
        assert (worse.state, worse.severity) == (AlertState.OPEN, Severity.CRITICAL)
        assert sight(tx, now).severity is Severity.CRITICAL  # it does not fall
        assert told(tx, now) == ["opened", "acknowledged", "severity_raised"]
        alerts.acknowledge(tx, number, by="ops", now=now)
    with pytest.raises(ConflictError, match="acknowledged"), database.write() as tx:
        alerts.acknowledge(tx, number, by="ops", now=now)


def test_a_silenced_alert_is_told_to_nobody_until_the_silence_ends(database: Database, now: datetime) -> None:
    with database.write() as tx:
        number = sight(tx, now).id
        told(tx, now)
        alert, made = alerts.silence(tx, number, until=now + HOUR, reason="known", by="ops", now=now)
        assert (alert.state, alert.silenced_until, made.target) == (AlertState.SILENCED, now + HOUR, f"alert {number}")
        assert sight(tx, now, severity=Severity.CRITICAL).state is AlertState.SILENCED
        assert alerts.keep_silences(tx, now + HOUR / 2) == []
        assert [alert.state for alert in alerts.keep_silences(tx, now + HOUR)] == [AlertState.OPEN]
        assert told(tx, now + HOUR) == []  # receivers hold it for open all the while


def test_a_silence_until_it_is_resolved_ends_with_it(database: Database, now: datetime) -> None:
    with database.write() as tx:
        number = sight(tx, now).id
        alert, made = alerts.silence(tx, number, until=None, reason="", by="ops", now=now)
        assert alerts.keep_silences(tx, now + 1_000 * HOUR) == [] and alert.silenced_until is None
        alerts.resolve(tx, **CAUSE, now=now + HOUR)
        assert silences.get(tx, made.id).ended_by == "resolved"
        assert sight(tx, now + HOUR).state is AlertState.OPEN
    with pytest.raises(ConflictError, match="ended already"), database.write() as tx:
        silences.end(tx, made.id, by="ops", now=now + HOUR)


@pytest.mark.parametrize(
    ("kind", "subject", "silent"),
    [
        ("drift", None, True),
        ("*", None, True),
        ("drift", "drift", True),
        ("drift", "other", False),
        ("kpi", None, False),
    ],
)
def test_a_cause_is_silenced_before_it_is_there(
    database: Database, now: datetime, kind: str, subject: str | None, silent: bool
) -> None:
    with database.write() as tx:
        silenced, _ = alerts.silence_cause(
            tx, model="flights", kind=kind, subject=subject, until=now + HOUR, reason="works", by="ops", now=now
        )
        assert silenced == []
        assert sight(tx, now).state is (AlertState.SILENCED if silent else AlertState.OPEN)
        assert told(tx, now) == ([] if silent else ["opened"])
        alerts.keep_silences(tx, now + HOUR)
        assert told(tx, now + HOUR) == (["opened"] if silent else [])  # it is still there, and now it is heard of


def test_what_was_never_told_open_is_not_told_resolved(database: Database, now: datetime) -> None:
    with database.write() as tx:
        alerts.silence_cause(
            tx, model="flights", kind="*", subject=None, until=now + HOUR, reason="", by="ops", now=now
        )
        sight(tx, now)
        alerts.resolve(tx, **CAUSE, now=now)
        assert told(tx, now + HOUR) == []


def test_a_person_resolves_it_and_it_opens_again_where_it_is_still_there(database: Database, now: datetime) -> None:
    with database.write() as tx:
        number = sight(tx, now).id
        assert alerts.resolve_by_hand(tx, number, by="ops", now=now).state is AlertState.RESOLVED
        assert (sight(tx, now).id, alerts.get(tx, number).flaps) == (number, 1)
        alerts.resolve_by_hand(tx, number, by="ops", now=now)
    with pytest.raises(ConflictError, match="resolved"), database.write() as tx:
        alerts.resolve_by_hand(tx, number, by="ops", now=now)
    with pytest.raises(ConflictError, match="MODEL/KIND"), database.write() as tx:
        alerts.silence(tx, number, until=None, reason="", by="ops", now=now)
    with pytest.raises(NotFoundError, match="monitor alerts"), database.read() as tx:
        alerts.get(tx, 99)


class AlertMachine(RuleBasedStateMachine):
    """Anything may happen to one cause, at any time: what receivers hold for open is what was told them."""

    template: Path
    start: datetime

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = shutil.copy(self.template, self.folder.name)
        self.database = Database.sqlite(Path(path), durable=False)
        self.now = self.start
        self.open_outside = False

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(minutes=st.sampled_from([0, 1, 15, 90]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        with self.database.write() as tx:
            alerts.keep_silences(tx, self.now)

    @rule(severity=st.sampled_from(list(Severity)))
    def seen(self, severity: Severity) -> None:
        with self.database.write() as tx:
            sight(tx, self.now, severity=severity)

    @rule()
    def gone(self) -> None:
        with self.database.write() as tx:
            alerts.resolve(tx, **CAUSE, now=self.now)

    @rule(by=st.sampled_from(["ack", "resolve", "silence", "until"]))
    def act(self, by: str) -> None:
        with self.database.write() as tx:
            found = alerts.page(tx, unresolved=True)
            if not found or (by == "ack" and found[0].state is not AlertState.OPEN):
                return
            number = found[0].id
            if by == "ack":
                alerts.acknowledge(tx, number, by="ops", now=self.now)
            elif by == "resolve":
                alerts.resolve_by_hand(tx, number, by="ops", now=self.now)
            else:
                until = None if by == "until" else self.now + timedelta(minutes=30)
                alerts.silence(tx, number, until=until, reason="", by="ops", now=self.now)

    @rule()
    def hear(self) -> None:
        with self.database.write() as tx:
            for word in told(tx, self.now):
                if word in ("opened", "resolved"):
                    assert self.open_outside is (word == "resolved")  # never twice the same
                    self.open_outside = word == "opened"

    @invariant()
    def one_row_a_cause_and_states_that_agree(self) -> None:
        with self.database.read() as tx:
            going = alerts.page(tx, unresolved=True)
            assert len(going) <= 1
            for alert in going:
                assert alert.resolved_at is None
                assert alert.told or alert.state is not AlertState.OPEN
                quiet = silences.holding(
                    tx, model=alert.model, kind=alert.kind, subject=alert.subject, alert_id=alert.id, now=self.now
                )
                assert (quiet is not None) is (alert.state is AlertState.SILENCED)


def test_whatever_happens_receivers_hold_for_open_what_was_told_them(tmp_path: Path, now: datetime) -> None:
    with Database.sqlite(tmp_path / "q.db", durable=False) as database:
        migrate(database, backup_to=None, now=now)
    AlertMachine.template, AlertMachine.start = tmp_path / "q.db", now
    kept = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(AlertMachine, settings=kept)
