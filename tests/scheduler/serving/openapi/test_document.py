"""The document says of each endpoint what the checks let pass, and follows what is live."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quarterdeck.core.values import Engine


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[Any]:
    lab = make_lab(tmp_path_factory.mktemp("openapi") / "lab")
    lab.promote("voyage", lab.add_voyage("voyage"))
    lab.add_fitted("sort", lab.sorter(), Engine.ONNX)
    lab.promote("sort", 1)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def client(lab: Any) -> httpx.Client:
    client: httpx.Client = lab.start().client
    return client


def document(client: httpx.Client) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def test_every_field_has_its_kind_range_categories_and_nullability(client: httpx.Client) -> None:
    row = document(client)["components"]["schemas"]["row_of_voyage"]
    fields = row["properties"]
    assert row["required"] == ["speed", "load", "deck", "port", "note", "heavy"]
    assert row["additionalProperties"] is False
    assert (fields["speed"]["type"], fields["speed"]["minimum"], fields["speed"]["maximum"]) == ("number", -400, 440)
    assert fields["load"]["type"] == ["number", "null"]
    assert (fields["deck"]["type"], fields["deck"]["minimum"], fields["deck"]["maximum"]) == ("integer", -90, 99)
    assert fields["port"] == {"type": "string", "enum": ["bergen", "oslo", "riga"]}
    assert fields["note"] == {"type": ["string", "null"], "maxLength": 1000}
    assert fields["heavy"] == {"type": "boolean"}
    assert "integer" in fields["ship"]["type"] and fields["sailed"]["format"] == "date-time"


def test_every_address_is_in_it_and_is_answered(client: httpx.Client) -> None:
    paths = document(client)["paths"]
    for name in ("voyage", "sort"):
        assert f"/predict/{name}" in paths
        for rest in ("", "/ready", "/infer", "/versions/{version}", "/versions/{version}/infer"):
            assert f"/v2/models/{name}{rest}" in paths
    assert {"/", "/healthz", "/readyz", "/metrics", "/feedback", "/openapi.json", "/docs", "/v2"} < paths.keys()
    names = [said["operationId"] for methods in paths.values() for said in methods.values()]
    assert len(names) == len(set(names))
    for path, methods in paths.items():
        if "get" in methods:
            assert client.get(path.replace("{version}", "1")).status_code == 200, path


def test_its_examples_are_answered(client: httpx.Client) -> None:
    asked = 0
    for path, methods in document(client)["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in content:
            response = client.post(path.replace("{version}", "1"), json=content["example"])
            assert response.status_code == 200, (path, response.text)
            asked += 1
    assert asked == 6


def test_the_page_needs_no_other_server(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert not re.search(r"(?:https?:)?//[a-z]", response.text)


def test_a_new_model_is_in_it_as_soon_as_it_is_live(lab: Any, client: httpx.Client) -> None:
    lab.add_onnx("late", lab.line_model(1.0))
    lab.promote("late", 1)
    lab.wait_until(lambda: "/predict/late" in document(client)["paths"])
    lab.wait_until(
        lambda: (
            document(client)["paths"]["/v2/models/late/versions/{version}/infer"]["post"]["parameters"][0]["schema"]
            == {"type": "string", "enum": ["1"]}
        )
    )
