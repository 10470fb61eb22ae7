"""People's labels on their way: into the prediction log as /feedback's, and into a file that a training reads.

The log is written first, and the same label again changes nothing there; then the items are marked as used, with the
ledger's entry. The file is made anew from the store, whole or not at all, so that it can be made again at any time.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from quarterdeck.core.ledger import Audit
from quarterdeck.core.review import FEEDBACK, LABELS_FOLDER, State
from quarterdeck.core.review_item import Item
from quarterdeck.scheduler.state import State as Workspace
from quarterdeck.store import review_deciding, review_labels, review_queues, review_traffic, reviews

log = logging.getLogger(__name__)

AT_ONCE = 1_000  # labels a tick uses at most
ACTOR = "daemon"


class Labels:
    """Follows decisions until they are used."""

    def __init__(self, state: Workspace) -> None:
        self._state = state
        self._stale: set[str] | None = None  # models whose file is older than the store; None: not looked yet

    def tick(self, now: datetime) -> None:
        """Use what can be taken back no more."""
        if self._stale is None:
            with self._state.database.read() as tx:
                self._stale = {queue.model for queue in review_queues.every(tx, self._state.environment)}
        with self._state.database.read() as tx:
            due = review_labels.due(tx, self._state.environment, now, limit=AT_ONCE)
        if due:
            self._use(due, now)
        for model in sorted(self._stale):
            self._write(model)
            self._stale.discard(model)

    def _use(self, due: Sequence[Item], now: datetime) -> None:
        wanted = {item.prediction_id: item.label for item in due if item.label is not None}
        with self._state.traffic.write() as tx:
            written = review_traffic.write_labels(tx, wanted, now)
        with self._state.database.write() as tx:
            said = reviews.said_of(tx, [item.id for item in due])
            ready: dict[str, list[int]] = {}
            for item in due:
                other = written.others.get(item.prediction_id)
                settled = any(one.person == FEEDBACK for one in said[item.id])
                if other is None or settled or _same(other, item.label):
                    ready.setdefault(item.model, []).append(item.id)
                elif reviews.get(tx, item.id).state is State.DECIDED:  # a third person settles it
                    review_deciding.add_said(tx, item, FEEDBACK, other, now)
            for model, items in sorted(ready.items()):
                self._mark(tx, model, items, now)

    def _mark(self, tx: Connection, model: str, items: list[int], now: datetime) -> None:
        audit = Audit(
            actor=ACTOR, environment=self._state.environment, at=now, reason="people's labels go into the training data"
        )
        used = review_labels.use(tx, model, items, audit)
        if used:
            log.info("%s labels of %s are used", len(used), model)
            assert self._stale is not None
            self._stale.add(model)

    def _write(self, model: str) -> None:
        """The file of a model's labels; none where there is no label."""
        with self._state.database.read() as tx:
            found = review_labels.used(tx, self._state.environment, model)
        folder = self._state.workspace.state / LABELS_FOLDER
        path = folder / f"{model}.jsonl"
        text = "".join(f"{line_of(item, people)}\n" for item, people in found)
        if not found and not path.exists():
            return
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        _replace(path, text)


def line_of(item: Item, people: Sequence[str]) -> str:
    """One label with what it is about, as JSON."""
    values = {
        "prediction": item.prediction_id,
        "version": item.version,
        "entity": item.entity,
        "time": item.event_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "label": json.loads(item.label or "null"),
        "answer": json.loads(item.answer),
        "decided_at": None if item.decided_at is None else item.decided_at.astimezone(UTC).isoformat(),
        "by": list(people),
        "probability": item.probability,
        "inputs": item.fields(),
    }
    return json.dumps(values, ensure_ascii=False)


def _same(first: str, second: str | None) -> bool:
    return second is not None and json.loads(first) == json.loads(second)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
