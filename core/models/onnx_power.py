"""PowerTransformer in ONNX with double output."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quarterdeck.core.models.onnx_nodes import Graph


def convert_power(scope: Any, operator: Any, container: Any) -> None:
    """Yeo-Johnson or Box-Cox with the learned exponents, standardised where scikit-learn does; NaN stays."""
    graph, power = Graph(scope, container), operator.raw_operator
    source = graph.inputs_as_doubles(operator)
    exponents = np.asarray(power.lambdas_, dtype=np.float64).reshape(1, -1)
    zero, one = graph.constant(0.0), graph.constant(1.0)
    if power.method == "box-cox":
        result = _grown(graph, source, exponents)
    else:
        above = graph.node("GreaterOrEqual", source, zero)
        right = graph.node("Add", graph.node("Where", above, source, zero), one)
        left = graph.node("Sub", one, graph.node("Where", above, zero, source))
        mirrored = graph.node("Neg", _grown(graph, left, 2.0 - exponents))
        result = graph.node("Where", above, _grown(graph, right, exponents), mirrored)
    if power.standardize:
        scaler = power._scaler
        result = graph.node("Sub", result, graph.constant(scaler.mean_.reshape(1, -1)))
        result = graph.node("Div", result, graph.constant(scaler.scale_.reshape(1, -1)))
    missing = graph.node("IsNaN", source)
    graph.node("Where", missing, source, result, output=operator.outputs[0].full_name)


def _grown(graph: Graph, source: str, exponents: npt.NDArray[np.float64]) -> str:
    """(x ** exponent - 1) / exponent, and its limit, the logarithm, where the exponent is 0."""
    logarithmic = np.abs(exponents) < np.spacing(1.0)
    safe = graph.constant(np.where(logarithmic, 1.0, exponents))
    raised = graph.node("Div", graph.node("Sub", graph.node("Pow", source, safe), graph.constant(1.0)), safe)
    return graph.node("Where", graph.constant(logarithmic), graph.node("Log", source), raised)
