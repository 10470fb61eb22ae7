"""Live comparisons of champion and challenger, one row for each pair that met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from quarterdeck.core.values import Decision
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import DuelRow

_duel = table(DuelRow)
COLUMNS = tuple(column.name for column in _duel.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duel:
    """The evidence so far. `verdict` is DuelVerdict.to_json(); `path` holds [n, e-value, difference, low, high]."""

    environment: str
    model: str
    champion: int
    challenger: int
    started_at: datetime
    updated_at: datetime
    decision: Decision
    verdict: dict[str, Any]
    path: list[list[float]]


def put(tx: Connection, duel: Duel) -> None:
    """Keep the newest evidence of a pair; when it began is kept from the first time."""
    values = {name: getattr(duel, name) for name in COLUMNS} | {"decision": duel.decision.value}
    key = [_duel.c[name] == values.pop(name) for name in ("environment", "model", "champion", "challenger")]
    if tx.execute(select(_duel.c.started_at).where(*key)).one_or_none() is None:
        names = {"environment": duel.environment, "model": duel.model}
        pair = {"champion": duel.champion, "challenger": duel.challenger}
        tx.execute(insert(_duel).values(**names, **pair, **values))
    else:
        del values["started_at"]
        tx.execute(update(_duel).where(*key).values(**values))


def find(tx: Connection, environment: str, model: str, champion: int, challenger: int) -> Duel | None:
    pair = (_duel.c.champion == champion, _duel.c.challenger == challenger)
    query = select(_duel).where(_duel.c.environment == environment, _duel.c.model == model, *pair)
    row = tx.execute(query).one_or_none()
    return None if row is None else _to_duel(row)


def latest(tx: Connection, environment: str, model: str | None = None, *, limit: int = 50) -> list[Duel]:
    """The newest first."""
    query = select(_duel).where(_duel.c.environment == environment).order_by(_duel.c.started_at.desc()).limit(limit)
    if model is not None:
        query = query.where(_duel.c.model == model)
    return [_to_duel(row) for row in tx.execute(query)]


def _to_duel(row: Any) -> Duel:
    return value_of(Duel, row, decision=Decision)
