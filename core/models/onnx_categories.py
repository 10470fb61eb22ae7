"""Categorical features of trees: whole numbers from 1, NaN for what is missing or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from quarterdeck.core.models.onnx_nodes import Graph

MOST = 64  # numbers that ONNX Runtime tests for membership in one step


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Categorical:
    """A categorical feature in the trees' input: its column, and what stands there for each known category."""

    column: int
    values: npt.NDArray[np.float64]


def add_categories(
    graph: Graph, source: str, columns: Sequence[int], known: Sequence[npt.NDArray[np.float64]], width: int
) -> tuple[str, list[Categorical]]:
    """Adds nodes that number the categories in `columns` of `source`, doubles (rows, width).

    Gives the new tensor, and where in it each of `columns` is. Categories that are whole numbers close together
    are moved where they stand; others are looked up, and their codes appended behind the last column.
    """
    moves = [_move(values) for values in known]
    result = _moved(graph, source, dict(zip(columns, moves, strict=True)), width)
    found, parts = [], [result]
    for column, values, move in zip(columns, known, moves, strict=True):
        if move is not None:
            found.append(Categorical(column=column, values=values + move))
            continue
        codes = np.arange(1.0, len(values) + 1)
        found.append(Categorical(column=width + len(parts) - 1, values=codes))
        one = graph.node("Gather", source, graph.constant([column]), axis=1)
        parts.append(add_number_codes(graph, one, values, codes, np.nan))
    return (graph.node("Concat", *parts, axis=1) if len(parts) > 1 else result), found


def add_number_codes(graph: Graph, source: str, values: Any, codes: Any, unknown: float) -> str:
    """Adds nodes that give the code of each row's number, doubles (rows, 1)."""
    if not len(values):
        return graph.node("Where", graph.node("IsNaN", source), graph.constant(unknown), graph.constant(unknown))
    # At most one comparison in a row is true, so the product with the codes picks the code.
    same = graph.node("Equal", source, graph.constant(values.reshape(1, -1)))
    hits = graph.cast(same, TensorProto.DOUBLE)
    code = graph.node("MatMul", hits, graph.constant(codes.reshape(-1, 1)))
    found = graph.node("ReduceMax", hits, graph.constant([1]), keepdims=1)
    known = graph.node("Greater", found, graph.constant(0.0))
    return graph.node("Where", known, code, graph.constant(unknown))


def _move(values: npt.NDArray[np.float64]) -> float | None:
    """What is added to the categories so that they lie between 1 and 64; None where they are not such numbers."""
    whole = len(values) > 0 and bool((values == np.floor(values)).all()) and float(np.abs(values).max()) < 2**31
    return float(1 - values[0]) if whole and values[-1] - values[0] < MOST else None


def _moved(graph: Graph, source: str, moves: dict[int, float | None], width: int) -> str:
    added = np.zeros((1, width))
    others = np.ones((1, width), dtype=bool)
    for column, move in moves.items():
        if move is not None:
            added[0, column], others[0, column] = move, False
    if others.all():
        return source
    # ONNX Runtime's test rounds what it is given: 1.5 would be 1
    whole = graph.node("Equal", graph.node("Floor", source), source)
    taken = graph.node("Or", whole, graph.constant(others))
    return graph.node("Where", taken, graph.node("Add", source, graph.constant(added)), graph.constant(np.nan))
