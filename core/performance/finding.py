"""What is known of one metric in one window: measured, estimated, or what the server did. Loads without numpy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from quarterdeck.core.metrics.families import direction
from quarterdeck.core.values import Direction

LABELLED_SHARE = 0.8  # of a window's rows: late labels are often the bad ones, so a window waits for most of them
ESTIMATE_NOTE = "an estimate: it does not hold where what is to be predicted has changed (concept drift)"


class Kind(StrEnum):
    """Where a number comes from."""

    LABELLED = "labelled"  # from the labels that came
    ESTIMATED = "estimated"  # without labels, from what the held-out rows taught
    KPI = "kpi"  # a function of the user's, on the labels that came
    SERVED = "served"  # what the server did: confidence, latency, errors, rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One number of one window, or of one slice of it.

    `lower` and `upper` are the two-sided 95 % interval. `reference` is the value on the held-out rows of the version;
    `threshold_low` and `threshold_high` say where a window of this size lies with it (three standard deviations).
    `alert`: beyond the threshold on its worse side. `value` is None where there is none; then `note` says why.
    """

    metric: str
    kind: Kind
    value: float | None
    n: int  # rows that it is of
    lower: float | None = None
    upper: float | None = None
    standard_error: float | None = None
    slice: str | None = None  # "carrier=UA"; None: all rows
    reference: float | None = None
    threshold_low: float | None = None
    threshold_high: float | None = None
    alert: bool = False
    agrees: bool | None = None  # of an estimate: with the labels of the same window; None: they have not come
    valid: bool = True  # False: an estimate that labels have contradicted; it never alerts (validity.py)
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"kind": self.kind.value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """What to_json() gave; keys of a newer version are passed over."""
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        return cls(**(known | {"kind": Kind(data["kind"])}))


def of_kind(findings: list[dict[str, Any]], kind: Kind, *, slices: bool = False) -> dict[str, Finding]:
    """A window's overall findings of a kind by metric; with `slices`, those of slices too, as "metric[slice]"."""
    found = {}
    for item in findings:
        if item["kind"] == kind and (slices or item.get("slice") is None):
            name = item["metric"] if item.get("slice") is None else f"{item['metric']}[{item['slice']}]"
            found[name] = Finding.from_json(item)
    return found


def is_worse(name: str, value: float, low: float | None, high: float | None) -> bool:
    """Whether a value lies beyond the threshold on the metric's worse side."""
    if direction(name) is Direction.HIGHER:
        return low is not None and value < low
    return high is not None and value > high
