"""Rows as the body of a request to a remote model, and its answer as Answers. Pure; every answer is checked.

Open Inference Protocol, version 2: one input tensor of shape (rows, 1) a field, FP64, INT64, BOOL or BYTES. It has no
word for a missing value, so a row with one is refused. Output: a tensor of labels (INT64, BYTES), of probabilities
(floats; rows x classes, or rows for a binary model), or of values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from quarterdeck.core.errors import InputError, RefusedError
from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.predictors import Answers, from_probabilities
from quarterdeck.core.models.remote import ROWS, Protocol, RemoteModel
from quarterdeck.core.models.row_answers import Gives, check_probabilities, to_answers, what_it_gives
from quarterdeck.core.models.rules import rows_of
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task

_DATATYPES = {
    FieldKind.NUMBER: "FP64",
    FieldKind.INTEGER: "INT64",
    FieldKind.BOOLEAN: "BOOL",
    FieldKind.STRING: "BYTES",
}
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")


def request_body(model: RemoteModel, columns: Columns, signature: Signature) -> Any:
    """JSON to send for these rows. InputError for a missing value where the protocol has no word for it."""
    rows = rows_of(columns, signature)
    if model.protocol is Protocol.JSON:
        return _filled(model.used_template.request, rows)
    return {"inputs": [_tensor(field, [row[field.name] for row in rows]) for field in signature.fields]}


def read_answers(model: RemoteModel, body: Any, rows: int, signature: Signature) -> tuple[Answers, Gives]:
    """The answers in a response's JSON, and what they are. RefusedError says what is wrong with it."""
    if model.protocol is Protocol.V2:
        return _read_tensor(_output(body, model.output), rows, signature, model.gives)
    template = model.used_template
    found = _at(body, template.answers)
    if not isinstance(found, list):
        raise RefusedError(f"expected a list at {template.answers or 'the top'!r}, found {type(found).__name__}")
    answers = [_at(item, template.answer) for item in found]
    gives = model.gives or what_it_gives(answers, rows, signature)
    return to_answers(answers, rows, signature, gives), gives


def _filled(template: Any, rows: list[dict[str, Any]]) -> Any:
    if isinstance(template, Mapping):
        return {name: _filled(item, rows) for name, item in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(item, rows) for item in template]
    return rows if template == ROWS else template


def _tensor(field: Field, values: list[Any]) -> dict[str, Any]:
    for row, value in enumerate(values):
        if value is None:
            hint = 'give it a value, or use the protocol "json"'
            where = f"row {row}, field {field.name!r}"
            raise InputError("the Open Inference Protocol has no word for a missing value", where=where, hint=hint)
    return {"name": field.name, "shape": [len(values), 1], "datatype": _DATATYPES[field.kind], "data": values}


def _at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        if not isinstance(value, Mapping) or name not in value:
            raise RefusedError(f"the answer has no {name!r} of {path!r}")
        value = value[name]
    return value


def _output(body: Any, wanted: str | None) -> Mapping[str, Any]:
    outputs = _at(body, "outputs")
    if not isinstance(outputs, list) or not all(isinstance(item, Mapping) for item in outputs) or not outputs:
        raise RefusedError("the answer's `outputs` is no list of tensors")
    names = [str(item.get("name")) for item in outputs]
    if wanted is None and len(outputs) > 1:
        raise RefusedError(f"the answer has the outputs {', '.join(names)}: say which with `output`")
    place = 0 if wanted is None else names.index(wanted) if wanted in names else -1
    if place < 0:
        raise RefusedError(f"the answer has no output {wanted!r}, but {', '.join(names)}")
    found: Mapping[str, Any] = outputs[place]
    return found


def _read_tensor(
    tensor: Mapping[str, Any], rows: int, signature: Signature, known: Gives | None
) -> tuple[Answers, Gives]:
    datatype, data = tensor.get("datatype"), _flat(tensor.get("data"))
    shape = tensor.get("shape")
    size = math.prod(shape) if isinstance(shape, list) and all(isinstance(n, int) for n in shape) else -1
    if size != len(data) or (rows and len(data) % rows):
        raise RefusedError(f"expected answers to {rows} rows, found {len(data)} numbers of shape {shape}")
    if datatype in _FLOATS and signature.task is not Task.REGRESSION:
        gives = Gives.PROBABILITIES
    elif signature.task is Task.REGRESSION and datatype in (*_FLOATS, *_INTEGERS):
        gives = Gives.VALUES
    elif datatype in (*_INTEGERS, "BYTES", "BOOL"):
        gives = Gives.LABELS
    else:
        raise RefusedError(f"the output's datatype is {datatype!r}: it cannot be told what it means")
    if known is not None and gives is not known:
        raise RefusedError(f"the output holds {gives}; when it was imported it held {known}")
    return (_probabilities(data, rows, signature) if gives is Gives.PROBABILITIES
            else to_answers(data, rows, signature, gives)), gives  # fmt: skip


def _probabilities(data: list[Any], rows: int, signature: Signature) -> Answers:
    width, classes = (len(data) // rows if rows else 0), len(signature.classes or ())
    if not all(isinstance(number, int | float) for number in data):
        raise RefusedError("the output holds what is no number")
    if width == 1 and signature.task is Task.BINARY:
        data, width = [part for number in data for part in (1.0 - number, number)], 2
    if rows and width != classes:
        raise RefusedError(f"expected {classes} probabilities a row, found {width}")
    split = [check_probabilities(data[row * width : (row + 1) * width], row) for row in range(rows)]
    return from_probabilities(np.array(split, dtype=np.float64).reshape(rows, classes), signature)


def _flat(data: Any) -> list[Any]:
    """A tensor's data, flat or nested by its shape."""
    if not isinstance(data, list):
        raise RefusedError(f"the output's data is a {type(data).__name__}, no list")
    if data and isinstance(data[0], list):
        return [item for part in data for item in _flat(part)]
    return data
