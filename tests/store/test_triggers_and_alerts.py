"""Triggers keep their state when manifests change; alerts count what goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.values import AlertState, TriggerKind
from quarterdeck.store import alerts, triggers
from quarterdeck.store.engine import Database

DRIFT = ("drift", TriggerKind.DRIFT, {"features": 3})


def test_a_trigger_that_changes_in_the_manifest_keeps_its_pause_and_its_last_firing(
    database: Database, now: datetime
) -> None:
    with database.write() as tx:
        triggers.sync(tx, "flights", [DRIFT])
        (trigger,) = triggers.every(tx, "flights")
        triggers.set_paused(tx, trigger.id, True)
        triggers.record_firing(tx, trigger, now=now, fired=True, reason="r", evidence={}, evidence_at=now)
        triggers.sync(tx, "flights", [("drift", TriggerKind.DRIFT, {"features": 5})])
        (after,) = triggers.every(tx, "flights")
    assert (after.id, after.paused, after.last_fired_at) == (trigger.id, True, now)
    assert after.spec == {"features": 5}


def test_a_trigger_that_left_the_manifest_is_gone_but_its_firings_stay(database: Database, now: datetime) -> None:
    with database.write() as tx:
        triggers.sync(tx, "flights", [DRIFT])
        (trigger,) = triggers.every(tx, "flights")
        triggers.record_firing(tx, trigger, now=now, fired=False, reason="paused", evidence={})
        triggers.sync(tx, "flights", [])
        assert triggers.every(tx, "flights") == []
        with pytest.raises(NotFoundError, match="trigger list"):
            triggers.get(tx, "flights", "drift")
        assert [firing.reason for firing in triggers.firings(tx, pipeline="flights")] == ["paused"]


def test_only_firings_that_started_a_run_count_for_the_day(database: Database, now: datetime) -> None:
    with database.write() as tx:
        triggers.sync(tx, "flights", [DRIFT])
        (trigger,) = triggers.every(tx, "flights")
        for fired, at in ((True, now), (False, now), (True, now - timedelta(days=2))):
            triggers.record_firing(tx, trigger, now=at, fired=fired, reason="r", evidence={})
        assert triggers.fired_since(tx, trigger.id, now - timedelta(hours=1)) == 1


def raise_drift(database: Database, now: datetime) -> int:
    with database.write() as tx:
        cause = {"model": "flights", "kind": "drift", "subject": "drift"}
        return alerts.raise_alert(tx, **cause, message="3 features", evidence={}, now=now).id


def test_an_alert_that_goes_on_is_one_row_with_a_count(database: Database, now: datetime) -> None:
    assert raise_drift(database, now) == raise_drift(database, now + timedelta(hours=1))
    with database.read() as tx:
        (alert,) = alerts.page(tx)
    assert (alert.count, alert.last_at) == (2, now + timedelta(hours=1))


def test_a_cause_that_comes_back_after_it_was_resolved_is_a_new_alert(database: Database, now: datetime) -> None:
    first = raise_drift(database, now)
    with database.write() as tx:
        assert alerts.resolve(tx, model="flights", kind="drift", subject="drift", now=now) is not None
        assert alerts.resolve(tx, model="flights", kind="drift", subject="drift", now=now) is None
    assert raise_drift(database, now) != first


def test_an_alert_is_acknowledged_once(database: Database, now: datetime) -> None:
    number = raise_drift(database, now)
    with database.write() as tx:
        assert alerts.acknowledge(tx, number, by="ops").state is AlertState.ACKNOWLEDGED
    with pytest.raises(ConflictError, match="acknowledged"), database.write() as tx:
        alerts.acknowledge(tx, number, by="ops")
    assert raise_drift(database, now) == number  # acknowledged is not resolved: the same cause stays one row
