"""Fit a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.describe import describe_model, target_array
from quarterdeck.core.models.estimators import make_estimator
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.preparation import with_preparation
from quarterdeck.core.pipeline.frames import TRAIN, part_of_split
from quarterdeck.core.pipeline.info import PipelineInfo


def fit(
    split: Any,
    *,
    estimator: str,
    parameters: Mapping[str, Any] | None = None,
    features: Sequence[str] | None = None,
    packages: Sequence[str] = (),
    pipeline: PipelineInfo,
    report: Callable[[float, str], None],
) -> FittedModel:
    """A model of the target, fitted on the split's training rows.

    `estimator` is a dotted name in scikit-learn, or in one of `packages`; `parameters` are its own.
    `features` are the columns it sees: by default all but target, entity and time. Strings are encoded and
    missing values seen to as the estimator needs it, inside the model.
    """
    train = part_of_split(split, TRAIN)
    if train.is_empty():
        raise StepError("There are no rows to train on.", hint="look at the rows that reach the split")
    signature = infer_signature(train, pipeline, features)
    made = make_estimator(estimator, parameters or {}, task=pipeline.task, seed=pipeline.seed, packages=tuple(packages))
    model = with_preparation(made, signature)
    report(0.0, f"fitting {type(made).__name__} on {train.height} rows")
    try:
        model.fit(model_frame(train, signature), target_array(train, signature))
    except InvalidParameterError as error:
        raise StepError(str(error), hint="change it in the step's `parameters`") from error
    report(1.0, "fitted")
    return describe_model(model, train, signature, pipeline.seed)
