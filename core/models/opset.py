"""The opset of an ONNX model, read off its bytes: the package `onnx` is not needed where models are served.

The format is a protocol buffer (onnx.proto3, ModelProto): field 8, opset_import, holds messages with a domain
(field 1, text; empty: ONNX's own operators) and a version (field 2, a number).
"""

from __future__ import annotations

from collections.abc import Iterator

_OPSET_IMPORT, _DOMAIN, _VERSION = 8, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def onnx_opset(model: bytes) -> int | None:
    """The version of ONNX's own operators that a model asks for; None where it asks for none or cannot be read."""
    try:
        for number, value in _fields(memoryview(model)):
            if number == _OPSET_IMPORT and isinstance(value, memoryview):
                found = dict(_fields(value))
                domain = found.get(_DOMAIN, b"")
                version = found.get(_VERSION)
                if isinstance(version, int) and not isinstance(domain, int) and bytes(domain) in (b"", b"ai.onnx"):
                    return version
    except (IndexError, ValueError):
        return None
    return None


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field's number, and its value: numbers of varints, bytes of everything else."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(message):
            raise ValueError("cut off")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")
