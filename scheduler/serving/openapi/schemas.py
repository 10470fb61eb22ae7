"""Fields and answers as JSON Schema. What the schema of a row lets pass is what the checks let pass, but for times."""

from __future__ import annotations

import math
from typing import Any

from quarterdeck.core.field_checks import LONGEST_STRING, allowed_range
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.limits import DEFAULT
from quarterdeck.scheduler.serving.protocols import encode

Schema = dict[str, Any]

_INT64 = 2**63
TEXT = {"type": "string"}
ID = {"type": "string", "description": "the prediction's own, for the feedback"}


def named(properties: dict[str, Schema], *, required: tuple[str, ...] | None = None, more: bool = False) -> Schema:
    """An object of these properties; all are required if nothing else is said."""
    wanted = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": more}


def several(items: Schema) -> Schema:
    """A list of one to as many as a request may have."""
    return {"type": "array", "items": items, "minItems": 1, "maxItems": DEFAULT.body_rows}


def row(signature: Signature, wider: Signature | None) -> Schema:
    """A row as an object; `wider` is a challenger's signature, whose own fields may be sent as well."""
    properties = {field.name: field_schema(field) for field in signature.fields}
    more = {field.name: field_schema(field) for field in (() if wider is None else wider.fields)}
    for name, schema in ((signature.entity, _entity()), (signature.time, _time())):
        if name is not None:
            more.setdefault(name, schema)
    return named({**more, **properties}, required=signature.names)


def field_schema(field: Field) -> Schema:
    """Kind, range, categories and whether null may be sent."""
    kinds = {
        FieldKind.NUMBER: _number,
        FieldKind.INTEGER: _integer,
        FieldKind.STRING: _string,
        FieldKind.BOOLEAN: _boolean,
    }
    schema = kinds[field.kind](field)
    if not field.nullable:
        return schema
    if "enum" in schema:
        return {**schema, "type": ["string", "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def _number(field: Field) -> Schema:
    low, high = allowed_range(field)
    bounds = {"minimum": low, "maximum": high}
    found = {name: bound for name, bound in bounds.items() if math.isfinite(bound)}
    return {"type": "number", **found, **_seen(field)}


def _integer(field: Field) -> Schema:
    low, high = allowed_range(field)
    least = max(-_INT64, math.ceil(low)) if math.isfinite(low) else -_INT64
    most = min(_INT64 - 1, math.floor(high)) if math.isfinite(high) else _INT64 - 1
    return {"type": "integer", "minimum": least, "maximum": most, **_seen(field)}


def _seen(field: Field) -> Schema:
    if field.minimum is None or field.maximum is None:
        return {}
    return {"description": f"training saw {field.minimum:g} to {field.maximum:g}"}


def _string(field: Field) -> Schema:
    if field.categories is None:
        return {"type": "string", "maxLength": LONGEST_STRING}
    return {"type": "string", "enum": list(field.categories)}


def _boolean(_: Field) -> Schema:
    return {"type": "boolean"}


def _entity() -> Schema:
    return {
        "type": ["string", "integer", "null"],
        "maxLength": LONGEST_STRING,
        "minimum": -_INT64,
        "maximum": _INT64 - 1,
        "description": "what the row is about: the same one is answered by the same version",
    }


def _time() -> Schema:
    text = "when it is: ISO 8601, UTC if it names no zone, or seconds since 1970"
    return {"type": ["string", "number", "null"], "format": "date-time", "description": text}


def prediction(signature: Signature) -> Schema:
    """One row's answer."""
    mixed = {"version": {"type": "integer", "description": "where several versions answered a request"}}
    if signature.task is Task.REGRESSION:
        return named({"id": ID, "value": {"type": "number"}, **mixed}, required=("id", "value"))
    share = {"type": "number", "minimum": 0, "maximum": 1}
    names = [label if isinstance(label, str) else encode(label).decode() for label in signature.classes or ()]
    properties: dict[str, Schema] = {
        "id": ID,
        "label": label(signature),
        "probability": {**share, "description": "of the label"},
        "probabilities": named(dict.fromkeys(names, share)),
    }
    return named({**properties, **mixed}, required=("id", "label"))


def label(signature: Signature) -> Schema:
    """What really happened."""
    return {"type": "number"} if signature.task is Task.REGRESSION else {"enum": list(signature.classes or ())}
