"""The review queue as a person sees it: its rows, and one prediction with what is unusual about it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.formats import number
from quarterdeck.console.queries.questions import AskReview
from quarterdeck.console.queries.review_values import FieldRow, Review, ReviewDetail, ReviewRow
from quarterdeck.core.models.signature import Field, Signature
from quarterdeck.core.review import State, outside_words
from quarterdeck.core.review_item import Item, Said
from quarterdeck.core.values import Task
from quarterdeck.store import registry, review_queues, reviews

FAR = 3.0  # standard deviations from the reference's mean, from which on a number is marked
RARE = 0.01  # of the reference's rows, below which a category is marked

Profile = Mapping[str, Any]  # as JSON
ProfileOf = Callable[[str], Profile | None]


def screen(
    tx: Connection, environment: str, person: str, asked: AskReview, profile_of: ProfileOf, now: datetime
) -> Review:
    """What waits, whose turn is next first; what this person has judged already stands last."""
    items = reviews.page(tx, environment, model=asked.model, limit=asked.limit)
    said = reviews.said_of(tx, [item.id for item in items])
    rows = [row_of(item, said[item.id], person, now) for item in items if item.expires_at > now]
    rows.sort(key=lambda row: row.mine or row.held_by is not None)
    ids = [row.id for row in rows]
    chosen = asked.selected if asked.selected in ids else next(iter(ids), None)
    waiting = reviews.waiting(tx, environment)
    return Review(
        rows=tuple(rows),
        waiting=waiting.get(asked.model, 0) if asked.model else sum(waiting.values()),
        detail=None if chosen is None else detail(tx, chosen, person, profile_of, now),
        enabled=tuple(queue.model for queue in review_queues.every(tx, environment) if queue.enabled),
        decided=reviews.decided_since(tx, environment, person, now.replace(hour=0, minute=0, second=0, microsecond=0)),
    )


def row_of(item: Item, said: Sequence[Said], person: str, now: datetime) -> ReviewRow:
    holder = item.held_by(now)
    return ReviewRow(
        id=item.id,
        model=item.model,
        version=item.version,
        state=item.state,
        why=item.why,
        confidence=None if item.blind else item.confidence,
        probability=item.probability,
        answer=None if item.blind else plain_label(item.answer),
        entity=item.entity,
        event_at=item.event_at,
        answered_at=item.answered_at,
        skips=item.skips,
        said=len(said),
        needed=item.needed,
        mine=any(one.person == person for one in said),
        held_by=None if holder == person else holder,
    )


def detail(tx: Connection, item_id: int, person: str, profile_of: ProfileOf, now: datetime) -> ReviewDetail:
    """NotFoundError where there is no such item."""
    item = reviews.get(tx, item_id)
    version = registry.get(tx, item.model, item.version)
    said = reviews.said_of(tx, [item_id])[item_id]
    profile = None if version.profile is None else profile_of(version.profile)
    return ReviewDetail(
        row=row_of(item, said, person, now),
        prediction=item.prediction_id,
        task=version.signature.task,
        target=version.signature.target,
        fields=fields_of(item, version.signature, profile),
        classes=_classes(item, version.signature),
        said=tuple((one.person, plain_label(one.label)) for one in said) if item.state is State.CONFLICT else (),
    )


def plain_label(text: str) -> str:
    """A label without JSON's quotation marks."""
    found = json.loads(text)
    return number(found) if isinstance(found, float) else str(found)


def fields_of(item: Item, signature: Signature, profile: Profile | None) -> tuple[FieldRow, ...]:
    """The inputs in the model's order, then what else was sent; each with what is unusual about it."""
    sent = item.fields()
    known = {} if profile is None else {feature["name"]: feature for feature in profile["features"]}
    rows = [
        FieldRow(name=f.name, value=_shown(sent.get(f.name)), mark=mark_of(f, sent.get(f.name), known.get(f.name)))
        for f in signature.fields
    ]
    shown_above = (*signature.names, signature.entity, signature.time)
    others = [name for name in sent if name not in shown_above]
    return (*rows, *(FieldRow(name=name, value=_shown(sent[name])) for name in others))


def mark_of(field: Field, value: Any, feature: Profile | None) -> str:
    """ "5200 above 4983", "3.4 sd above the mean", "rare: 0.2 %"; nothing for what is usual."""
    if value is None:
        return "" if field.nullable else "missing"
    said = outside_words(field, value)
    if said is not None or feature is None:
        return said or ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _far(float(value), feature.get("mean"), feature.get("deviation"))
    return _rare(str(value).lower() if isinstance(value, bool) else str(value), feature)


def _far(value: float, mean: float | None, deviation: float | None) -> str:
    if mean is None or not deviation or not math.isfinite(value):
        return ""
    away = (value - mean) / deviation
    return "" if abs(away) < FAR else f"{abs(away):.1f} sd {'above' if away > 0 else 'below'} the mean"


def _rare(value: str, feature: Profile) -> str:
    categories, counts = feature.get("categories") or [], (feature.get("reference") or {}).get("counts") or []
    rows = sum(counts)
    if not rows or value not in categories[: len(counts)]:
        return ""
    share = counts[categories.index(value)] / rows
    return f"rare: {100 * share:.2g} %" if share < RARE else ""


def _classes(item: Item, signature: Signature) -> tuple[tuple[str, float | None], ...]:
    """The likeliest first; where the answer is not to be seen, in the model's order and without probabilities."""
    names = [str(label) for label in signature.classes or ()]
    given: list[float | None] = [None] * len(names)
    if item.blind:
        return tuple(zip(names, given, strict=True))
    if item.probabilities is not None:
        given = list(json.loads(item.probabilities))
    elif signature.task is Task.BINARY and 0 <= item.score <= 1:
        given = [1 - item.score, item.score]
    pairs = list(zip(names, given, strict=True)) if len(given) == len(names) else [(name, None) for name in names]
    return tuple(sorted(pairs, key=lambda pair: -(pair[1] or 0.0)))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
