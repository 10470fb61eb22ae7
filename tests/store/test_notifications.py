"""The outbox: events are part of what they tell of, and a delivery is pending until it was taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.notices import DeliveryState, EventType, Outcome, Verdict
from quarterdeck.core.registry import Version
from quarterdeck.core.values import RunStatus, Severity, VersionState
from quarterdeck.store import deliveries, notifications, promotion, runs
from quarterdeck.store.engine import Database

HOUR = timedelta(hours=1)


def put(database: Database, now: datetime, receiver: str = "a") -> int:
    with database.write() as tx:
        number = notifications.notify(tx, EventType.TEST, "s", {"x": 1.5}, now=now)
        return deliveries.add(tx, number, receiver, now=now)


def test_an_event_is_kept_only_with_what_it_tells_of(database: Database, now: datetime) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        notifications.notify(tx, EventType.TEST, "s", {}, now=now)
        raise ZeroDivisionError
    with database.read() as tx:
        assert notifications.unplanned(tx, now) == []


def test_a_run_that_fails_is_an_event_and_one_that_does_not_is_none(database: Database, now: datetime) -> None:
    with database.write() as tx:
        for status, error in ((RunStatus.FAILED, "no rows\nat line 3"), (RunStatus.SUCCEEDED, None)):
            run = runs.request(tx, "flights", by="ops", cause={}, now=now)
            runs.claim(tx, run.id, pid=1, process_started=0.0, now=now)
            runs.finish(tx, run.id, status, now=now, error=error)
        (event,) = notifications.unplanned(tx, now)
    assert (event.type, event.subject, event.model, event.severity) == ("run.failed", "run 1", "flights", "warning")
    assert event.data["error"] == "no rows"


def test_what_moves_the_champion_is_an_event_with_its_ledger_entry(
    database: Database, now: datetime, register: Callable[..., Version]
) -> None:
    for _ in range(2):
        register(state=VersionState.ACCEPTED)
    audit = Audit(actor="ops", environment="production", at=now, reason="better")
    with database.write() as tx:
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
        promotion.promote(tx, "flights", 2, audit, saw_champion=1)
        promotion.rollback(tx, "flights", audit, saw_champion=2)
        promotion.demote(tx, "flights", audit, saw_champion=1)
        found = notifications.unplanned(tx, now)
    assert [(event.type, event.subject) for event in found] == [
        ("model.promoted", "flights@1"),
        ("model.promoted", "flights@2"),
        ("model.rolled_back", "flights@1"),
        ("model.demoted", "flights@1"),
    ]
    assert found[1].data["before"] == {"champion": 1} and found[1].data["actor"] == "ops"
    assert found[1].severity is Severity.INFO and found[2].severity is Severity.WARNING


def test_an_event_that_is_kept_back_goes_out_later_or_never(database: Database, now: datetime) -> None:
    with database.write() as tx:
        notifications.notify(tx, EventType.ALERT_RESOLVED, "s", {}, now=now, alert_id=7, after=HOUR)
        assert notifications.unplanned(tx, now) == []
        assert len(notifications.unplanned(tx, now + HOUR)) == 1
        assert notifications.take_back(tx, 7, EventType.ALERT_RESOLVED)
        assert not notifications.take_back(tx, 7, EventType.ALERT_RESOLVED)


def test_due_is_the_oldest_of_each_receiver_that_is_free(database: Database, now: datetime) -> None:
    numbers = [put(database, now, name) for name in ("a", "a", "b")]
    with database.read() as tx:
        assert [item.id for item in deliveries.due(tx, now)] == [numbers[0], numbers[2]]
        assert [item.id for item in deliveries.due(tx, now, passing=["a"])] == [numbers[2]]
        assert deliveries.due(tx, now - HOUR) == []


@pytest.mark.parametrize(
    ("verdict", "again", "state"),
    [
        (Verdict.TAKEN, None, DeliveryState.SENT),
        (Verdict.AGAIN, HOUR, DeliveryState.PENDING),
        (Verdict.AGAIN, None, DeliveryState.DEAD),
        (Verdict.NEVER, HOUR, DeliveryState.DEAD),
    ],
)
def test_what_came_of_sending_it(
    database: Database, now: datetime, verdict: Verdict, again: timedelta | None, state: DeliveryState
) -> None:
    number = put(database, now)
    with database.write() as tx:
        after = deliveries.record(tx, number, Outcome(verdict=verdict, said="x" * 9_000), now=now, again=again)
        assert (after.state, after.attempts, len(after.said)) == (state, 1, deliveries.LONGEST_SAID)
        assert bool(deliveries.due(tx, now + HOUR)) is (state is DeliveryState.PENDING)


def test_a_dead_one_is_retried_or_discarded_and_one_that_was_taken_is_neither(
    database: Database, now: datetime
) -> None:
    number = put(database, now)
    with database.write() as tx:
        deliveries.record(tx, number, Outcome(verdict=Verdict.NEVER), now=now, again=None)
        assert deliveries.count(tx, DeliveryState.DEAD) == 1
        assert deliveries.discard(tx, number).state is DeliveryState.DISCARDED
        again = deliveries.retry(tx, number, now=now)
        assert (again.state, again.attempts) == (DeliveryState.PENDING, 0)
        deliveries.record(tx, number, Outcome(verdict=Verdict.TAKEN), now=now, again=None)
    for act in (lambda tx: deliveries.retry(tx, number, now=now), lambda tx: deliveries.discard(tx, number)):
        with pytest.raises(ConflictError, match="is sent"), database.write() as tx:
            act(tx)
    with pytest.raises(NotFoundError, match="notification list"), database.read() as tx:
        deliveries.get(tx, 99)


def test_one_that_ended_while_it_was_sent_stays_as_it_is(database: Database, now: datetime) -> None:
    number = put(database, now)
    with database.write() as tx:
        deliveries.discard(tx, number)
        late = deliveries.record(tx, number, Outcome(verdict=Verdict.AGAIN), now=now, again=HOUR)
    assert late.state is DeliveryState.DISCARDED


def test_what_ended_well_goes_after_a_while_and_what_is_dead_stays(database: Database, now: datetime) -> None:
    taken, dead, waiting = (put(database, now, name) for name in "abc")
    with database.write() as tx:
        notifications.notify(tx, EventType.TEST, "not planned yet", {}, now=now)
        notifications.set_planned(tx, [1, 2, 3])
        deliveries.record(tx, taken, Outcome(verdict=Verdict.TAKEN), now=now, again=None)
        deliveries.record(tx, dead, Outcome(verdict=Verdict.NEVER), now=now, again=None)
        assert notifications.remove_old(tx, now) == 0
        assert notifications.remove_old(tx, now + HOUR) == 1
        assert [item.id for item in deliveries.page(tx)] == [waiting, dead]
        assert [event.subject for event in notifications.unplanned(tx, now)] == ["not planned yet"]


def test_numbers_that_json_has_no_word_for_are_null() -> None:
    found = notifications.finite({"a": [float("nan"), float("inf"), 1.5], "b": {"c": -float("inf")}})
    assert json.dumps(found) == '{"a": [null, null, 1.5], "b": {"c": null}}'
