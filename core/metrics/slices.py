"""How good a model is on parts of its rows: the value. Computed in slice_measures.py, searched in worst_slices.py.

Loads without numpy, because the console and the store read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What a column holds in a slice: "UA", "10 to 20", "(missing)", "(other)"."""

    column: str
    label: str

    def __str__(self) -> str:
        return f"{self.column} = {self.label}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """The rows that meet one condition, or two, and how the model does on them against all other rows.

    `value` is `metric` on the slice, `elsewhere` the same on the other rows; None where it has no meaning there.
    `interval` holds its two-sided 95 % interval. `difference` is the mean loss on the slice less that on the other
    rows, in the loss's unit: positive is worse. `p_value`: of a difference as great if the slice were no worse
    (Welch, one-sided); `q_value`: after Benjamini and Hochberg over all slices that were looked at with it. Both None
    where there are too few other rows.
    """

    conditions: tuple[Condition, ...]
    rows: int
    metric: str
    value: float | None
    interval: tuple[float, float] | None
    elsewhere: float | None
    mean_loss: float
    difference: float | None
    p_value: float | None
    q_value: float | None

    @property
    def name(self) -> str:
        """ "carrier = UA and hour = 18 or more" """
        return " and ".join(map(str, self.conditions))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "conditions": [asdict(item) for item in self.conditions],
            "interval": None if self.interval is None else list(self.interval),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Slice:
        interval = data["interval"]
        typed = {
            "conditions": tuple(Condition(**item) for item in data["conditions"]),
            "interval": None if interval is None else (float(interval[0]), float(interval[1])),
        }
        return cls(**(dict(data) | typed))


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceReport:
    """The slices of the named columns, and the worst that a search found, the worst first.

    `loss` names the loss of a row. `worst` holds only slices whose q-value is at most `rate`; `looked_at` is how many
    the search tested. `small` is how many slices of the named columns had fewer than `minimum_rows` rows. `left_out`:
    columns that could not be cut, each with the reason.
    """

    rows: int
    loss: str
    minimum_rows: int
    rate: float
    named: tuple[Slice, ...]
    worst: tuple[Slice, ...]
    looked_at: int
    small: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("rows", "loss", "minimum_rows", "rate", "looked_at", "small")}
        return plain | {
            "named": [item.to_json() for item in self.named],
            "worst": [item.to_json() for item in self.worst],
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SliceReport:
        typed = {key: tuple(Slice.from_json(item) for item in data[key]) for key in ("named", "worst")}
        return cls(**(dict(data) | typed))
