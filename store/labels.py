"""Labels in traffic.db, many at a time: what the prediction server asks before it keeps a batch of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from quarterdeck.store.traffic import labels, predictions

_CHUNK = 500  # ids in one query: SQLite compiles a list of values anew for each length


def endpoints_of(tx: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Prediction id -> endpoint, for the ids that are in the log."""
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        found.update(
            tx.execute(select(predictions.c.id, predictions.c.endpoint).where(predictions.c.id.in_(chunk))).all()
        )
    return found


def labels_of(tx: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Prediction id -> label (JSON), for the predictions that have one."""
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        found.update(tx.execute(select(labels.c.id, labels.c.label).where(labels.c.id.in_(chunk))).all())
    return found


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
