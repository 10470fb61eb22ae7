"""Paths of the plain protocol, of labels, health and metrics."""

from __future__ import annotations

from typing import Any

from quarterdeck.scheduler.serving.live import sample_row
from quarterdeck.scheduler.serving.openapi.schemas import ID, TEXT, Schema, named, prediction, row, several
from quarterdeck.scheduler.serving.router import Route

ERROR = named({"error": TEXT, "where": {"type": ["string", "null"]}, "hint": {"type": ["string", "null"]}, "id": TEXT},
              required=("error", "where", "hint"))  # fmt: skip
REFUSALS = {
    400: "the body is not what it should be",
    404: "there is no such endpoint or version",
    408: "the body did not arrive in time",
    413: "the body is too large",
    415: "the body is of another type",
    422: "a row is wrong: which field, and what was expected",
    500: "the model failed",
    503: "nobody can answer",
}


def predict(route: Route) -> Schema:
    """`POST /predict/{endpoint}`."""
    one = {"$ref": f"#/components/schemas/row_of_{route.name}"}
    return {
        "post": {
            "operationId": f"predict_{route.name}",
            "tags": [route.name],
            "summary": f"Predict {route.signature.target}: a row, or rows",
            "requestBody": body(
                {"anyOf": [one, several(one), named({"rows": several(one)})]}, sample_row(route.signature)
            ),
            "responses": {
                "200": answer("the predictions, in the order of the rows", _predictions(route)),
                **refused(*REFUSALS),
            },
        }
    }


def row_of(route: Route) -> Schema:
    """What a row is now: a challenger's own fields may be sent as well."""
    challenger = None if route.wide is None else route.challenger
    return row(route.signature, None if challenger is None else challenger.planned.signature)


def _predictions(route: Route) -> Schema:
    version = {"type": "integer"}
    return named(
        {"endpoint": {"const": route.name}, "version": version, "predictions": several(prediction(route.signature))}
    )


def feedback() -> Schema:
    """`POST /feedback`."""
    item = named({"id": ID, "label": {"description": "the value, or one of the model's classes"}})
    problem = named({"index": {"type": "integer"}, "status": {"type": "integer"}}, more=True)
    accepted = named({"accepted": {"type": "integer"}})
    items = several({"description": "as above; judged one by one"})
    partly = named({"accepted": {"type": "integer"}, "problems": {"type": "array", "items": problem}})
    return {
        "post": {
            "operationId": "feedback",
            "tags": ["labels"],
            "summary": "Say what really happened: a label, or labels",
            "requestBody": body({"anyOf": [item, items]}),
            "responses": {
                "200": answer("all are kept", accepted),
                "207": answer("some are not kept, and why", partly),
                "409": answer("the prediction has another label", ERROR),
                **refused(*REFUSALS),
            },
        }
    }


def pages() -> dict[str, Schema]:
    """What is looked at."""
    anything = {"type": "object"}
    ready = {"200": answer("ready", anything), "503": answer("not yet, and why", anything)}
    text = {"200": {"description": "Prometheus's text", "content": {"text/plain": {"schema": TEXT}}}}
    html = {"200": {"description": "the page", "content": {"text/html": {"schema": TEXT}}}}
    found = {
        "/": ("index", "The endpoints and their fields", {"200": answer("the endpoints", anything)}),
        "/healthz": ("healthz", "Whether the process answers", {"200": answer("it does", anything)}),
        "/readyz": ("readyz", "Whether the traffic plan is loaded, and what does not work", ready),
        "/metrics": ("metrics", "Counts for Prometheus", text),
        "/openapi.json": ("openapi", "This document", {"200": answer("the document", anything)}),
        "/docs": ("docs", "This document as a page", html),
    }
    return {
        path: {"get": {"operationId": name, "tags": ["server"], "summary": summary, "responses": responses}}
        for path, (name, summary, responses) in found.items()
    }


def body(schema: Schema, example: Any = None) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    return {"required": True, "content": {"application/json": {"schema": schema, **shown}}}


def answer(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def refused(*statuses: int, schema: Schema | None = None) -> dict[str, Any]:
    """What is answered where something is wrong."""
    shown = {"$ref": "#/components/schemas/error"} if schema is None else schema
    return {str(status): answer(REFUSALS[status], shown) for status in statuses}
