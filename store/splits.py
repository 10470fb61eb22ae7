"""What share of an endpoint's requests its challenger answers. No row: none; then it answers in shadow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from quarterdeck.store.rows import table
from quarterdeck.store.tables import SplitRow

_split = table(SplitRow)


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """`weight` percent of the requests go to `version`; the others are answered by it in shadow if `shadow`."""

    version: int
    weight: float
    shadow: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find(tx: Connection, environment: str, model: str) -> Split | None:
    row = tx.execute(select(_split).where(*_where(environment, model))).one_or_none()
    return None if row is None else Split(version=row.version, weight=row.weight, shadow=row.shadow)


def put(
    tx: Connection, environment: str, model: str, *, version: int, weight: float, shadow: bool, at: datetime, entry: int
) -> None:
    """Called by promotion.split(), which writes the ledger entry."""
    clear(tx, environment, model)
    key = {"environment": environment, "model": model}
    share = {"version": version, "weight": weight, "shadow": shadow}
    tx.execute(insert(_split).values(**key, **share, changed_at=at, ledger_seq=entry))


def clear(tx: Connection, environment: str, model: str) -> None:
    tx.execute(delete(_split).where(*_where(environment, model)))


def _where(environment: str, model: str) -> tuple[Any, ...]:
    return (_split.c.environment == environment, _split.c.model == model)
