"""Tensors as bytes: there and back, and refused where the sizes are not those of what came."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import UsageError
from quarterdeck.scheduler.serving.v2.binary import BYTES, DATATYPES, DTYPES, pack, parts, split, unpack
from quarterdeck.scheduler.serving.v2.tensors import integer_range, is_float
from quarterdeck.scheduler.serving.v2.wire import decode


def request(*sizes: int, data: Any = None) -> bytes:
    inputs: list[dict[str, Any]] = [
        {"name": f"x{place}", "shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": size}}
        for place, size in enumerate(sizes)
    ]
    if data is not None:
        inputs[0]["data"] = data
    return json.dumps({"inputs": inputs}).encode()


def values_of(datatype: str) -> st.SearchStrategy[Any]:
    if datatype == BYTES:
        return st.text()
    if datatype == "BOOL":
        return st.booleans()
    if is_float(datatype):
        return st.floats(width=int(datatype[2:]), allow_nan=False)  # type: ignore[arg-type]
    return st.integers(*integer_range(datatype))


@given(st.data())
def test_values_come_back_as_they_were(data: st.DataObject) -> None:
    datatype = data.draw(st.sampled_from(DATATYPES))
    values = data.draw(st.lists(values_of(datatype)))
    found = unpack(memoryview(pack(values, datatype)), datatype, len(values))
    assert found == ([value.encode("utf-8", "surrogatepass") for value in values] if datatype == BYTES else values)


@pytest.mark.parametrize("datatype", DTYPES)
def test_the_bytes_are_those_of_numpy(datatype: str) -> None:
    array = np.array([0, 1, 1], np.dtype(DTYPES[datatype]))
    assert pack([0, 1, 1], datatype) == array.tobytes()


@given(st.binary(max_size=40), st.sampled_from(DATATYPES), st.integers(0, 10))
def test_any_bytes_are_values_or_refused(data: bytes, datatype: str, count: int) -> None:
    try:
        assert len(unpack(memoryview(data), datatype, count)) == count
    except UsageError as error:
        assert "expected" in error.message


def test_a_body_is_split_where_its_header_says() -> None:
    assert split(b"{}abc", "2") == (b"{}", b"abc")
    assert split(b"{}", None) == (b"{}", b"")


@pytest.mark.parametrize("header", ["", "-1", "x", "6", "9" * 30, "1.0", "²"])
def test_a_wrong_length_is_refused(header: str) -> None:
    with pytest.raises(UsageError, match="wrong") as caught:
        split(b"{}abc", header)
    assert caught.value.where == "Inference-Header-Content-Length"


def test_each_input_gets_its_bytes() -> None:
    assert parts(decode(request(1, 2)), memoryview(b"abc")) == [b"a", b"bc"]


@pytest.mark.parametrize(
    ("sent", "behind", "words"),
    [
        (request(1, 1), b"abc", "3 bytes stand behind the JSON, its inputs name 2"),
        (request(5), b"abc", "its inputs name 5"),
        (request(-1), b"", "number of bytes"),
        (request(1, data=[1]), b"a", "data and binary_data_size"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sent: bytes, behind: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parts(decode(sent), memoryview(behind))


@pytest.mark.parametrize(
    "data", [b"abc", struct.pack("<I", 9) + b"abc", struct.pack("<I", 3) + b"abcd", struct.pack("<I", 2**32 - 1)]
)
def test_strings_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="expected 1 strings"):
        unpack(memoryview(data), BYTES, 1)
