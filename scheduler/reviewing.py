"""The review queue's daily work: chooses predictions for people, closes what needs nobody any more, uses labels.

The reader's place in the log lies in traffic.db, what it chose in the metadata. Items are kept first and the place
after: a daemon that dies between the two reads the same rows again, draws the same numbers and finds its items there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.review import Choice, State, choose, confidence_of, draw, lies_outside, next_rate
from quarterdeck.core.review_item import Queue
from quarterdeck.scheduler.review_labels import Labels
from quarterdeck.scheduler.state import State as Workspace
from quarterdeck.store import registry, review_deciding, review_queues, review_traffic, reviews, traffic_queries
from quarterdeck.store.labels import labels_of
from quarterdeck.store.traffic import micros, moment

log = logging.getLogger(__name__)

BATCH = 5_000  # rows of the log a tick reads at most
CLOSING_EVERY = timedelta(seconds=1)
FORGETTING_EVERY = timedelta(minutes=10)
IDLE = 5  # halvings of the rate to which nothing gives way: what waits is in people's hands
KEPT_DAYS = 90.0  # closed items that nobody judged, where the log is kept for ever
PLACE, LABELLED = "reviewed", "review_labels"  # the readers' names in traffic.db


class Reviewing:
    """One object a daemon. Nothing of it need outlive the process."""

    def __init__(self, state: Workspace) -> None:
        self._state = state
        self._labels = Labels(state)
        self._signatures: dict[tuple[str, int], Signature] = {}
        self._queues: dict[str, Queue] = {}
        self._closed_at: datetime | None = None
        self._forgot_at: datetime | None = None

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        """A short step of each."""
        self._sync(manifests)
        if not self._queues:
            return
        if self._closed_at is None or now - self._closed_at >= CLOSING_EVERY:
            self._closed_at = now
            self._answered(now)
            self._expire(now)
            self._labels.tick(now)
            self._raise_rates(now)
        self._choose(now)

    def _sync(self, manifests: Mapping[str, Manifest]) -> None:
        """The queues as the manifests say; a model's salt is made with its first."""
        with self._state.database.read() as tx:
            known = {queue.model: queue for queue in review_queues.every(tx, self._state.environment)}
        wanted = {name: manifest.review for name, manifest in manifests.items() if manifest.review is not None}
        changed = {
            name: spec
            for name, spec in wanted.items()
            if name not in known or not known[name].enabled or known[name].spec != spec
        }
        gone = [name for name, queue in known.items() if queue.enabled and name in manifests and name not in wanted]
        if changed or gone:
            with self._state.database.write() as tx:
                for name, spec in changed.items():
                    review_queues.put(tx, self._state.environment, name, spec)
                for name in gone:
                    review_queues.disable(tx, self._state.environment, name)
                known = {queue.model: queue for queue in review_queues.every(tx, self._state.environment)}
        self._queues = known

    def _choose(self, now: datetime) -> None:
        """Read on in the log, and keep what waits for a person."""
        asked = {name: queue for name, queue in self._queues.items() if queue.enabled}
        if not asked:
            return
        inputs = any(queue.spec.outside_range for queue in asked.values())
        with self._state.traffic.read() as tx:
            place = traffic_queries.cursor(tx, PLACE)
            rows = review_traffic.answers_after(tx, place, list(asked), limit=BATCH, inputs=inputs)
            beyond = review_traffic.next_place(tx, place, rows, limit=BATCH)
            if beyond == place:
                return
            found = self._chosen(rows, asked, now)
            whole = review_traffic.whole_rows(tx, list(found))
            known = labels_of(tx, [row.id for row in whole])
        items = [self._item(row, *found[row.seq], asked[row.endpoint], known.get(row.id), now) for row in whole]
        if items:
            self._keep(items, now)
        with self._state.traffic.write() as tx:
            traffic_queries.set_cursor(tx, PLACE, beyond)

    def _chosen(self, rows: list[Any], asked: Mapping[str, Queue], now: datetime) -> dict[int, tuple[Choice, float]]:
        """The log's number of each row that waits -> why, and its draw."""
        found: dict[int, tuple[Choice, float]] = {}
        oldest = {name: micros(now - queue.spec.expires) for name, queue in asked.items()}
        for row in rows:
            if row.at <= oldest[row.endpoint]:
                continue
            queue, number = asked[row.endpoint], draw(asked[row.endpoint].salt, row.id)
            if number >= queue.rate:
                continue  # whatever the choice: no probability is above the rate
            choice = self._choice(row, queue)
            if choice is not None and number < choice.weight * queue.rate:
                found[row.seq] = (choice, number)
        return found

    def _choice(self, row: Any, queue: Queue) -> Choice | None:
        signature = self._signature(row.endpoint, row.version)
        if signature is None:
            return None
        confidence = confidence_of(signature.task, row.score, probabilities=row.probabilities is not None)
        outside = lies_outside(signature, json.loads(row.inputs)) if queue.spec.outside_range else None
        return choose(queue.spec, confidence, outside)

    def _signature(self, model: str, version: int) -> Signature | None:
        """None for a version that the registry does not know: such a row waits for nobody."""
        if (model, version) not in self._signatures:
            try:
                with self._state.database.read() as tx:
                    self._signatures[model, version] = registry.get(tx, model, version).signature
            except NotFoundError:
                return None
        return self._signatures[model, version]

    def _item(
        self, row: Any, choice: Choice, number: float, queue: Queue, label: str | None, now: datetime
    ) -> dict[str, Any]:
        at = moment(row.at)
        return {
            "environment": self._state.environment, "model": row.endpoint, "version": row.version,
            "prediction_id": row.id, "entity": row.entity, "event_at": moment(row.event_at), "answered_at": at,
            "inputs": row.inputs, "answer": row.answer, "score": row.score, "probabilities": row.probabilities,
            "confidence": choice.confidence, "stratum": choice.stratum.value, "why": choice.why, "draw": number,
            "weight": choice.weight, "probability": choice.weight * queue.rate, "needed": queue.spec.reviewers,
            "blind": queue.spec.blind, "state": (State.WAITING if label is None else State.ANSWERED).value,
            "label": label, "decided_at": None, "queued_at": now, "turn_at": at, "expires_at": at + queue.spec.expires,
            "skips": 0, "closed_at": None if label is None else now,
        }  # fmt: skip

    def _keep(self, items: list[dict[str, Any]], now: datetime) -> None:
        """Keep new items, and where a queue is too full then, thin it."""
        with self._state.database.write() as tx:
            reviews.add(tx, items)
            self._balance(tx, {item["model"] for item in items}, now)

    def _balance(self, tx: Connection, models: set[str], now: datetime) -> None:
        waiting = reviews.waiting(tx, self._state.environment)
        for model in sorted(models):
            queue = self._queues[model]
            rate, thinned = self._thinned(tx, queue, waiting.get(model, 0), now)
            if rate != queue.rate:
                review_queues.set_rate(tx, queue, rate, thinned=thinned)
                log.info("review queue of %s: %s items gave way, the rate is %g", model, thinned, rate)

    def _thinned(self, tx: Connection, queue: Queue, waiting: int, now: datetime) -> tuple[float, int]:
        """The queue's new rate, and how many items gave way to it."""
        most, rate, thinned, idle = queue.spec.most_waiting, queue.rate, 0, 0
        if waiting <= most:
            return next_rate(rate, waiting, most), 0
        while waiting > most and idle < IDLE:
            rate = next_rate(rate, waiting, most)
            gone = reviews.thin(tx, queue.environment, queue.model, rate, now)
            waiting, thinned, idle = waiting - gone, thinned + gone, 0 if gone else idle + 1
        return rate, thinned

    def _raise_rates(self, now: datetime) -> None:
        """Queues that were too full and are not any more."""
        low = {queue.model for queue in self._queues.values() if queue.rate < 1}
        if low:
            with self._state.database.write() as tx:
                self._balance(tx, low, now)

    def _answered(self, now: datetime) -> None:
        """Labels that came by feedback for what waits."""
        with self._state.traffic.read() as tx:
            place = traffic_queries.cursor(tx, LABELLED)
            newest = review_traffic.newest_label(tx)
            if newest == place:
                return
            with self._state.database.read() as database:
                any_open = bool(reviews.waiting(database, self._state.environment))
            rows = review_traffic.labels_after(tx, place, limit=BATCH) if any_open else []
        labels = {row.id: row.label for row in rows}
        if labels:
            self._close(labels, now)
        with self._state.traffic.write() as tx:
            traffic_queries.set_cursor(tx, LABELLED, rows[-1].seq if rows else newest)

    def _close(self, labels: Mapping[str, str], now: datetime) -> None:
        with self._state.database.read() as tx:
            found = reviews.open_ids(tx, self._state.environment, list(labels))
        if not found:
            return
        with self._state.database.write() as tx:
            for prediction, item in found.items():
                review_deciding.answer_by_feedback(tx, item, labels[prediction], now)

    def _expire(self, now: datetime) -> None:
        environment = self._state.environment
        with self._state.database.read() as tx:
            late = reviews.any_late(tx, environment, now)
        forget = self._forgot_at is None or now - self._forgot_at >= FORGETTING_EVERY
        if not (late or forget):
            return
        self._forgot_at = now if forget else self._forgot_at
        with self._state.database.write() as tx:
            reviews.expire(tx, environment, now)
            kept = timedelta(days=self._state.settings.keep_days or KEPT_DAYS)
            reviews.remove_closed(tx, environment, before=now - kept)
