"""Remote models as values, and what is sent and read in both protocols."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.core.errors import InputError, RefusedError, UsageError
from quarterdeck.core.models.circuit_breaker import BreakerPolicy
from quarterdeck.core.models.remote import Protocol, RemoteModel, Template
from quarterdeck.core.models.remote_protocols import read_answers, request_body
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task

URL = "https://models.example/v2/models/late/infer"
FIELDS = (
    Field(name="hour", kind=FieldKind.INTEGER),
    Field(name="wind", kind=FieldKind.NUMBER, nullable=True),
    Field(name="carrier", kind=FieldKind.STRING),
    Field(name="night", kind=FieldKind.BOOLEAN),
)
BINARY = Signature(fields=FIELDS, task=Task.BINARY, target="late", classes=(0, 1))
WORDS = Signature(fields=FIELDS, task=Task.MULTICLASS, target="late", classes=("a", "b", "c"))
NUMBER = Signature(fields=FIELDS, task=Task.REGRESSION, target="delay")
COLUMNS = {"hour": [7, 8], "wind": [1.5, 2.0], "carrier": ["AA", "UA"], "night": [True, False]}
V2 = RemoteModel(url=URL)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x", "file:///etc/passwd", "host/x", "http://", "http://user:word@host/x", "http://host/x#part",
        "http://host:0/x", "http://host:abc/x", "http://host/a b", "https://host/x?api_key=1", "https://host/?sig=abc",
        "http://hôst/x", "",
    ],
)  # fmt: skip
def test_a_url_that_is_no_plain_http_address_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        RemoteModel(url=url)


def test_a_url_may_have_a_query_that_is_no_secret() -> None:
    assert RemoteModel(url="https://host:8443/score?api-version=2024-01-01").host == "host:8443"


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer abc"}, {"Host": "env:X"}, {"a b": "env:X"}, {"A": "env:"}]
)
def test_a_header_names_an_environment_variable_and_never_a_value(headers: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        RemoteModel(url=URL, headers=headers)


@pytest.mark.parametrize(
    "wrong",
    [{"retries": 6}, {"retries": -1}, {"timeout_s": 0}, {"timeout_s": float("nan")}, {"connect_timeout_s": "2"},
     {"breaker": BreakerPolicy(failures=0)}, {"breaker": BreakerPolicy(pause_s=0)}, {"retries": True}],
)  # fmt: skip
def test_patience_has_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        RemoteModel(url=URL, **wrong)


def test_it_comes_back_from_json_the_same() -> None:
    model = RemoteModel(
        url=URL, protocol=Protocol.JSON, gives=Gives.PROBABILITIES, template=Template(request=["$rows"], answers="a.b"),
        headers={"Authorization": "env:TOKEN"}, breaker=BreakerPolicy(failures=2, pause_s=1.0), retries=0,
    )  # fmt: skip
    assert RemoteModel.from_json(model.to_json()) == model
    assert RemoteModel.from_json(V2.to_json()) == V2


@pytest.mark.parametrize(
    "wrong", [{}, {"url": 3}, {"url": URL, "timeout": 3}, {"url": URL, "protocol": "grpc"},
              {"url": URL, "template": {"x": 1}}, {"url": URL, "breaker": 3}],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        RemoteModel.from_json(wrong)


@pytest.mark.parametrize("template", [{"rows": "rows"}, {"a": "$rows", "b": ["$rows"]}, "x"])
def test_a_template_holds_the_rows_once(template: Any) -> None:
    with pytest.raises(UsageError, match=r"\$rows"):
        RemoteModel(url=URL, protocol=Protocol.JSON, template=Template(request=template))


def test_v2_sends_one_typed_tensor_a_field() -> None:
    assert request_body(V2, COLUMNS, BINARY) == {
        "inputs": [
            {"name": "hour", "shape": [2, 1], "datatype": "INT64", "data": [7, 8]},
            {"name": "wind", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 2.0]},
            {"name": "carrier", "shape": [2, 1], "datatype": "BYTES", "data": ["AA", "UA"]},
            {"name": "night", "shape": [2, 1], "datatype": "BOOL", "data": [True, False]},
        ]
    }


def test_v2_has_no_word_for_a_missing_value() -> None:
    with pytest.raises(InputError) as caught:
        request_body(V2, {**COLUMNS, "wind": [1.0, None]}, BINARY)
    assert caught.value.where == "row 1, field 'wind'"


def test_a_template_is_filled_with_rows_as_objects_with_null_for_what_is_missing() -> None:
    model = RemoteModel(url=URL, protocol=Protocol.JSON, template=Template(request={"data": {"r": "$rows"}, "v": 1}))
    body = request_body(model, {**COLUMNS, "wind": [None, 2.0]}, BINARY)
    assert body["v"] == 1
    assert body["data"]["r"][0] == {"hour": 7, "wind": None, "carrier": "AA", "night": True}


def tensor(datatype: str, data: list[Any], shape: list[int] | None = None) -> dict[str, Any]:
    return {"outputs": [{"name": "o", "shape": shape or [len(data)], "datatype": datatype, "data": data}]}


def test_v2_floats_are_probabilities_values_or_of_a_binary_model_the_positive_class() -> None:
    answers, gives = read_answers(V2, tensor("FP32", [0.25, 0.9]), 2, BINARY)
    assert (answers.labels, gives) == ([0, 1], Gives.PROBABILITIES)
    answers, _ = read_answers(V2, tensor("FP64", [[0.2, 0.3, 0.5], [1, 0, 0]], [2, 3]), 2, WORDS)
    assert answers.labels == ["c", "a"]
    answers, gives = read_answers(V2, tensor("INT32", [3, 4]), 2, NUMBER)
    assert (answers.values, gives) == ([3.0, 4.0], Gives.VALUES)


def test_v2_integers_and_texts_are_labels_of_a_classifier() -> None:
    assert read_answers(V2, tensor("INT64", [1, 0]), 2, BINARY)[0].labels == [1, 0]
    assert read_answers(V2, tensor("BYTES", ["b", "a"]), 2, WORDS)[0].labels == ["b", "a"]


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, {"outputs": []}, {"outputs": [1]}, {"outputs": {}}, tensor("FP32", [0.5]),
        tensor("FP32", [0.5, 0.5, 0.5]), tensor("FP32", [0.5, 1.5]), tensor("FP32", [0.5, None]),
        tensor("INT64", [1, 2]), tensor("JSON", [1, 1]), tensor("FP32", [0.5, 0.5], [3]),
        tensor("FP32", [0.5, float("nan")]),
        {"outputs": [{"name": "o", "datatype": "FP32", "data": "0.5"}]},
        {"outputs": [*tensor("FP32", [0.5, 0.5])["outputs"], *tensor("FP32", [0.5, 0.5])["outputs"]]},
    ],
)  # fmt: skip
def test_a_v2_body_that_is_no_answer_to_these_rows_is_refused(body: Any) -> None:
    with pytest.raises(RefusedError):
        read_answers(V2, body, 2, BINARY)


def test_an_output_is_chosen_by_name_where_there_are_several() -> None:
    body = {
        "outputs": [tensor("INT64", [1, 0])["outputs"][0] | {"name": "label"}, tensor("FP32", [0.9, 0.2])["outputs"][0]]
    }
    model = RemoteModel(url=URL, output="o")
    assert read_answers(model, body, 2, BINARY)[0].scores.tolist() == [0.9, 0.2]
    with pytest.raises(RefusedError, match="no output 'x'"):
        read_answers(RemoteModel(url=URL, output="x"), body, 2, BINARY)


def test_a_model_that_gave_probabilities_may_not_give_labels() -> None:
    model = RemoteModel(url=URL, gives=Gives.PROBABILITIES)
    with pytest.raises(RefusedError, match="imported"):
        read_answers(model, tensor("INT64", [1, 0]), 2, BINARY)


def test_json_answers_are_found_by_their_paths() -> None:
    template = Template(answers="predictions", answer="probabilities")
    model = RemoteModel(url=URL, protocol=Protocol.JSON, template=template)
    body = {"predictions": [{"probabilities": {"0": 0.1, "1": 0.9}}, {"probabilities": {"0": 0.7, "1": 0.3}}]}
    assert read_answers(model, body, 2, BINARY)[0].labels == [1, 0]
    for wrong in ({}, {"predictions": {}}, {"predictions": [{}, {}]}, {"predictions": body["predictions"][:1]}):
        with pytest.raises(RefusedError):
            read_answers(model, wrong, 2, BINARY)
