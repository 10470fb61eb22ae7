"""A regression of a transformed target in ONNX: the inner model, and the way back from what it gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from quarterdeck.core.models.onnx_nodes import Graph

_BACK = {None: "Identity", np.exp: "Exp", np.log: "Log", np.sqrt: "Sqrt"}


def convert_transformed_target(scope: Any, operator: Any, container: Any) -> None:
    """TransformedTargetRegressor with a function of NumPy, a StandardScaler or a MinMaxScaler."""
    graph, estimator = Graph(scope, container), operator.raw_operator
    kind = type(estimator.regressor_)
    if kind not in sklearn_operator_name_map:
        raise NotImplementedError(f"there is no converter for {kind.__name__}, the model of a transformed target")
    inner = scope.declare_local_operator(sklearn_operator_name_map[kind], estimator.regressor_)
    inner.inputs = operator.inputs
    value = scope.declare_local_variable("variable", DoubleTensorType())
    inner.outputs.append(value)
    flat = graph.node("Reshape", value.full_name, graph.constant([-1, 1]))
    graph.node("Identity", _back(graph, flat, estimator.transformer_), output=operator.outputs[0].full_name)


def _back(graph: Graph, source: str, transformer: Any) -> str:
    if isinstance(transformer, FunctionTransformer) and not transformer.inv_kw_args:
        function = transformer.inverse_func
        if function is np.expm1:
            return graph.node("Sub", graph.node("Exp", source), graph.constant(1.0))
        if function is np.square:
            return graph.node("Mul", source, source)
        if function in _BACK:
            return graph.node(_BACK[function], source)
    if isinstance(transformer, StandardScaler):
        scale = transformer.scale_ if transformer.with_std else np.ones(1)
        moved = graph.node("Mul", source, graph.constant(np.asarray(scale, dtype=np.float64).reshape(1, -1)))
        mean = transformer.mean_ if transformer.with_mean else np.zeros(1)
        return graph.node("Add", moved, graph.constant(np.asarray(mean, dtype=np.float64).reshape(1, -1)))
    if isinstance(transformer, MinMaxScaler):
        moved = graph.node("Sub", source, graph.constant(transformer.min_.astype(np.float64).reshape(1, -1)))
        return graph.node("Div", moved, graph.constant(transformer.scale_.astype(np.float64).reshape(1, -1)))
    raise NotImplementedError("a target transformed in this way is not converted")
