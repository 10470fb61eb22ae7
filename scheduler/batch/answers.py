"""Rows checked and asked as the prediction server checks and asks them: the same reader, the same calls."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from quarterdeck.core.errors import InputError, QuarterdeckError
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Arm, Task
from quarterdeck.scheduler.serving.batcher import MOST_ROWS
from quarterdeck.scheduler.serving.live import Loaded, sample_row
from quarterdeck.scheduler.serving.log import now_us
from quarterdeck.scheduler.serving.protocols import Plain, encode
from quarterdeck.scheduler.serving.reader import Request, as_object
from quarterdeck.store.traffic import PredictionRecord, micros


class Refusal(NamedTuple):
    """A row without an answer; `number` counts from 1."""

    number: int
    where: str
    error: str
    hint: str | None
    row: Any


class Answered(NamedTuple):
    """What came of a chunk. `numbers`, `request` and `answers` are of the rows that were answered."""

    numbers: Sequence[int]
    request: Request
    answers: Plain | None  # None where no row was answered
    refusals: Sequence[Refusal]
    latency_us: int  # a row


class Answerer:
    """Asks one version."""

    def __init__(self, loaded: Loaded, *, skip: bool, where: str) -> None:
        self._loaded = loaded
        self._skip = skip
        self._where = where
        signature = loaded.planned.signature
        sample = loaded.model.ask(loaded.reader.check([sample_row(signature)]).rows)
        if isinstance(sample, QuarterdeckError):
            raise sample
        self._has_probabilities = sample.probabilities is not None
        self._multiclass = signature.task is Task.MULTICLASS
        self._places = {label: place for place, label in enumerate(signature.classes or ())}

    @property
    def signature(self) -> Signature:
        return self._loaded.planned.signature

    def schema(self, *, ids: bool) -> dict[str, Any]:
        """The columns of the answers."""
        signature = self.signature
        found: dict[str, Any] = {"row": pl.Int64} | ({"id": pl.String} if ids else {})
        if signature.entity is not None:
            found[signature.entity] = pl.String
        if signature.classes is None:
            return found | {"value": pl.Float64}
        whole = all(isinstance(label, int) for label in signature.classes)
        found["label"] = pl.Int64 if whole else pl.String
        if self._has_probabilities:
            found |= {"probability": pl.Float64} | {f"probability.{label}": pl.Float64 for label in signature.classes}
        return found

    def answer(self, rows: Sequence[Any], start: int) -> Answered:
        """Answers to rows of which the first is number `start` + 1. InputError for a wrong one that is not skipped."""
        numbers, request, refusals = self._checked(rows, start)
        began = time.perf_counter_ns()
        parts: list[Plain] = []
        kept: list[int] = []
        for first in range(0, len(numbers), MOST_ROWS):
            places = range(first, min(first + MOST_ROWS, len(numbers)))
            for answered, part in self._ask(request, numbers, places, refusals):
                parts.append(part)
                kept.extend(answered)
        took = (time.perf_counter_ns() - began) // 1_000
        if len(kept) != len(numbers):
            request = request.part(kept)
            numbers = [numbers[place] for place in kept]
        answers = Plain.joined(parts) if parts else None
        refusals.sort(key=lambda refusal: refusal.number)
        return Answered(numbers, request, answers, refusals, took // max(len(numbers), 1))

    def columns(self, answered: Answered, ids: Sequence[str] | None) -> Mapping[str, Sequence[Any]]:
        """What is written, by the names of schema()."""
        answers, request, signature = answered.answers, answered.request, self.signature
        found: dict[str, Sequence[Any]] = {"row": answered.numbers} | ({} if ids is None else {"id": ids})
        if signature.entity is not None:
            found[signature.entity] = [None if entity is None else str(entity) for entity in request.entities]
        if answers is None:
            return {name: [] for name in self.schema(ids=ids is not None)}
        if answers.values is not None:
            return found | {"value": answers.values}
        labels = answers.labels or []
        found["label"] = labels
        if self._has_probabilities:
            matrix = answers.probabilities or []
            found["probability"] = [row[self._places[label]] for row, label in zip(matrix, labels, strict=True)]
            for label, place in self._places.items():
                found[f"probability.{label}"] = [row[place] for row in matrix]
        return found

    def records(self, answered: Answered, ids: Sequence[str]) -> list[PredictionRecord]:
        """The rows as the prediction log keeps them."""
        answers, request, planned = answered.answers, answered.request, self._loaded.planned
        if answers is None:
            return []
        at = now_us()
        outcomes: Sequence[Any] = (answers.labels if answers.values is None else answers.values) or []
        matrix = answers.probabilities if self._multiclass else None
        return [
            PredictionRecord(
                id=name,
                endpoint=planned.model,
                version=planned.number,
                arm=Arm.BATCH.value,
                entity=None if entity is None else str(entity),
                event_at=at if when is None else micros(when),
                at=at,
                latency_us=answered.latency_us,
                inputs=encode(as_object(sent)).decode(),
                answer=encode(outcomes[place]).decode(),
                score=answers.scores[place],
                probabilities=None if matrix is None else encode(matrix[place]).decode(),
            )
            for place, (name, sent, entity, when) in enumerate(
                zip(ids, request.sent, request.entities, request.times, strict=True)
            )
        ]

    def _checked(self, rows: Sequence[Any], start: int) -> tuple[list[int], Request, list[Refusal]]:
        reader = self._loaded.reader
        try:
            return list(range(start + 1, start + 1 + len(rows))), reader.check(rows), []
        except InputError:
            pass  # one of them is wrong: row by row
        good, refusals = [], []
        for place, row in enumerate(rows):
            try:
                reader.check([row])
                good.append(place)
            except InputError as error:
                refusals.append(self._refuse(error, start + place + 1, row))
        return [start + place + 1 for place in good], reader.check([rows[place] for place in good]), refusals

    def _ask(
        self, request: Request, numbers: Sequence[int], places: Sequence[int], refusals: list[Refusal]
    ) -> list[tuple[Sequence[int], Plain]]:
        """(places, answers) of what the model answered; where it fails on all together, it is asked one by one."""
        found = self._loaded.model.ask([request.rows[place] for place in places])
        if isinstance(found, Plain):
            return [(places, found)]
        if len(places) > 1:
            alone = [self._ask(request, numbers, [place], refusals) for place in places]
            return [item for items in alone for item in items]
        sent = request.sent[places[0]]
        refusals.append(self._refuse(InputError(found.message), numbers[places[0]], sent))
        return []

    def _refuse(self, error: InputError, number: int, row: Any) -> Refusal:
        _, _, field = (error.where or "").partition(", ")
        where = f"row {number}, {field}" if field else f"row {number}"
        if not self._skip:
            hint = error.hint or "correct the row, or leave such rows out with --on-error skip"
            raise InputError(error.message, where=f"{self._where}, {where}", hint=hint)
        return Refusal(number, where, error.message, error.hint, row)
