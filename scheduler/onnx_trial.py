"""Looks at an ONNX file, or asks it about rows, in a process of its own: a broken file may end the process.

    python -m quarterdeck.scheduler.onnx_trial        (asked by scheduler/importing, see children.py)

Header {"look": true}: gives OnnxFile as JSON. Header {"signature", "columns", "probable"}: answers the rows, and gives
{"rows": n}; RefusedError where the answers are not what the signature says, or cannot be told.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from quarterdeck.core.errors import IntegrityError, RefusedError
from quarterdeck.core.models.onnx_file import read_onnx
from quarterdeck.core.models.predictors import Answers, OnnxPredictor
from quarterdeck.core.models.row_answers import SUM_TOLERANCE
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.children import child_main

_LOGITS = "export it with a sigmoid or softmax at its end: raw scores cannot be told from probabilities"


def work(header: dict[str, Any], data: bytes) -> bytes:
    if header.get("look"):
        found = read_onnx(data)
        _session(data)
        return json.dumps(found.to_json()).encode()
    signature = Signature.from_json(header["signature"])
    rows = try_rows(data, signature, header["columns"], probable=bool(header["probable"]))
    return json.dumps({"rows": rows}).encode()


def try_rows(data: bytes, signature: Signature, columns: dict[str, list[Any]], *, probable: bool) -> int:
    """Answer all rows together and the first alone; how many rows there were."""
    predictor = OnnxPredictor(data, signature)
    try:
        answers = predictor.predict(columns)
        alone = predictor.predict({name: values[:1] for name, values in columns.items()})
    except IntegrityError as error:
        hint = _LOGITS if "no probabilities" in error.message else "do names, order and types of the fields fit it?"
        raise RefusedError(error.message, hint=hint) from error
    except KeyError as error:
        raise RefusedError(
            f"it gives no probability for the class {error}", hint="is it a model of this task?"
        ) from error
    count = len(next(iter(columns.values())))
    if len(answers.scores) != count or len(alone.scores) != 1:
        raise RefusedError(f"it gave {len(answers.scores)} answers to {count} rows", hint="is its output one a row?")
    if not np.isfinite(answers.scores).all():
        raise RefusedError("it answers NaN or infinity", hint="do these rows have missing values that it cannot take?")
    if signature.task is not Task.REGRESSION:
        _check_classes(answers, signature, probable=probable)
    return count


def _check_classes(answers: Answers, signature: Signature, *, probable: bool) -> None:
    classes = signature.classes or ()
    for label in answers.labels or ():
        if label not in classes or isinstance(label, str) is not isinstance(classes[0], str):
            said = ", ".join(map(repr, classes[:10]))
            raise RefusedError(f"it answers {label!r}, the classes are {said}", hint="is it a model of this target?")
    matrix = answers.probabilities
    if matrix is None:
        return
    if matrix.shape[1] != len(classes):
        raise RefusedError(f"it gives {matrix.shape[1]} probabilities a row for {len(classes)} classes")
    outside = (matrix < -SUM_TOLERANCE).any() or (matrix > 1 + SUM_TOLERANCE).any()
    if outside or (np.abs(matrix.sum(axis=1) - 1.0) > SUM_TOLERANCE).any():
        said = f"scores from {matrix.min():g} to {matrix.max():g}"
        raise RefusedError(f"it gives {said}, which are no probabilities of the classes", hint=_LOGITS)
    if not probable:
        raise RefusedError("it gives one score a row without a sigmoid before it", hint=_LOGITS)
    likeliest = matrix.max(axis=1)
    for row, label in enumerate(answers.labels or ()):
        if matrix[row, classes.index(label)] < likeliest[row] - SUM_TOLERANCE:
            raise RefusedError(
                f"row {row}: it names {label!r}, and gives another class the greatest probability",
                hint="are its probabilities in the order of the classes?",
            )


def _session(data: bytes) -> None:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base of their own
        said = str(error).strip().splitlines()[-1][:300]
        hint = f"export it for ONNX Runtime {ort.__version__}: a lower opset, or other operators"
        raise RefusedError(f"ONNX Runtime does not load it: {said}", hint=hint) from error


if __name__ == "__main__":
    child_main(work)
