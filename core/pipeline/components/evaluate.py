"""Measure a model on the rows that were kept back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quarterdeck.core.errors import StepError
from quarterdeck.core.metrics.families import METRICS, compute_with_reasons
from quarterdeck.core.models.describe import target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import predictor_of
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.pipeline.frames import HOLDOUT, part_of_split
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task


def evaluate(model: FittedModel, split: Any, *, pipeline: PipelineInfo) -> dict[str, Any]:
    """{"metrics": {name: value}, "left_out": {name: why}, "rows": n} of the model on the split's holdout.

    Every metric of the task that has a meaning on these rows; for a classifier without probabilities, those
    of its labels. Raises StepError without rows, for labels training never saw, for a model that answers NaN
    or infinity, and where no metric has a meaning.
    """
    if not isinstance(model, FittedModel):
        raise StepError(
            f"The model is a {type(model).__name__}, not what `fit` returns.", hint="use the component `fit` or `rules`"
        )
    holdout = part_of_split(split, HOLDOUT)
    if holdout.is_empty():
        raise StepError("There are no rows to evaluate on.", hint="hold out more rows")
    truth = target_array(holdout, model.signature)
    answers = predictor_of(model.estimator, model.signature).predict(
        {name: holdout[name].to_list() for name in model.signature.names}
    )
    score = _score(answers, model)
    if not np.isfinite(score).all():
        count = int((~np.isfinite(score)).sum())
        raise StepError(f"The model answers NaN or infinity for {count} rows of {len(score)}.", hint="look at fit")
    metrics, left_out = compute_with_reasons(pipeline.task, truth, score, classes=model.signature.classes)
    if answers.probabilities is None and pipeline.task is not Task.REGRESSION:
        for name in [name for name in metrics if METRICS[name].needs_score]:
            left_out[name] = "the model gives no probabilities"
            del metrics[name]
    if not metrics:
        raise StepError("No metric has a meaning on these rows.", hint="; ".join(sorted(set(left_out.values()))))
    return {"metrics": metrics, "left_out": left_out, "rows": holdout.height}


def _score(answers: Answers, model: FittedModel) -> npt.NDArray[np.float64]:
    """What the metrics judge: (rows,), or (rows, classes) for a multiclass model."""
    if model.signature.task is not Task.MULTICLASS:
        return answers.scores
    if answers.probabilities is not None:
        return answers.probabilities
    classes = model.signature.classes or ()
    return np.array([[float(label == name) for name in classes] for label in answers.labels or ()])
