"""Encoders and imputers in ONNX with double output.

skl2onnx makes these with nodes that know float32 only (ONNX Runtime has no Imputer for doubles at all), and
takes the first integer for an unknown category where 0 was asked for. Made here of plain nodes they agree to
the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from quarterdeck.core.models.onnx_nodes import Graph

ML = "ai.onnx.ml"


def convert_ordinal_encoder(scope: Any, operator: Any, container: Any) -> None:
    """OrdinalEncoder of strings or numbers; unknown categories become `unknown_value`, which may be NaN."""
    encoder = operator.raw_operator
    if encoder._infrequent_enabled:
        raise NotImplementedError("an OrdinalEncoder with min_frequency or max_categories is not converted")
    graph = Graph(scope, container)
    unknown = -1.0 if encoder.handle_unknown == "error" else float(encoder.unknown_value)
    columns = [
        _codes(graph, source, is_text, categories, np.arange(len(categories), dtype=np.float64), unknown)
        for (source, is_text), categories in zip(_columns(graph, operator), encoder.categories_, strict=True)
    ]
    graph.node("Concat", *columns, output=operator.outputs[0].full_name, axis=1)


def convert_one_hot_encoder(scope: Any, operator: Any, container: Any) -> None:
    """OneHotEncoder of strings or numbers; the columns of an unknown category are all 0."""
    encoder = operator.raw_operator
    if encoder._infrequent_enabled:
        raise NotImplementedError("a OneHotEncoder with min_frequency or max_categories is not converted")
    graph = Graph(scope, container)
    columns = []
    for number, (source, is_text) in enumerate(_columns(graph, operator)):
        categories = encoder.categories_[number]
        positions = np.arange(len(categories), dtype=np.float64)
        codes = _codes(graph, source, is_text, categories, positions, -1.0)
        kept = positions if encoder.drop_idx_ is None else np.delete(positions, _dropped(encoder, number))
        if len(kept):
            same = graph.node("Equal", codes, graph.constant(kept.reshape(1, -1)))
            columns.append(graph.cast(same, TensorProto.DOUBLE))
    graph.node("Concat", *columns, output=operator.outputs[0].full_name, axis=1)


def convert_simple_imputer(scope: Any, operator: Any, container: Any) -> None:
    """SimpleImputer of numbers: NaN, or the number that stands for missing, becomes the learned value."""
    imputer = operator.raw_operator
    graph = Graph(scope, container)
    statistics = np.asarray(imputer.statistics_)
    if statistics.dtype.kind not in "fiu" or imputer.add_indicator:
        raise NotImplementedError("a SimpleImputer of strings, or with an indicator, is not converted")
    source = graph.inputs_as_doubles(operator)
    statistics = statistics.astype(np.float64)
    if np.isnan(statistics).any() and not imputer.keep_empty_features:
        kept = np.flatnonzero(~np.isnan(statistics))
        source = graph.node("Gather", source, graph.constant(kept), axis=1)
        statistics = statistics[kept]
    if np.isnan(imputer.missing_values):
        absent = graph.node("IsNaN", source)
    else:
        absent = graph.node("Equal", source, graph.constant(float(imputer.missing_values)))
    graph.node(
        "Where",
        absent,
        graph.constant(statistics.reshape(1, -1)),
        source,
        output=operator.outputs[0].full_name,
    )


def shape_encoder(operator: Any) -> None:
    """Output of both encoders: doubles, a column a feature or a column a kept category."""
    encoder = operator.raw_operator
    sizes = [len(categories) for categories in encoder.categories_]
    if hasattr(encoder, "drop_idx_"):
        width = sum(sizes)
        if encoder.drop_idx_ is not None:
            width -= sum(len(_dropped(encoder, number)) for number in range(len(sizes)))
    else:
        width = len(sizes)
    _double_output(operator, width)


def shape_imputer(operator: Any) -> None:
    """Output of the imputer: doubles, without the features that training never saw a value of."""
    imputer = operator.raw_operator
    statistics = np.asarray(imputer.statistics_)
    empty = statistics.dtype.kind == "f" and not imputer.keep_empty_features
    _double_output(operator, len(statistics) - (int(np.isnan(statistics).sum()) if empty else 0))


def _double_output(operator: Any, width: int) -> None:
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(DoubleTensorType([rows, width]))


def _dropped(encoder: Any, number: int) -> list[int]:
    index = encoder.drop_idx_[number]
    return [] if index is None else [int(index)]


def _columns(graph: Graph, operator: Any) -> list[tuple[str, bool]]:
    """Each feature as a tensor (rows, 1), and whether it holds strings."""
    columns = []
    for given in operator.inputs:
        is_text = isinstance(given.type, StringTensorType)
        source = given.full_name if is_text else graph.cast(given.full_name, TensorProto.DOUBLE)
        width = given.get_second_dimension()
        if width == 1:
            columns.append((source, is_text))
            continue
        for position in range(width):
            part = graph.node("Gather", source, graph.constant([position]), axis=1)
            columns.append((part, is_text))
    return columns


def _codes(graph: Graph, source: str, is_text: bool, categories: Any, codes: Any, unknown: float) -> str:
    """The code of each row's category, doubles (rows, 1)."""
    if is_text:
        if not all(isinstance(category, str) for category in categories):
            raise NotImplementedError("an encoder of strings that learned a null is not converted")
        found = graph.node(
            "LabelEncoder",
            source,
            domain=ML,
            keys_strings=[category.encode() for category in categories],
            values_floats=[float(code) for code in codes],  # whole numbers below 2^24: exact in float32
            default_float=unknown,
        )
        return graph.cast(found, TensorProto.DOUBLE)
    values = np.asarray(categories, dtype=np.float64)
    if np.isnan(values).any():
        raise NotImplementedError("an encoder of numbers that learned NaN is not converted")
    return _number_codes(graph, source, values, codes, unknown)


def _number_codes(graph: Graph, source: str, values: Any, codes: Any, unknown: float) -> str:
    """At most one comparison in a row is true, so the product with the codes picks the code."""
    same = graph.node("Equal", source, graph.constant(values.reshape(1, -1)))
    hits = graph.cast(same, TensorProto.DOUBLE)
    code = graph.node("MatMul", hits, graph.constant(codes.reshape(-1, 1)))
    found = graph.node("ReduceMax", hits, graph.constant([1]), keepdims=1)
    known = graph.node("Greater", found, graph.constant(0.0))
    return graph.node("Where", known, code, graph.constant(unknown))
