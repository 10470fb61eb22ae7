"""Transformers of numbers in ONNX with double output, where skl2onnx makes them in float32 or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType

from quarterdeck.core.models.onnx_nodes import Graph


def convert_bins(scope: Any, operator: Any, container: Any) -> None:
    """KBinsDiscretizer: how many inner edges a number has reached, as that number or as a 1 in its column."""
    graph, bins = Graph(scope, container), operator.raw_operator
    source = graph.inputs_as_doubles(operator)
    inner = [np.append(edges[1:-1], np.inf) for edges in bins.bin_edges_]  # infinity: no column is without an edge
    sizes = [len(edges) for edges in inner]
    owner = np.repeat(np.arange(len(inner)), sizes)
    each = source if len(inner) == 1 else graph.node("Gather", source, graph.constant(owner), axis=1)
    reached = graph.node("GreaterOrEqual", each, graph.constant(np.concatenate(inner).reshape(1, -1)))
    sums = (owner.reshape(-1, 1) == np.arange(len(inner))).astype(np.float64)
    codes = graph.node("MatMul", graph.cast(reached, TensorProto.DOUBLE), graph.constant(sums))
    if bins.encode != "ordinal":
        counts = [int(count) for count in bins.n_bins_]
        places = graph.constant(np.repeat(np.arange(len(counts)), counts))
        wanted = np.concatenate([np.arange(count, dtype=np.float64) for count in counts]).reshape(1, -1)
        same = graph.node("Equal", graph.node("Gather", codes, places, axis=1), graph.constant(wanted))
        codes = graph.cast(same, TensorProto.DOUBLE)
    graph.node("Identity", codes, output=operator.outputs[0].full_name)


def shape_bins(operator: Any) -> None:
    bins = operator.raw_operator
    _doubles(operator, len(bins.n_bins_) if bins.encode == "ordinal" else int(np.sum(bins.n_bins_)))


def convert_polynomials(scope: Any, operator: Any, container: Any) -> None:
    """PolynomialFeatures: each product is its first feature times the product of the others, as scikit-learn does."""
    graph = Graph(scope, container)
    source = graph.inputs_as_doubles(operator)
    wanted = [tuple(np.repeat(np.arange(len(row)), row).tolist()) for row in operator.raw_operator.powers_]
    degree = max(len(product) for product in wanted)
    levels: list[list[tuple[int, ...]]] = [[] for _ in range(degree + 1)]
    for part in dict.fromkeys(product[start:] for product in wanted for start in range(len(product) + 1)):
        levels[len(part)].append(part)
    one = graph.node("Gather", source, graph.constant([0]), axis=1)
    blocks = [graph.node("Where", graph.node("IsNaN", one), graph.constant(1.0), graph.constant(1.0))]
    for level, products in enumerate(levels[1:], start=1):
        first = graph.node("Gather", source, graph.constant([product[0] for product in products]), axis=1)
        if level == 1:
            blocks.append(first)
            continue
        others = [levels[level - 1].index(product[1:]) for product in products]
        blocks.append(graph.node("Mul", graph.node("Gather", blocks[-1], graph.constant(others), axis=1), first))
    levels[0] = [()]
    made = [product for products in levels for product in products]
    places = graph.constant([made.index(product) for product in wanted])
    graph.node("Gather", graph.node("Concat", *blocks, axis=1), places, output=operator.outputs[0].full_name, axis=1)


def shape_polynomials(operator: Any) -> None:
    _doubles(operator, int(operator.raw_operator.n_output_features_))


def convert_normalizer(scope: Any, operator: Any, container: Any) -> None:
    """Normalizer: a row divided by its length; one of zeros stays."""
    graph = Graph(scope, container)
    source = graph.inputs_as_doubles(operator)
    sizes = graph.node("Abs", source)
    columns = graph.constant([1])
    match operator.raw_operator.norm:
        case "max":
            length = graph.node("ReduceMax", sizes, columns, keepdims=1)
        case "l1":
            length = graph.node("ReduceSum", sizes, columns, keepdims=1)
        case _:
            length = graph.node("Sqrt", graph.node("ReduceSum", graph.node("Mul", source, source), columns, keepdims=1))
    none = graph.node("Equal", length, graph.constant(0.0))
    length = graph.node("Where", none, graph.constant(1.0), length)
    graph.node("Div", source, length, output=operator.outputs[0].full_name)


def shape_same(operator: Any) -> None:
    _doubles(operator, _width(operator))


def convert_missing_indicator(scope: Any, operator: Any, container: Any) -> None:
    """MissingIndicator of numbers: 1 where a value is missing."""
    graph, indicator = Graph(scope, container), operator.raw_operator
    if isinstance(indicator.missing_values, str) or indicator.missing_values is None:
        raise NotImplementedError("a MissingIndicator of strings is not converted")
    source = _gathered(graph, graph.inputs_as_doubles(operator), indicator.features_)
    nan = indicator.missing_values != indicator.missing_values
    missing = graph.constant(0.0 if nan else float(indicator.missing_values))
    absent = graph.node("IsNaN", source) if nan else graph.node("Equal", source, missing)
    graph.cast(absent, TensorProto.DOUBLE, operator.outputs[0].full_name)


def shape_missing_indicator(operator: Any) -> None:
    _doubles(operator, len(operator.raw_operator.features_))


def convert_selection(scope: Any, operator: Any, container: Any) -> None:
    """What keeps some of the columns: SelectKBest, VarianceThreshold and their like."""
    graph = Graph(scope, container)
    chosen = operator.raw_operator.get_support(indices=True)
    source = _gathered(graph, graph.inputs_as_doubles(operator), chosen)
    graph.node("Identity", source, output=operator.outputs[0].full_name)


def shape_selection(operator: Any) -> None:
    _doubles(operator, int(operator.raw_operator.get_support().sum()))


def _gathered(graph: Graph, source: str, columns: Sequence[int]) -> str:
    return graph.node("Gather", source, graph.constant(np.asarray(columns, dtype=np.int64)), axis=1)


def _width(operator: Any) -> int:
    return sum(int(given.get_second_dimension()) for given in operator.inputs)


def _doubles(operator: Any, width: int) -> None:
    operator.outputs[0].set_type(DoubleTensorType([operator.inputs[0].get_first_dimension(), width]))
