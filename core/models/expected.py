"""Choosing a version's expected inputs: reference rows and rows at the edges, as far as the checks let them pass."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from quarterdeck.core.errors import InputError, QuarterdeckError
from quarterdeck.core.expected import Expected
from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.edges import check_columns
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.prediction import RowChecker, compile_checker

MOST = 100
ORDINARY = 60  # of the reference rows; edges take what is left
MOST_OF_AN_EDGE = 8  # so that no edge takes the room of the others

Ask = Callable[[Columns], Answers]
Row = dict[str, Any]

# A model may refuse a row at an edge, as scikit-learn does with ValueError; then that row is expected of nobody.
REFUSALS = (QuarterdeckError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError)


def expected_inputs(reference: pl.DataFrame, signature: Signature, ask: Ask, *, edges: bool = True) -> Expected | None:
    """Up to MOST rows and the engine's answers to them; None where it answers none of them.

    `ask` gives the training engine's answers. Without `edges` only rows of the reference are asked.
    """
    checker = compile_checker(signature)
    found: dict[str, tuple[Row, Row]] = {}  # by the row's JSON: no row is there twice
    for number, columns in enumerate(_batches(reference, signature, edges=edges)):
        room = MOST - len(found) if number else ORDINARY
        rows = [row for row in _passing(columns, checker) if _key(row) not in found]
        rows = _spread(rows, min(room, MOST_OF_AN_EDGE) if number else room)
        for row, answer in zip(rows, _ask(rows, signature, ask), strict=False):  # no answers: refused
            if _is_finite(answer):
                found[_key(row)] = (row, answer)
    if not found:
        return None
    return Expected(rows=tuple(row for row, _ in found.values()), answers=tuple(answer for _, answer in found.values()))


def _batches(reference: pl.DataFrame, signature: Signature, *, edges: bool) -> Iterator[Columns]:
    if edges:
        yield from check_columns(reference, signature)
    elif reference.height:
        yield {name: reference[name].to_list() for name in signature.names}


def _passing(columns: Columns, checker: RowChecker) -> Iterator[Row]:
    """The rows that a request may hold, with the values that the model is then given."""
    names = list(columns)
    for values in zip(*columns.values(), strict=True):
        try:
            checked = checker.check([dict(zip(names, values, strict=True))])
        except InputError:
            continue
        yield {name: found[0] for name, found in checked.columns.items()}


def _ask(rows: list[Row], signature: Signature, ask: Ask) -> list[Row]:
    if not rows:
        return []
    try:
        answers = ask({name: [row[name] for row in rows] for name in signature.names})
    except REFUSALS:
        return []
    return [_answer(answers, place, signature) for place in range(len(rows))]


def _answer(answers: Answers, row: int, signature: Signature) -> Row:
    """As the server writes it."""
    if answers.values is not None:
        return {"value": answers.values[row]}
    label = (answers.labels or [])[row]
    if answers.probabilities is None:
        return {"label": label}
    names = [name if isinstance(name, str) else json.dumps(name) for name in signature.classes or ()]
    return {"label": label, "probabilities": dict(zip(names, answers.probabilities[row].tolist(), strict=True))}


def _is_finite(answer: Row) -> bool:
    numbers = [answer["value"]] if "value" in answer else list(answer.get("probabilities", {}).values())
    return all(math.isfinite(number) for number in numbers)


def _spread(rows: list[Row], most: int) -> list[Row]:
    """So many of them, evenly from first to last."""
    if len(rows) <= most:
        return rows
    return [rows[place * len(rows) // most] for place in range(most)]


def _key(row: Row) -> str:
    return json.dumps(row, sort_keys=True)
