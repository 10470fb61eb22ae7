"""Whole records as JSON text, as the store has them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.ledger import plain
from quarterdeck.store import (
    alerts,
    analyses,
    duels,
    ledger,
    registry,
    reviews,
    rollouts,
    runs,
    services,
    steps,
    triggers,
    windows,
)


def record(tx: Connection, environment: str, kind: str, key: str) -> str:
    """A record by kind and key: version "flights@3", run "12", trigger "flights/nightly", alert "3", duel
    "m:1:2", review "7", event and entry "ledger-4", rollout "3", service "daemon/main", and for a model or pipeline all
    that bears its name.
    """
    found = _READERS[kind](tx, environment, key)
    return json.dumps(_jsonable(found), indent=2, ensure_ascii=False)


def _version(tx: Connection, _: str, key: str) -> Any:
    model, _, number = key.rpartition("@")
    return asdict(registry.get(tx, model, int(number)))


def _run(tx: Connection, _: str, key: str) -> Any:
    run_id = int(key)
    found = asdict(runs.get(tx, run_id))
    return found | {
        "metrics": steps.metrics_of(tx, run_id),
        "steps": [asdict(s) for s in steps.of_run(tx, run_id)],
    }


def _trigger(tx: Connection, _: str, key: str) -> Any:
    pipeline, _, name = key.partition("/")
    return asdict(triggers.get(tx, pipeline, name))


def _alert(tx: Connection, _: str, key: str) -> Any:
    return asdict(alerts.get(tx, int(key)))


def _duel(tx: Connection, environment: str, key: str) -> Any:
    model, champion, challenger = key.rsplit(":", 2)
    found = duels.find(tx, environment, model, int(champion), int(challenger))
    return {} if found is None else asdict(found)


def _model(tx: Connection, environment: str, key: str) -> Any:
    aliases = {alias.value: number for alias, number in registry.aliases(tx, key, environment).items()}
    last = windows.last(tx, key, limit=1)
    return {
        "name": key,
        "aliases": aliases,
        "last_window": asdict(last[0]) if last else None,
        "runs": [asdict(run) for run in runs.page(tx, pipeline=key, limit=5)],
        "alerts": [asdict(alert) for alert in alerts.page(tx, model=key, unresolved=True)],
        "triggers": [asdict(trigger) for trigger in triggers.every(tx, key)],
    }


def _event(tx: Connection, environment: str, key: str) -> Any:
    kind, _, number = key.partition("-")
    if kind in ("alert", "run"):
        return _READERS[kind](tx, environment, number)
    if kind == "ledger":
        return asdict(ledger.get(tx, int(number)))
    return next((asdict(item) for item in triggers.firings(tx, limit=500) if item.id == int(number)), {})


def _rollout(tx: Connection, environment: str, key: str) -> Any:
    found = rollouts.find(tx, environment, key)
    return asdict(found) | {"looks": [asdict(look) for look in analyses.of_rollout(tx, found.id)]}


def _service(tx: Connection, _: str, key: str) -> Any:
    return next((asdict(item) for item in services.every(tx) if f"{item.kind}/{item.name}" == key), {})


def _review(tx: Connection, _: str, key: str) -> Any:
    item = reviews.get(tx, int(key))
    found = asdict(item)
    if item.blind and item.label is None:  # it is judged without the answer
        found = {name: value for name, value in found.items() if name not in _ANSWER}
    return found | {"said": [asdict(one) for one in reviews.said_of(tx, [item.id])[item.id]]}


_ANSWER = ("answer", "score", "probabilities", "confidence")
_READERS = {
    "entry": _event,
    "rollout": _rollout,
    "service": _service,
    "version": _version,
    "run": _run,
    "trigger": _trigger,
    "alert": _alert,
    "duel": _duel,
    "model": _model,
    "pipeline": _model,
    "event": _event,
    "review": _review,
}


def _jsonable(value: Any) -> Any:
    """As the ledger writes values, and what is not finite as text."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return plain(value)
