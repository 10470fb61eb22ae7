"""What a request's body says, and what is answered: JSON in both directions."""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized
from math import isfinite
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from quarterdeck.core.errors import InputError, QuarterdeckError, UsageError
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Signature
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.repeats import refuse_repeats

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode
_NESTING = (dict, list)
_BYTE = re.compile(r"\(byte (\d+)\)")


class Plain(NamedTuple):
    """Answers of a batch as plain lists, one item a row; what does not apply to the task is None."""

    values: list[float] | None
    labels: list[str | int] | None
    probabilities: list[list[float]] | None
    scores: list[float]

    @classmethod
    def of(cls, answers: Answers) -> Plain:
        """Raises QuarterdeckError where a number is not finite: JSON has no word for it."""
        odds = None if answers.probabilities is None else answers.probabilities.tolist()
        scores = answers.scores.tolist()
        if len(scores) == 1:  # the usual request: NumPy's calls would cost more than its numbers
            finite = isfinite(scores[0]) and (odds is None or all(map(isfinite, odds[0])))
        else:
            finite = _are_finite(answers.scores) and (odds is None or _are_finite(answers.probabilities))
        if not finite:
            raise QuarterdeckError("the model's answer is not a finite number")
        return cls(answers.values, answers.labels, odds, scores)

    def cut(self, start: int, rows: int) -> Plain:
        """Some rows' answers."""
        part = slice(start, start + rows)
        return Plain(
            None if self.values is None else self.values[part],
            None if self.labels is None else self.labels[part],
            None if self.probabilities is None else self.probabilities[part],
            self.scores[part],
        )

    @classmethod
    def joined(cls, parts: Sequence[Plain]) -> Plain:
        """The answers of consecutive parts of one request as one."""
        return cls(
            _all([part.values for part in parts]),
            _all([part.labels for part in parts]),
            _all([part.probabilities for part in parts]),
            [score for part in parts for score in part.scores],
        )


def check_count(answers: Answers, rows: int) -> Answers:
    """The answers, where there is one a row; else QuarterdeckError.

    Rows of several requests are answered together: one answer missing, and clients would get those of others.
    """
    if answers.scores.shape != (rows,) or not (
        _is_long(answers.values, rows) and _is_long(answers.labels, rows) and _is_long(answers.probabilities, rows)
    ):
        raise QuarterdeckError(f"it was asked for {rows} rows, and did not give one answer a row")
    return answers


def _are_finite(numbers: Any) -> bool:
    return bool(np.isfinite(numbers).all())


def _is_long(answers: Sized | None, rows: int) -> bool:
    return answers is None or len(answers) == rows


def _all(lists: list[list[T] | None]) -> list[T] | None:
    """The items of all lists; None where there are none."""
    found = [items for items in lists if items is not None]
    return [item for items in found for item in items] if found else None


class Shape:
    """How the answers of one version are written, made once per version.

    Written for every prediction: what does not change is text already, and a float's repr is its JSON.
    """

    def __init__(self, endpoint: str, version: int, signature: Signature) -> None:
        classes = signature.classes or ()
        self._version = version
        self._head = f'{{"endpoint":{_text(endpoint)},"version":{version},"predictions":['
        self._places = {label: place for place, label in enumerate(classes)}
        self._labels = {label: _text(label) for label in classes}
        self._odds = ",".join(f"{_text(_name(label)).replace('%', '%%')}:%s" for label in classes)

    def encode(self, ids: Sequence[str], answers: Plain, start: int) -> bytes:
        """The body for the rows of `answers` from `start` on, one an id."""
        if len(ids) == 1:
            return f"{self._head}{self._prediction(ids[0], answers, start)}]}}".encode()
        rows = [self._prediction(name, answers, start + row) for row, name in enumerate(ids)]
        return f"{self._head}{','.join(rows)}]}}".encode()

    def parts(self, ids: Sequence[str], answers: Plain, start: int, *, named: bool) -> list[str]:
        """The rows' predictions, each as JSON, for body(); `named` adds the version to each."""
        rows = [self._prediction(name, answers, start + row) for row, name in enumerate(ids)]
        return [f'{row[:-1]},"version":{self._version}}}' for row in rows] if named else rows

    def body(self, parts: Sequence[str]) -> bytes:
        """The body that holds these predictions."""
        return f"{self._head}{','.join(parts)}]}}".encode()

    def _prediction(self, identifier: str, answers: Plain, row: int) -> str:
        if answers.values is not None:
            return f'{{"id":"{identifier}","value":{_text(answers.values[row])}}}'
        if answers.labels is None:
            raise QuarterdeckError("the model gave neither a value nor a label")
        label = answers.labels[row]
        if answers.probabilities is None:
            return f'{{"id":"{identifier}","label":{self._labels[label]}}}'
        odds = tuple(map(repr, answers.probabilities[row]))
        return (
            f'{{"id":"{identifier}","label":{self._labels[label]},"probability":{odds[self._places[label]]},'
            f'"probabilities":{{{self._odds % odds}}}}}'
        )


def _text(value: str | int | float) -> str:
    """As JSON."""
    return encode(value).decode()


def decode_rows(body: bytes, limits: Limits = DEFAULT) -> list[Any]:
    """The rows of a prediction request: one object, a list of objects, or {"rows": [...]}.

    What a row holds is not looked at. Raises UsageError for what is not JSON, InputError for
    no rows or too many.
    """
    data = decode(body, limits.json_depth)
    if data.__class__ is dict:
        if len(data) != 1 or data.get("rows").__class__ is not list:
            return [data]
        data = data["rows"]
    if data.__class__ is not list:
        raise InputError("expected a row as an object, a list of rows, or an object with a list `rows`")
    check_size(len(data), "rows", limits)
    return list(data)


def decode_labels(body: bytes, limits: Limits = DEFAULT) -> tuple[list[Any], bool]:
    """The items of a feedback request, and whether they came as a list."""
    data = decode(body, limits.json_depth)
    if data.__class__ is not list:
        return [data], False
    check_size(len(data), "labels", limits)
    return data, True


def check_size(count: int, what: str, limits: Limits = DEFAULT) -> None:
    """Raises InputError for no rows, or more than the limits allow."""
    if not count:
        raise InputError(f"the request has no {what}", hint="send at least one")
    if count > limits.body_rows:
        hint = "send several requests"
        raise InputError(f"the request has {count:,} {what}, more than {limits.body_rows:,}", hint=hint)


def decode(body: bytes, depth: int = DEFAULT.json_depth) -> Any:
    """Any JSON value that is nested so deep at most.

    Raises UsageError that says where the JSON breaks off, InputError where an object has a key twice.
    """
    try:
        data = _decode(body)
    except RecursionError:
        raise _too_deep(depth) from None
    except UnicodeDecodeError:
        raise UsageError("the body is not UTF-8 text", hint="send JSON in UTF-8") from None
    except msgspec.DecodeError as error:
        raise malformed(str(error), body) from None
    if data.__class__ in _NESTING:
        _check_depth(data, depth)
    refuse_repeats(body, data)
    return data


def _check_depth(data: Any, most: int) -> None:
    """Level by level, without recursion: what is nested deeper never reaches code that recurses."""
    level = [data]
    for _ in range(most):
        level = [
            inner
            for item in level
            for inner in (item.values() if item.__class__ is dict else item)
            if inner.__class__ in _NESTING
        ]
        if not level:
            return
    raise _too_deep(most)


def _too_deep(most: int) -> UsageError:
    hint = "a row is an object of plain values"
    return UsageError(f"the JSON is nested too deeply: deeper than {most}", hint=hint)


def malformed(reason: str, body: bytes) -> UsageError:
    """msgspec's words about a body that is not JSON, with line and column."""
    found = _BYTE.search(reason)
    place = min(int(found[1]), len(body)) if found else len(body)
    if "trailing" in reason:  # counted from the character after it
        place -= 1
    before = body[:place]
    line, column = before.count(b"\n") + 1, place - before.rfind(b"\n")
    words = _BYTE.sub("", reason).removeprefix("JSON is malformed:").replace(" - at `$[...]`", "").strip()
    if "truncated" in words:
        words = "it ends too early" if body.strip() else "the body is empty"
    if found is None and "range" in words:
        return UsageError("the body is not JSON: a number in it has too many digits")
    return UsageError(f"the body is not JSON: {words}", where=f"line {line}, column {column}")


def _name(label: str | int) -> str:
    """A class as the key of an object, as JSON would write it."""
    return label if isinstance(label, str) else encode(label).decode()
