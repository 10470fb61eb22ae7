"""The Open Inference Protocol over real HTTP, against the real server."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from quarterdeck.core.values import Arm, Engine

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[Any]:
    lab = make_lab(tmp_path_factory.mktemp("v2") / "lab")
    lab.add_onnx("line", lab.line_model(1.0))
    lab.add_onnx("line", lab.line_model(2.0))
    lab.add_onnx("line", lab.line_model(3.0))
    lab.promote("line", 1)
    lab.add_fitted("sort", lab.sorter(), Engine.ONNX)
    lab.promote("sort", 1)
    lab.promote("voyage", lab.add_voyage("voyage"))
    lab.add_onnx("nobody", lab.line_model(1.0))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def client(lab: Any) -> httpx.Client:
    client: httpx.Client = lab.start().client
    return client


def tensor(name: str, datatype: str, *data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data)}


def infer(client: httpx.Client, model: str, *inputs: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post(f"/v2/models/{model}/infer", json={"inputs": inputs, **more})


def outputs(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


A, B = tensor("a", "FP64", 2.0, 3.0), tensor("b", "FP64", 1.0, 1.0)


def test_rows_are_answered_with_values_and_ids_and_the_given_id_is_echoed(client: httpx.Client, lab: Any) -> None:
    response = infer(client, "line", A, B, tensor("ship", "BYTES", "x", "y"), id="seven")
    body = response.json()
    assert (body["model_name"], body["model_version"], body["id"]) == ("line", "1", "seven")
    assert "parameters" not in body
    assert outputs(response)["value"] == [3.0, 4.0]
    ids = outputs(response)["id"]
    logged = lab.wait_until(lambda: lab.logged(f"id IN ('{ids[0]}', '{ids[1]}')"))
    assert [(row.arm, row.entity, json.loads(row.inputs)) for row in logged] == [
        (Arm.CHAMPION, "x", {"a": 2.0, "b": 1.0, "ship": "x"}),
        (Arm.CHAMPION, "y", {"a": 3.0, "b": 1.0, "ship": "y"}),
    ]
    labels = [{"id": name, "label": 3.0} for name in ids]
    assert client.post("/feedback", json=labels).json()["accepted"] == 2


def test_the_answers_are_those_of_the_plain_protocol(client: httpx.Client) -> None:
    row = {"a": 0.7, "b": -0.2}
    plain = client.post("/predict/sort", json=row).json()["predictions"][0]
    found = outputs(infer(client, "sort", tensor("a", "FP64", row["a"]), tensor("b", "FP64", row["b"])))
    assert found["label"] == [plain["label"]]
    classes = json.loads(client.get("/v2/models/sort").json()["outputs"][1]["parameters"]["classes"])
    assert dict(zip(classes, found["probabilities"], strict=True)) == plain["probabilities"]


def test_requested_outputs_alone_are_sent(client: httpx.Client) -> None:
    found = infer(client, "sort", A | {"data": [0, 0]}, B, outputs=[{"name": "probabilities"}]).json()["outputs"]
    assert [(output["name"], output["shape"]) for output in found] == [("probabilities", [2, 3])]


def test_integer_classes_are_integers(client: httpx.Client) -> None:
    inputs = [
        tensor("speed", "FP32", 20.0), tensor("load", "FP64", None), tensor("deck", "INT8", 3),
        tensor("port", "BYTES", "oslo"), tensor("note", "BYTES", None), tensor("heavy", "BOOL", True),
        tensor("ship", "INT64", 12), tensor("sailed", "BYTES", "2026-01-31T12:00:00Z"),
    ]  # fmt: skip
    response = infer(client, "voyage", *inputs)
    assert outputs(response)["label"] == [1]
    assert response.json()["outputs"][0]["datatype"] == "INT64"


def test_binary_tensors_go_both_ways(client: httpx.Client) -> None:
    head = json.dumps(
        {
            "inputs": [
                {"name": "a", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}},
                {"name": "b", "shape": [2], "datatype": "INT64", "data": [1, 1]},
                {"name": "ship", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 10}},
            ],
            "outputs": [{"name": "id"}, {"name": "value", "parameters": {"binary_data": True}}],
        }
    ).encode()
    behind = np.array([2.0, 3.0], "<f4").tobytes() + struct.pack("<I1sI1s", 1, b"x", 1, b"y")
    headers = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    response = client.post("/v2/models/line/infer", content=head + behind, headers=headers)
    assert response.status_code == 200, response.text
    size = int(response.headers["inference-header-content-length"])
    assert response.headers["content-type"] == "application/octet-stream"
    body = json.loads(response.content[:size])
    assert [output.get("parameters") for output in body["outputs"]] == [None, {"binary_data_size": 16}]
    assert np.frombuffer(response.content[size:], "<f8").tolist() == [3.0, 4.0]


def test_many_rows_are_answered_in_their_order(client: httpx.Client) -> None:
    numbers = [float(number % 9) for number in range(10_000)]
    found = outputs(infer(client, "line", tensor("a", "FP64", *numbers), tensor("b", "INT8", *[1] * 10_000)))
    assert found["value"] == [number + 1 for number in numbers]
    assert len(set(found["id"])) == 10_000


def test_a_version_asked_for_by_its_number_answers_alone_and_is_logged_apart(client: httpx.Client, lab: Any) -> None:
    for version in (1, 3):
        response = client.post(f"/v2/models/line/versions/{version}/infer", json={"inputs": [A, B]})
        assert response.json()["model_version"] == str(version)
        found = outputs(response)
        assert found["value"] == [2.0 * version + 1, 3.0 * version + 1]
        name = found["id"][0]
        (row,) = lab.wait_until(lambda name=name: lab.logged(f"id = '{name}'"))
        assert (row.arm, row.version) == (Arm.DIRECT, version)
    metrics = client.get("/metrics").text
    assert 'quarterdeck_prediction_requests_total{model_name="line",model_version="3",arm="direct"} 1' in metrics


@pytest.mark.parametrize("number", ["2", "9", "x", "-1", "0x1", "9" * 40, "²"])
@pytest.mark.parametrize("act", ["/infer", "/ready", ""])
def test_a_version_that_is_not_loaded_is_not_found_and_the_loaded_are_named(
    client: httpx.Client, number: str, act: str
) -> None:
    method, sent = ("POST", {"json": {"inputs": [A, B]}}) if act == "/infer" else ("GET", {})
    response = client.request(method, f"/v2/models/line/versions/{number}{act}", **sent)  # type: ignore[arg-type]
    assert response.status_code == 404
    assert "the versions 1, 3" in response.json()["error"]


def test_the_server_says_what_it_is(client: httpx.Client) -> None:
    assert client.get("/v2").json()["name"] == "quarterdeck"
    assert "binary_tensor_data" in client.get("/v2/").json()["extensions"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.head("/v2/health/ready").status_code == 200


def test_a_model_says_what_it_takes_and_gives(client: httpx.Client) -> None:
    found = client.get("/v2/models/voyage").json()
    assert (found["name"], found["versions"], found["platform"]) == ("voyage", ["1"], "quarterdeck_rules")
    assert [(item["name"], item["datatype"], item["shape"], item.get("parameters")) for item in found["inputs"]] == [
        ("speed", "FP64", [-1], None),
        ("load", "FP64", [-1], {"nullable": True}),
        ("deck", "INT64", [-1], None),
        ("port", "BYTES", [-1], None),
        ("note", "BYTES", [-1], {"nullable": True}),
        ("heavy", "BOOL", [-1], None),
        ("ship", "BYTES", [-1], {"optional": True}),
        ("sailed", "BYTES", [-1], {"optional": True}),
    ]
    assert [(item["name"], item["datatype"], item["shape"]) for item in found["outputs"]] == [
        ("label", "INT64", [-1]),
        ("probabilities", "FP64", [-1, 2]),
        ("id", "BYTES", [-1]),
    ]
    assert client.get("/v2/models/line/versions/3").json()["versions"] == ["1", "3"]
    assert client.get("/v2/models/line/ready").json() == {"name": "line", "ready": True}


def test_the_index_names_every_loaded_version(client: httpx.Client) -> None:
    found = client.post("/v2/repository/index").json()
    assert [(item["name"], item["version"], item["state"]) for item in found] == [
        ("line", "1", "READY"),
        ("line", "3", "READY"),
        ("nobody", "1", "READY"),
        ("sort", "1", "READY"),
        ("voyage", "1", "READY"),
    ]
    assert client.post("/v2/repository/index", json={"ready": True}).json() == found
    assert client.post("/v2/repository/index", json={"ready": 1}).status_code == 400


GOOD = json.dumps({"inputs": [A, B]}).encode()
REFUSED: list[tuple[str, str, str, bytes, dict[str, str], int, str]] = [
    ("an unknown model", "POST", "models/lin/infer", GOOD, JSON, 404, "did you mean line"),
    ("nobody to answer", "POST", "models/nobody/infer", GOOD, JSON, 503, "no champion"),
    ("nobody ready", "GET", "models/nobody/ready", b"", {}, 503, "no champion"),
    ("an unknown address", "GET", "models", b"", {}, 404, "there is /v2"),
    ("another one", "GET", "models/line/config", b"", {}, 404, "there is /v2"),
    ("a near one", "GET", "x", b"", {}, 404, "there is /v2"),
    ("the wrong method", "GET", "models/line/infer", b"", {}, 405, "use POST"),
    ("another wrong method", "POST", "health/live", GOOD, JSON, 405, "use GET"),
    ("no JSON", "POST", "models/line/infer", b"{", JSON, 400, "line 1, column 2"),
    ("no type from a page", "POST", "models/line/infer", GOOD, {"origin": "http://x"}, 415, "application/json"),
    ("text", "POST", "models/line/infer", GOOD, {"content-type": "text/plain"}, 415, "application/json"),
    ("bytes", "POST", "models/line/infer", GOOD, {"content-type": "application/octet-stream"}, 415, "Length"),
    ("compressed", "POST", "models/line/infer", GOOD, {**JSON, "content-encoding": "gzip"}, 415, "compressed"),
    ("a wrong length", "POST", "models/line/infer", GOOD, {"inference-header-content-length": "9999"}, 400, "wrong"),
    ("too large", "POST", "models/line/infer", b" " * (4 * 2**20 + 1), JSON, 413, "4 MiB"),
    ("an unknown output", "POST", "models/line/infer",
     json.dumps({"inputs": [A, B], "outputs": [{"name": "label"}]}).encode(), JSON, 400, "value, id"),
    ("a wrong value", "POST", "models/line/infer",
     json.dumps({"inputs": [A, tensor("b", "FP64", 1, 1e9)]}).encode(), JSON, 422, "row 1, field 'b'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "words"),
    [case[1:] for case in REFUSED],
    ids=[c[0] for c in REFUSED],
)
def test_a_bad_request_is_refused_as_the_protocol_says(
    client: httpx.Client, method: str, path: str, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    response = client.request(method, f"/v2/{path}", content=body, headers=headers)
    assert response.status_code == status
    assert response.json().keys() == {"error"}
    assert words in response.json()["error"]


def test_a_request_without_a_type_is_read_where_no_page_sent_it(client: httpx.Client) -> None:
    assert client.post("/v2/models/line/infer", content=GOOD).status_code == 200
