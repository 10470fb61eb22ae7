"""Rows out of tensors: the same as out of JSON rows, or refused with the field and what was expected."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import InputError, QuarterdeckError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.reader import RowReader
from quarterdeck.scheduler.serving.v2.binary import pack
from quarterdeck.scheduler.serving.v2.rows import TensorRows
from quarterdeck.scheduler.serving.v2.wire import decode

NUMBERS = Signature(
    fields=(
        Field(name="a", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0),
        Field(name="b", kind=FieldKind.NUMBER, nullable=True),
        Field(name="n", kind=FieldKind.INTEGER),
    ),
    task=Task.REGRESSION,
    target="y",
    entity="ship",
    time="sailed",
)
MIXED = Signature(
    fields=(
        Field(name="a", kind=FieldKind.NUMBER, nullable=True),
        Field(name="port", kind=FieldKind.STRING, categories=("oslo", "riga")),
        Field(name="heavy", kind=FieldKind.BOOLEAN),
    ),
    task=Task.REGRESSION,
    target="y",
)


def tensor(name: str, datatype: str, data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


def read(signature: Signature, *inputs: dict[str, Any]) -> list[dict[str, Any]]:
    request = decode(json.dumps({"inputs": inputs}).encode())
    rows = TensorRows(signature).rows(request.inputs, [None] * len(inputs))
    return list(RowReader(signature).check(rows).sent)


def read_binary(signature: Signature, *inputs: tuple[str, str, list[Any], list[int]]) -> list[dict[str, Any]]:
    given = [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, _, shape in inputs]
    request = decode(json.dumps({"inputs": given}).encode())
    data = [memoryview(pack(values, datatype)) for _, datatype, values, _ in inputs]
    rows = TensorRows(signature).rows(request.inputs, data)
    return list(RowReader(signature).check(rows).sent)


def test_one_tensor_a_field_makes_rows() -> None:
    rows = read(
        NUMBERS,
        tensor("n", "INT64", [1, 2]),
        tensor("a", "FP32", [1.5, 2]),
        tensor("b", "FP64", [[None], [4]], [2, 1]),
        tensor("ship", "BYTES", ["x", None]),
    )
    assert rows == [{"n": 1, "a": 1.5, "b": None, "ship": "x"}, {"n": 2, "a": 2, "b": 4, "ship": None}]


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
@pytest.mark.parametrize("name", ["input-0", "x"])
def test_a_matrix_holds_the_fields_in_their_order(data: Any, name: str) -> None:
    rows = read(NUMBERS, tensor(name, "FP64", data, [2, 3]), tensor("ship", "INT64", [7, 8]))
    assert rows == [{"a": 1, "b": 2, "n": 3, "ship": 7}, {"a": 4, "b": 5, "n": 6, "ship": 8}]


def test_nan_is_a_missing_value_where_the_field_may_miss() -> None:
    (row,) = read_binary(NUMBERS, ("x", "FP32", [1.0, math.nan, 2.0], [1, 3]))
    assert row == {"a": 1.0, "b": None, "n": 2.0}
    with pytest.raises(InputError, match="expected a number, found nan") as caught:
        read_binary(NUMBERS, ("x", "FP32", [math.nan, 1.0, 2.0], [1, 3]))
    assert caught.value.where == "row 0, field 'a'"


def test_strings_and_booleans_come_in_their_datatypes() -> None:
    (row,) = read_binary(
        MIXED, ("a", "FP16", [0.5], [1]), ("port", "BYTES", ["oslo"], [1]), ("heavy", "BOOL", [True], [1])
    )
    assert row == {"a": 0.5, "port": "oslo", "heavy": True}


GOOD = (tensor("a", "FP64", [1.0]), tensor("b", "FP64", [1.0]), tensor("n", "INT64", [1]))
REFUSED: list[tuple[str, Signature, list[dict[str, Any]], str, str]] = [
    ("a missing field", NUMBERS, [*GOOD[:2]], "row 0, field 'n'", "missing"),
    ("a misspelt field", NUMBERS, [*GOOD[:2], tensor("m", "INT64", [1])], "row 0, field 'm'", "no such field"),
    ("a misspelt column", NUMBERS, [*GOOD[:2], tensor("m", "INT64", [1], [1, 1])], "row 0, field 'm'", "no such"),
    ("a string for a number", NUMBERS, [*GOOD[1:], tensor("a", "BYTES", ["1"])], "row 0, field 'a'", "a number"),
    ("a number for a string", MIXED, [tensor("a", "FP64", [1.0]), tensor("port", "INT64", [1]),
                                      tensor("heavy", "BOOL", [True])], "row 0, field 'port'", "expected a string"),
    ("an unknown category", MIXED, [tensor("a", "FP64", [1.0]), tensor("port", "BYTES", ["rig"]),
                                    tensor("heavy", "BOOL", [True])], "row 0, field 'port'", "did not see"),
    ("an integer for a boolean", MIXED, [tensor("a", "FP64", [1.0]), tensor("port", "BYTES", ["riga"]),
                                         tensor("heavy", "INT8", [1])], "row 0, field 'heavy'", "true or false"),
    ("out of range", NUMBERS, [*GOOD[1:], tensor("a", "FP64", [1e9])], "row 0, field 'a'", "out of range"),
    ("half a whole number", NUMBERS, [*GOOD[:2], tensor("n", "FP64", [1.5])], "row 0, field 'n'", "whole number"),
    ("null", NUMBERS, [*GOOD[1:], tensor("a", "FP64", [None])], "row 0, field 'a'", "found null"),
    ("another value than the datatype", NUMBERS, [*GOOD[:2], tensor("n", "INT64", ["1"])],
     "row 0, field 'n'", "expected INT64"),
    ("a wrong value in a matrix", NUMBERS, [tensor("x", "FP64", [1, 2, 3, 4, True, 6], [2, 3])],
     "row 1, field 'b'", "expected FP64"),
    ("too great for the datatype", NUMBERS, [*GOOD[:2], tensor("n", "UINT8", [256])], "row 0, field 'n'", "UINT8"),
    ("an unknown datatype", NUMBERS, [*GOOD[:2], tensor("n", "INT65", [1])], "input 'n'", "no datatype"),
    ("fewer values", NUMBERS, [*GOOD[:2], tensor("n", "INT64", [1], [2])], "input 'n'", "2 rows"),
    ("more values", NUMBERS, [*GOOD[:2], tensor("n", "INT64", [1, 2], [1])], "input 'n'", "has 2 values"),
    ("another nesting", NUMBERS, [tensor("x", "FP64", [[1, 2], [3]], [1, 3])], "input 'x'", "not of the shape"),
    ("another width", NUMBERS, [tensor("x", "FP64", [1, 2], [1, 2])], "input 'x'", "[rows, 3]"),
    ("a cube", NUMBERS, [tensor("x", "FP64", [1, 2, 3], [1, 3, 1])], "input 'x'", "no such field"),
    ("a field as a matrix", NUMBERS, [*GOOD[1:], tensor("a", "FP64", [1, 2], [1, 2])], "input 'a'", "[rows, 1]"),
    ("a matrix of no numbers", MIXED, [tensor("x", "BYTES", ["1", "2", "3"], [1, 3])], "input 'x'", "not all numbers"),
    ("a matrix and a field", NUMBERS, [tensor("x", "FP64", [1, 2, 3], [1, 3]), GOOD[0]], "input 'x'", "no such field"),
    ("a field twice", NUMBERS, [*GOOD, GOOD[0]], "input 'a'", "twice"),
    ("no data", NUMBERS, [{"name": "a", "shape": [1], "datatype": "FP64"}], "input 'a'", "no data"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("signature", "inputs", "where", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_wrong_tensors_are_refused_with_the_field_and_what_was_expected(
    signature: Signature, inputs: list[dict[str, Any]], where: str, words: str
) -> None:
    with pytest.raises(QuarterdeckError) as caught:
        read(signature, *inputs)
    assert caught.value.where == where
    assert words in str(caught.value)
    assert caught.value.http_status in (400, 422)


def test_more_inputs_than_a_model_can_have_are_refused_at_once() -> None:
    with pytest.raises(QuarterdeckError, match="50000 inputs, more than the model"):
        read(NUMBERS, *(tensor(f"x{number}", "INT8", [1], [1, 1]) for number in range(50_000)))


@pytest.mark.parametrize(("count", "words"), [(0, "no rows"), (10_001, "10,001 rows, more than 10,000")])
def test_no_rows_and_too_many_are_refused(count: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(NUMBERS, {"name": "a", "shape": [count], "datatype": "INT8", "data": [1] * count})


def test_bytes_that_are_no_text_are_refused_with_their_row() -> None:
    request = decode(b'{"inputs": [{"name": "port", "shape": [2], "datatype": "BYTES"}]}')
    data = memoryview(b"\x01\0\0\0a\x01\0\0\0\xff")
    with pytest.raises(InputError, match="UTF-8") as caught:
        TensorRows(MIXED).rows(request.inputs, [data])
    assert caught.value.where == "row 1, field 'port'"


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "a": st.floats(0, 9),
                "b": st.none() | st.floats(-1e9, 1e9),
                "n": st.integers(-(2**63), 2**63 - 1),
            }
        ),
        min_size=1,
    )
)
def test_tensors_are_read_as_the_same_rows_in_json_are(rows: list[dict[str, Any]]) -> None:
    datatypes = {"a": "FP64", "b": "FP64", "n": "INT64"}
    found = read(NUMBERS, *(tensor(name, kind, [row[name] for row in rows]) for name, kind in datatypes.items()))
    assert RowReader(NUMBERS).check(found).rows == RowReader(NUMBERS).read(json.dumps(rows).encode()).rows
