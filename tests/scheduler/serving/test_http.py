"""What a client may send, over real HTTP: answered, or refused with what was expected; never a 5xx."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.core.values import Engine

JSON = {"content-type": "application/json"}
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[Any]:
    lab = make_lab(tmp_path_factory.mktemp("http") / "lab")
    lab.add_onnx("line", lab.line_model(1.0))
    lab.promote("line", 1)
    lab.add_fitted("sort", lab.sorter(), Engine.ONNX)
    lab.promote("sort", 1)
    lab.add_onnx("nobody", lab.line_model(1.0))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def server(lab: Any) -> Any:
    return lab.start()


@pytest.fixture(scope="module")
def client(server: Any) -> httpx.Client:
    client: httpx.Client = server.client
    return client


def test_a_row_is_answered_with_the_value_the_version_and_an_id(client: httpx.Client) -> None:
    response = client.post("/predict/line", json={"a": 2, "b": 1.5})
    assert response.status_code == 200
    body = response.json()
    assert (body["endpoint"], body["version"]) == ("line", 1)
    assert body["predictions"][0]["value"] == 3.5
    assert len(body["predictions"][0]["id"]) == 36


def test_rows_are_answered_in_their_order(client: httpx.Client) -> None:
    rows = [{"a": number % 9, "b": 1.0} for number in range(3_000)]
    for body in (rows, {"rows": rows}):
        predictions = client.post("/predict/line", json=body).json()["predictions"]
        assert [item["value"] for item in predictions] == [row["a"] + 1.0 for row in rows]
        assert len({item["id"] for item in predictions}) == len(rows)


def test_a_classifier_answers_label_and_probabilities(client: httpx.Client) -> None:
    prediction = client.post("/predict/sort", json={"a": 2.0, "b": 2.0}).json()["predictions"][0]
    assert prediction["label"] == "high"
    assert prediction["probability"] == prediction["probabilities"]["high"] > 0.9
    assert prediction["probabilities"].keys() == {"high", "low", "mid"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


BAD_ROWS: list[tuple[str, Any, str, str]] = [
    ("a missing field", {"a": 1.0}, "row 0, field 'b'", "missing"),
    ("a misspelt field", {"a": 1.0, "bb": 1.0}, "row 0, field 'bb'", "no such field"),
    ("the target", {"a": 1.0, "b": 1.0, "y": 1.0}, "row 0, field 'y'", "what the model predicts"),
    ("a number as text", {"a": "1", "b": 1.0}, "row 0, field 'a'", "expected a number, found '1'"),
    ("a null where none may be", {"a": None, "b": 1.0}, "row 0, field 'a'", "found null"),
    ("a boolean", {"a": True, "b": 1.0}, "row 0, field 'a'", "found true"),
    ("a list", {"a": [1], "b": 1.0}, "row 0, field 'a'", "found a list"),
    ("an object", {"a": {"x": 1}, "b": 1.0}, "row 0, field 'a'", "found an object"),
    ("a number out of range", {"a": 1e9, "b": 1.0}, "row 0, field 'a'", "out of range"),
    ("a huge integer", {"a": 10**25, "b": 1.0}, "row 0, field 'a'", "out of range"),
    ("a wrong time", {"a": 1.0, "b": 1.0, "sailed": "soon"}, "row 0, field 'sailed'", "expected a time"),
    ("a wrong entity", {"a": 1.0, "b": 1.0, "ship": [1]}, "row 0, field 'ship'", "expected an id"),
    (
        "a bad second row",
        [{"a": 1.0, "b": 1.0}, {"a": "x", "b": 1.0}],
        "row 1, field 'a'",
        "expected a number",
    ),
    ("a row that is none", [3], "row 0", "expected an object"),
]


@pytest.mark.parametrize(("body", "where", "words"), [case[1:] for case in BAD_ROWS], ids=[c[0] for c in BAD_ROWS])
def test_a_bad_row_is_refused_with_its_field_and_what_was_expected(
    client: httpx.Client, body: Any, where: str, words: str
) -> None:
    response = client.post("/predict/line", json=body)
    assert response.status_code == 422
    assert response.json()["where"] == where
    assert words in response.json()["error"]
    assert response.json().keys() == {"error", "where", "hint"}


BAD_REQUESTS: list[tuple[str, str, str, bytes, dict[str, str], int, str]] = [
    ("no JSON", "POST", "/predict/line", b"{", JSON, 400, "not JSON"),
    ("an empty body", "POST", "/predict/line", b"", JSON, 400, "empty"),
    ("NaN", "POST", "/predict/line", b'{"a": NaN, "b": 1}', JSON, 400, "not JSON"),
    ("nested deeply", "POST", "/predict/line", b"[" * 200_000, JSON, 400, "nested too deeply"),
    ("no text", "POST", "/predict/line", b'{"a": "\xff"}', JSON, 400, "UTF-8"),
    ("no type", "POST", "/predict/line", b"{}", {}, 415, "content-type"),
    ("a form", "POST", "/feedback", b"{}", {"content-type": "text/plain"}, 415, "content-type"),
    ("an unknown endpoint", "POST", "/predict/lin", b"{}", JSON, 404, "no endpoint 'lin'"),
    ("no endpoint", "POST", "/predict/", b"{}", JSON, 404, "no endpoint ''"),
    ("nobody to answer", "POST", "/predict/nobody", b"{}", JSON, 503, "no champion"),
    ("an unknown address", "GET", "/nothing", b"", {}, 404, "nothing at '/nothing'"),
    ("a long address", "GET", "/" + "x" * 5_000, b"", {}, 404, "nothing at"),
    ("the wrong method", "GET", "/predict/line", b"", {}, 405, "use POST"),
    ("another wrong method", "DELETE", "/feedback", b"", {}, 405, "use POST"),
    ("a post to a page", "POST", "/healthz", b"{}", JSON, 405, "use GET"),
    ("too many rows", "POST", "/predict/line", b"[" + b"1," * 10_000 + b"1]", JSON, 422, "10,001 rows"),
    ("no rows", "POST", "/predict/line", b"[]", JSON, 422, "no rows"),
    ("too large", "POST", "/predict/line", b" " * (4 * MIB + 1), JSON, 413, "4 MiB"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "words"),
    [case[1:] for case in BAD_REQUESTS],
    ids=[case[0] for case in BAD_REQUESTS],
)
def test_a_bad_request_is_refused_with_its_status(
    client: httpx.Client,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    response = client.request(method, path, content=body, headers=headers)
    assert response.status_code == status
    assert words in f"{response.json()['error']} {response.json()['hint']}"


def test_an_unknown_endpoint_gets_the_nearest_names(client: httpx.Client) -> None:
    assert "did you mean line" in client.post("/predict/lines", json={}).json()["hint"]


def test_a_refused_method_names_the_allowed_one(client: httpx.Client) -> None:
    assert client.get("/feedback").headers["allow"] == "POST"


def test_broken_json_is_refused_with_its_line_and_column(client: httpx.Client) -> None:
    response = client.post("/predict/line", content=b'{"a": 1,\n "b": }', headers=JSON)
    assert response.json()["where"] == "line 2, column 7"


def test_a_body_of_unknown_length_is_read_and_bounded(client: httpx.Client) -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield b'{"a": 1.0, "b": 2.0'
        for _ in range(count):
            yield b" " * MIB
        yield b"}"

    assert client.post("/predict/line", content=pieces(1), headers=JSON).status_code == 200
    assert client.post("/predict/line", content=pieces(5), headers=JSON).status_code == 413


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "id", "label", "rows"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/predict/line", "/predict/sort", "/feedback"]),
    body=st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode()),
)
def test_nothing_that_a_client_sends_gives_a_5xx(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code < 500, response.text
    response.json()


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(client: httpx.Client, server: Any) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b'content-length: 100\r\n\r\n{"a": '
            )
    assert client.post("/predict/line", json={"a": 1.0, "b": 1.0}).status_code == 200


def test_a_body_that_does_not_arrive_is_given_up(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b'content-length: 100\r\n\r\n{"a": '
        )
        assert connection.recv(1_000).startswith(b"HTTP/1.1 408 ")


def test_small_answers_are_not_held_back(client: httpx.Client) -> None:
    """Nagle's algorithm with delayed acknowledgements would cost 40 ms each."""
    seconds = sorted(client.post("/predict/line", json={"a": 1.0, "b": 1.0}).elapsed.total_seconds() for _ in range(50))
    assert seconds[25] < 0.03


def test_the_index_describes_the_endpoints(client: httpx.Client) -> None:
    endpoints = client.get("/").json()["endpoints"]
    assert endpoints.keys() == {"line", "nobody", "sort"}
    assert endpoints["line"]["version"] == 1
    assert endpoints["nobody"]["version"] is None
    assert endpoints["line"]["fields"] == [
        {"name": "a", "kind": "number", "nullable": False},
        {"name": "b", "kind": "number", "nullable": True},
    ]
    assert endpoints["sort"]["classes"] == ["high", "low", "mid"]


def test_health_readiness_and_head_requests(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.head("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "endpoints": {"line": 1, "nobody": None, "sort": 1},
        "loaded": {"line": [1], "nobody": [1], "sort": [1]},
        "problems": [],
    }


def test_metrics_count_what_was_answered_by_version(client: httpx.Client) -> None:
    def value(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"quarterdeck_{name}"))

    version = '{model_name="sort",model_version="1",arm="champion"}'
    before = value(f"prediction_requests_total{version}"), value("request_errors_total")
    client.post("/predict/sort", json=[{"a": 0.0, "b": 0.0}] * 3)
    client.post("/predict/sort", json=3)
    assert value(f"prediction_requests_total{version}") == before[0] + 1
    assert value("request_errors_total") == before[1] + 1
    assert value(f"prediction_latency_seconds_count{version}") == before[0] + 1
    assert value(f"prediction_latency_seconds_sum{version}") > 0
    assert value(f"prediction_failures_total{version}") == 0
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def counted(client: httpx.Client, name: str) -> int:
    lines = client.get("/metrics").text.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"quarterdeck_{name} "))


def test_an_encoded_slash_is_part_of_a_name(client: httpx.Client) -> None:
    response = client.post("/predict%2Fline", json={"a": 1.0, "b": 1.0})
    assert (response.status_code, response.json()["error"]) == (404, "there is nothing at '/predict%2Fline'")
    response = client.post("/predict/x%2fline", json={"a": 1.0, "b": 1.0})
    assert (response.status_code, response.json()["error"]) == (404, "there is no endpoint 'x%2Fline'")
    assert client.post("/predict/%6cine", json={"a": 1.0, "b": 1.0}).status_code == 200


@pytest.mark.parametrize("path", ["/predict/line", "/feedback", "/v2/models/line/infer"])
def test_a_compressed_body_is_refused_by_its_codings_name(client: httpx.Client, path: str) -> None:
    response = client.post(path, content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"})
    assert response.status_code == 415
    assert "compressed bodies are not read, such as 'gzip'" in response.json()["error"]
    kept = client.post("/predict/line", content=b'{"a":1,"b":1}', headers={**JSON, "content-encoding": "identity"})
    assert kept.status_code == 200


def test_what_is_no_http_is_told_so_and_counted_as_a_mistake_of_the_client(client: httpx.Client, server: Any) -> None:
    before = counted(client, "request_errors_total"), counted(client, "request_failures_total")
    for sent in (
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /predict/line HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(sent)
            said = connection.recv(10_000)
            assert said.startswith(b"HTTP/1.1 400 ")
            assert json.loads(said.partition(b"\r\n\r\n")[2]).keys() == {"error", "where", "hint"}
    after = counted(client, "request_errors_total"), counted(client, "request_failures_total")
    assert after == (before[0] + 3, before[1])


def test_a_client_that_leaves_half_a_body_is_no_failure_of_the_server(
    client: httpx.Client, server: Any, lab: Any
) -> None:
    failures, before, looks = counted(client, "request_failures_total"), counted(client, "requests_total"), 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
        connection.sendall(b'content-length: 100\r\n\r\n{"a": ')
        while counted(client, "requests_total") < before + 2 + looks:  # each look is one too
            looks += 1
            assert looks < 10_000
    assert counted(client, "request_failures_total") == failures
    assert "failed, error" not in lab.log.read_text()
