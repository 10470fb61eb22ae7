"""Predictions that wait for a person: kept once each, looked up, counted, thinned and closed.

review_deciding.py is what people do with them, review_labels.py what becomes of their labels, review_traffic.py what is
read from the prediction log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.review import OPEN, State, Stratum
from quarterdeck.core.review_item import Item, Said
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import DecisionRow, ReviewRow

_review = table(ReviewRow)
_decision = table(DecisionRow)
_CHUNK = 500
_OPEN = [state.value for state in OPEN]
_WITHOUT_PEOPLE = (State.ANSWERED.value, State.EXPIRED.value)


def add(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep chosen predictions, each once however often it is read from the log; gives how many were new."""
    known: set[str] = set()
    ids = [row["prediction_id"] for row in rows]
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        known.update(tx.execute(select(_review.c.prediction_id).where(_review.c.prediction_id.in_(some))).scalars())
    new = [dict(row) for row in rows if row["prediction_id"] not in known]
    if new:
        tx.execute(insert(_review), new)
    return len(new)


def get(tx: Connection, item_id: int) -> Item:
    row = tx.execute(select(_review).where(_review.c.id == item_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no item {item_id} in the queue", hint="`quarterdeck review list` shows them")
    return to_item(row)


def page(
    tx: Connection,
    environment: str,
    *,
    model: str | None = None,
    states: Iterable[State] = OPEN,
    limit: int = 100,
    offset: int = 0,
) -> list[Item]:
    """Items in these states in the order of their turn, those in conflict first."""
    query = select(_review).where(
        _review.c.environment == environment, _review.c.state.in_([state.value for state in states])
    )
    if model is not None:
        query = query.where(_review.c.model == model)
    query = query.order_by(_review.c.state != State.CONFLICT.value, _review.c.turn_at, _review.c.id)
    return [to_item(row) for row in tx.execute(query.limit(limit).offset(offset))]


def said_of(tx: Connection, items: Iterable[int]) -> dict[int, list[Said]]:
    """What people said of each item and did not take back, the oldest first."""
    found: dict[int, list[Said]] = {item: [] for item in items}
    wanted = list(found)
    for start in range(0, len(wanted), _CHUNK):
        some = wanted[start : start + _CHUNK]
        query = select(_decision).where(_decision.c.review_id.in_(some), _decision.c.undone_at.is_(None))
        for row in tx.execute(query.order_by(_decision.c.id)):
            found[row.review_id].append(value_of(Said, row))
    return found


def waiting(tx: Connection, environment: str) -> dict[str, int]:
    """Model -> how many items somebody is asked for."""
    query = select(_review.c.model, func.count()).where(
        _review.c.environment == environment, _review.c.state.in_(_OPEN)
    )
    return {model: number for model, number in tx.execute(query.group_by(_review.c.model))}


def counts(tx: Connection, environment: str, model: str) -> dict[State, int]:
    """How many of a model's items are in each state."""
    query = select(_review.c.state, func.count()).where(_review.c.environment == environment, _review.c.model == model)
    found = {State(state): number for state, number in tx.execute(query.group_by(_review.c.state))}
    return {state: found.get(state, 0) for state in State}


def labels_since(tx: Connection, model: str, since: datetime, *, environment: str | None = None) -> int:
    """How many labels of people came into the training data after a time of the wall clock.

    Labels that came by feedback are counted in the prediction log (store/labels.py).
    """
    where = [_review.c.model == model, _review.c.state == State.USED.value, _review.c.closed_at > since]
    if environment is not None:
        where.append(_review.c.environment == environment)
    return int(tx.execute(select(func.count()).select_from(_review).where(*where)).scalar_one())


def decided_since(tx: Connection, environment: str, person: str, since: datetime) -> int:
    """How many decisions of a person there are after a time that they did not take back."""
    joined = _decision.join(_review, _review.c.id == _decision.c.review_id)
    where = (
        _review.c.environment == environment,
        _decision.c.person == person,
        _decision.c.decided_at >= since,
        _decision.c.undone_at.is_(None),
    )
    return int(tx.execute(select(func.count()).select_from(joined).where(*where)).scalar_one())


def chosen(
    tx: Connection, environment: str, model: str, *, version: int | None = None, since: datetime | None = None
) -> list[Item]:
    """Every item of a model, or of one version, answered at `since` of the wall clock or later; in order."""
    query = select(_review).where(_review.c.environment == environment, _review.c.model == model)
    if version is not None:
        query = query.where(_review.c.version == version)
    if since is not None:
        query = query.where(_review.c.answered_at >= since)
    return [to_item(row) for row in tx.execute(query.order_by(_review.c.id))]


def open_ids(tx: Connection, environment: str, prediction_ids: Sequence[str]) -> dict[str, int]:
    """Prediction id -> item, of those that somebody is asked for."""
    found: dict[str, int] = {}
    for start in range(0, len(prediction_ids), _CHUNK):
        some = prediction_ids[start : start + _CHUNK]
        query = select(_review.c.prediction_id, _review.c.id).where(
            _review.c.prediction_id.in_(some), _review.c.environment == environment, _review.c.state.in_(_OPEN)
        )
        found.update(tx.execute(query).all())
    return found


def thin(tx: Connection, environment: str, model: str, rate: float, now: datetime) -> int:
    """Of what waits untouched keep what a lower rate would have chosen, with its new probability; gives how many go.

    Untouched: nobody has it in hand and nobody has said anything. Whether that is so does not hang on the draw.
    """
    untouched = (
        _review.c.environment == environment,
        _review.c.model == model,
        _review.c.state == State.WAITING.value,
        or_(_review.c.claimed_until.is_(None), _review.c.claimed_until <= now),
        ~select(_decision.c.id).where(_decision.c.review_id == _review.c.id).exists(),
    )
    gone = tx.execute(delete(_review).where(*untouched, _review.c.draw >= _review.c.weight * rate)).rowcount
    lower = (*untouched, _review.c.probability > _review.c.weight * rate)
    tx.execute(update(_review).where(*lower).values(probability=_review.c.weight * rate))
    return gone


def expire(tx: Connection, environment: str, now: datetime) -> int:
    """Close what nobody looked at in time; gives how many."""
    late = (_review.c.environment == environment, _review.c.state.in_(_OPEN), _review.c.expires_at <= now)
    values = {"state": State.EXPIRED.value, "closed_at": now, "claimed_by": None, "claimed_until": None}
    return tx.execute(update(_review).where(*late).values(**values)).rowcount


def any_late(tx: Connection, environment: str, now: datetime) -> bool:
    """Whether expire() would close any."""
    late = (_review.c.environment == environment, _review.c.state.in_(_OPEN), _review.c.expires_at <= now)
    return tx.execute(select(_review.c.id).where(*late).limit(1)).first() is not None


def remove_closed(tx: Connection, environment: str, *, before: datetime) -> int:
    """Forget items that were closed before a time without anybody having said anything; gives how many."""
    old = (
        _review.c.environment == environment,
        _review.c.state.in_(_WITHOUT_PEOPLE),
        _review.c.closed_at < before,
        ~select(_decision.c.id).where(_decision.c.review_id == _review.c.id).exists(),
    )
    return tx.execute(delete(_review).where(*old)).rowcount


def to_item(row: Row[Any]) -> Item:
    return value_of(Item, row, state=State, stratum=Stratum)
