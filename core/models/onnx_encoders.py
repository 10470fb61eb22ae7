"""Encoders of categories in ONNX with double output.

skl2onnx makes these with nodes that know float32 only, and takes the first integer for an unknown category where
0 was asked for. Here the encoder itself is asked what becomes of each of its categories, whatever it drops, groups
or calls missing, and the answers become tables: they agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from quarterdeck.core.models.onnx_categories import add_number_codes
from quarterdeck.core.models.onnx_nodes import Graph

ML = "ai.onnx.ml"
UNSEEN = "\u2017 a category that training never saw \u2017"
MOST_CELLS = 200_000  # of a table for several columns of strings at once


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Column:
    """One feature's table: what each category, and an unknown one, becomes. codes: (categories,) float64."""

    categories: Sequence[Any]
    codes: npt.NDArray[np.float64]
    unknown: float


def convert_ordinal_encoder(scope: Any, operator: Any, container: Any) -> None:
    """OrdinalEncoder of strings or numbers; missing values and unknown categories may become NaN."""
    encoder = operator.raw_operator
    graph = Graph(scope, container)
    columns = [
        _Column(categories=encoder.categories_[number], codes=answers[:-1, 0], unknown=float(answers[-1, 0]))
        for number, answers in enumerate(_answers(encoder, [1] * len(encoder.categories_)))
    ]
    graph.node("Identity", _all_codes(graph, operator, columns), output=operator.outputs[0].full_name)


def convert_one_hot_encoder(scope: Any, operator: Any, container: Any) -> None:
    """OneHotEncoder of strings or numbers: a 1 in the category's column, or in none."""
    encoder = operator.raw_operator
    graph = Graph(scope, container)
    widths = [int(width) for width in encoder._n_features_outs]
    columns = []
    for number, answers in enumerate(_answers(encoder, widths)):
        places = np.where(answers.any(axis=1), answers.argmax(axis=1) if answers.shape[1] else 0, -1).astype(np.float64)
        columns.append(_Column(categories=encoder.categories_[number], codes=places[:-1], unknown=float(places[-1])))
    codes = _all_codes(graph, operator, columns)
    if len(widths) > 1:  # each code once for each column that its feature becomes
        codes = graph.node("Gather", codes, graph.constant(np.repeat(np.arange(len(widths)), widths)), axis=1)
    wanted = np.concatenate([np.arange(width, dtype=np.float64) for width in widths]).reshape(1, -1)
    graph.cast(graph.node("Equal", codes, graph.constant(wanted)), TensorProto.DOUBLE, operator.outputs[0].full_name)


def convert_target_encoder(scope: Any, operator: Any, container: Any) -> None:
    """TargetEncoder of a number or of two classes: the mean target of each category, the overall one of others."""
    encoder = operator.raw_operator
    if encoder.target_type_ == "multiclass":
        raise NotImplementedError("a TargetEncoder of more than two classes is not converted")
    graph = Graph(scope, container)
    columns = [
        _Column(categories=categories, codes=np.asarray(means, dtype=np.float64), unknown=float(encoder.target_mean_))
        for categories, means in zip(encoder.categories_, encoder.encodings_, strict=True)
    ]
    graph.node("Identity", _all_codes(graph, operator, columns), output=operator.outputs[0].full_name)


def shape_encoder(operator: Any) -> None:
    """Output of both encoders: doubles, a column a feature or a column a kept category."""
    encoder = operator.raw_operator
    width = sum(encoder._n_features_outs) if hasattr(encoder, "drop_idx_") else len(encoder.categories_)
    operator.outputs[0].set_type(DoubleTensorType([operator.inputs[0].get_first_dimension(), int(width)]))


def _answers(encoder: Any, widths: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    """For each feature what becomes of its categories, and last of an unknown one: (categories + 1, width)."""
    known = encoder.categories_
    ends = np.cumsum([0, *widths])
    found = []
    for number, categories in enumerate(known):
        rows = np.empty((len(categories), len(known)), dtype=object)
        rows[:] = [values[0] for values in known]
        rows[:, number] = categories
        asked = encoder.transform(_typed(rows, known))
        answers = np.asarray(asked.toarray() if hasattr(asked, "toarray") else asked, dtype=np.float64)
        here = slice(ends[number], ends[number + 1])
        found.append(np.vstack([answers[:, here], _unknown(encoder, rows[:1], number)[:, here]]))
    return found


def _unknown(encoder: Any, row: npt.NDArray[Any], number: int) -> npt.NDArray[np.float64]:
    """What becomes of an unknown category, (1, all columns). Where it is refused, this is never asked."""
    if encoder.handle_unknown == "error":
        width = sum(encoder._n_features_outs) if hasattr(encoder, "drop_idx_") else len(encoder.categories_)
        return np.full((1, width), 0.0 if hasattr(encoder, "drop_idx_") else -1.0)
    row = row.copy()
    categories = encoder.categories_[number]
    numbers = [value for value in categories if not isinstance(value, str) and value == value]
    texts = any(isinstance(value, str) for value in categories)
    row[0, number] = UNSEEN if texts else max(numbers, default=0.0) + 1.0
    asked = encoder.transform(_typed(row, encoder.categories_))
    return np.asarray(asked.toarray() if hasattr(asked, "toarray") else asked, dtype=np.float64)


def _typed(rows: npt.NDArray[np.object_], known: Sequence[Any]) -> Any:
    """The rows as numbers where every feature was one in training: the encoder compares within one kind."""
    return rows if any(values.dtype.kind in "OUS" for values in known) else rows.astype(np.float64)


def _all_codes(graph: Graph, operator: Any, columns: Sequence[_Column]) -> str:
    """The code of each row's category in each feature, doubles (rows, features)."""
    parts, start = [], 0
    for given in operator.inputs:
        width = given.get_second_dimension()
        here = columns[start : start + width]
        if isinstance(given.type, StringTensorType):
            parts.extend(_text_codes(graph, given.full_name, here))
        else:
            source = graph.cast(given.full_name, TensorProto.DOUBLE)
            parts.extend(
                _number_codes(graph, _column(graph, source, place, width), one) for place, one in enumerate(here)
            )
        start += width
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)


def _column(graph: Graph, source: str, place: int, width: int) -> str:
    return source if width == 1 else graph.node("Gather", source, graph.constant([place]), axis=1)


def _text_codes(graph: Graph, source: str, columns: Sequence[_Column]) -> list[str]:
    """Looks all columns up at once: a place among all of their strings, and there each column's own code."""
    for column in columns:
        if not all(isinstance(category, str) for category in column.categories):
            raise NotImplementedError("an encoder of strings that learned something else is not converted")
    texts = sorted({str(category) for column in columns for category in column.categories})
    if len(columns) > 1 and len(columns) * (len(texts) + 1) > MOST_CELLS:
        return [
            _text_codes(graph, _column(graph, source, place, len(columns)), [column])[0]
            for place, column in enumerate(columns)
        ]
    place_of = {text: place for place, text in enumerate(texts)}
    table = np.repeat([[column.unknown] for column in columns], len(texts) + 1, axis=1)
    for row, column in zip(table, columns, strict=True):
        row[[place_of[str(category)] for category in column.categories]] = column.codes
    places = graph.node(
        "LabelEncoder",
        source,
        domain=ML,
        keys_strings=[text.encode() for text in texts],
        values_int64s=list(range(len(texts))),
        default_int64=len(texts),
    )
    if len(columns) > 1:
        places = graph.node("Add", places, graph.constant(np.arange(len(columns)).reshape(1, -1) * (len(texts) + 1)))
    return [graph.node("Gather", graph.constant(table.ravel()), places, axis=0)]


def _number_codes(graph: Graph, source: str, column: _Column) -> str:
    values = np.array([np.nan if value is None else value for value in column.categories], dtype=np.float64)
    known = ~np.isnan(values)
    if np.isnan(column.codes[known]).any():
        raise NotImplementedError("an encoder that makes a category of numbers missing is not converted")
    found = add_number_codes(graph, source, values[known], column.codes[known], column.unknown)
    if known.all():
        return found
    return graph.node("Where", graph.node("IsNaN", source), graph.constant(float(column.codes[~known][0])), found)
