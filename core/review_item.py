"""A prediction in the queue, the queue itself, and what a person said, as the store keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quarterdeck.core.review import State, Stratum
from quarterdeck.core.review_spec import ReviewSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A model's queue."""

    environment: str
    model: str
    enabled: bool
    spec: ReviewSpec
    salt: str
    rate: float
    thinned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One prediction that was chosen. What JSON was sent, answered and said is kept as text."""

    id: int
    environment: str
    model: str
    version: int
    prediction_id: str
    entity: str | None
    event_at: datetime
    answered_at: datetime
    inputs: str
    answer: str
    score: float
    probabilities: str | None
    confidence: float | None
    stratum: Stratum
    why: str
    draw: float
    weight: float
    probability: float
    needed: int
    blind: bool
    state: State
    label: str | None
    decided_at: datetime | None
    queued_at: datetime
    turn_at: datetime
    expires_at: datetime
    skips: int
    claimed_by: str | None
    claimed_until: datetime | None
    closed_at: datetime | None

    def fields(self) -> dict[str, Any]:
        """The row that the model was asked about, by name."""
        found = json.loads(self.inputs)
        return found if isinstance(found, dict) else {}

    def held_by(self, now: datetime) -> str | None:
        """Who has it in hand; None where anybody may take it."""
        return self.claimed_by if self.claimed_until is not None and self.claimed_until > now else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One person's decision, or `feedback`'s."""

    id: int
    review_id: int
    person: str
    label: str  # JSON
    because: str | None
    decided_at: datetime
    undone_at: datetime | None
    ledger_seq: int | None
