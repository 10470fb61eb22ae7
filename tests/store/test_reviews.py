"""The review queue in the store: one person at a time, two who must agree, and nothing used twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.review import FEEDBACK, GRACE, LEASE, State
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.store import auditing, ledger, review_deciding, review_labels, review_queues, reviews
from quarterdeck.store.engine import Database

HERE = "production"
MINUTE = timedelta(minutes=1)
Add = Callable[..., list[int]]


@pytest.fixture
def add(database: Database, now: datetime) -> Add:
    """Put so many items into the queue; keywords change them."""

    def put(count: int = 1, *, first: int = 0, **changes: Any) -> list[int]:
        rows = [
            {
                "environment": HERE, "model": "flights", "version": 1, "prediction_id": f"p{number}", "entity": "UA1",
                "event_at": now, "answered_at": now, "inputs": '{"hour": 7}', "answer": "0", "score": 0.45,
                "probabilities": None, "confidence": 0.55, "stratum": "random", "why": "random 1 %",
                "draw": (number % 100) / 100, "weight": 1.0, "probability": 1.0, "needed": 1, "blind": False,
                "state": "waiting", "label": None, "decided_at": None, "queued_at": now,
                "turn_at": now + number * MINUTE, "expires_at": now + timedelta(days=30), "skips": 0, "closed_at": None,
            } | changes
            for number in range(first, first + count)
        ]  # fmt: skip
        with database.write() as tx:
            reviews.add(tx, rows)
            found = {
                item.prediction_id: item.id for item in reviews.chosen(tx, changes.get("environment", HERE), "flights")
            }
        return [found[row["prediction_id"]] for row in rows]

    return put


def take(database: Database, person: str, now: datetime) -> int | None:
    with database.write() as tx:
        item = review_deciding.take_next(tx, HERE, person, now)
    return None if item is None else item.id


def decide(database: Database, item: int, person: str, label: str, now: datetime) -> State:
    with database.write() as tx:
        return review_deciding.decide(tx, item, person, label, now).state


def state_of(database: Database, item: int) -> State:
    with database.read() as tx:
        return reviews.get(tx, item).state


def test_a_prediction_is_kept_once_however_often_the_log_is_read(database: Database, add: Add) -> None:
    assert add(3) == add(3)
    with database.read() as tx:
        assert reviews.waiting(tx, HERE) == {"flights": 3}


def test_the_earliest_is_next_and_in_one_hand_at_a_time(database: Database, add: Add, now: datetime) -> None:
    first, second = add(2)
    assert take(database, "ann", now) == first
    assert take(database, "ann", now) == first  # still hers
    assert take(database, "bob", now) == second
    assert take(database, "cho", now) is None
    assert take(database, "cho", now + LEASE) == first  # ann has gone home


def test_another_hand_keeps_out_of_it(database: Database, add: Add, now: datetime) -> None:
    (item,) = add()
    take(database, "ann", now)
    with pytest.raises(ConflictError, match="in the hand of ann"):
        decide(database, item, "bob", "1", now)
    assert decide(database, item, "bob", "1", now + LEASE) is State.DECIDED
    with pytest.raises(ConflictError, match="it is decided"):
        decide(database, item, "ann", "0", now + LEASE)


def test_many_reviewers_at_once_never_get_the_same(database: Database, add: Add, now: datetime) -> None:
    items = add(24)
    taken: list[int | None] = []
    barrier = threading.Barrier(8)

    def work(person: str) -> None:
        barrier.wait()
        for _ in range(3):
            found = take(database, person, now)
            taken.append(found)
            assert found is not None
            decide(database, found, person, "1", now)

    threads = [threading.Thread(target=work, args=(f"person {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item for item in taken if item is not None) == items


def test_two_who_agree_decide_and_nobody_judges_twice(database: Database, add: Add, now: datetime) -> None:
    (item,) = add(needed=2)
    assert decide(database, item, "ann", "1", now) is State.WAITING
    with pytest.raises(ConflictError, match="you have judged item"):
        decide(database, item, "ann", "1", now)
    assert take(database, "ann", now) is None
    assert take(database, "bob", now) == item
    assert decide(database, item, "bob", "1", now) is State.DECIDED


def test_two_who_differ_make_a_conflict_that_comes_first_and_a_third_settles(
    database: Database, add: Add, now: datetime
) -> None:
    first, item = add(2, needed=2)
    decide(database, item, "ann", "1", now)
    assert decide(database, item, "bob", "0", now) is State.CONFLICT
    assert take(database, "ann", now) == first  # she has spoken on the other
    assert take(database, "cho", now) == item
    assert decide(database, item, "cho", "0", now) is State.DECIDED
    with database.read() as tx:
        assert reviews.get(tx, item).label == "0"


def test_skipping_puts_it_to_the_end_and_is_counted(database: Database, add: Add, now: datetime) -> None:
    first, second = add(2)
    later = now + timedelta(hours=1)
    take(database, "ann", later)
    with database.write() as tx:
        assert review_deciding.skip(tx, first, "ann", later).skips == 1
    assert take(database, "ann", later) == second


def test_the_last_decision_can_be_taken_back_and_the_one_before_it_too(
    database: Database, add: Add, now: datetime
) -> None:
    items = add(2)
    for item in items:
        decide(database, item, "ann", "1", now)
    for item in reversed(items):
        with database.write() as tx:
            back, said = review_deciding.undo(tx, HERE, "ann", now)
        assert (back.id, back.state, back.label, said.label) == (item, State.WAITING, None, "1")
        assert back.held_by(now) == "ann"
    with pytest.raises(NotFoundError, match="nothing that can be taken back"), database.write() as tx:
        review_deciding.undo(tx, HERE, "ann", now)
    with database.read() as tx:  # what was taken back is still told
        rows = tx.execute(text("SELECT count(*) FROM review_decision WHERE undone_at IS NOT NULL")).scalar()
    assert rows == 2


def test_what_another_has_judged_after_stands(database: Database, add: Add, now: datetime) -> None:
    (item,) = add(needed=2)
    decide(database, item, "ann", "1", now)
    decide(database, item, "bob", "0", now)
    with pytest.raises(ConflictError, match="bob has judged"), database.write() as tx:
        review_deciding.undo(tx, HERE, "ann", now)
    with database.write() as tx:
        assert review_deciding.undo(tx, HERE, "bob", now)[0].state is State.WAITING


def use(database: Database, now: datetime) -> list[int]:
    with database.write() as tx:
        due = [item.id for item in review_labels.due(tx, HERE, now, limit=100)]
        audit = Audit(actor="daemon", environment=HERE, at=now, reason="labels")
        return review_labels.use(tx, "flights", due, audit) if due else []


def test_a_label_is_used_once_after_its_grace_and_stays(database: Database, add: Add, now: datetime) -> None:
    (item,) = add()
    decide(database, item, "ann", "1", now)
    assert use(database, now + GRACE - timedelta(seconds=1)) == []
    at = now + GRACE
    assert use(database, at) == [item] and use(database, at) == []
    with pytest.raises(ConflictError, match="is a label by now"), database.write() as tx:
        review_deciding.undo(tx, HERE, "ann", at)
    with database.read() as tx:
        assert reviews.labels_since(tx, "flights", at - MINUTE) == 1
        assert reviews.labels_since(tx, "flights", at) == 0
        assert reviews.labels_since(tx, "flights", at - MINUTE, environment="staging") == 0
        (entry,) = ledger.entries(tx, act="review_labels")
    assert entry.subject == "flights" and entry.evidence["decisions"] == {"ann": 1}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE review_decision SET label = '0'",
        "UPDATE review_decision SET person = 'eve'",
        "UPDATE review SET label = '0'",
        "DELETE FROM review_decision",
    ],
)
def test_a_label_that_was_changed_afterwards_is_found(database: Database, add: Add, now: datetime, change: str) -> None:
    for item in add(3):
        decide(database, item, "ann", "1", now)
    use(database, now + GRACE)
    with database.read() as tx:
        assert auditing.verify(tx)[1] == []
    with database.write() as tx:
        tx.execute(text(change))
    with database.read() as tx:
        (problem,) = auditing.verify(tx)[1]
    assert "labels of flights that people gave are not what the ledger says" in problem.message


def test_a_label_by_feedback_answers_what_nobody_has_judged(database: Database, add: Add, now: datetime) -> None:
    (item,) = add()
    with database.write() as tx:
        found = review_deciding.answer_by_feedback(tx, item, "1", now)
    assert (found.state, found.label) == (State.ANSWERED, "1")
    with pytest.raises(ConflictError, match="came by feedback"):
        decide(database, item, "ann", "1", now)


@pytest.mark.parametrize(("label", "state"), [("1", State.DECIDED), ("0", State.CONFLICT)])
def test_a_label_by_feedback_counts_as_a_second_word(
    database: Database, add: Add, now: datetime, label: str, state: State
) -> None:
    (item,) = add(needed=2)
    decide(database, item, "ann", "1", now)
    with database.write() as tx:
        assert review_deciding.answer_by_feedback(tx, item, label, now).state is state
        assert [said.person for said in reviews.said_of(tx, [item])[item]] == ["ann", FEEDBACK]


def test_what_nobody_looked_at_in_time_expires_and_is_forgotten_later(
    database: Database, add: Add, now: datetime
) -> None:
    (item,) = add(expires_at=now + MINUTE)
    (other,) = add(first=1)
    decide(database, other, "ann", "1", now)
    with database.write() as tx:
        assert (reviews.expire(tx, HERE, now), reviews.expire(tx, HERE, now + MINUTE)) == (0, 1)
        assert reviews.remove_closed(tx, HERE, before=now + MINUTE) == 0
        assert reviews.remove_closed(tx, HERE, before=now + 2 * MINUTE) == 1
    with pytest.raises(NotFoundError):
        state_of(database, item)
    assert state_of(database, other) is State.DECIDED


def test_thinning_keeps_what_a_lower_rate_would_have_chosen_and_what_is_in_hand(
    database: Database, add: Add, now: datetime
) -> None:
    items = add(100)  # draws 0.00 to 0.99
    take(database, "ann", now)  # the first
    decide(database, items[99], "bob", "1", now)
    with database.write() as tx:
        assert reviews.thin(tx, HERE, "flights", 0.5, now) == 49
        assert reviews.thin(tx, HERE, "flights", 0.5, now) == 0
        left = reviews.chosen(tx, HERE, "flights")
    assert [item.id for item in left] == [*items[:50], items[99]]
    assert {item.probability for item in left[1:-1]} == {0.5}
    assert left[0].probability == left[-1].probability == 1.0


def test_a_queue_keeps_its_salt_and_its_rate_when_the_manifest_changes(database: Database) -> None:
    with database.write() as tx:
        review_queues.put(tx, HERE, "flights", ReviewSpec())
        queue = review_queues.find(tx, HERE, "flights")
        assert queue is not None
        review_queues.set_rate(tx, queue, 0.25, thinned=7)
        review_queues.disable(tx, HERE, "flights")
        review_queues.put(tx, HERE, "flights", ReviewSpec(reviewers=2))
        again = review_queues.find(tx, HERE, "flights")
    assert again is not None and (again.salt, again.rate, again.thinned) == (queue.salt, 0.25, 7)
    assert again.enabled and again.spec.reviewers == 2
    assert len(queue.salt) == 32


def test_environments_do_not_see_each_others_items(database: Database, add: Add, now: datetime) -> None:
    add(environment="staging")
    assert take(database, "ann", now) is None
    with database.read() as tx:
        assert reviews.waiting(tx, HERE) == {} and reviews.waiting(tx, "staging") == {"flights": 1}
        assert reviews.page(tx, HERE) == [] and sum(reviews.counts(tx, HERE, "flights").values()) == 0
