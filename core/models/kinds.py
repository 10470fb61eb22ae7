"""What a model is made of, and what answers for it: the same for every kind, so that none is a special case elsewhere.

A FittedModel's `estimator` is scikit-learn's, or one of the values that stand for the other kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.predictors import OnnxPredictor, Predictor, SklearnPredictor
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.rules import RulesModel, RulesPredictor
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Engine, ModelKind


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxModel:
    """A model that came as ONNX and has no other form."""

    data: bytes


ANSWERS_ITSELF = {
    ModelKind.ONNX: "it came as ONNX",
    ModelKind.RULES: "a rules model answers by itself",
    ModelKind.REMOTE: "a remote model answers on another server",
}
_ENGINES = {ModelKind.ONNX: Engine.ONNX, ModelKind.RULES: Engine.RULES, ModelKind.REMOTE: Engine.REMOTE}


def kind_of(estimator: Any) -> ModelKind:
    """The kind of a FittedModel's estimator."""
    if isinstance(estimator, OnnxModel):
        return ModelKind.ONNX
    if isinstance(estimator, RulesModel):
        return ModelKind.RULES
    return ModelKind.REMOTE if isinstance(estimator, RemoteModel) else ModelKind.SKLEARN


def engine_of(kind: ModelKind, *, converted: bool) -> Engine:
    """What serves a version; `converted`: scikit-learn's model has an ONNX form that agrees with it."""
    return _ENGINES.get(kind, Engine.ONNX if converted else Engine.SKLEARN)


def predictor_of(estimator: Any, signature: Signature) -> Predictor:
    """What answers for an estimator of any kind but remote: those are asked by scheduler/engines.py, which has HTTP."""
    if isinstance(estimator, OnnxModel):
        return OnnxPredictor(estimator.data, signature)
    if isinstance(estimator, RulesModel):
        return RulesPredictor(estimator, signature)
    if isinstance(estimator, RemoteModel):
        raise StepError("a remote model cannot be asked in a step", hint="import it with `quarterdeck model import`")
    return SklearnPredictor(estimator, signature)
