"""What the prediction log takes: one request's answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from quarterdeck.core.counting import Counter
from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.store.traffic import micros


class Entry(NamedTuple):
    """One request's answers.

    `rows`: as they were sent; None for the shadow arm, whose inputs are the champion's.
    """

    endpoint: str
    version: int
    arm: Arm
    multiclass: bool
    ids: Sequence[str]
    rows: Sequence[Any] | None
    entities: Sequence[str | int | None]
    times: Sequence[datetime | None]
    at: int  # microseconds since 1970
    latency_us: int
    answers: Plain
    start: int  # of this request's rows in `answers`
    text: bytes | None = None  # the one row as JSON, where that is at hand
    values: Sequence[Sequence[Any]] | None = None  # the rows as the version was asked them, where they are at hand
    counter: Counter | None = None  # of the version; None where nothing can count its rows

    def events(self) -> list[int]:
        """When what was asked about happened, in microseconds: the time of the request where the row has none."""
        at = self.at
        return [at if when is None else micros(when) for when in self.times]

    def classes(self) -> Sequence[Any] | None:
        """What the model said, where that is a class."""
        labels = self.answers.labels
        return None if labels is None else labels[self.start : self.start + len(self.ids)]

    def scores(self) -> list[float]:
        start = self.start
        return self.answers.scores[start : start + len(self.ids)]
