"""Acts of reviewers: take a prediction, say what is right, put it off, take it back.

Each is one transaction of the metadata alone, so that it works with daemon and server down. What was decided becomes a
label a minute later, by the daemon, with the ledger's entry (store/review_labels.py).
"""

from __future__ import annotations

import json

from sqlalchemy import Connection

from quarterdeck.console.acts.guard import permitted
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError, RefusedError, UsageError
from quarterdeck.core.labels import judged_label, label_json, typed_label
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.review_item import Item, Said
from quarterdeck.core.rights import Right
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import registry, review_deciding, review_queues, reviews


def take_review(console: Console, model: str | None = None) -> Item | None:
    """The next prediction for this person, in their hand for ten minutes; None where nothing waits for them."""
    with permitted(console, Right.LABEL, act="review", subject=model or "review") as tx:
        if model is not None and review_queues.find(tx, console.environment, model) is None:
            known = [queue.model for queue in review_queues.every(tx, console.environment)]
            hint = expected_names(model, known)
            raise NotFoundError(f"{model} has no review queue in {console.environment}", hint=hint)
        return review_deciding.take_next(tx, console.environment, console.person, utc_now(), model=model)


def accept_review(console: Console, item_id: int) -> Item:
    """The model was right: its answer is the label."""
    with permitted(console, Right.LABEL, act="accept", subject=f"review {item_id}") as tx:
        item = _item(tx, console, item_id)
        if item.blind:
            raise RefusedError(
                f"item {item_id} is judged without its answer, which cannot be accepted unseen",
                hint=f"say what is right: quarterdeck review correct {item_id} LABEL",
            )
        label = label_json(judged_label(json.loads(item.answer), _signature(tx, item)))
        return review_deciding.decide(tx, item_id, console.person, label, utc_now())


def correct_review(console: Console, item_id: int, text: str, *, because: str | None = None) -> Item:
    """What is right, as a person types it: a class or a number. InputError for what cannot be one."""
    with permitted(console, Right.LABEL, act="correct", subject=f"review {item_id}") as tx:
        item = _item(tx, console, item_id)
        if because is not None:
            _check_reason(tx, item, because)
        label = label_json(typed_label(text.strip(), _signature(tx, item)))
        return review_deciding.decide(tx, item_id, console.person, label, utc_now(), because=because)


def skip_review(console: Console, item_id: int) -> Item:
    """Not now: it goes to the end of the queue."""
    with permitted(console, Right.LABEL, act="skip", subject=f"review {item_id}") as tx:
        _item(tx, console, item_id)
        return review_deciding.skip(tx, item_id, console.person, utc_now())


def undo_review(console: Console) -> tuple[Item, Said]:
    """Take one's own last decision back, as long as it was not used; the prediction is in one's hand again."""
    with permitted(console, Right.LABEL, act="undo_review", subject="review") as tx:
        return review_deciding.undo(tx, console.environment, console.person, utc_now())


def hold_review(console: Console, item_id: int) -> Item:
    """Have this one in hand, as the screen does with the one that a person looks at."""
    with permitted(console, Right.LABEL, act="review", subject=f"review {item_id}") as tx:
        _item(tx, console, item_id)
        return review_deciding.hold(tx, item_id, console.person, utc_now())


def release_reviews(console: Console) -> None:
    """Let go of what one has in hand."""
    with permitted(console, Right.LABEL, act="review", subject="review") as tx:
        review_deciding.release(tx, console.person)


def _item(tx: Connection, console: Console, item_id: int) -> Item:
    item = reviews.get(tx, item_id)
    if item.environment != console.environment:
        raise RefusedError(f"item {item_id} is of {item.environment}", hint=f"this is {console.environment}")
    return item


def _signature(tx: Connection, item: Item) -> Signature:
    return registry.get(tx, item.model, item.version).signature


def _check_reason(tx: Connection, item: Item, because: str) -> None:
    queue = review_queues.find(tx, item.environment, item.model)
    known = () if queue is None else queue.spec.reasons
    if because not in known:
        hint = expected_names(because, known) if known else "name some in pipeline.toml: [review] reasons"
        raise UsageError(f"{because!r} is none of the reasons of {item.model}", hint=hint)
