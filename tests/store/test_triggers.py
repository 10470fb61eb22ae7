"""Triggers keep their state when manifests change."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.values import TriggerKind
from quarterdeck.store import triggers
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
