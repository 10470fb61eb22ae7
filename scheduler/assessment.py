"""How good a new model is on the rows that were held back, and what its gates say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.core.errors import RefusedError, StepError
from quarterdeck.core.gate_kinds import SERVED
from quarterdeck.core.gate_served import judge_served
from quarterdeck.core.gates import GateResult
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.metrics.families import METRICS, compute_with_reasons
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.pipeline.kpis import load_kpis
from quarterdeck.core.values import Task
from quarterdeck.scheduler.engines import predictor_for
from quarterdeck.scheduler.gate_rows import HeldOut, judge_on_rows, measure_kpi

# Judges the gates on what will be served, with the training engine's answers to the model's reference rows.
JudgeServing = Callable[[Sequence[GateSpec], Answers], list[GateResult]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """Metrics and KPIs on the held-out rows, and every gate's result."""

    rows: int
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]


def assess(
    manifest: Manifest,
    model: FittedModel,
    holdout: pl.DataFrame,
    champion: FittedModel | None,
    *,
    gates: Sequence[GateSpec] | None = None,
    train: pl.DataFrame | None = None,
    judge_serving: JudgeServing | None = None,
) -> Assessment:
    """Measure a model and judge it by the gates (None: the manifest's); the champion is asked about the same rows.

    `train` says where columns are cut into slices (None: the held-out rows themselves). Without `judge_serving`,
    gates on what will be served are HOLD: nothing was measured.
    """
    asked = manifest.gates if gates is None else tuple(gates)
    held = _held_out(manifest, model, holdout, champion, asked, holdout if train is None else train)
    served = [gate for gate in asked if gate.metric in SERVED]
    verdicts = iter(_served(served, model, judge_serving))
    results = tuple(next(verdicts) if gate.metric in SERVED else judge_on_rows(gate, held) for gate in asked)
    return Assessment(rows=holdout.height, metrics=dict(held.metrics), gates=results)


def _held_out(
    manifest: Manifest,
    model: FittedModel,
    holdout: pl.DataFrame,
    champion: FittedModel | None,
    gates: Sequence[GateSpec],
    train: pl.DataFrame,
) -> HeldOut:
    task, classes = model.signature.task, model.signature.classes
    y_true = holdout[manifest.target].to_list()
    answers = answers_of(model, holdout)
    score = scores_of(answers, model.signature)
    rows = Rows.check(task, y_true, score, classes=classes)
    metrics, left_out = compute_with_reasons(task, y_true, score, classes=classes)
    _add_named(gates, rows, metrics, left_out)
    kpis = load_kpis(manifest)
    labels = np.asarray(y_true)
    predicted = np.asarray(answers.labels if answers.labels is not None else answers.values)
    for name, kpi in kpis.items():
        metrics[name] = measure_kpi(kpi, labels, predicted, holdout)
    return HeldOut(
        frame=holdout,
        train=train,
        rows=rows,
        labels=labels,
        predicted=predicted,
        score=score,
        champion_score=None if champion is None else _champion_score(champion, holdout),
        classes=classes,
        metrics=metrics,
        left_out=left_out,
        kpis=kpis,
    )


def _champion_score(champion: FittedModel, holdout: pl.DataFrame) -> Any:
    missing = _missing(champion, holdout)
    if missing:
        raise StepError(
            f"the rows lack what the champion takes: {', '.join(missing)}",
            hint="both must answer the same rows: keep these columns in what the features step gives",
        )
    return scores_of(answers_of(champion, holdout), champion.signature)


def _missing(model: FittedModel, rows: pl.DataFrame) -> list[str]:
    return [name for name in model.signature.names if name not in rows.columns]


def _add_named(gates: Sequence[GateSpec], rows: Rows, metrics: dict[str, float], left_out: dict[str, str]) -> None:
    """The metrics that only a gate asks for."""
    for name in dict.fromkeys(gate.metric for gate in gates):
        if name in METRICS and name not in metrics and name not in left_out:
            try:
                metrics[name] = score_rows(name, rows)
            except RefusedError as error:
                left_out[name] = error.message


def _served(gates: Sequence[GateSpec], model: FittedModel, judge: JudgeServing | None) -> list[GateResult]:
    if not gates:
        return []
    if judge is None:
        return [judge_served(gate, size_bytes=None, report=None) for gate in gates]
    return judge(gates, answers_of(model, model.reference))


def answers_of(model: FittedModel, rows: pl.DataFrame) -> Answers:
    """The model's answers to a frame's rows; StepError where the frame lacks what the model takes."""
    missing = _missing(model, rows)
    if missing:
        raise StepError(
            f"the rows lack what the model takes: {', '.join(missing)}",
            hint="rows to judge it by are those after the features step, with all its fields",
        )
    columns = {name: rows[name].to_list() for name in model.signature.names}
    return predictor_for(model.estimator, model.signature).predict(columns)


def scores_of(answers: Answers, signature: Signature) -> Any:
    """What metrics take: probabilities (multiclass; labels without any count as 1 and 0), the positive class's
    probability (binary), or values.
    """
    if signature.task is not Task.MULTICLASS:
        return answers.scores
    if answers.probabilities is not None:
        return answers.probabilities
    return np.array([[float(label == name) for name in signature.classes or ()] for label in answers.labels or ()])
