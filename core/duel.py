"""The verdict of a live comparison of champion and challenger, as a value. duel_compare.py makes it.

Loads without numpy, because the console shows it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from quarterdeck.core.values import Decision, Direction

Interval = tuple[float, float]


class Mode(StrEnum):
    """How the two met."""

    PAIRED = "paired"  # both answered the same requests: shadow traffic
    AB = "ab"  # each request was answered by one of them: canary and A/B traffic


class Standing(StrEnum):
    """What an interval of a difference says of the challenger."""

    BETTER = "better"  # all of it is on the better side of 0
    WORSE = "worse"  # all of it is on the worse side of 0, or of what a gate allows
    UNCLEAR = "unclear"  # it holds 0, or there is none yet


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two: how many labelled rows it has in the comparison, and how fast it answered them."""

    n: int
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiResult:
    """A user's KPI on `n` rows of both; `difference` is challenger less champion.

    `interval` is always valid in the limit of many rows, and corrected for the number of KPIs; duel_kpis.py says
    how. `problem` says why there is no number. `margin` is how much worse the gate allows.
    """

    name: str
    direction: Direction
    n: int = 0
    champion: float | None = None
    challenger: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    standing: Standing = Standing.UNCLEAR
    margin: float = 0.0
    problem: str | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> KpiResult:
        typed = {
            "direction": Direction(data["direction"]),
            "interval": _interval(data["interval"]),
            "standing": Standing(data["standing"]),
        }
        return cls(**(data | typed))


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceResult:
    """The rows with one value in one column; `difference` is of the mean loss, so that negative is better.

    `interval` is corrected for all slices that were looked at; duel_slices.py says how. `asked` is set where a gate
    of the manifest names the column.
    """

    column: str
    value: str
    n: int
    difference: float
    interval: Interval | None
    standing: Standing
    asked: bool = False

    @property
    def name(self) -> str:
        return f"{self.column}={self.value}"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SliceResult:
        typed = {"interval": _interval(data["interval"]), "standing": Standing(data["standing"])}
        return cls(**(data | typed))


@dataclass(frozen=True, kw_only=True, slots=True)
class DuelVerdict:
    """What n rows with labels say, at any time one looks.

    `difference` is the mean loss of the challenger less the champion's: negative is better. `interval` is
    always valid: all the intervals of a duel together hold the true difference with probability 1 - alpha.
    `e_value` is the strongest evidence so far and `needed` is 1/alpha, where it decides; `p_value` = 1 /
    e_value, at most 1, never rises as labels arrive. `rows_needed` is how many more labels it would take at
    this difference, where it can be told; in an A/B comparison, of the challenger's.

    `n` is the number of observations that the evidence is made of: rows that both answered, or, of an A/B
    comparison, as many as the pairs that the two arms make. `champion_side` and `challenger_side` hold each arm's
    rows and latency. `ratio`, of an A/B comparison, is how many of the champion's rows stand against one of the
    challenger's; it is set at the first look. `slices` are the worst and the best of the `slices_looked` that had
    rows enough, the worst first. `spent` says that no more labels are compared: there were as many as it may take, and
    HOLD then means that the champion stays.
    """

    decision: Decision
    n: int
    loss: str
    champion: dict[str, float]  # metrics, on the same rows where it is paired
    challenger: dict[str, float]
    difference: float | None
    interval: Interval | None
    p_value: float
    e_value: float
    needed: float
    rows_needed: int | None
    reasons: tuple[str, ...]
    mode: Mode = Mode.PAIRED
    champion_side: Side | None = None
    challenger_side: Side | None = None
    ratio: int = 1
    kpis: tuple[KpiResult, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    slices_looked: int = 0
    spent: bool = False

    def to_json(self) -> dict[str, Any]:
        # asdict() keeps tuples, which JSON turns into lists; a row that was just made looks like one that was read
        return {name: _lists(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DuelVerdict:
        """Also of rows that were written before a verdict held more than the loss."""
        typed: dict[str, Any] = {
            "decision": Decision(data["decision"]),
            "interval": _interval(data["interval"]),
            "reasons": tuple(data["reasons"]),
            "mode": Mode(data.get("mode", Mode.PAIRED)),
            "kpis": tuple(KpiResult.from_json(item) for item in data.get("kpis", ())),
            "slices": tuple(SliceResult.from_json(item) for item in data.get("slices", ())),
        }
        for side in ("champion_side", "challenger_side"):
            found = data.get(side)
            typed[side] = None if found is None else Side(**found)
        return cls(**(data | typed))


def _interval(found: Any) -> Interval | None:
    return None if found is None else (float(found[0]), float(found[1]))


def _lists(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_lists(item) for item in value]
    return {key: _lists(item) for key, item in value.items()} if isinstance(value, dict) else value
