"""Asks a server with kserve's inference client as it is, and writes what it got as JSON. Run by the clients' Python."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def request(*, binary: bool, outputs: list[Any] | None = None) -> InferRequest:
    array = np.array([[2.0, 2.0], [-2.0, -2.0]])
    numbers = InferInput("numbers", list(array.shape), "FP64")
    numbers.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(
        "sort", [numbers], request_id="seven", parameters={"binary_data_output": binary}, request_outputs=outputs
    )


def shown(response: Any) -> dict[str, Any]:
    return {"response_id": response.id, "model": response.model_name} | {
        output.name: output.as_numpy().tolist() for output in response.outputs
    }


async def ask(address: str) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def infer(data: Any) -> dict[str, Any]:
            return shown(await client.infer(address, data, model_name="sort"))

        found = {
            "ready": await client.is_server_ready(address),
            "live": await client.is_server_live(address),
            "models": [await client.is_model_ready(address, name) for name in ("sort", "none")],
            "binary": await infer(request(binary=True)),
            "json": await infer(request(binary=False)),
            "label": await infer(request(binary=True, outputs=[RequestedOutput("label", {"binary_data": True})])),
        }
        try:
            wrong = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
            await client.infer(address, wrong, model_name="sort")
        except httpx.HTTPStatusError as error:
            found["refused"] = str(error)
        return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask(f"http://127.0.0.1:{sys.argv[1]}"))))
