"""Asks a server with tritonclient as it is, and writes what it got as JSON. Run by the clients' own Python."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import triton_to_np_dtype


def tensor(name: str, datatype: str, values: Any, *, binary: bool = True) -> Any:
    dtype = np.object_ if datatype == "BYTES" else triton_to_np_dtype(datatype)
    array = np.array(values, dtype=dtype)
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def voyages(binary: bool) -> list[Any]:
    return [
        tensor("speed", "FP32", [[10.5], [20.0]], binary=binary),
        tensor("load", "FP64", [[0.5], [np.nan if binary else 0.5]], binary=binary),
        tensor("deck", "UINT8", [[1], [2]], binary=binary),
        tensor("port", "BYTES", [[b"oslo"], [b"riga"]], binary=binary),
        tensor("note", "BYTES", [["blå"], ["x:y"]], binary=binary),
        tensor("heavy", "BOOL", [[True], [False]], binary=binary),
        tensor("ship", "BYTES", ["one", "two"], binary=binary),
    ]


def shown(result: Any) -> dict[str, Any]:
    names = [output["name"] for output in result.get_response()["outputs"]]
    return {name: np.array(result.as_numpy(name), dtype=object).tolist() for name in names} | {
        "response": {key: value for key, value in result.get_response().items() if key != "outputs"}
    }


def refusal(call: Any) -> str:
    try:
        call()
    except triton.InferenceServerException as error:
        return f"{error.status()} {error.message()}"
    return "answered"


def main() -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{sys.argv[1]}")
    numbers = tensor("numbers", "FP64", [[2.0, 2.0], [-2.0, -2.0]])
    wanted = [triton.InferRequestedOutput("label"), triton.InferRequestedOutput("id", binary_data=False)]
    found = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "models": [client.is_model_ready("sort"), client.is_model_ready("none"), client.is_model_ready("sort", "9")],
        "server": client.get_server_metadata(),
        "metadata": client.get_model_metadata("sort"),
        "index": client.get_model_repository_index(),
        "binary": shown(client.infer("voyage", voyages(True), request_id="seven")),
        "json": shown(client.infer("voyage", voyages(False), outputs=wanted)),
        "matrix": shown(client.infer("sort", [numbers])),
        "version": shown(client.infer("sort", [numbers], model_version="1")),
        "refused": refusal(lambda: client.infer("voyage", voyages(True)[1:])),
        "unknown": refusal(lambda: client.infer("sort", [numbers], model_version="9")),
    }
    for place in (found["binary"], found["json"], found["matrix"], found["version"]):  # bytes, where they were strings
        for name in ("id", "label"):
            place[name] = [item.decode() if isinstance(item, bytes) else item for item in place[name]]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
