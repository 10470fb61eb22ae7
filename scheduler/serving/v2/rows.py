"""Rows out of a request's tensors: one tensor a field by its name, or one matrix of all fields.

What is decided here:
- A tensor that bears a field's name is that field's column, of the shape [rows] or [rows, 1].
- Where all fields are numbers, they may come as one matrix [rows, fields] in the order of the signature, under a name
  that is no field's.
- Entity and time may come along as columns of their own.
- NaN in a tensor of floats is a missing value where the field may miss; else it is refused as what it is.
The rows are then checked as JSON rows are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quarterdeck.core.errors import UsageError
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.protocols import check_size
from quarterdeck.scheduler.serving.v2.tensors import is_float, values_of
from quarterdeck.scheduler.serving.v2.wire import Tensor

_NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)

Data = Sequence[memoryview | None]


class TensorRows:
    """Reads the tensors of one signature; `wider` is a challenger's, whose own fields may be sent as well."""

    def __init__(self, signature: Signature, wider: Signature | None = None) -> None:
        self._names = signature.names
        self._beside = {name for name in (signature.entity, signature.time) if name is not None} - {*self._names}
        self._numeric = all(field.kind in _NUMBERS for field in signature.fields)
        fields = {field.name: field.nullable for field in (() if wider is None else wider.fields)}
        fields.update({field.name: field.nullable for field in signature.fields})
        self._nullable = {name for name, nullable in fields.items() if nullable} | self._beside
        self._columns = {*fields, *self._beside}

    def rows(self, inputs: Sequence[Tensor], data: Data, limits: Limits = DEFAULT) -> list[dict[str, Any]]:
        """The rows by name, not yet checked. Raises UsageError where the tensors do not make rows."""
        most = len(self._columns) + 1  # one that is none of them is refused by its name
        if len(inputs) > most:
            hint = f"the fields are {', '.join(self._names[:20])}"
            raise UsageError(f"the request has {len(inputs)} inputs, more than the model", where="inputs", hint=hint)
        columns: dict[str, list[Any]] = {}
        count = -1
        for tensor, part in zip(inputs, data, strict=True):
            names = self._names_of(tensor, inputs)
            if count < 0:
                count = tensor.shape[0]
                check_size(count, "rows", limits)
            if tensor.shape[0] != count:
                message = f"it has {tensor.shape[0]} rows, and {inputs[0].name[:100]!r} has {count}"
                raise UsageError(message, where=_where(tensor), hint="send one value a row")
            values = values_of(tensor, part, names)
            missing = part is not None and is_float(tensor.datatype) and any(value != value for value in values)
            for place, name in enumerate(names):
                if name in columns:
                    raise UsageError("it is there twice", where=f"input {name[:100]!r}", hint="send each field once")
                column = values if len(names) == 1 else values[place :: len(names)]
                columns[name] = self._without_nan(name, column) if missing else column
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _names_of(self, tensor: Tensor, inputs: Sequence[Tensor]) -> Sequence[str]:
        """The fields that a tensor holds. A name that is none is left to the check of the rows."""
        shape, column = tensor.shape, tensor.shape[1:] == [1]
        if len(shape) == 1 or (column and tensor.name in self._columns):
            return (tensor.name,)
        if tensor.name in self._columns:
            raise UsageError(f"expected the shape [rows] or [rows, 1], found {shape}", where=_where(tensor))
        alone = sum(other.name not in self._beside for other in inputs) == 1
        if column and not alone:
            return (tensor.name,)
        if not alone or len(shape) != 2:
            hint = f"the fields are {', '.join(self._names[:20])}"
            message = f"the model has no such field, and no input of the shape {shape}"
            raise UsageError(message, where=_where(tensor), hint=hint)
        if not self._numeric:
            hint = f"send a tensor for each field: {', '.join(self._names[:20])}"
            message = "the model's fields are not all numbers: they make no matrix"
            raise UsageError(message, where=_where(tensor), hint=hint)
        if shape[1] != len(self._names):
            hint = f"the columns are {', '.join(self._names[:20])}, in this order"
            message = f"expected the shape [rows, {len(self._names)}], found {shape}"
            raise UsageError(message, where=_where(tensor), hint=hint)
        return self._names

    def _without_nan(self, name: str, values: list[Any]) -> list[Any]:
        if name not in self._nullable:
            return values
        return [None if value != value else value for value in values]


def _where(tensor: Tensor) -> str:
    return f"input {tensor.name[:100]!r}"
