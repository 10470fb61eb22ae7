"""One look of a rollout's analysis: what was measured, held against the checks of the manifest.

Success within the check's bounds, failure beyond the bounds of failure, inconclusive between them. No data, or less
than the floor, is HOLD and never a pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from quarterdeck.core.manifest import CheckSpec


class LookOutcome(StrEnum):
    """What a look, or one measure of it, says."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # measured, and between success and failure
    HOLD = "hold"  # too little to measure: the window goes on
    ERROR = "error"  # it could not be measured


O = LookOutcome  # noqa: E741  # short for the tables below

# The worst speaks for the look. HOLD stands below INCONCLUSIVE: what was measured counts, also while another measure
# still waits for its rows.
_ORDER = (O.FAIL, O.ERROR, O.INCONCLUSIVE, O.HOLD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A measure's value over `n` rows (or labels) of the `floor` it needs; `error` says why there is none."""

    value: float | None
    n: int
    floor: int = 1
    unit: str = "requests"
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureResult:
    """A measure and what its check says of it."""

    measure: str
    value: float | None
    n: int
    outcome: LookOutcome
    reason: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"outcome": self.outcome.value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MeasureResult:
        return cls(**(data | {"outcome": LookOutcome(data["outcome"])}))


@dataclass(frozen=True, kw_only=True, slots=True)
class LookResult:
    """What a look says, why, and of each measure."""

    outcome: LookOutcome
    reason: str
    measures: tuple[MeasureResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A look at the window [since, until) of the wall clock."""

    since: datetime
    until: datetime
    result: LookResult


def judge_look(checks: Sequence[CheckSpec], measures: Mapping[str, Measured]) -> LookResult:
    """Hold measures, by name, against the checks. A check whose measure is not there has no data: HOLD.

    The worst of the checks decides: FAIL, then ERROR, INCONCLUSIVE, HOLD; PASS only where all pass and there is one.
    """
    results = tuple(judge_measure(check, measures.get(check.measure)) for check in checks)
    if not results:
        return LookResult(outcome=O.HOLD, reason="nothing is measured in this step", measures=())
    for outcome in _ORDER:
        reasons = [result.reason for result in results if result.outcome is outcome]
        if reasons:
            return LookResult(outcome=outcome, reason="; ".join(reasons), measures=results)
    return LookResult(outcome=O.PASS, reason="; ".join(result.reason for result in results), measures=results)


def judge_measure(check: CheckSpec, measured: Measured | None) -> MeasureResult:
    """One check. A value that is not a finite number is an ERROR; fewer rows than the floor are HOLD."""
    name = check.measure
    if measured is None:
        return _result(name, None, 0, O.HOLD, f"no {name} yet")
    if measured.error is not None:
        return _result(name, None, measured.n, O.ERROR, f"{name}: {measured.error}")
    if measured.n < max(measured.floor, 1):
        said = f"{name}: {measured.n} of {max(measured.floor, 1)} {measured.unit}"
        return _result(name, measured.value, measured.n, O.HOLD, said)
    if measured.value is None:
        return _result(name, None, measured.n, O.HOLD, f"no {name} yet")
    if not math.isfinite(measured.value):
        return _result(name, None, measured.n, O.ERROR, f"{name} is not a number")
    outcome, bound = _hold_against(check, measured.value)
    over = f" over {measured.n} {measured.unit}"
    return _result(name, measured.value, measured.n, outcome, f"{name} {measured.value:.4g}{bound}{over}")


def _hold_against(check: CheckSpec, value: float) -> tuple[LookOutcome, str]:
    """(outcome, the bound that speaks)."""
    if check.fail_above is not None and value > check.fail_above:
        return O.FAIL, f" above {check.fail_above:g}"
    if check.fail_below is not None and value < check.fail_below:
        return O.FAIL, f" below {check.fail_below:g}"
    if check.maximum is not None and value > check.maximum:
        return _short(check.fail_above), f" above {check.maximum:g}"
    if check.minimum is not None and value < check.minimum:
        return _short(check.fail_below), f" below {check.minimum:g}"
    return O.PASS, ""


def _short(bound_of_failure: float | None) -> LookOutcome:
    """Short of success: a failure where no bound of failure is set on that side."""
    return O.FAIL if bound_of_failure is None else O.INCONCLUSIVE


def _result(measure: str, value: float | None, n: int, outcome: LookOutcome, reason: str) -> MeasureResult:
    return MeasureResult(measure=measure, value=value, n=n, outcome=outcome, reason=reason)
