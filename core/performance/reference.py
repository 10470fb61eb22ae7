"""What a version's held-out rows taught about its performance; kept with the version as JSON.

Each metric with its spread, for thresholds; how the columns are cut into slices, and each slice's metric; and what
estimates are made with. No row is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.metrics.slice_cuts import Cut
from quarterdeck.core.performance.calibrating import Calibrator
from quarterdeck.core.performance.dle import Losses
from quarterdeck.core.performance.spread import MetricReference
from quarterdeck.core.performance.support import Support

FORMAT = 1
CONFIDENCE = "confidence"  # the mean probability of the class that was named


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reference:
    """Of `rows` held-out rows. `calibrator` is a classifier's, `losses` a regression's; neither where `silent` says why
    there is no estimate."""

    rows: int
    metrics: Mapping[str, MetricReference]
    support: Support
    calibrator: Calibrator | None = None
    losses: Losses | None = None
    silent: str = ""
    cuts: tuple[Cut, ...] = ()
    slices: Mapping[str, MetricReference] = field(default_factory=dict)  # the main metric of "column=label"

    def to_bytes(self) -> bytes:
        """JSON, the same bytes for the same reference."""
        document = {
            "format": FORMAT,
            "rows": self.rows,
            "metrics": {name: item.to_json() for name, item in self.metrics.items()},
            "support": self.support.to_json(),
            "calibrated": self.calibrator is not None,
            "calibrator": None if self.calibrator is None else self.calibrator.to_json(),
            "losses": None if self.losses is None else self.losses.to_json(),
            "silent": self.silent,
            "cuts": [_cut_json(cut) for cut in self.cuts],
            "slices": {name: item.to_json() for name, item in self.slices.items()},
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Reference:
        """Raises IntegrityError for anything but what to_bytes() gave."""
        try:
            document = json.loads(data)
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}, not {FORMAT}")
            return cls(
                rows=document["rows"],
                metrics=_references(document["metrics"]),
                support=Support.from_json(document["support"]),
                calibrator=Calibrator.from_json(document["calibrator"]) if document["calibrated"] else None,
                losses=None if document["losses"] is None else Losses.from_json(document["losses"]),
                silent=document["silent"],
                cuts=tuple(_cut(item) for item in document["cuts"]),
                slices=_references(document["slices"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            hint = "register the model again"
            raise IntegrityError(f"a performance reference cannot be read: {error!r}", hint=hint) from error


def slice_name(column: str, label: str) -> str:
    return f"{column}={label}"


def _references(data: Mapping[str, Any]) -> dict[str, MetricReference]:
    return {name: MetricReference.from_json(item) for name, item in data.items()}


def _cut_json(cut: Cut) -> dict[str, Any]:
    return {
        "column": cut.column,
        "labels": list(cut.labels),
        "values": None if cut.values is None else list(cut.values),
        "edges": None if cut.edges is None else list(cut.edges),
    }


def _cut(data: Mapping[str, Any]) -> Cut:
    return Cut(
        column=data["column"],
        labels=tuple(data["labels"]),
        values=None if data["values"] is None else tuple(data["values"]),
        edges=None if data["edges"] is None else tuple(data["edges"]),
    )
