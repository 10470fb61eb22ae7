"""One tensor's values as a flat list, held against its datatype and shape.

A null in JSON is a missing value, of any datatype; whether the field may miss is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from quarterdeck.core.errors import InputError, QuarterdeckError, UsageError
from quarterdeck.core.field_checks import found_value, nearest
from quarterdeck.scheduler.serving.v2.binary import BYTES, DATATYPES, unpack
from quarterdeck.scheduler.serving.v2.wire import Tensor

_NONE = type(None)
_INTEGERS: frozenset[type] = frozenset((int, _NONE))


def is_float(datatype: str) -> bool:
    return datatype.startswith("FP")


def _classes(datatype: str) -> frozenset[type]:
    """What JSON values of a datatype are decoded to."""
    if is_float(datatype):
        return frozenset((float, int, _NONE))
    others: dict[str, frozenset[type]] = {"BOOL": frozenset((bool, _NONE)), BYTES: frozenset((str, _NONE))}
    return others.get(datatype, _INTEGERS)


_CLASSES = {datatype: _classes(datatype) for datatype in DATATYPES}


def values_of(tensor: Tensor, data: memoryview | None, columns: Sequence[str]) -> list[Any]:
    """The values of a tensor, row by row; `columns` are the fields of a row, for the words.

    Raises UsageError where data, datatype and shape do not fit, InputError for a value of another datatype.
    """
    expected = _CLASSES.get(tensor.datatype)
    if data is None and _is_ordinary(tensor, expected):
        return tensor.data  # type: ignore[return-value]  # a list, or it is not ordinary
    where = f"input {tensor.name[:100]!r}"
    if expected is None:
        near = nearest(tensor.datatype, DATATYPES)
        hint = f"{f'did you mean {near}? ' if near else ''}expected one of {', '.join(DATATYPES)}"
        raise UsageError(f"{tensor.datatype[:40]!r} is no datatype", where=where, hint=hint)
    count = math.prod(tensor.shape)
    try:
        if data is not None:
            values = unpack(data, tensor.datatype, count)
            return _texts(values, columns) if tensor.datatype == BYTES else values
        return _checked(_flat(tensor.data, tensor.shape, count), tensor.datatype, columns)
    except UsageError as error:
        raise _at(error, where) from None


def _is_ordinary(tensor: Tensor, expected: frozenset[type] | None) -> bool:
    """The commonest by far: a flat list of floats, strings or booleans, of which nothing more must be known."""
    sent = tensor.data
    if expected is None or expected is _INTEGERS or not isinstance(sent, list):
        return False
    return expected.issuperset(map(type, sent)) and len(sent) == math.prod(tensor.shape)


def _at(error: QuarterdeckError, where: str) -> UsageError:
    return UsageError(error.message, where=error.where or where, hint=error.hint)


def _place(index: int, columns: Sequence[str]) -> str:
    row, column = divmod(index, len(columns))
    return f"row {row}, field {columns[column][:100]!r}"


def _texts(values: list[bytes], columns: Sequence[str]) -> list[str]:
    texts = []
    for index, value in enumerate(values):
        try:
            texts.append(value.decode())
        except UnicodeDecodeError:
            raise InputError("expected text in UTF-8, found other bytes", where=_place(index, columns)) from None
    return texts


def _flat(data: Any, shape: Sequence[int], count: int) -> list[Any]:
    """The data as one list: it may be sent so, or as lists in lists after its shape."""
    if data.__class__ is not list:
        raise UsageError("it has no data", hint="send a list `data`, or binary_data_size and the bytes")
    if len(shape) > 1 and data and data[0].__class__ is list:
        for level, size in enumerate(shape):
            if len(data) != math.prod(shape[: level + 1]):
                raise UsageError(f"its data is not of the shape {list(shape)}")
            if level + 1 < len(shape):
                width = shape[level + 1]
                if any(item.__class__ is not list or len(item) != width for item in data):
                    raise UsageError(f"its data is not of the shape {list(shape)}, {size} lists of {width} and so on")
                data = [item for part in data for item in part]
    if len(data) != count:
        raise UsageError(f"its data has {len(data)} values; the shape {list(shape)} means {count}")
    found: list[Any] = data
    return found


def _checked(values: list[Any], datatype: str, columns: Sequence[str]) -> list[Any]:
    expected = _CLASSES[datatype]
    if not expected.issuperset(map(type, values)):
        index = next(index for index, value in enumerate(values) if value.__class__ not in expected)
        message = f"expected {datatype} as the input says, found {found_value(values[index])}"
        raise InputError(message, where=_place(index, columns))
    if expected is _INTEGERS:
        low, high = integer_range(datatype)
        for index, value in enumerate(values):
            if value is not None and not low <= value <= high:
                message = f"{found_value(value)} is out of the range of {datatype}: {low} to {high}"
                raise InputError(message, where=_place(index, columns))
    return values


def integer_range(datatype: str) -> tuple[int, int]:
    """The least and the greatest value of an integer datatype."""
    bits = int(datatype.lstrip("UINT"))
    return (0, 2**bits - 1) if datatype[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
