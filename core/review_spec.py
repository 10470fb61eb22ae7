"""What `[review]` of a manifest says: which predictions wait for a person, how many people see each, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewSpec:
    """The `[review]` table."""

    confidence_below: float | None = None  # classifiers: a prediction that is less sure of its label always waits
    outside_range: bool = False  # so does one with an input outside what training saw
    random_share: float = 0.01  # of all others, by chance
    most_waiting: int = 500  # beyond that fewer are chosen, and what waits is thinned; the probabilities say so
    reviewers: int = 1  # 2: two people see each, and where they disagree a third settles it
    blind: bool = False  # the reviewer does not see what the model answered
    expires: timedelta = timedelta(days=30)  # an older prediction waits for nobody
    reasons: tuple[str, ...] = ()  # what a reviewer can give as the cause of a correction

    def to_json(self) -> dict[str, Any]:
        """As JSON values, durations in seconds."""
        return asdict(self) | {"expires": self.expires.total_seconds(), "reasons": list(self.reasons)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReviewSpec:
        typed = {"expires": timedelta(seconds=data["expires"]), "reasons": tuple(data["reasons"])}
        return cls(**(dict(data) | typed))
