"""Two engines behind one question: rows in, answers out.

Importing this module loads NumPy only. ONNX Runtime, or polars for scikit-learn, is loaded when a predictor
of that kind is made: a prediction server that serves ONNX models starts in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.models.columns import (
    Columns,
    number_matrix,
    number_names,
    row_matrix,
    text_matrix,
    text_names,
)
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.values import Task

Matrix = npt.NDArray[np.float64]
NUMBERS = "numbers"  # names of the inputs of the ONNX models that convert.py makes
TEXTS = "strings"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answers:
    """Regression has `values`; classification has `labels` and, where the model gives them, `probabilities`.

    probabilities: (rows, classes), in the order of the signature's classes. scores: (rows,): the positive
    class's probability (binary), the greatest probability (multiclass) or the value (regression); a
    classifier without probabilities scores 1.0 for the label it names (binary: 1.0 where that is the
    positive class, else 0.0).
    """

    values: list[float] | None
    labels: list[str | int] | None
    probabilities: Matrix | None
    scores: Matrix


class Predictor(Protocol):
    """What answers: the same rows give the same answers from either engine."""

    def predict(self, columns: Columns) -> Answers:
        """Answers for the rows of `columns`, which holds every field of the signature, all of one length."""


class OnnxPredictor:
    """Answers with ONNX Runtime on one thread. Safe to call from several threads."""

    def __init__(self, onnx_bytes: bytes, signature: Signature) -> None:
        import onnxruntime as ort  # here, so that a server of other engines does not pay for it
        from onnxruntime.capi import onnxruntime_pybind11_state as native

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised; it need not be printed as well
        # ONNX Runtime's own errors have no common base but Exception.
        kinds = [kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)]
        self._failures: tuple[type[Exception], ...] = (*kinds, RuntimeError, ValueError)
        try:
            session = ort.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            raise _unusable(str(error)) from error
        self.signature = signature
        self._session = session
        self._feeds = [_Feed.plan(given, session.get_inputs(), signature) for given in session.get_inputs()]
        self._label, self._outputs = _plan_outputs(session.get_outputs(), signature)
        only = self._feeds[0] if len(self._feeds) == 1 else None
        # one matrix of all fields: rows need not be turned into columns and back
        self._matrix = None if only is None or only.text or only.flat or only.fields != signature.names else only

    def predict(self, columns: Columns) -> Answers:
        return self._answers({feed.name: feed.array(columns) for feed in self._feeds})

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Answers:
        """The same for rows, at least one, whose values are in the order of the signature's fields."""
        if self._matrix is None:
            return self.predict(dict(zip(self.signature.names, zip(*rows, strict=True), strict=True)))
        return self._answers({self._matrix.name: row_matrix(rows).astype(self._matrix.dtype, copy=False)})

    def _answers(self, feeds: dict[str, npt.NDArray[Any]]) -> Answers:
        try:
            outputs = self._session.run(self._outputs, feeds)
        except self._failures as error:
            raise _unusable(str(error)) from error
        if self.signature.task is Task.REGRESSION:
            return _regression(outputs[0])
        if not self._label:
            return from_probabilities(_as_probabilities(outputs[0], self.signature), self.signature)
        labels = np.asarray(outputs[0]).reshape(-1).tolist()
        probabilities = None if len(outputs) < 2 else _by_class(outputs[1], self.signature)
        return _classification(labels, probabilities, self.signature)


class SklearnPredictor:
    """Answers with a fitted scikit-learn estimator."""

    def __init__(self, estimator: Any, signature: Signature) -> None:
        from sklearn.pipeline import Pipeline  # with polars: only where this engine answers

        from quarterdeck.core.models.frames import model_frame

        if signature.classes is not None:
            known = tuple(np.asarray(estimator.classes_).tolist())
            if known != signature.classes:
                raise IntegrityError(
                    f"The estimator's classes are {known}, the signature's {signature.classes}.",
                    hint="register the model again from its run",
                )
        self.signature = signature
        self._estimator = estimator
        # fitted on an array, as imported estimators may be: it knows no names, and warns where it is given some
        self._nameless = not hasattr(estimator, "feature_names_in_") and not text_names(signature)
        self._before: Any = None
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            # labels and probabilities are asked for apart; the rows are prepared once for both
            self._before, self._estimator = estimator[:-1], estimator[-1]
        self._frame = model_frame

    def predict(self, columns: Columns) -> Answers:
        names = self.signature.names
        rows: Any = number_matrix(columns, names) if self._nameless else self._frame(columns, self.signature)
        if self._before is not None:
            rows = self._before.transform(rows)
        if self.signature.task is Task.REGRESSION:
            return _regression(self._estimator.predict(rows))
        labels = np.asarray(self._estimator.predict(rows)).tolist()
        gives = hasattr(self._estimator, "predict_proba")
        return _classification(labels, self._estimator.predict_proba(rows) if gives else None, self.signature)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Feed:
    """How one input of an ONNX model is filled from columns."""

    name: str
    fields: tuple[str, ...]
    text: bool
    dtype: str  # of NumPy
    flat: bool  # shape (rows,) instead of (rows, fields)

    @classmethod
    def plan(cls, given: Any, inputs: list[Any], signature: Signature) -> _Feed:
        """`given` is a matrix of ours, a field by its name, or the only input: then it takes every field."""
        fields = {NUMBERS: number_names(signature), TEXTS: text_names(signature)}.get(given.name)
        if given.name in signature.names:
            fields = (given.name,)
        elif fields is None and len(inputs) == 1:
            fields = signature.names
        dtype = _NUMPY_TYPES.get(given.type)
        if fields is None or dtype is None:
            raise _unusable(f"its input {given.name!r} ({given.type}) is none of the signature's fields")
        kinds = {field.kind is FieldKind.STRING for field in signature.fields if field.name in fields}
        if kinds != {dtype == "object"}:
            raise _unusable(f"its input {given.name!r} is {given.type}, the signature says otherwise")
        return cls(name=given.name, fields=fields, text=dtype == "object", dtype=dtype, flat=len(given.shape) == 1)

    def array(self, columns: Columns) -> npt.NDArray[Any]:
        if self.text:
            texts = text_matrix(columns, self.fields)
            return texts.reshape(-1) if self.flat else texts
        numbers = number_matrix(columns, self.fields).astype(self.dtype, copy=False)
        return numbers.reshape(-1) if self.flat else numbers


_NUMPY_TYPES = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


_LABELS = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)")
_SCORES = ("tensor(double)", "tensor(float)", "seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
OUTSIDE = 1e-5  # how far a float32 may be outside 0 to 1 and still be a probability


def _plan_outputs(outputs: list[Any], signature: Signature) -> tuple[bool, list[str]]:
    """Whether a label comes first, and the outputs to ask for: [value], [label, scores], [label] or [scores]."""
    labels = [output.name for output in outputs if output.type in _LABELS]
    scores = [output.name for output in outputs if output.type in _SCORES]
    if signature.task is Task.REGRESSION:
        labels, scores = [], (scores or labels)
    found = [*labels[:1], *scores[:1]]
    if not found:
        types = ", ".join(f"{output.name!r} ({output.type})" for output in outputs)
        raise _unusable(f"its outputs {types} are no label, probabilities or value")
    return bool(labels), found


def _by_class(output: Any, signature: Signature) -> Any:
    """Probabilities as (rows, classes): a matrix, or one mapping of class to probability a row, as exporters write."""
    if isinstance(output, list):
        return np.array([[row[name] for name in signature.classes or ()] for row in output])
    if signature.positive is not None and (output.ndim == 1 or output.shape[1] == 1):  # the positive class's alone
        return _as_probabilities(output, signature)
    return output


def _as_probabilities(output: Any, signature: Signature) -> Matrix:
    """(rows, classes) from what a graph without a label gives; IntegrityError where these are no probabilities."""
    if isinstance(output, list):
        output = _by_class(output, signature)
    found = np.asarray(output, dtype=np.float64)
    found = found.reshape(len(found), -1)
    if found.shape[1] == 1 and signature.positive is not None:
        found = np.hstack([1.0 - found, found])
    if found.shape[1] != len(signature.classes or ()):
        raise _unusable(f"it gives {found.shape[1]} scores a row for {len(signature.classes or ())} classes")
    if found.size and not (found.min() >= -OUTSIDE and found.max() <= 1.0 + OUTSIDE):
        raise _unusable(f"its scores go from {found.min():g} to {found.max():g}: these are no probabilities")
    return np.clip(found, 0.0, 1.0)


def _unusable(reason: str) -> IntegrityError:
    line = reason.strip().splitlines()[-1] if reason.strip() else "no reason given"
    return IntegrityError(f"The ONNX model cannot be used: {line}", hint="convert or import the model again")


def _regression(output: Any) -> Answers:
    values = np.asarray(output, dtype=np.float64).reshape(-1)
    return Answers(values=values.tolist(), labels=None, probabilities=None, scores=values)


def _classification(labels: list[Any], output: Any, signature: Signature) -> Answers:
    positive = signature.positive
    if output is None:
        named = [1.0 if positive is None or label == positive else 0.0 for label in labels]
        return Answers(values=None, labels=labels, probabilities=None, scores=np.array(named))
    probabilities = np.asarray(output, dtype=np.float64)
    scores = probabilities.max(axis=1, initial=0.0) if positive is None else probabilities[:, 1]
    return Answers(values=None, labels=labels, probabilities=probabilities, scores=scores)


def from_probabilities(matrix: Matrix, signature: Signature) -> Answers:
    """Labels are the likeliest class; of equally likely ones the first. matrix: (rows, classes)."""
    classes = signature.classes or ()
    labels = [classes[place] for place in matrix.argmax(axis=1)] if len(matrix) else []
    scores = matrix.max(axis=1, initial=0.0) if signature.positive is None else matrix[:, 1]
    return Answers(values=None, labels=labels, probabilities=matrix, scores=scores)
