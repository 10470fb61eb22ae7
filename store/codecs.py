"""Results of steps as bytes, and back: Parquet, .npy, skops and JSON; never pickle.

Equal content gives equal bytes, so that equal results have one name. The bytes say themselves what they are.
A result made of several (a dict or tuple of frames, a fitted model) is a small JSON document with the
SHA-256 of each part.

What is refused, with the name of the step: other types; NaN and infinity in polars frames, arrays and JSON
(a missing value is null); in a pandas frame NaN means missing, and infinity is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from quarterdeck.core.errors import IntegrityError, StepError
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import OnnxModel
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.rules import RulesModel
from quarterdeck.core.models.signature import Signature
from quarterdeck.store.finite import check_array, check_frame, check_number

CAN_BE_KEPT = (
    "a polars or pandas frame, a NumPy array, a fitted scikit-learn estimator, what `fit` returns, "
    "JSON values (text, numbers, true, false, None, lists, dicts with text keys), or a dict or tuple of these"
)
_PANDAS_MARK = {"quarterdeck.frame": "pandas"}

Get = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """One result: `kind` is polars, pandas, numpy, estimator, rules, remote, onnx, json, bundle or model; `children`
    are its parts.
    """

    kind: str
    data: bytes
    children: tuple[Encoded, ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def parts(self) -> Iterator[Encoded]:
        """All that must be kept: the parts of parts first, itself last."""
        for child in self.children:
            yield from child.parts()
        yield self


class Puts(Protocol):
    """A place for bytes, such as an ArtifactStore."""

    def put(self, data: bytes) -> Any: ...


def put_value(artifacts: Puts, value: Any, *, step: str) -> Encoded:
    """Encodes a step's result and keeps all of it; parts go first, so that what is named is there."""
    encoded = encode(value, step=step)
    for part in encoded.parts():
        artifacts.put(part.data)
    return encoded


def encode(value: Any, *, step: str) -> Encoded:
    """A step's result as bytes; StepError, naming the step, where it cannot be kept."""
    where = f"step {step}"
    if isinstance(value, pl.DataFrame):
        return _frame(value, where, kind="polars")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return _array(value, where)
    if isinstance(value, FittedModel):
        return _model(value, step)
    if isinstance(value, RulesModel | RemoteModel):
        kind = "rules" if isinstance(value, RulesModel) else "remote"
        return Encoded(kind=kind, data=_document({kind: value.to_json()}, where))
    if isinstance(value, OnnxModel):
        data = Encoded(kind="onnx", data=value.data)
        return Encoded(kind="onnx", data=_document({"onnx": data.sha256}, where), children=(data,))
    if _is_pandas(value):
        return _pandas(value, where)
    if _is_json(value):
        return _json(value, where)
    if isinstance(value, dict | list | tuple):
        return _bundle(value, step)
    if hasattr(value, "get_params") and hasattr(value, "fit"):
        return _estimator(value, where)
    raise _refused(value, where)


def decode(data: bytes, get: Get) -> Any:
    """The result in `data`; `get` gives a part's bytes by SHA-256. IntegrityError for other bytes."""
    try:
        if data.startswith(b"PAR1"):
            return _read_frame(data)
        if data.startswith(b"\x93NUMPY"):
            return np.load(io.BytesIO(data), allow_pickle=False)
        if data.startswith(b"PK"):
            from quarterdeck.core.models.skops_io import (
                loads,
            )  # scikit-learn: only where an estimator is loaded

            return loads(data)
        return _read_document(json.loads(data), get)
    except (PolarsError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"The bytes of a result cannot be read: {error}", hint="run the pipeline again to make it anew"
        ) from error


def _estimator(value: Any, where: str, trusted: tuple[str, ...] = ()) -> Encoded:
    from quarterdeck.core.models.skops_io import dumps  # scikit-learn: only where an estimator is kept

    try:
        return Encoded(kind="estimator", data=dumps(value, trusted))
    except StepError as error:
        raise StepError(error.message, where=where, hint=error.hint) from error


def _frame(frame: pl.DataFrame, where: str, *, kind: str) -> Encoded:
    check_frame(frame, where)
    out = io.BytesIO()
    mark = _PANDAS_MARK if kind == "pandas" else None
    try:
        frame.rechunk().write_parquet(out, compression="zstd", metadata=mark)
    except (PolarsError, ValueError, TypeError) as error:
        raise StepError(f"The frame cannot be written as Parquet: {error}", where=where) from error
    return Encoded(kind=kind, data=out.getvalue())


def _pandas(frame: Any, where: str) -> Encoded:
    odd = [name for name in frame.columns if not isinstance(name, str)]
    if odd:
        raise StepError(
            f"A column of the pandas frame is called {odd[0]!r}, which is not text.",
            where=where,
            hint="rename the columns: frame.columns = [...]",
        )
    named = any(name is not None for name in frame.index.names)
    plain = frame.reset_index() if named else frame.reset_index(drop=True)
    try:
        converted = pl.from_pandas(plain, nan_to_null=True)
    except (PolarsError, ValueError, TypeError, ImportError) as error:  # pyarrow's errors are ValueErrors
        raise StepError(
            f"The pandas frame cannot be kept: {error}",
            where=where,
            hint="give each column values of one type",
        ) from error
    return _frame(converted, where, kind="pandas")


def _read_frame(data: bytes) -> Any:
    frame = pl.read_parquet(io.BytesIO(data))
    marks = pl.read_parquet_metadata(io.BytesIO(data))
    return frame.to_pandas() if _PANDAS_MARK.items() <= marks.items() else frame


def _array(array: np.ndarray[Any, Any], where: str) -> Encoded:
    if array.dtype.hasobject:
        raise StepError(
            f"The array holds Python objects (dtype {array.dtype}).",
            where=where,
            hint="give it a dtype of numbers",
        )
    check_array(array, where)
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
    return Encoded(kind="numpy", data=out.getvalue())


def _json(value: Any, where: str) -> Encoded:
    for number in _floats(value):
        check_number(number, where)
    return Encoded(kind="json", data=_document({"json": value}, where))


def _bundle(value: Any, step: str) -> Encoded:
    if isinstance(value, dict):
        odd = [key for key in value if not isinstance(key, str)]
        if odd:
            raise StepError(
                f"A dict has the key {odd[0]!r}, which is not text.",
                where=f"step {step}",
                hint="use str(key)",
            )
        children = {key: encode(item, step=step) for key, item in value.items()}
        items: Any = {key: child.sha256 for key, child in children.items()}
        parts = tuple(children.values())
    else:
        parts = tuple(encode(item, step=step) for item in value)
        items = [child.sha256 for child in parts]
    kind = "tuple" if isinstance(value, tuple) else type(value).__name__
    return Encoded(kind="bundle", data=_document({"bundle": kind, "items": items}, f"step {step}"), children=parts)


def _model(model: FittedModel, step: str) -> Encoded:
    trusted = model.trusted
    estimator = _estimator(model.estimator, f"step {step}", trusted) if trusted else encode(model.estimator, step=step)
    reference = encode(model.reference.fill_nan(None), step=step)
    content = {
        "estimator": estimator.sha256,
        "reference": reference.sha256,
        "signature": model.signature.to_json(),
        "trained_from": None if model.trained_from is None else model.trained_from.isoformat(),
        "trained_to": None if model.trained_to is None else model.trained_to.isoformat(),
        "rows": model.rows,
        **({"trusted": list(trusted)} if trusted else {}),
    }
    return Encoded(kind="model", data=_document({"model": content}, f"step {step}"), children=(estimator, reference))


def _read_document(document: Any, get: Get) -> Any:
    if "json" in document:
        return document["json"]
    if "rules" in document:
        return RulesModel.from_json(document["rules"])
    if "remote" in document:
        return RemoteModel.from_json(document["remote"])
    if "onnx" in document:
        return OnnxModel(data=get(document["onnx"]))
    if "model" in document:
        return _read_model(document["model"], get)
    items = document["items"]
    if document["bundle"] == "dict":
        return {key: decode(get(sha256), get) for key, sha256 in items.items()}
    parts = [decode(get(sha256), get) for sha256 in items]
    return tuple(parts) if document["bundle"] == "tuple" else parts


def _read_model(content: dict[str, Any], get: Get) -> FittedModel:
    def moment(name: str) -> datetime | None:
        return None if content[name] is None else datetime.fromisoformat(content[name])

    trusted = tuple(content.get("trusted", ()))
    if trusted:
        from quarterdeck.core.models.skops_io import loads  # as above

        estimator = loads(get(content["estimator"]), trusted)
    else:
        estimator = decode(get(content["estimator"]), get)
    return FittedModel(
        estimator=estimator,
        reference=decode(get(content["reference"]), get),
        signature=Signature.from_json(content["signature"]),
        trained_from=moment("trained_from"),
        trained_to=moment("trained_to"),
        rows=content["rows"],
        trusted=trusted,
    )


def _document(content: Any, where: str) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, UnicodeEncodeError, RecursionError) as error:
        raise StepError(f"The result cannot be written as JSON: {error}", where=where) from error


def _is_json(value: Any) -> bool:
    """Whether JSON gives exactly this value back: lists but no tuples, text keys only."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, str | int | float)


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _floats(item)


def _is_pandas(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame"


def _refused(value: Any, where: str) -> StepError:
    kind = type(value)
    hints = {
        "LazyFrame": "call .collect()",
        "Series": "call .to_frame() or .to_list()",
        "datetime": ".isoformat()",
    }
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    advice = f"{hints[kind.__name__]}; " if kind.__name__ in hints else ""
    return StepError(f"It returned a {name}, which cannot be kept.", where=where, hint=f"{advice}return {CAN_BE_KEPT}")
