"""Which answers of the prediction log are still needed by what goes on: comparisons and rollouts."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from quarterdeck.core.values import Alias, Arm
from quarterdeck.store import registry, rollouts
from quarterdeck.store.traffic import micros, predictions
from quarterdeck.store.traffic_removal import Hold

BEFORE = timedelta(minutes=10)  # how far before a promotion a rollout's checks take the champion's latency from

_APART = 60_000_000  # microseconds: a client's answer is given before the shadow's to the same row


def holds(database: Connection, traffic: Connection, environment: str) -> list[Hold]:
    """Per endpoint, from when on its answers must stay, and why. At most one of a comparison and one of a rollout each.

    A comparison needs everything since its challenger's first answer.
    """
    found = []
    for model in registry.models(database):
        named = registry.aliases(database, model, environment)
        if Alias.CHAMPION in named and Alias.CHALLENGER in named:
            first = _first_answer(traffic, model, named[Alias.CHALLENGER])
            if first is not None:
                why = f"version {named[Alias.CHALLENGER]} is compared with the champion"
                found.append(Hold(endpoint=model, since=first - _APART, why=why))
    for rollout in rollouts.open_ones(database, environment):
        since = micros(rollout.started_at - BEFORE)
        found.append(Hold(endpoint=rollout.model, since=since, why=f"rollout {rollout.id} goes on"))
    return found


def _first_answer(tx: Connection, endpoint: str, version: int) -> int | None:
    """When a version first answered a request; rows of files do not count."""
    at = predictions.c
    where = (at.endpoint == endpoint, at.version == version, at.arm != Arm.BATCH.value)
    return tx.execute(select(at.at).where(*where).order_by(at.at).limit(1)).scalar()
