"""Tensors as bytes behind a JSON: little-endian values, and strings with their length of four bytes before."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from quarterdeck.core.errors import UsageError
from quarterdeck.scheduler.serving.v2.wire import InferRequest, Tensor, refuse_shared_memory

BYTES = "BYTES"
DTYPES = {
    "BOOL": "?",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
DATATYPES = (*DTYPES, BYTES)
_LENGTH = struct.Struct("<I")


def split(body: bytes, header: str | None) -> tuple[bytes, memoryview]:
    """A body's JSON and the bytes behind it; `header` is Inference-Header-Content-Length.

    Raises UsageError where that is no length of this body.
    """
    if header is None:
        return body, memoryview(b"")
    text = header.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > len(body):
        hint = f"expected the length of the body's JSON in bytes, at most the body's {len(body)}"
        raise UsageError(f"the length {text[:40]!r} is wrong", where="Inference-Header-Content-Length", hint=hint)
    return body[: int(text)], memoryview(body)[int(text) :]


def parts(request: InferRequest, behind: memoryview) -> list[memoryview | None]:
    """The bytes of each input, in order; None for one whose data is in the JSON.

    Raises UsageError where the sizes are not those of what came.
    """
    found: list[memoryview | None] = []
    start = 0
    for tensor in request.inputs:
        size = _size(tensor, tensor.parameters) if isinstance(tensor.parameters, dict) else None
        if size is None:
            found.append(None)
            continue
        found.append(behind[start : start + size])
        start += size
    if start != len(behind):
        hint = "binary_data_size of every input together is what stands behind the JSON"
        raise UsageError(f"{len(behind)} bytes stand behind the JSON, its inputs name {start}", hint=hint)
    return found


def _size(tensor: Tensor, given: dict[str, Any]) -> int | None:
    where = f"input {tensor.name[:100]!r}"
    refuse_shared_memory(given, where)
    size = given.get("binary_data_size")
    if size is None:
        return None
    if size.__class__ is not int or size < 0:
        raise UsageError("expected a number of bytes for binary_data_size", where=where)
    if isinstance(tensor.data, list):
        raise UsageError("it has data and binary_data_size", where=where, hint="send one of them")
    return int(size)


def unpack(data: memoryview, datatype: str, count: int) -> list[Any]:
    """The values, strings as bytes. Raises UsageError where the bytes are not so many values."""
    if datatype == BYTES:
        return _strings(data, count)
    dtype = np.dtype(DTYPES[datatype])
    if len(data) != count * dtype.itemsize:
        raise UsageError(f"expected {count * dtype.itemsize} bytes for {count} {datatype} values, found {len(data)}")
    values: list[Any] = np.frombuffer(data, dtype).tolist()
    return values


def _strings(data: memoryview, count: int) -> list[bytes]:
    values: list[bytes] = []
    place, size = 0, len(data)
    while place + 4 <= size:
        end = place + 4 + _LENGTH.unpack_from(data, place)[0]
        if end > size:
            break
        values.append(bytes(data[place + 4 : end]))
        place = end
    if place != size or len(values) != count:
        raise UsageError(
            f"expected {count} strings, found {len(values)} and {size - place} bytes that are none",
            hint="each has its length before it, as four bytes, the least first",
        )
    return values


def pack(values: Sequence[Any], datatype: str) -> bytes:
    """Values as bytes; strings in UTF-8."""
    if datatype != BYTES:
        return np.array(values, DTYPES[datatype]).tobytes()
    texts = [value.encode("utf-8", "surrogatepass") for value in values]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
