"""The verdict of a live comparison of champion and challenger, as a value. duel_compare.py makes it.

Loads without numpy, because the console shows it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from quarterdeck.core.values import Decision


@dataclass(frozen=True, kw_only=True, slots=True)
class DuelVerdict:
    """What n paired rows with labels say, at any time one looks.

    `difference` is the mean loss of the challenger less the champion's: negative is better. `interval` is
    always valid: all the intervals of a duel together hold the true difference with probability 1 - alpha.
    `e_value` is the strongest evidence so far and `needed` is 1/alpha, where it decides; `p_value` = 1 /
    e_value, at most 1, never rises as labels arrive. `rows_needed` is how many more labels it would take at
    this difference, where it can be told.
    """

    decision: Decision
    n: int
    loss: str
    champion: dict[str, float]  # metrics on the same rows
    challenger: dict[str, float]
    difference: float | None
    interval: tuple[float, float] | None
    p_value: float
    e_value: float
    needed: float
    rows_needed: int | None
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        interval = None if self.interval is None else list(self.interval)
        return asdict(self) | {"interval": interval, "reasons": list(self.reasons)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DuelVerdict:
        interval = data["interval"]
        typed = {
            "decision": Decision(data["decision"]),
            "interval": None if interval is None else (float(interval[0]), float(interval[1])),
            "reasons": tuple(data["reasons"]),
        }
        return cls(**(data | typed))
