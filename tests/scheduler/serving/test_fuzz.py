"""What the signature says, broken in every way: refused with the field and what was expected, never a 5xx."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = {"content-type": "application/json"}
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ("speed", "load", "deck", "port", "note", "heavy")
DATATYPES = {"speed": "FP64", "load": "FP64", "deck": "INT64", "port": "BYTES", "note": "BYTES", "heavy": "BOOL"}

good_rows = st.fixed_dictionaries(
    {
        "speed": st.floats(0, 40) | st.integers(0, 40),
        "load": st.none() | st.floats(0, 1),
        "deck": st.integers(0, 9),
        "port": st.sampled_from(["bergen", "oslo", "riga"]),
        "note": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "heavy": st.booleans(),
    },
    optional={
        "ship": st.text("abc:", max_size=5) | st.integers(-(2**63), 2**63 - 1),
        "sailed": st.datetimes(max_value=datetime(2999, 12, 30)).map(lambda when: when.isoformat())  # noqa: DTZ001 - Hypothesis wants none
        | st.integers(0, 2**31),
    },
)
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "speed": st.sampled_from([None, "1", True, [], {}, 1e9, -1e9, 10**30]) | st.text(),
    "load": st.sampled_from(["1", False, [1.0], {"x": 1}, 1e3]) | st.text(),
    "deck": st.sampled_from([None, 1.5, "1", True, 1000, 2**63, -(2**63) - 1]) | st.floats(9.01, 9.99),
    "port": st.sampled_from([None, 1, True, "Oslo", "", []]) | st.text("xyz", min_size=1),
    "note": st.sampled_from([1, 1.5, True, ["x"], {}]) | st.just("x" * 1_001),
    "heavy": st.sampled_from([None, 0, 1, "true", [], 1.0]),
    "ship": st.sampled_from([1.5, True, [], {}, 2**63, "x" * 1_001]),
    "sailed": st.sampled_from(["soon", True, [], {}, 1e300, "2026-13-01"]),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[httpx.Client]:
    lab = make_lab(tmp_path_factory.mktemp("fuzz") / "lab")
    lab.promote("voyage", lab.add_voyage("voyage"))
    yield lab.start().client
    lab.close()


def plain(client: httpx.Client, body: Any) -> httpx.Response:
    return client.post("/predict/voyage", content=json.dumps(body).encode(), headers=JSON)


def datatype_of(name: str, value: Any) -> str:
    fixed = DATATYPES.get(name)
    return fixed or ("BYTES" if isinstance(value, str) else "INT64" if isinstance(value, int) else "FP64")


def tensors(client: httpx.Client, row: dict[str, Any]) -> httpx.Response:
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype_of(name, value), "data": [value]}
        for name, value in row.items()
    ]
    return client.post("/v2/models/voyage/infer", content=json.dumps({"inputs": inputs}).encode(), headers=JSON)


@FUZZ
@given(st.lists(good_rows, min_size=1, max_size=3))
def test_rows_that_are_right_are_answered_in_both_protocols(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    response = plain(client, rows)
    assert response.status_code == 200, response.text
    assert [item["label"] for item in response.json()["predictions"]] == [int(row["heavy"]) for row in rows]
    response = tensors(client, rows[0])
    assert response.status_code == 200, response.text
    assert response.json()["outputs"][0]["data"] == [int(rows[0]["heavy"])]


@FUZZ
@given(good_rows, st.data())
def test_one_wrong_value_is_refused_with_its_field_in_both_protocols(
    client: httpx.Client, row: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(WRONG)))
    row = {**row, name: data.draw(WRONG[name])}
    if name == "port" and row[name] in ("bergen", "oslo", "riga"):
        return
    response = plain(client, [row])
    assert response.status_code == 422, response.text
    assert response.json()["where"] == f"row 0, field {name!r}"
    response = tensors(client, row)
    assert response.status_code in (400, 422), response.text
    assert f"field {name!r}" in response.json()["error"] or f"input {name!r}" in response.json()["error"]


@FUZZ
@given(good_rows, st.sampled_from(NAMES), st.sampled_from(["remove", "rename", "repeat"]), st.text(max_size=8))
def test_a_wrong_name_is_refused_in_both_protocols(
    client: httpx.Client, row: dict[str, Any], name: str, change: str, other: str
) -> None:
    text = json.dumps(row)
    sent = dict(row)
    if change == "repeat":
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(row[name])}}}"
        named = name
    elif change == "remove" or other in row or other in ("ship", "sailed"):
        del sent[name]
        text, named = json.dumps(sent), name
    else:
        sent[other] = sent.pop(name)
        text, named = json.dumps(sent), other
    response = client.post("/predict/voyage", content=text.encode(), headers=JSON)
    assert response.status_code == 422, response.text
    assert repr(named) in response.json()["where"]
    if change != "repeat":
        response = tensors(client, sent)
        assert response.status_code in (400, 422), response.text
        assert repr(named) in response.json()["error"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_of_64_bits_is_refused(client: httpx.Client, word: str) -> None:
    row = {"speed": 1.0, "load": None, "deck": 1, "port": "oslo", "note": None, "heavy": True}
    text = json.dumps(row).replace("1.0", word)
    response = client.post("/predict/voyage", content=text.encode(), headers=JSON)
    assert response.status_code in (400, 422), response.text
    body = {"inputs": [{"name": "speed", "shape": [1], "datatype": "FP64", "data": [0.123]}]}
    sent = json.dumps(body).replace("0.123", word).encode()
    assert client.post("/v2/models/voyage/infer", content=sent, headers=JSON).status_code in (400, 422)


tensor_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)
any_tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*NAMES, "x", ""]) | st.text(max_size=3),
        "shape": st.lists(st.integers(-1, 4) | st.just(2**31), max_size=3),
        "datatype": st.sampled_from(["FP64", "FP16", "INT8", "UINT64", "BOOL", "BYTES", "BF16"]),
    },
    optional={
        "data": st.lists(tensor_values, max_size=4),
        "parameters": st.none() | st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 9)}),
    },
)
any_requests = st.fixed_dictionaries(
    {"inputs": st.lists(any_tensors, max_size=3)},
    optional={
        "id": st.none() | st.text(max_size=3),
        "parameters": st.dictionaries(st.sampled_from(["binary_data_output", "x"]), st.booleans()),
        "outputs": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["label", "probabilities", "id", "value"])},
                optional={"parameters": st.dictionaries(st.sampled_from(["binary_data"]), st.booleans())},
            ),
            max_size=2,
        ),
    },
)


@settings(FUZZ, max_examples=400)
@given(any_requests, st.binary(max_size=12), st.sampled_from([None, "exact", "0", "7", "99"]))
def test_no_tensors_give_a_5xx(client: httpx.Client, request: Any, behind: bytes, length: str | None) -> None:
    body = json.dumps(request).encode()
    headers = dict(JSON)
    if length is not None:
        headers["inference-header-content-length"] = str(len(body)) if length == "exact" else length
    response = client.post("/v2/models/voyage/infer", content=body + behind, headers=headers)
    assert response.status_code in (200, 400, 422), response.text
    assert response.status_code == 200 or response.json()["error"]


@FUZZ
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    st.lists(st.sampled_from(["v2", "models", "voyage", "versions", "1", "2", "infer", "ready", "health", "é", ""])),
    st.binary(max_size=20) | tensor_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([None, "application/json", "text/plain", "application/octet-stream", "x", ""]),
)
def test_no_address_method_or_type_gives_a_5xx(
    client: httpx.Client, method: str, parts: list[str], body: bytes, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    response = client.request(method, "/" + "/".join(["v2", *parts]), content=body, headers=headers)
    assert response.status_code < 500, response.text


def test_the_server_goes_on(client: httpx.Client) -> None:
    row = {"speed": 1.0, "load": math.pi / 4, "deck": 1, "port": "oslo", "note": None, "heavy": True}
    assert plain(client, row).status_code == 200
    assert client.get("/readyz").json()["problems"] == []
