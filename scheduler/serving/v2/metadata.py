"""What the server and its models say about themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Engine
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.scheduler.serving.router import Router
from quarterdeck.scheduler.serving.v2.answers import PROBABILITIES, Outputs
from quarterdeck.scheduler.serving.v2.binary import BYTES

DATATYPES = {FieldKind.NUMBER: "FP64", FieldKind.INTEGER: "INT64", FieldKind.STRING: BYTES, FieldKind.BOOLEAN: "BOOL"}
PLATFORMS = {
    Engine.ONNX: "onnxruntime_onnx",
    Engine.SKLEARN: "sklearn_skops",
    Engine.RULES: "quarterdeck_rules",
    Engine.REMOTE: "quarterdeck_remote",
}


def server() -> dict[str, Any]:
    """Of `GET v2`."""
    version = metadata.version("quarterdeck")
    return {"name": "quarterdeck", "version": version, "extensions": ["binary_tensor_data"]}


def model(name: str, live: LiveModel, outputs: Outputs, loaded: Mapping[int, LiveModel]) -> dict[str, Any]:
    """Of `GET v2/models/{model}`: what it takes and gives, and the versions that can be asked for by number."""
    signature = live.planned.signature
    return {
        "name": name,
        "versions": [str(number) for number in sorted(loaded)],
        "platform": PLATFORMS[live.planned.engine],
        "inputs": [*map(_input, signature.fields), *_beside(signature)],
        "outputs": [_output(output, datatype, outputs) for output, datatype in outputs.datatypes.items()],
    }


def index(router: Router, *, ready_only: bool) -> list[dict[str, str]]:
    """Of `POST v2/repository/index`: each model's loaded versions, and the champion that should be and is not."""
    found = []
    for name, route in sorted(router.routes.items()):
        loaded = router.loaded.get(name, {})
        found += [{"name": name, "version": str(number), "state": "READY", "reason": ""} for number in sorted(loaded)]
        if ready_only or (loaded and (route.planned is None or route.planned in loaded)):
            continue
        missing = {"name": name, "state": "UNAVAILABLE", "reason": "it has no champion in this environment"}
        if route.planned is not None:
            missing |= {"version": str(route.planned), "reason": "it is not loaded"}
        found.append(missing)
    return found


def _input(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"name": field.name, "datatype": DATATYPES[field.kind], "shape": [-1]}
    if field.nullable:
        found["parameters"] = {"nullable": True}
    return found


def _beside(signature: Signature) -> Iterator[dict[str, Any]]:
    """Entity and time, where the model does not read them."""
    for name in (signature.entity, signature.time):
        if name is not None and name not in signature.names:
            yield {"name": name, "datatype": BYTES, "shape": [-1], "parameters": {"optional": True}}


def _output(name: str, datatype: str, outputs: Outputs) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "datatype": datatype, "shape": [-1]}
    if name == PROBABILITIES:  # a parameter is text or a number: the list is written as JSON
        found |= {"shape": [-1, len(outputs.classes)], "parameters": {"classes": encode(outputs.classes).decode()}}
    return found
