"""From a file to what was found in it, by kind. Nothing of it is trusted that was not checked or signed for."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quarterdeck.core.errors import QuarterdeckError, RefusedError, UsageError
from quarterdeck.core.ledger import canonical_json
from quarterdeck.core.models import skops_io
from quarterdeck.core.models.kinds import OnnxModel
from quarterdeck.core.models.mlflow_folder import Flavour, read_mlflow
from quarterdeck.core.models.onnx_file import OnnxFile
from quarterdeck.core.models.pickle_audit import audit_pickle
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.rules import make_rules
from quarterdeck.core.models.trusted_names import refused_in_pickle
from quarterdeck.core.values import ModelKind, Task
from quarterdeck.scheduler.children import ask_child
from quarterdeck.scheduler.importing.folders import is_exported, read_folder
from quarterdeck.scheduler.importing.request import Found, ImportRequest
from quarterdeck.scheduler.importing.sources import kind_of_file, read_bytes, read_toml, sha256
from quarterdeck.scheduler.importing.trust import trusted_types

MOST_UNPACKED = 4 << 30
TRIAL = "quarterdeck.scheduler.onnx_trial"
_NO_MISSING = ("int64", "int32", "bool")


def find(request: ImportRequest) -> Found:
    """What the request names, whatever it is."""
    if request.remote is not None:
        return _remote(request, {"url": request.remote})
    assert request.path is not None
    path = request.path
    try:
        if path.is_dir():
            return read_folder(path, request.trust) if is_exported(path) else _mlflow(request, path)
        data = read_bytes(path)
        if request.function is not None:
            return _rules(path, data, request.function)
        return _BY_SUFFIX[kind_of_file(path, data)](request, path, data)
    except QuarterdeckError as error:
        where = f"{path}: {error.where}" if error.where and str(path) not in error.where else error.where or str(path)
        raise type(error)(error.message, where=where, hint=error.hint) from error


def _onnx(request: ImportRequest, path: Path, data: bytes) -> Found:
    file = OnnxFile.from_json(json.loads(ask_child(TRIAL, {"look": True}, data, what="reading the ONNX model")))
    width = None
    if not file.by_column and len(file.inputs) == 1:
        width = file.inputs[0].width
    label, scores = file.label, file.scores
    classifies = True if file.classes or (scores and scores.name in file.probable) or (label and scores) else None
    if label is not None and label.kind in ("string", "bool"):
        classifies = True
    if label is None and scores is not None and scores.width is not None and scores.width > 1:
        classifies = True
    return Found(
        kind=ModelKind.ONNX,
        origin=_origin(path, data, "onnx") | {"opset": file.opsets.get("", 0), "producer": file.producer},
        make=lambda signature, columns: _tried(data, file, signature, columns),
        columns=tuple(item.name for item in file.inputs) if file.by_column else None,
        width=width,
        in_order=False,
        classes=_canonical(file.classes),
        classifies=classifies,
        no_missing=tuple(item.name for item in file.inputs if item.kind in _NO_MISSING) if file.by_column else (),
    )


def _tried(data: bytes, file: OnnxFile, signature: Any, columns: Any) -> OnnxModel:
    scores = file.scores
    alone = file.label is None and scores is not None and scores.width == 1 and signature.task is not Task.REGRESSION
    header = {
        "signature": signature.to_json(),
        "columns": {name: list(values) for name, values in columns.items()},
        "probable": not alone or (scores is not None and scores.name in file.probable),
    }
    ask_child(TRIAL, header, data, what="asking the ONNX model")
    return OnnxModel(data=data)


def _canonical(classes: tuple[str | int, ...] | None) -> tuple[str | int, ...] | None:
    return classes if classes and len(classes) > 1 else None


def _skops(request: ImportRequest, path: Path, data: bytes) -> Found:
    return _estimator(data, request, _origin(path, data, "skops"))


def _estimator(data: bytes, request: ImportRequest, origin: dict[str, Any], *, by_type: bool = True) -> Found:
    """A scikit-learn estimator out of skops bytes; `by_type`: --trust names types, one by one."""
    _check_unpacked(data)
    trusted = trusted_types(skops_io.foreign_types(data), request.trust) if by_type else ()
    estimator = skops_io.loads(data, trusted)
    if not hasattr(estimator, "predict") or isinstance(estimator, type):
        raise RefusedError(f"it holds a {type(estimator).__name__}, no estimator that predicts")
    classes = getattr(estimator, "classes_", None)
    names = getattr(estimator, "feature_names_in_", None)
    width = getattr(estimator, "n_features_in_", None)
    return Found(
        kind=ModelKind.SKLEARN,
        origin=origin | ({"trusted": list(trusted)} if trusted else {}),
        make=lambda signature, columns: estimator,
        columns=None if names is None else tuple(str(name) for name in names),
        width=None if width is None else int(width),
        classes=None if classes is None else _labels(classes),
        classifies=classes is not None,
        trusted=trusted,
    )


def _labels(classes: Any) -> tuple[str | int, ...]:
    if isinstance(classes, list) or np.asarray(classes).ndim != 1:
        raise RefusedError("it predicts several targets at once", hint="import one model for each")
    found = np.asarray(classes).tolist()
    return tuple(label if isinstance(label, str) else int(label) for label in found)


def _check_unpacked(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise RefusedError(f"it is no skops file: {error}", hint="write it with skops.io.dump") from error
    if size > MOST_UNPACKED:
        raise RefusedError(f"it unpacks to {size:,} bytes, more than {MOST_UNPACKED:,}")


def _pickle(request: ImportRequest, path: Path, data: bytes) -> Found:
    """A pickle becomes skops in a process of its own, if a named person signs for what it lists."""
    audit = audit_pickle(data)
    refused = [*audit.unknown, *refused_in_pickle(audit.names)]
    if refused:
        hint = "save the model as skops or ONNX where it was made"
        message = f"the pickle would call {', '.join(refused[:10])}, which is never loaded; nothing of it was loaded"
        raise RefusedError(message, hint=hint)
    listed = ", ".join(audit.names)
    if not request.trust:
        message = f"it is a pickle, a program that builds a model. It names {listed}. Nothing of it was loaded"
        raise RefusedError(message, hint="if you know where it comes from, sign for it by name: --trust NAME")
    signer = _signer(request.trust, audit.names)
    converted = ask_child("quarterdeck.scheduler.unpickling", {"names": audit.names}, data, what="loading the pickle")
    origin = _origin(path, data, "pickle") | {"signed_by": signer, "globals": list(audit.names)}
    return _estimator(converted, request, origin, by_type=False)


def _signer(trust: tuple[str, ...], names: tuple[str, ...]) -> str:
    name = trust[0].strip()
    if len(trust) != 1 or not name or name in names or "." in name.strip("."):
        raise UsageError(
            "for a pickle --trust takes one name: of the person who signs for all of it", hint="--trust NAME"
        )
    return name


def _rules(path: Path, data: bytes, function: str) -> Found:
    try:
        source = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError("the rules are no UTF-8 text", where=str(path)) from error
    return Found(
        kind=ModelKind.RULES,
        origin=_origin(path, data, "rules") | {"function": function},
        make=lambda signature, columns: make_rules(source, function, columns, signature),
    )


def _toml(request: ImportRequest, path: Path, data: bytes) -> Found:
    return _remote(request, read_toml(path, data))


def _remote(request: ImportRequest, settings: dict[str, Any]) -> Found:
    model = RemoteModel.from_json(settings)
    shown = model.to_json()
    return Found(
        kind=ModelKind.REMOTE,
        origin={"file": model.url, "sha256": sha256(canonical_json(shown).encode()), "format": model.protocol.value},
        make=lambda signature, columns: _answered(model, signature, columns),
    )


def _answered(model: RemoteModel, signature: Any, columns: Any) -> RemoteModel:
    """The model, once it has answered these rows: what it gives is what it gave."""
    from quarterdeck.scheduler.remote import RemotePredictor  # here: HTTP, only for a remote model

    predictor = RemotePredictor(model, signature)
    predictor.predict(columns)
    return replace(model, gives=predictor.gives)


def _mlflow(request: ImportRequest, folder: Path) -> Found:
    model = read_mlflow(folder)
    data = read_bytes(model.path)
    read = {Flavour.ONNX: _onnx, Flavour.SKOPS: _skops, Flavour.PICKLE: _pickle}[model.flavour]
    found = read(request, model.path, data)
    origin = found.origin | model.about | {"file": f"{folder.name}/{model.path.relative_to(folder)}"}
    origin |= {"flavour": model.flavour.value}
    names = None if model.fields is None else tuple(field.name for field in model.fields)
    if found.columns is None and names is not None:
        if found.width not in (None, len(names)):
            raise RefusedError(
                f"the model takes {found.width} fields, its MLmodel names {len(names)}", where=str(folder)
            )
        found = replace(found, columns=names, in_order=True)
    return replace(found, origin=origin, fields=_ordered(found, model.fields), target=model.output)


def _ordered(found: Found, fields: Any) -> Any:
    """MLmodel's fields in the order in which the model takes them; RefusedError where the two disagree."""
    if fields is None or found.columns is None:
        return fields
    known = {field.name: field for field in fields}
    missing = [name for name in found.columns if name not in known]
    if missing:
        raise RefusedError(f"the model takes {missing[0]!r}, which its MLmodel does not name")
    return tuple(known[name] for name in found.columns)


def _origin(path: Path, data: bytes, form: str) -> dict[str, Any]:
    return {"file": path.name, "sha256": sha256(data), "format": form}


_BY_SUFFIX: dict[str, Callable[[ImportRequest, Path, bytes], Found]] = {
    ".onnx": _onnx,
    ".skops": _skops,
    ".pkl": _pickle,
    ".toml": _toml,
    ".py": lambda request, path, data: _no_function(path),
}


def _no_function(path: Path) -> Found:
    raise UsageError(f"{path.name} is a file of Python: which function answers?", hint=f"write {path}:FUNCTION")
