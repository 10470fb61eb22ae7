"""The looks of rollouts' analyses. A rollout that waits looks on: the same again is one row, brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from quarterdeck.core.rollout import Rollout, RolloutState
from quarterdeck.core.rollout_looks import Look, LookOutcome, MeasureResult
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AnalysisRow

_analysis = table(AnalysisRow)
_STANDING = (RolloutState.PAUSED, RolloutState.WAITING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """One look as it was kept: the window is [since, at)."""

    rollout_id: int
    number: int
    step: int
    at: datetime
    since: datetime
    outcome: LookOutcome
    reason: str
    measures: tuple[MeasureResult, ...]


def add(tx: Connection, rollout: Rollout, look: Look) -> None:
    """Keep a look at a rollout as it stood. HOLD after HOLD, or the same while it waits, takes the last one's place."""
    last = next(iter(of_rollout(tx, rollout.id, limit=1)), None)
    values: dict[str, Any] = {
        "step": rollout.step,
        "at": look.until,
        "since": look.since,
        "outcome": look.result.outcome.value,
        "reason": look.result.reason,
        "measures": [measure.to_json() for measure in look.result.measures],
    }
    if last is not None and _same(last, rollout, look):
        tx.execute(update(_analysis).where(_key(rollout.id, last.number)).values(**values))
        return
    number = 1 if last is None else last.number + 1
    tx.execute(insert(_analysis).values(rollout_id=rollout.id, number=number, **values))


def of_rollout(tx: Connection, rollout: int, *, limit: int = 50) -> Sequence[Analysis]:
    """The newest first."""
    query = select(_analysis).where(_analysis.c.rollout_id == rollout).order_by(_analysis.c.number.desc()).limit(limit)
    return [value_of(Analysis, row, outcome=LookOutcome, measures=_measures) for row in tx.execute(query)]


def _same(last: Analysis, rollout: Rollout, look: Look) -> bool:
    alike = last.step == rollout.step and last.outcome is look.result.outcome
    return alike and (last.outcome is LookOutcome.HOLD or rollout.state in _STANDING)


def _key(rollout: int, number: int) -> ColumnElement[bool]:
    return and_(_analysis.c.rollout_id == rollout, _analysis.c.number == number)


def _measures(items: list[dict[str, Any]]) -> tuple[MeasureResult, ...]:
    return tuple(MeasureResult.from_json(item) for item in items)
