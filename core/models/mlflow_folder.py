"""An MLflow model folder: what its MLmodel file says, read without MLflow and without loading anything it names.

Taken are the flavours `onnx`, and `sklearn` (skops; a pickle only where a person signs for it). The signature's column
types and whether they are required become fields; tensor signatures have no names and say nothing here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind

FILE_NAME = "MLmodel"
MOST_BYTES = 4 << 20
_KINDS = {
    "boolean": FieldKind.BOOLEAN,
    "integer": FieldKind.INTEGER,
    "long": FieldKind.INTEGER,
    "float": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "string": FieldKind.STRING,
}


class Flavour(StrEnum):
    ONNX = "onnx"
    SKOPS = "sklearn, skops"
    PICKLE = "sklearn, pickle"


@dataclass(frozen=True, kw_only=True, slots=True)
class MlflowModel:
    """`path`: the model's file in the folder. `fields` is None where the signature names no columns."""

    flavour: Flavour
    path: Path
    fields: tuple[Field, ...] | None
    output: str | None  # the name of the only output, where it has one
    about: dict[str, str]  # what is worth keeping: versions, run


def read_mlflow(folder: Path) -> MlflowModel:
    """RefusedError for a folder whose MLmodel cannot be read, names no flavour that is taken, or leads out of it."""
    document = _document(folder / FILE_NAME)
    flavours = document.get("flavors")
    if not isinstance(flavours, dict) or not flavours:
        raise RefusedError("MLmodel names no flavors", where=str(folder / FILE_NAME))
    flavour, name = _flavour(flavours, str(folder / FILE_NAME))
    fields, output = _signature(document.get("signature"), str(folder / FILE_NAME))
    own = flavours["onnx" if flavour is Flavour.ONNX else "sklearn"]
    kept = {"mlflow_version": document.get("mlflow_version"), "mlflow_run": document.get("run_id")}
    kept |= {key: value for key, value in own.items() if key in ("sklearn_version", "onnx_version")}
    about = {key: str(value)[:200] for key, value in kept.items() if value is not None}
    return MlflowModel(flavour=flavour, path=_inside(folder, name), fields=fields, output=output, about=about)


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        hint = f"a folder to import has {FILE_NAME}, as MLflow writes it, or version.json, as `model export` does"
        raise RefusedError("it is no model's folder", where=str(path.parent), hint=hint)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RefusedError(f"it is larger than {MOST_BYTES:,} bytes", where=str(path))
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, ValueError, yaml.YAMLError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RefusedError(
            f"it cannot be read: {said}", where=str(path), hint="it is YAML as MLflow writes it"
        ) from error
    if not isinstance(found, dict):
        raise RefusedError("it is no MLmodel file", where=str(path), hint="it is YAML as MLflow writes it")
    return found


def _flavour(flavours: dict[str, Any], where: str) -> tuple[Flavour, str]:
    onnx, sklearn = flavours.get("onnx"), flavours.get("sklearn")
    if isinstance(onnx, dict):
        return Flavour.ONNX, str(onnx.get("data", "model.onnx"))
    if isinstance(sklearn, dict):
        written = str(sklearn.get("serialization_format", "pickle"))
        name = str(sklearn.get("pickled_model", "model.skops" if written == "skops" else "model.pkl"))
        if written in ("skops", "pickle", "cloudpickle"):
            return (Flavour.SKOPS if written == "skops" else Flavour.PICKLE), name
        raise RefusedError(f"its sklearn flavour is written as {written!r}", where=where, hint=_TAKEN)
    raise RefusedError(f"its flavors are {', '.join(map(str, flavours))}", where=where, hint=_TAKEN)


_TAKEN = "taken are onnx, and sklearn written with skops, or as a pickle with --trust; export the model as ONNX"


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder: neither a link nor `..` leads out of it. MLflow's own onnx flavour may name a folder."""
    path = folder / name
    if path.is_dir() and (path / "model.onnx").is_file():
        path = path / "model.onnx"
    root = folder.resolve()
    if not path.resolve().is_relative_to(root) or not path.is_file():
        raise RefusedError(f"MLmodel names {name!r}, which is no file in the folder", where=str(folder))
    return path


def _signature(signature: Any, where: str) -> tuple[tuple[Field, ...] | None, str | None]:
    if not isinstance(signature, dict):
        return None, None
    inputs, outputs = (_columns(signature.get(key), key, where) for key in ("inputs", "outputs"))
    named = [column for column in inputs if column.get("name") and column.get("type") != "tensor"]
    fields = tuple(_field(column, where) for column in named) if named and len(named) == len(inputs) else None
    output = outputs[0].get("name") if len(outputs) == 1 else None
    return fields, output if isinstance(output, str) else None


def _columns(text: Any, key: str, where: str) -> list[dict[str, Any]]:
    if text is None:
        return []
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise RefusedError(f"the signature's {key} are no JSON: {error}", where=where) from error
    if not isinstance(found, list) or not all(isinstance(column, dict) for column in found):
        raise RefusedError(f"the signature's {key} are no list of columns", where=where)
    return found


def _field(column: dict[str, Any], where: str) -> Field:
    kind = _KINDS.get(str(column.get("type")))
    if kind is None:
        said = f"the column {column['name']!r} is {column.get('type')!r}"
        raise RefusedError(said, where=where, hint=f"a model takes {', '.join(_KINDS)}")
    nullable = column.get("required") is False or column.get("optional") is True
    return Field(name=str(column["name"]), kind=kind, nullable=nullable)
