"""What people do with predictions that wait: take one, say what is right, put it off, take it back.

An item is in one person's hand at a time, by compare-and-set, for LEASE: two people are never asked the same at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.review import FEEDBACK, LEASE, OPEN, Given, State, standing, transition
from quarterdeck.core.review_item import Item, Said
from quarterdeck.store.reviews import get, said_of
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import DecisionRow, ReviewRow

_review = table(ReviewRow)
_decision = table(DecisionRow)
_OPEN = [state.value for state in OPEN]
_TRIES = 20  # items that others may take while this person's is looked for


def take_next(tx: Connection, environment: str, person: str, now: datetime, *, model: str | None = None) -> Item | None:
    """The next item for a person, now in their hand: one they have already, a conflict, else whose turn it is.

    None where nothing waits that they have not judged already.
    """
    mine = select(_decision.c.id).where(
        _decision.c.review_id == _review.c.id, _decision.c.person == person, _decision.c.undone_at.is_(None)
    )
    query = select(_review.c.id).where(
        _review.c.environment == environment,
        _review.c.state.in_(_OPEN),
        _review.c.expires_at > now,
        _free(person, now),
        ~mine.exists(),
    )
    if model is not None:
        query = query.where(_review.c.model == model)
    held = or_(_review.c.claimed_by.is_(None), _review.c.claimed_by != person, _review.c.claimed_until <= now)
    query = query.order_by(held, _review.c.state != State.CONFLICT.value, _review.c.turn_at, _review.c.id)
    for item_id in tx.execute(query.limit(_TRIES)).scalars().all():
        if _claim(tx, item_id, person, now):
            return get(tx, item_id)
    return None


def decide(tx: Connection, item_id: int, person: str, label: str, now: datetime, *, because: str | None = None) -> Item:
    """Keep what a person says of an item: its label, as JSON. Gives the item as it stands then.

    ConflictError where it is in somebody else's hand, was decided meanwhile, or where the person has judged it already.
    """
    _take(tx, item_id, person, now)
    if any(item.person == person for item in said_of(tx, [item_id])[item_id]):
        raise ConflictError(
            f"you have judged item {item_id} already: it waits for another person",
            hint="`quarterdeck review undo` takes your last decision back",
        )
    return add_said(tx, get(tx, item_id), person, label, now, because=because)


def add_said(tx: Connection, item: Item, person: str, label: str, now: datetime, *, because: str | None = None) -> Item:
    """One more word on an item, and what it makes of it."""
    tx.execute(insert(_decision).values(review_id=item.id, person=person, label=label, because=because, decided_at=now))
    return _settle(tx, item, now)


def hold(tx: Connection, item_id: int, person: str, now: datetime) -> Item:
    """Have this one item in hand and let go of others. ConflictError as for decide()."""
    _take(tx, item_id, person, now)
    others = (_review.c.claimed_by == person, _review.c.id != item_id)
    tx.execute(update(_review).where(*others).values(claimed_by=None, claimed_until=None))
    return get(tx, item_id)


def skip(tx: Connection, item_id: int, person: str, now: datetime) -> Item:
    """Put an item to the end of the queue."""
    _take(tx, item_id, person, now)
    values = {"turn_at": now, "skips": _review.c.skips + 1, "claimed_by": None, "claimed_until": None}
    tx.execute(update(_review).where(_review.c.id == item_id).values(**values))
    return get(tx, item_id)


def release(tx: Connection, person: str) -> None:
    """Let go of what a person has in hand."""
    values = {"claimed_by": None, "claimed_until": None}
    tx.execute(update(_review).where(_review.c.claimed_by == person).values(**values))


def undo(tx: Connection, environment: str, person: str, now: datetime) -> tuple[Item, Said]:
    """Take a person's last decision back; the item is theirs again. ConflictError where it was used already.

    Gives the item as it stands then, and what was taken back.
    """
    said = _last(tx, environment, person)
    item = get(tx, said.review_id)
    if said.ledger_seq is not None or item.state is State.USED:
        raise ConflictError(
            f"your last decision, on item {item.id}, is a label by now: it cannot be taken back",
            hint="a decision can be taken back for a minute; send what is right to whoever owns the training data",
        )
    if item.state not in (*OPEN, State.DECIDED):
        raise ConflictError(f"item {item.id} is {item.state}: there is nothing to take back")
    later = [other for other in said_of(tx, [item.id])[item.id] if other.id > said.id]
    if later:
        raise ConflictError(f"{later[0].person} has judged item {item.id} after you: it stands")
    tx.execute(update(_decision).where(_decision.c.id == said.id).values(undone_at=now))
    _settle(tx, item, now)
    hand = {"turn_at": item.answered_at, "claimed_by": person, "claimed_until": now + LEASE}
    tx.execute(update(_review).where(_review.c.id == item.id).values(**hand))
    return get(tx, item.id), said


def answer_by_feedback(tx: Connection, item_id: int, label: str, now: datetime) -> Item:
    """A label came for an item that waits: it is answered, or counts as one more word where people have spoken."""
    item = get(tx, item_id)
    if item.state not in OPEN:
        return item
    if said_of(tx, [item_id])[item_id]:
        return add_said(tx, item, FEEDBACK, label, now)
    values = {"state": transition(item.state, State.ANSWERED).value, "label": label, "closed_at": now}
    _move(tx, item, values)
    return get(tx, item_id)


def _settle(tx: Connection, item: Item, now: datetime) -> Item:
    """The item's state from all that was said of it."""
    said = said_of(tx, [item.id])[item.id]
    state, label = standing([Given(person=one.person, label=one.label) for one in said], item.needed)
    values: dict[str, Any] = {
        "state": transition(item.state, state).value,
        "label": label,
        "decided_at": now if state is State.DECIDED else None,
    }
    _move(tx, item, values)
    return get(tx, item.id)


def _move(tx: Connection, item: Item, values: dict[str, Any]) -> None:
    """Compare and set: nobody changed its state since it was read."""
    changes = values | {"claimed_by": None, "claimed_until": None}
    same = (_review.c.id == item.id, _review.c.state == item.state.value)
    if tx.execute(update(_review).where(*same).values(**changes)).rowcount == 0:
        raise ConflictError(f"item {item.id} changed meanwhile", hint="look again")


def _take(tx: Connection, item_id: int, person: str, now: datetime) -> None:
    """Have an open item in hand, or say why not."""
    item = get(tx, item_id)
    if item.state not in OPEN:
        how = "its label came by feedback" if item.state is State.ANSWERED else f"it is {item.state}"
        raise ConflictError(f"item {item_id} waits no more: {how}", hint="`quarterdeck review next` gives another")
    if item.expires_at <= now:
        raise ConflictError(f"item {item_id} has expired", hint="`quarterdeck review next` gives another")
    if not _claim(tx, item_id, person, now):
        raise ConflictError(
            f"item {item_id} is in the hand of {item.claimed_by}", hint="`quarterdeck review next` gives another"
        )


def _claim(tx: Connection, item_id: int, person: str, now: datetime) -> bool:
    values = {"claimed_by": person, "claimed_until": now + LEASE}
    free = (_review.c.id == item_id, _review.c.state.in_(_OPEN), _free(person, now))
    return tx.execute(update(_review).where(*free).values(**values)).rowcount == 1


def _free(person: str, now: datetime) -> Any:
    return or_(_review.c.claimed_until.is_(None), _review.c.claimed_until <= now, _review.c.claimed_by == person)


def _last(tx: Connection, environment: str, person: str) -> Said:
    joined = _decision.join(_review, _review.c.id == _decision.c.review_id)
    where = (_decision.c.person == person, _decision.c.undone_at.is_(None), _review.c.environment == environment)
    query = select(_decision).select_from(joined).where(*where).order_by(_decision.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("you have decided nothing that can be taken back")
    return value_of(Said, row)
