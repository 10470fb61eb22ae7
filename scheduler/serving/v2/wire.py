"""A request's JSON, decoded by types that are made once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from quarterdeck.core.errors import UsageError
from quarterdeck.scheduler.serving.protocols import malformed
from quarterdeck.scheduler.serving.repeats import look, surely_once

_PATH = re.compile(r" - at `\$\.?(.*)`$")

Parameters = dict[str, Any] | None | UnsetType
_Size = Annotated[int, Meta(ge=0, le=2**31)]


class Tensor(Struct, forbid_unknown_fields=True, gc=False):
    """An input. Its data is here, or behind the JSON, as many bytes as its parameter `binary_data_size` says."""

    name: str
    shape: Annotated[list[_Size], Meta(min_length=1, max_length=8)]
    datatype: str
    parameters: Parameters = UNSET
    data: list[Any] | UnsetType = UNSET


class Output(Struct, forbid_unknown_fields=True, gc=False):
    """An output that the client asks for."""

    name: str
    parameters: Parameters = UNSET


class InferRequest(Struct, forbid_unknown_fields=True, gc=False):
    """The body of an infer request. The path says which model is meant; some clients repeat its name here."""

    inputs: Annotated[list[Tensor], Meta(min_length=1)]
    id: str | UnsetType | None = UNSET
    parameters: Parameters = UNSET
    outputs: list[Output] | UnsetType | None = UNSET
    model_name: str | UnsetType | None = UNSET
    model_version: str | UnsetType | None = UNSET


class Wanted(NamedTuple):
    """An output to be sent, and whether behind the JSON."""

    name: str
    binary: bool


_decode = msgspec.json.Decoder(InferRequest).decode


def decode(body: bytes) -> InferRequest:
    """Raises UsageError for what is no such JSON, InputError where an object has a key twice."""
    try:
        request = _decode(body)
    except RecursionError:
        raise UsageError("the JSON is nested too deeply", hint="a tensor's data is a list of values") from None
    except UnicodeDecodeError:
        raise UsageError("the JSON is not UTF-8 text", hint="binary data is sent behind it") from None
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except msgspec.DecodeError as error:
        raise malformed(str(error), body) from None
    if not surely_once(body, _keys(request), lambda: _strings(request)):
        look(body)
    return request


def wanted(request: InferRequest, available: tuple[str, ...]) -> tuple[Wanted, ...]:
    """The outputs to send. Raises UsageError for one that there is not, or what cannot be done with it."""
    binary = _flag(parameters(request.parameters), "binary_data_output", "parameters")
    if not request.outputs:  # absent, null or empty: all
        return tuple(Wanted(name, binary) for name in available)
    found = []
    for place, output in enumerate(request.outputs):
        where = f"outputs[{place}]"
        given = parameters(output.parameters)
        if output.name not in available:
            hint = f"the outputs are {', '.join(available)}"
            raise UsageError(f"the model has no output {output.name[:100]!r}", where=where, hint=hint)
        refuse_shared_memory(given, where)
        if "classification" in given:
            raise UsageError("classification is not offered", where=where, hint="ask for label and probabilities")
        found.append(Wanted(output.name, _flag(given, "binary_data", where) if "binary_data" in given else binary))
    if len({output.name for output in found}) < len(found):
        raise UsageError("an output is asked for twice", where="outputs")
    return tuple(found)


def parameters(given: Parameters) -> dict[str, Any]:
    """What was given, or nothing."""
    return given if isinstance(given, dict) else {}


def refuse_shared_memory(given: dict[str, Any], where: str) -> None:
    """Raises UsageError: the server reads no memory of other processes."""
    if any(name.startswith("shared_memory") for name in given):
        raise UsageError("shared memory is not offered", where=where, hint="send the data in the request")


def _flag(given: dict[str, Any], name: str, where: str) -> bool:
    value = given.get(name, False)
    if value.__class__ is not bool:
        raise UsageError(f"expected true or false for {name}", where=where)
    return bool(value)


def _invalid(text: str) -> UsageError:
    """msgspec's words about JSON that is no request, with the place in it."""
    found = _PATH.search(text)
    words = text[: found.start()] if found else text
    return UsageError(f"{words[:1].lower()}{words[1:]}", where=(found[1] if found else "") or "the request")


def _keys(request: InferRequest) -> int:
    """How many keys the request's JSON has, as far as it was decoded."""
    count = sum(getattr(request, name) is not UNSET for name in InferRequest.__struct_fields__)
    count += len(request.parameters) if isinstance(request.parameters, dict) else 0
    for tensor in request.inputs:
        count += 3 if tensor.data is UNSET else 4
        if tensor.parameters is not UNSET:
            count += 1 + len(tensor.parameters or ())
    for output in request.outputs or ():
        count += 1 + (output.parameters is not UNSET)
        count += len(output.parameters) if isinstance(output.parameters, dict) else 0
    return count


def _strings(request: InferRequest) -> Iterator[Any]:
    yield request.id
    yield request.model_name
    for output in request.outputs or ():
        yield output.name
    for tensor in request.inputs:
        yield tensor.name
        yield from tensor.data or ()
