"""The answer to the review screen's question. No database is needed to load this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quarterdeck.core.review import State
from quarterdeck.core.values import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRow:
    """One prediction in the queue, on one line."""

    id: int
    model: str
    version: int
    state: State
    why: str
    confidence: float | None
    probability: float  # with which it was chosen
    answer: str | None  # None: it is judged without the answer
    entity: str | None
    event_at: datetime
    answered_at: datetime
    skips: int
    said: int  # people who have judged it
    needed: int
    mine: bool  # this person is among them
    held_by: str | None  # somebody else who has it in hand


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldRow:
    """One input; `mark` says what is unusual about it."""

    name: str
    value: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewDetail:
    """All that a person needs to judge a prediction."""

    row: ReviewRow
    prediction: str
    task: Task
    target: str
    fields: tuple[FieldRow, ...]
    classes: tuple[tuple[str, float | None], ...]  # each with its probability, the likeliest first
    said: tuple[tuple[str, str], ...]  # (person, label), where they differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """The queue from its head on. `waiting` counts all of it."""

    rows: tuple[ReviewRow, ...]
    waiting: int
    detail: ReviewDetail | None
    enabled: tuple[str, ...]  # models whose predictions are chosen
    decided: int  # by this person, today (UTC)
