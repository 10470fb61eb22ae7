"""What an ONNX file from any framework says of itself, read before it is run: inputs, outputs, classes, versions.

Taken are models with one matrix of all fields, (rows, k), or one input a field, (rows, 1) or (rows,); and with a label
and its probabilities (a matrix, or a mapping a row), probabilities alone, or a value. The first dimension is dynamic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from quarterdeck.core.errors import RefusedError

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
MOST_BYTES = 1 << 30
_PASSES = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Normalizer", "ZipMap", "Clip")
_PROBABILITIES = ("Sigmoid", "Softmax")
_ENDS = {b"LOGISTIC", b"SOFTMAX", b"SOFTMAX_ZERO", b"PROBIT"}  # post_transform of ai.onnx.ml
_INPUTS = ("float", "double", "int64", "int32", "bool", "string")
_LABELS = ("int64", "int32", "string", "bool")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One input or output. `shape` has None where a dimension is dynamic; it is None where nothing is said."""

    name: str
    kind: str  # of its elements: "float", "int64", ...; "mapping" for a list of mappings
    shape: tuple[int | None, ...] | None

    @property
    def width(self) -> int | None:
        """Columns of a matrix; 1 for a list of values; None where it is not said."""
        if self.shape is None:
            return None
        return 1 if len(self.shape) == 1 else self.shape[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxFile:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opsets: dict[str, int]  # by domain; "" is ONNX's own
    ir_version: int
    producer: str
    classes: tuple[str | int, ...] | None  # as a classifier's node names them
    probable: tuple[str, ...]  # outputs that end in a sigmoid or a softmax

    @property
    def label(self) -> Tensor | None:
        return next((output for output in self.outputs if output.kind in _LABELS), None)

    @property
    def scores(self) -> Tensor | None:
        return next((output for output in self.outputs if output.kind in ("float", "double", "mapping")), None)

    @property
    def by_column(self) -> bool:
        """One input a field."""
        return len(self.inputs) > 1 and {item.name for item in self.inputs} != {"numbers", "strings"}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> OnnxFile:
        def tensors(items: list[dict[str, Any]]) -> tuple[Tensor, ...]:
            return tuple(Tensor(**item | {"shape": item["shape"] and tuple(item["shape"])}) for item in items)

        typed = {"inputs": tensors(data["inputs"]), "outputs": tensors(data["outputs"])}
        classes = None if data["classes"] is None else tuple(data["classes"])
        return cls(**data | typed | {"classes": classes, "probable": tuple(data["probable"])})


def read_onnx(data: bytes) -> OnnxFile:
    """Check a file and say what it is, in a child process. RefusedError names what was found and what is taken."""
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise RefusedError("it is no ONNX model", hint="is it the file that the exporter wrote?") from error
    if not model.graph.node:
        raise RefusedError("it is no ONNX model: it has no nodes", hint="is it the file that the exporter wrote?")
    _check_self_contained(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise RefusedError(f"it is not valid: {_first(error)}", hint="export it again") from error
    constants = {item.name for item in model.graph.initializer}
    inputs = tuple(_tensor(item) for item in model.graph.input if item.name not in constants)
    outputs = tuple(_tensor(item) for item in model.graph.output)
    found = OnnxFile(
        inputs=inputs, outputs=outputs, opsets={item.domain: item.version for item in model.opset_import},
        ir_version=model.ir_version, producer=f"{model.producer_name} {model.producer_version}".strip(),
        classes=_classes(model.graph), probable=tuple(sorted(_probable(model.graph))),
    )  # fmt: skip
    _check_inputs(found)
    _check_outputs(found)
    return found


def _check_self_contained(model: Any) -> None:
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            hint = "export it into one file, with its weights inside"
            raise RefusedError(f"its weights {tensor.name!r} lie in another file", hint=hint)
    foreign = sorted({item.domain for item in model.opset_import} - set(DOMAINS))
    if foreign:
        raise RefusedError(f"it needs operators of {', '.join(foreign)}, which ONNX Runtime does not have", hint=_TAKEN)


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor that a graph holds, those of its sub-graphs too."""
    yield from graph.initializer
    for item in graph.sparse_initializer:
        yield item.values
        yield item.indices
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from attribute.tensors
        if attribute.HasField("t"):
            yield attribute.t
        for inner in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
            yield from _tensors(inner)


def _tensor(item: Any) -> Tensor:
    kind = item.type.WhichOneof("value")
    if kind == "sequence_type" and item.type.sequence_type.elem_type.WhichOneof("value") == "map_type":
        return Tensor(name=item.name, kind="mapping", shape=None)
    if kind != "tensor_type":
        return Tensor(name=item.name, kind=str(kind), shape=None)
    tensor = item.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(size.dim_value if size.WhichOneof("value") == "dim_value" else None for size in tensor.shape.dim)
    name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return Tensor(name=item.name, kind=name, shape=shape)


def _check_inputs(found: OnnxFile) -> None:
    if not found.inputs:
        raise RefusedError("it has no inputs", hint=_TAKEN)
    for item in found.inputs:
        if item.kind not in _INPUTS or item.shape is None or len(item.shape) not in (1, 2):
            shape = "of no shape" if item.shape is None else f"of shape {_shown(item.shape)}"
            raise RefusedError(f"its input {item.name!r} is {item.kind} {shape}", hint=_TAKEN)
        if item.shape[0] is not None:
            hint = "export it with a dynamic first dimension: requests are answered together"
            raise RefusedError(f"its input {item.name!r} takes exactly {item.shape[0]} rows", hint=hint)
        if found.by_column and item.width not in (1, None):
            raise RefusedError(f"its input {item.name!r}, one of several, is {item.width} wide", hint=_TAKEN)


def _check_outputs(found: OnnxFile) -> None:
    scores = [item for item in found.outputs if item.kind in ("float", "double", "mapping")]
    labels = [item for item in found.outputs if item.kind in _LABELS]
    said = ", ".join(f"{item.name!r} ({item.kind} {_shown(item.shape)})" for item in found.outputs)
    if len(scores) > 1 or len(labels) > 1 or not scores + labels:
        raise RefusedError(f"its outputs are {said}: it cannot be told which is the answer", hint=_TAKEN)
    for item in (*scores, *labels):
        if item.shape is not None and len(item.shape) > 2:
            raise RefusedError(f"its output {item.name!r} is of shape {_shown(item.shape)}", hint=_TAKEN)


def _classes(graph: Any) -> tuple[str | int, ...] | None:
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
                return tuple(int(label) for label in attribute.ints)
            if attribute.name == "classlabels_strings" and attribute.strings:
                return tuple(label.decode() for label in attribute.strings)
    return None


def _probable(graph: Any) -> set[str]:
    """The outputs whose numbers come out of a sigmoid or a softmax, whatever shapes them afterwards."""
    made_by = {name: node for node in graph.node for name in node.output}
    found = set()
    for output in graph.output:
        node = made_by.get(output.name)
        while node is not None and node.op_type in _PASSES and node.input:
            node = made_by.get(node.input[0])
        if node is not None and (node.op_type in _PROBABILITIES or _ends(node)):
            found.add(output.name)
    return found


def _ends(node: Any) -> bool:
    return any(attribute.name == "post_transform" and attribute.s in _ENDS for attribute in node.attribute)


def _shown(shape: tuple[int | None, ...] | None) -> str:
    return "unknown" if shape is None else f"({', '.join('rows' if size is None else str(size) for size in shape)})"


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


_TAKEN = (
    "taken are one input (rows, k) or one a field (rows, 1), of numbers, booleans or text, and as outputs a label "
    "with probabilities (a matrix or ZipMap), probabilities alone, or one value"
)
