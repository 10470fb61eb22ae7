"""Answers that come one a row from a function or another server, checked and made into Answers.

A row's answer is, by what the model gives:

- values: a finite number (regression);
- labels: one of the signature's classes;
- probabilities: of every class as {class: probability}, or, of a binary model, the positive class's as a float.

JSON has text keys only, so the text of a class stands for it there. True and false are 1 and 0, as in training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.predictors import Answers, from_probabilities
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task

SUM_TOLERANCE = 1e-3  # how far the probabilities of a row may be from 1 together


class Gives(StrEnum):
    """What a model answers with. It is fixed when the model is made: it must not change from batch to batch."""

    VALUES = "values"
    LABELS = "labels"
    PROBABILITIES = "probabilities"


def what_it_gives(found: Any, rows: int, signature: Signature) -> Gives:
    """What these answers are, by the first of them. RefusedError where there is none, or it is none of the forms."""
    if signature.task is Task.REGRESSION:
        return Gives.VALUES
    first = _plain(as_list(found, rows)[0]) if rows else None
    if isinstance(first, Mapping | float):
        return Gives.PROBABILITIES
    if isinstance(first, str | int):
        return Gives.LABELS
    raise _wrong(0, first, "a label, a probability or {class: probability}")


def to_answers(found: Any, rows: int, signature: Signature, gives: Gives) -> Answers:
    """The answers to `rows` rows, each checked.

    RefusedError names the first row whose answer is of another form, no class of the signature, not finite, no
    probability, or where there are not as many answers as rows.
    """
    listed = as_list(found, rows)
    if gives is Gives.VALUES:
        return _values([answer.item() if isinstance(answer, np.generic) else answer for answer in listed])
    answers = [_plain(answer) for answer in listed]
    if gives is Gives.LABELS:
        labels = [_label(answer, row, signature) for row, answer in enumerate(answers)]
        positive = signature.positive
        named = [1.0 if positive is None or label == positive else 0.0 for label in labels]
        return Answers(values=None, labels=labels, probabilities=None, scores=np.array(named))
    matrix = np.array([_probabilities(answer, row, signature) for row, answer in enumerate(answers)], dtype=np.float64)
    return from_probabilities(matrix.reshape(rows, len(signature.classes or ())), signature)


def as_list(found: Any, rows: int) -> Sequence[Any]:
    """The answers as a sequence of `rows` items; an array or a frame's column will do."""
    if not isinstance(found, str | bytes | Mapping) and hasattr(found, "tolist"):
        found = found.tolist()
    if not isinstance(found, list | tuple):
        raise RefusedError(f"expected a list with one answer a row, found {_shown(found)}")
    if len(found) != rows:
        raise RefusedError(f"expected {rows} answers, one a row, found {len(found)}")
    return found


def _values(answers: list[Any]) -> Answers:
    for row, answer in enumerate(answers):
        if isinstance(answer, bool) or not isinstance(answer, int | float) or not math.isfinite(answer):
            raise _wrong(row, answer, "a finite number")
    values = [float(answer) for answer in answers]
    return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))


def _label(answer: Any, row: int, signature: Signature) -> str | int:
    for label in signature.classes or ():
        if type(label) is type(answer) and label == answer:
            return label
    raise _wrong(row, answer, f"a class the model knows: {_known(signature)}")


def _probabilities(answer: Any, row: int, signature: Signature) -> list[float]:
    classes = signature.classes or ()
    if isinstance(answer, Mapping):
        found = {str(_plain(key)): _plain(value) for key, value in answer.items()}
        if len(found) != len(answer) or set(found) != {str(label) for label in classes}:
            raise _wrong(row, answer, f"a probability of every class: {_known(signature)}")
        numbers = [found[str(label)] for label in classes]
    elif signature.task is Task.BINARY and (isinstance(answer, float) or classes == (0, 1)):
        numbers = [1.0 - answer, answer] if isinstance(answer, int | float) else [answer]
    else:
        raise _wrong(row, answer, "{class: probability}")
    return check_probabilities(numbers, row)


def check_probabilities(numbers: list[Any], row: int) -> list[float]:
    """The numbers where they are probabilities that add up to 1; RefusedError names the row where not."""
    if not all(isinstance(number, int | float) and 0.0 <= number <= 1.0 for number in numbers):
        raise _wrong(row, numbers, "probabilities between 0 and 1")
    if abs(sum(numbers) - 1.0) > SUM_TOLERANCE:
        raise _wrong(row, numbers, "probabilities that add up to 1")
    return [float(number) for number in numbers]


def _plain(answer: Any) -> Any:
    """A scalar of NumPy as Python's; True and False as 1 and 0."""
    if isinstance(answer, np.generic):
        answer = answer.item()
    return int(answer) if isinstance(answer, bool) else answer


def _known(signature: Signature) -> str:
    return ", ".join(repr(label) for label in (signature.classes or ())[:10])


def _wrong(row: int, answer: Any, expected: str) -> RefusedError:
    return RefusedError(f"expected {expected}, found {_shown(answer)}", where=f"row {row}")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | Mapping | list | tuple | None) else type(value).__name__
    return text if len(text) <= 80 else f"{text[:80]}…"
