"""Paths of the Open Inference Protocol, version 2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.live import sample_row
from quarterdeck.scheduler.serving.openapi.plain import answer, body, refused
from quarterdeck.scheduler.serving.openapi.schemas import TEXT, Schema, named
from quarterdeck.scheduler.serving.router import Route
from quarterdeck.scheduler.serving.v2.answers import ID, LABEL, PROBABILITIES, VALUE
from quarterdeck.scheduler.serving.v2.binary import DATATYPES
from quarterdeck.scheduler.serving.v2.metadata import DATATYPES as DATATYPE_OF

_PARAMETERS: Schema = {"type": ["object", "null"]}
_SIZES: Schema = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**31}, "minItems": 1}
_OUTPUT = named({"name": TEXT, "shape": _SIZES, "datatype": {"enum": list(DATATYPES)}, "parameters": _PARAMETERS,
                 "data": {"type": "array"}}, required=("name", "shape", "datatype"))  # fmt: skip
ERROR = named({"error": TEXT, "id": TEXT}, required=("error",))


def server_paths() -> dict[str, Schema]:
    """Of the server itself."""
    ready = named({"ready": {"type": "boolean"}})
    index = named({"ready": {"type": "boolean", "description": "only those that can answer"}}, required=())
    state = named({"name": TEXT, "version": TEXT, "state": TEXT, "reason": TEXT}, required=("name", "state", "reason"))
    versions = answer("the versions", {"type": "array", "items": state})
    return {
        "/v2": {"get": _operation("v2_server", "The server", answer("the server", {"type": "object"}))},
        "/v2/health/live": {
            "get": _operation("v2_live", "Whether it answers", answer("it does", named({"live": {"const": True}})))
        },
        "/v2/health/ready": {
            "get": _operation("v2_ready", "Whether its models are loaded", answer("ready", ready), **{"503": ready})
        },
        "/v2/repository/index": {
            "post": {
                **_operation("v2_index", "The versions that are loaded", versions, **_refused(400, 408, 413, 422)),
                "requestBody": {**body(index), "required": False},
            }
        },
    }


def model_paths(route: Route, loaded: Iterable[int]) -> dict[str, Schema]:
    """Of one model: as the traffic plan says, and of a version by its number, of those that are loaded."""
    numbers = [str(number) for number in sorted(loaded)]
    schema = {**TEXT, "enum": numbers} if numbers else TEXT
    by_number = [{"name": "version", "in": "path", "required": True, "schema": schema}]
    start = f"/v2/models/{route.name}"
    found = {}
    for path, more, version in ((start, "", []), (f"{start}/versions/{{version}}", "_version", by_number)):
        named_so = {"tags": [route.name], "parameters": version}
        about = answer("its inputs and outputs", {"type": "object"})
        ready = answer("ready", named({"name": TEXT, "ready": {"const": True}}))
        said = _refused(404, 503)
        name = f"{route.name}{more}"
        found[path] = {"get": _operation(f"v2_model_{name}", "What it takes and gives", about, **said) | named_so}
        found[f"{path}/ready"] = {
            "get": _operation(f"v2_ready_{name}", "Whether it is loaded", ready, **said) | named_so
        }
        found[f"{path}/infer"] = {"post": _infer(route, name) | named_so}
    return found


def _infer(route: Route, name: str) -> Schema:
    said = _refused(400, 404, 408, 413, 415, 422, 500, 503)
    given = named(
        {"model_name": TEXT, "model_version": TEXT, "id": TEXT, "parameters": _PARAMETERS,
         "outputs": {"type": "array", "items": _OUTPUT}},
        required=("model_name", "model_version", "outputs"),
    )  # fmt: skip
    found = _operation(f"v2_infer_{name}", f"Predict {route.signature.target} with tensors", answer("tensors", given))
    found["responses"].update(said)
    found["responses"]["200"]["content"]["application/octet-stream"] = {
        "schema": {"type": "string", "format": "binary", "description": "JSON, and binary tensors behind it"}
    }
    return {**found, "requestBody": body(_request(route), {"inputs": _sample(route.signature)})}


def _sample(signature: Signature) -> list[dict[str, Any]]:
    kinds = {field.name: DATATYPE_OF[field.kind] for field in signature.fields}
    values = sample_row(signature).items()
    return [{"name": name, "shape": [1], "datatype": kinds[name], "data": [value]} for name, value in values]


def _request(route: Route) -> Schema:
    fields = route.signature.fields
    numeric = all(field.kind in (FieldKind.NUMBER, FieldKind.INTEGER) for field in fields)
    ways = "a tensor for each field by its name" + (
        f", or one of the shape [rows, {len(fields)}] under another name" if numeric else ""
    )
    data: Schema = {"type": "array", "description": "values row by row, or lists in lists after the shape"}
    inputs = named(
        {"name": TEXT, "shape": {**_SIZES, "maxItems": 8}, "datatype": {"enum": list(DATATYPES)},
         "parameters": _PARAMETERS, "data": data},
        required=("name", "shape", "datatype", "data"),
    )  # fmt: skip
    outputs = [VALUE, ID] if route.signature.task is Task.REGRESSION else [LABEL, PROBABILITIES, ID]
    output = named({"name": {"enum": outputs}, "parameters": _PARAMETERS}, required=("name",))
    text = {"type": ["string", "null"]}
    return named(
        {
            "id": {**text, "description": "echoed"},
            "model_name": text,
            "model_version": text,
            "parameters": _PARAMETERS,
            "inputs": {"type": "array", "items": inputs, "minItems": 1, "description": ways},
            "outputs": {"type": ["array", "null"], "items": output, "description": "all if none is named"},
        },
        required=("inputs",),
    )


def _operation(name: str, summary: str, good: dict[str, Any], **more: Any) -> Schema:
    others = {status: said if "description" in said else answer("not ready", said) for status, said in more.items()}
    return {"operationId": name, "tags": ["v2"], "summary": summary, "responses": {"200": good, **others}}


def _refused(*statuses: int) -> dict[str, Any]:
    return refused(*statuses, schema={"$ref": "#/components/schemas/v2_error"})
