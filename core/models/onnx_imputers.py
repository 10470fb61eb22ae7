"""SimpleImputer in ONNX with double output: ONNX Runtime has no Imputer for doubles at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from quarterdeck.core.models.onnx_nodes import Graph

ML = "ai.onnx.ml"


def convert_simple_imputer(scope: Any, operator: Any, container: Any) -> None:
    """SimpleImputer of numbers or of strings: what stands for missing becomes the learned value.

    Columns that say what was missing follow behind numbers.
    """
    imputer = operator.raw_operator
    graph = Graph(scope, container)
    kinds = {isinstance(given.type, StringTensorType) for given in operator.inputs}
    if len(kinds) > 1:
        raise NotImplementedError("a SimpleImputer of numbers and strings together is not converted")
    if kinds == {True}:
        _add_texts(graph, operator)
        return
    source = graph.inputs_as_doubles(operator)
    absent = _absent_numbers(graph, source, imputer.missing_values)
    statistics, kept = _kept(imputer)
    filled = graph.node(
        "Where",
        _columns(graph, absent, kept, imputer),
        graph.constant(statistics.astype(np.float64).reshape(1, -1)),
        _columns(graph, source, kept, imputer),
    )
    if imputer.add_indicator:
        told = graph.node("Gather", absent, graph.constant(np.asarray(imputer.indicator_.features_, np.int64)), axis=1)
        filled = graph.node("Concat", filled, graph.cast(told, TensorProto.DOUBLE), axis=1)
    graph.node("Identity", filled, output=operator.outputs[0].full_name)


def shape_imputer(operator: Any) -> None:
    """Output of the imputer: without the features that training never saw a value of, with those of an indicator."""
    imputer = operator.raw_operator
    told = len(imputer.indicator_.features_) if imputer.add_indicator else 0
    kind = StringTensorType if isinstance(operator.inputs[0].type, StringTensorType) else DoubleTensorType
    width = len(_kept(imputer)[1]) + told
    operator.outputs[0].set_type(kind([operator.inputs[0].get_first_dimension(), width]))


def _kept(imputer: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The learned values that stay, and the places of their features."""
    statistics = np.asarray(imputer.statistics_)
    absent = np.array([value is None or value != value for value in statistics.tolist()], dtype=bool)
    places = np.arange(len(statistics)) if imputer.keep_empty_features else np.flatnonzero(~absent)
    return statistics[places], places


def _columns(graph: Graph, source: str, places: npt.NDArray[np.int64], imputer: Any) -> str:
    return (
        source
        if len(places) == len(imputer.statistics_)
        else graph.node("Gather", source, graph.constant(places), axis=1)
    )


def _absent_numbers(graph: Graph, source: str, missing: Any) -> str:
    if missing is None or isinstance(missing, str):
        raise NotImplementedError(f"a SimpleImputer of numbers with missing_values={missing!r} is not converted")
    return (
        graph.node("IsNaN", source)
        if missing != missing
        else graph.node("Equal", source, graph.constant(float(missing)))
    )


def _add_texts(graph: Graph, operator: Any) -> None:
    """Strings are never null here: only a text can stand for what is missing."""
    imputer = operator.raw_operator
    if imputer.add_indicator:
        raise NotImplementedError("a SimpleImputer of strings with an indicator is not converted")
    names = [given.full_name for given in operator.inputs]
    source = names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)
    statistics, kept = _kept(imputer)
    source = _columns(graph, source, kept, imputer)
    if isinstance(imputer.missing_values, str):
        found = graph.node(
            "LabelEncoder",
            source,
            domain=ML,
            keys_strings=[imputer.missing_values.encode()],
            values_int64s=[1],
            default_int64=0,
        )
        filling = graph.constant(np.array([str(value) for value in statistics], dtype=str).reshape(1, -1))
        source = graph.node("Where", graph.cast(found, TensorProto.BOOL), filling, source)
    graph.node("Identity", source, output=operator.outputs[0].full_name)
