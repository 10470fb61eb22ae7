"""The answer to the Duel screen's question, as rows. No database is needed to load this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quarterdeck.console.queries.values import Aliases
from quarterdeck.core.duel import KpiResult, Mode, Side, SliceResult
from quarterdeck.core.values import Decision


@dataclass(frozen=True, kw_only=True, slots=True)
class DuelRow:
    model: str
    champion: int
    challenger: int
    running: bool  # both still bear their names
    decision: Decision
    n: int
    e_value: float | None
    needed: float | None
    started_at: datetime
    updated_at: datetime
    aliases: Aliases

    @property
    def id(self) -> str:
        return f"{self.model}:{self.champion}:{self.challenger}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One measure of both; `low` and `high` bound the difference (challenger less champion)."""

    name: str
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    lower_is_better: bool = False
    live: bool = True  # measured on live rows; else on the holdout of training


@dataclass(frozen=True, kw_only=True, slots=True)
class DuelPoint:
    n: int
    e_value: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DuelDetail:
    row: DuelRow
    compared: tuple[Compared, ...]
    path: tuple[DuelPoint, ...]
    p_value: float
    rows_needed: int | None
    reasons: tuple[str, ...]
    gates_passed: int
    gates: int
    mode: Mode = Mode.PAIRED
    champion_side: Side | None = None
    challenger_side: Side | None = None
    kpis: tuple[KpiResult, ...] = ()
    slices: tuple[SliceResult, ...] = ()  # the worst first
    slices_looked: int = 0
    rollout: str = ""  # in words; "" where none goes on for the challenger


@dataclass(frozen=True, kw_only=True, slots=True)
class Duels:
    duels: tuple[DuelRow, ...]
    detail: DuelDetail | None
