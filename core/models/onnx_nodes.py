"""Small pieces of ONNX graphs that the converters of this folder share.

`container` and `scope` are skl2onnx's: the one collects nodes and constants, the other gives out names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType

_TYPES = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.BOOL}


class Graph:
    """Adds nodes to the model that is being made, each result under a new name."""

    def __init__(self, scope: Any, container: Any) -> None:
        self.scope = scope
        self.container = container

    def constant(self, values: Any) -> str:
        """A constant of doubles, 64-bit integers, booleans or strings, by the kind of `values`."""
        array = np.asarray(values)
        name = str(self.scope.get_unique_variable_name("constant"))
        if array.dtype.kind in _TYPES:
            content, kind = array.ravel().tolist(), _TYPES[array.dtype.kind]
        else:
            content, kind = [str(text).encode() for text in array.ravel()], TensorProto.STRING
        self.container.add_initializer(name, kind, list(array.shape), content)
        return name

    def node(self, operator: str, *inputs: str, output: str | None = None, domain: str = "", **attrs: Any) -> str:
        """Adds one node of one output and names that output."""
        result = output or str(self.scope.get_unique_variable_name(operator.lower()))
        version = {"op_version": 2} if domain else {}  # of the nodes used here, the first with strings
        self.container.add_node(
            operator,
            list(inputs),
            [result],
            op_domain=domain,
            name=self.scope.get_unique_operator_name(operator),
            **version,
            **attrs,
        )
        return result

    def cast(self, source: str, kind: int, output: str | None = None) -> str:
        return self.node("Cast", source, output=output, to=kind)

    def as_float32(self, source: str) -> str:
        """The doubles that are left of `source` after rounding to float32."""
        return self.cast(self.cast(source, TensorProto.FLOAT), TensorProto.DOUBLE)

    def inputs_as_doubles(self, operator: Any) -> str:
        """All inputs of a converter's operator as one double tensor (rows, features)."""
        names = [self.cast(given.full_name, TensorProto.DOUBLE) for given in operator.inputs]
        return names[0] if len(names) == 1 else self.node("Concat", *names, axis=1)


def class_values(classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Classes as the label output holds them: int64 for integers and booleans, str for strings."""
    if classes.dtype.kind in "iub":
        return classes.astype(np.int64)
    if all(isinstance(value, str) for value in classes.tolist()):
        return classes.astype(str)
    raise NotImplementedError(f"classes of {classes.dtype} are neither integers nor strings")


def add_labels(graph: Graph, index: str, classes: npt.NDArray[Any], output: str) -> None:
    """Adds the label of each row, where `index` names an int64 tensor (rows,) of positions in `classes`."""
    graph.node("Gather", graph.constant(class_values(classes)), index, output=output, axis=0)


def add_raw_classification(graph: Graph, raw: str, operator: Any, *, zero_is_positive: bool) -> None:
    """Adds labels and probabilities to a classifier's raw scores: (rows, 1) of a binary one, else (rows,
    classes).

    `zero_is_positive` is what the estimator's `predict` does with a raw score of exactly 0.
    """
    label, probability = operator.outputs[0].full_name, operator.outputs[1].full_name
    classes = operator.raw_operator.classes_
    if len(classes) > 2:
        index = graph.node("ArgMax", raw, axis=1, keepdims=0)
        graph.node("Softmax", raw, output=probability, axis=1)
    else:
        comparison = "GreaterOrEqual" if zero_is_positive else "Greater"
        above = graph.node(comparison, raw, graph.constant(0.0))
        index = graph.node("Reshape", graph.cast(above, TensorProto.INT64), graph.constant([-1]))
        positive = graph.node("Sigmoid", raw)
        negative = graph.node("Sub", graph.constant(1.0), positive)
        graph.node("Concat", negative, positive, output=probability, axis=1)
    add_labels(graph, index, classes, label)


def shape_classifier(operator: Any) -> None:
    """Outputs of a classifier made here: labels (rows,) and double probabilities (rows, classes)."""
    rows = operator.inputs[0].get_first_dimension()
    classes = class_values(operator.raw_operator.classes_)
    label = Int64TensorType if classes.dtype.kind == "i" else StringTensorType
    operator.outputs[0].set_type(label([rows]))
    operator.outputs[1].set_type(DoubleTensorType([rows, len(classes)]))


def shape_regressor(operator: Any) -> None:
    """Output of a regressor made here: doubles (rows, 1)."""
    operator.outputs[0].set_type(DoubleTensorType([operator.inputs[0].get_first_dimension(), 1]))
