"""How good a new model is on the rows that were held back, and what its gates say of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.core.errors import QuarterdeckError, StepError
from quarterdeck.core.gate_judging import judge_not_worse
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.metrics.families import compute_all, direction
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import Answers, SklearnPredictor
from quarterdeck.core.pipeline.kpis import Kpi, load_kpis
from quarterdeck.core.values import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """Metrics and KPIs on the held-out rows, and every gate's result."""

    rows: int
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]


def assess(manifest: Manifest, model: FittedModel, holdout: pl.DataFrame, champion: FittedModel | None) -> Assessment:
    """Measure a model and judge it by the manifest's gates; the champion is asked about the same rows."""
    task, classes = model.signature.task, model.signature.classes
    y_true = holdout[manifest.target].to_list()
    answers = answers_of(model, holdout)
    metrics = compute_all(task, y_true, scores_of(answers, task), classes=classes)
    kpis = load_kpis(manifest)
    for name, kpi in kpis.items():
        metrics[name] = _measure(name, kpi, y_true, answers)
    beaten = None if champion is None else scores_of(answers_of(champion, holdout), task)
    gates = tuple(
        _judge(gate, task, classes, y_true, scores_of(answers, task), beaten, metrics, kpis.get(gate.metric))
        for gate in manifest.gates
    )
    return Assessment(rows=holdout.height, metrics=metrics, gates=gates)


def answers_of(model: FittedModel, rows: pl.DataFrame) -> Answers:
    """The model's answers to a frame's rows; StepError where the frame lacks what the model takes."""
    missing = [name for name in model.signature.names if name not in rows.columns]
    if missing:
        raise StepError(
            f"the rows lack what the model takes: {', '.join(missing)}",
            hint="a champion trained on other features cannot be compared on these rows: retire it first",
        )
    columns = {name: rows[name].to_list() for name in model.signature.names}
    return SklearnPredictor(model.estimator, model.signature).predict(columns)


def scores_of(answers: Answers, task: Task) -> Any:
    """What metrics take: probabilities (multiclass), the positive class's probability (binary), or values."""
    return answers.probabilities if task is Task.MULTICLASS else answers.scores


def _judge(
    gate: GateSpec,
    task: Task,
    classes: Any,
    y_true: list[Any],
    score: Any,
    beaten: Any,
    metrics: dict[str, float],
    kpi: Kpi | None,
) -> GateResult:
    better = direction(gate.metric, minimum=gate.minimum, maximum=gate.maximum)
    if gate.not_worse_than is None:
        return judge_bound(
            metric=gate.metric,
            value=metrics.get(gate.metric),
            n=len(y_true),
            minimum=gate.minimum,
            maximum=gate.maximum,
            owner=gate.owner,
        )
    return judge_not_worse(
        metric=gate.metric,
        task=task,
        y_true=y_true,
        score=score,
        champion_score=beaten,
        margin=gate.margin,
        confidence=gate.confidence,
        classes=classes,
        kpi=kpi,
        kpi_direction=better if kpi else None,
        owner=gate.owner,
        against=gate.not_worse_than,
    )


def _measure(name: str, kpi: Kpi, y_true: list[Any], answers: Answers) -> float:
    predicted = answers.labels if answers.labels is not None else answers.values
    try:
        value = float(kpi(np.asarray(y_true), np.asarray(predicted)))
    except QuarterdeckError:
        raise
    except Exception as error:  # a user's function: anything can come out of it, and it costs the run alone
        log.exception("the KPI %s", name)
        raise StepError(f"the KPI failed: {type(error).__name__}: {error}", where=name) from error
    if not np.isfinite(value):
        raise StepError(f"the KPI is {value}", where=name, hint="return a finite number for every set of rows")
    return value
