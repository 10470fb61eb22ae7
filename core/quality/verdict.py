"""What one check of data quality found. Values only; loads without numpy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Check(StrEnum):
    """What is looked at."""

    MISSING = "missing"  # the share of rows without a value
    OUT_OF_RANGE = "out_of_range"  # of numbers below the least or above the greatest of the reference
    UNKNOWN_CATEGORY = "unknown_category"  # of categories that the reference did not have
    CONSTANT = "constant"  # one value only, where the reference had several
    VOLUME = "volume"  # the number of rows


ALL_ROWS = ""  # the feature of a check that is about no column


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityResult:
    """One check of one feature in one window.

    `value` is held against `expected`, the reference's (volume: what is usual at that time of the week), within `low`
    and `high`; None where there is no such bound. `p_value` is the probability that chance alone brings it so far.
    `bad` where it is out of bounds and chance does not explain it.
    """

    feature: str
    check: Check
    value: float
    expected: float
    low: float | None
    high: float | None
    p_value: float
    n: int
    bad: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"check": self.check.value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> QualityResult:
        return cls(**(data | {"check": Check(data["check"])}))
