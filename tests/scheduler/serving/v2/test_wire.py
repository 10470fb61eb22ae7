"""A request's JSON: read, or refused with its place and what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quarterdeck.core.errors import InputError, UsageError
from quarterdeck.scheduler.serving.v2.wire import Wanted, decode, wanted

INPUT: dict[str, Any] = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1.0]}


def body(**more: Any) -> bytes:
    return json.dumps({"inputs": [INPUT], **more}).encode()


def test_all_that_the_protocol_names_is_read() -> None:
    request = decode(body(id="7", parameters={"x": 1}, outputs=[{"name": "value"}], model_name="line"))
    assert (request.id, request.parameters, request.inputs[0].shape) == ("7", {"x": 1}, [1])
    assert decode(body(id=None, parameters=None, outputs=None)).inputs[0].data == [1.0]


@pytest.mark.parametrize(
    ("sent", "where", "words"),
    [
        (b"", "line 1, column 1", "empty"),
        (b"[]", "the request", "expected `object`"),
        (b"{}", "the request", "missing required field `inputs`"),
        (b'{"inputs": []}', "inputs", "length >= 1"),
        (b'{"inputs": [{"name": "a"}]}', "inputs[0]", "missing required field `shape`"),
        (b'{"inputs": [{"name": "a", "shape": [-1]}]}', "inputs[0].shape[0]", ">= 0"),
        (b'{"inputs": [{"name": "a", "shape": []}]}', "inputs[0].shape", "length >= 1"),
        (b'{"input": []}', "the request", "unknown field `input`"),
        (b'{"inputs": [\xff]}', None, ""),
        (b'{"id": "\xff"}', None, "UTF-8"),
        (b'{"inputs": ' + b"[" * 100_000, None, "expected `object`"),
        (b'{"parameters": {"x": ' + b"[" * 100_000, None, "nested too deeply"),
    ],
)
def test_what_is_no_request_is_refused_with_its_place(sent: bytes, where: str | None, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode(sent)
    assert words in caught.value.message
    assert where is None or caught.value.where == where
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    "sent",
    [
        b'{"id": "1", "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}], "id": "2"}',
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1], "data": [2]}]}',
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "BYTES", "data": ["x:y"], "name": "b"}]}',
        b'{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}], "parameters": {"x": 1, "x": 1}}',
    ],
)
def test_a_key_that_is_there_twice_is_refused(sent: bytes) -> None:
    with pytest.raises(InputError, match="there twice"):
        decode(sent)


@pytest.mark.parametrize("text", ["x:y", "12:00:00", "\\", ":\\u003a"])
def test_strings_with_colons_are_no_repeats(text: str) -> None:
    given = {"name": text, "shape": [1], "datatype": "BYTES", "data": [text], "parameters": {"p": text}}
    sent = json.dumps({"inputs": [given], "id": text, "outputs": [{"name": text, "parameters": {}}]})
    assert decode(sent.encode()).inputs[0].data == [text]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, [("value", False), ("id", False)]),
        ({"outputs": []}, [("value", False), ("id", False)]),
        ({"parameters": {"binary_data_output": True}}, [("value", True), ("id", True)]),
        ({"outputs": [{"name": "id"}]}, [("id", False)]),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "id", "parameters": {"binary_data": False}}],
            },
            [("id", False)],
        ),
        ({"outputs": [{"name": "value", "parameters": {"binary_data": True}}]}, [("value", True)]),
    ],
)
def test_the_outputs_are_those_that_are_asked_for(more: dict[str, Any], found: list[tuple[str, bool]]) -> None:
    assert wanted(decode(body(**more)), ("value", "id")) == tuple(Wanted(*item) for item in found)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"outputs": [{"name": "values"}]}, "no output 'values'"),
        ({"outputs": [{"name": "id"}, {"name": "id"}]}, "twice"),
        ({"outputs": [{"name": "id", "parameters": {"classification": 2}}]}, "classification"),
        ({"outputs": [{"name": "id", "parameters": {"shared_memory_region": "x"}}]}, "shared memory"),
        ({"outputs": [{"name": "id", "parameters": {"binary_data": 1}}]}, "true or false"),
        ({"parameters": {"binary_data_output": "yes"}}, "true or false"),
    ],
)
def test_outputs_that_cannot_be_given_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        wanted(decode(body(**more)), ("value", "id"))
