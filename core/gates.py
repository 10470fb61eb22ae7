"""What a gate says about a candidate version: the result as a value, thresholds on a number, and the sum.

Loads without numpy, because the console and the store read results. The comparison with the champion
computes, and is in gate_judging.py.

A number that is missing is never a pass: no value, NaN or no rows is HOLD.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.values import Direction, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """One gate's verdict with its evidence.

    `statistic` is what was held against `threshold`: the metric itself, or, in a comparison with the
    champion, the worsening (positive is worse). `direction` is the way of `statistic` that is better.
    `interval` holds the lower and the upper one-sided confidence bound of the statistic. `rows_needed` is how
    many rows are still needed, beyond the `n` that were there, where that can be told.
    """

    gate: str  # in words: "roc_auc_score at least 0.7"
    metric: str
    outcome: Outcome
    statistic: float | None
    threshold: float | None
    direction: Direction
    n: int
    reason: str
    interval: tuple[float, float] | None = None
    rows_needed: int | None = None
    owner: str | None = None
    key: str | None = None  # the gate's key in its set: "roc_auc_score min"; None in older records
    slice: str | None = None  # of a gate in every slice: the worst one, "carrier = UA", which the numbers are of

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"interval": None if self.interval is None else list(self.interval)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GateResult:
        interval = data["interval"]
        typed = {
            "outcome": Outcome(data["outcome"]),
            "direction": Direction(data["direction"]),
            "interval": None if interval is None else (float(interval[0]), float(interval[1])),
        }
        known = {item.name for item in fields(cls)}
        return cls(**({name: value for name, value in data.items() if name in known} | typed))


def overall(results: Iterable[GateResult]) -> Outcome:
    """FAIL beats HOLD beats PASS. Without any gate the outcome is PASS: nothing was asked."""
    outcomes = {result.outcome for result in results}
    for outcome in (Outcome.FAIL, Outcome.HOLD):
        if outcome in outcomes:
            return outcome
    return Outcome.PASS


def judge_bound(
    *,
    metric: str,
    value: float | None,
    n: int,
    minimum: float | None = None,
    maximum: float | None = None,
    owner: str | None = None,
    interval: tuple[float, float] | None = None,
) -> GateResult:
    """Hold a metric against a least or a greatest value, or both; the limit itself passes.

    `value` is the metric on `n` rows. None, NaN and `n` = 0 give HOLD; an infinite value is a number like any
    other, and the result keeps it as None with the value in its reason, because JSON has none. `interval`, the
    one-sided bounds of the value, is evidence beside it: the value alone decides. Raises RefusedError where neither
    limit is given, or where no number can meet both.
    """
    _check_limits(metric, minimum, maximum)
    threshold, direction = _nearer(value, minimum, maximum)
    outcome, reason = _bound_verdict(metric, value, n, minimum, maximum)
    return GateResult(
        gate=f"{metric} {_limits(minimum, maximum)}",
        metric=metric,
        outcome=outcome,
        statistic=value if value is not None and math.isfinite(value) else None,
        threshold=threshold,
        direction=direction,
        n=n,
        reason=reason,
        interval=interval,
        owner=owner,
    )


def _check_limits(metric: str, minimum: float | None, maximum: float | None) -> None:
    if minimum is None and maximum is None:
        raise RefusedError("the gate has neither min nor max", where=metric, hint="give one of them")
    if any(limit is not None and math.isnan(limit) for limit in (minimum, maximum)):
        raise RefusedError("the gate's limit is not a number", where=metric)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise RefusedError(f"no value is at least {minimum:g} and at most {maximum:g}", where=metric)


def _limits(minimum: float | None, maximum: float | None) -> str:
    parts = []
    if minimum is not None:
        parts.append(f"at least {minimum:g}")
    if maximum is not None:
        parts.append(f"at most {maximum:g}")
    return " and ".join(parts)


def _nearer(value: float | None, minimum: float | None, maximum: float | None) -> tuple[float | None, Direction]:
    """Of two limits, the one that is broken or closer: the one worth showing."""
    if minimum is None:
        return maximum, Direction.LOWER
    if maximum is None or value is None or math.isnan(value) or value - minimum <= maximum - value:
        return minimum, Direction.HIGHER
    return maximum, Direction.LOWER


def _bound_verdict(
    metric: str, value: float | None, n: int, minimum: float | None, maximum: float | None
) -> tuple[Outcome, str]:
    if n <= 0:
        return Outcome.HOLD, f"{metric} was measured on no rows"
    if value is None or math.isnan(value):
        return Outcome.HOLD, f"{metric} was not measured" if value is None else f"{metric} is not a number"
    if minimum is not None and value < minimum:
        return Outcome.FAIL, f"{metric} is {value:g}, below {minimum:g}"
    if maximum is not None and value > maximum:
        return Outcome.FAIL, f"{metric} is {value:g}, above {maximum:g}"
    return Outcome.PASS, f"{metric} is {value:g}, {_limits(minimum, maximum)}"
