"""What the model card will say of a new version: measured on its held-out rows, and kept as an artifact."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.evaluation import DataSet, Evaluation
from quarterdeck.core.evaluation_compute import HeldOut, data_set, evaluate
from quarterdeck.core.evaluation_intervals import Indices, KpiFigure
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.metrics.losses import DEFAULT_LOSS
from quarterdeck.core.metrics.scoring import Floats, Rows
from quarterdeck.core.metrics.slice_measures import measure_slices
from quarterdeck.core.metrics.slices import SliceReport
from quarterdeck.core.metrics.worst_slices import RATE, worst_slices
from quarterdeck.core.models.describe import target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.pipeline.frames import HOLDOUT, TRAIN
from quarterdeck.core.pipeline.kpis import load_kpis
from quarterdeck.core.profile import Profile
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Alias, Task
from quarterdeck.scheduler.assessment import answers_of
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.training_rows import split_hashes
from quarterdeck.store import registry
from quarterdeck.store.artifacts import Artifact, ArtifactStore

log = logging.getLogger(__name__)

KIND = "evaluation"  # of the artifact


def champion_number(state: State, model: str) -> int | None:
    """The champion in the state's environment now."""
    with state.database.read() as tx:
        return registry.aliases(tx, model, state.environment).get(Alias.CHAMPION)


def keep_evaluation(
    state: State,
    artifacts: ArtifactStore,
    run: Run,
    manifest: Manifest,
    *,
    model: FittedModel,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    values: dict[str, float],
    profile: Profile | None,
    champion: FittedModel | None = None,
    number: int | None = None,
) -> Artifact | None:
    """Measure and keep; `values` are the metrics and KPIs of all held-out rows, `number` is the champion's.

    None where nothing can be measured: a version is not refused for want of its card, and the log says why.
    """
    began = time.perf_counter()
    try:
        found = _evaluate(state, artifacts, run, manifest, model, train, holdout, values, profile, champion, number)
    except QuarterdeckError as error:
        log.error("the model card will have no figures: %s", error)
        return None
    for note in found.notes:
        log.warning("model card: %s", note)
    log.info("model card: measured in %.1f s", time.perf_counter() - began)
    text = json.dumps(found.to_json(), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return artifacts.put(text.encode())


def _evaluate(
    state: State,
    artifacts: ArtifactStore,
    run: Run,
    manifest: Manifest,
    model: FittedModel,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    values: dict[str, float],
    profile: Profile | None,
    champion: FittedModel | None,
    number: int | None,
) -> Evaluation:
    signature = model.signature
    truth = target_array(holdout, signature)
    own = answers_of(model, holdout)
    beside, unasked = _beside(champion, holdout)
    held = HeldOut(
        frame=holdout,
        rows=_rows(truth, own, signature),
        probable=own.probabilities is not None,
        champion=None if beside is None else _rows(truth, beside, signature),
        champion_number=number if beside is not None else None,
    )
    found = evaluate(
        held,
        signature,
        values=values,
        scores=lambda rows: scores(answers_of(model, rows), signature),
        main=next((gate.metric for gate in manifest.gates if gate.metric in values), None),
        kpis=_kpis(manifest, holdout, truth, own, beside),
        profile=profile,
        slices=lambda: _slices(manifest, held.rows, holdout, train, signature),
        data=_data(state, artifacts, run, {TRAIN: train, HOLDOUT: holdout}, signature.time),
        seed=manifest.training.seed,
    )
    return replace(found, notes=(*found.notes, *unasked))


def _beside(champion: FittedModel | None, holdout: pl.DataFrame) -> tuple[Answers | None, tuple[str, ...]]:
    """The champion's answers to the same rows, or why there are none."""
    if champion is None:
        return None, ()
    try:
        return answers_of(champion, holdout), ()
    except QuarterdeckError as error:
        return None, (f"the champion on the same rows: {error.message}",)


def _rows(truth: Any, answers: Answers, signature: Signature) -> Rows:
    return Rows.check(signature.task, truth, scores(answers, signature), classes=signature.classes)


def scores(answers: Answers, signature: Signature) -> Floats:
    """(rows,), or (rows, classes) for several classes; labels without probabilities count as 1 and 0."""
    if signature.task is not Task.MULTICLASS:
        return answers.scores
    if answers.probabilities is not None:
        return answers.probabilities
    return np.array([[float(label == name) for name in signature.classes or ()] for label in answers.labels or ()])


def _kpis(
    manifest: Manifest, holdout: pl.DataFrame, truth: Any, own: Answers, beside: Answers | None
) -> dict[str, KpiFigure]:
    """The user's KPIs on any part of the rows."""

    def on(kpi: Kpi, answers: Answers) -> Callable[[Indices], float]:
        predicted = np.asarray(answers.labels if answers.labels is not None else answers.values)
        return lambda at: kpi(truth[at], predicted[at], holdout[at.tolist()] if kpi.takes_rows else None)

    return {
        name: KpiFigure(own=on(kpi, own), champion=None if beside is None else on(kpi, beside))
        for name, kpi in load_kpis(manifest).items()
    }


def _slices(
    manifest: Manifest, rows: Rows, holdout: pl.DataFrame, train: pl.DataFrame, signature: Signature
) -> SliceReport:
    """The slices of the columns that the manifest names, and the worst of everything that the model looks at."""
    columns, least = manifest.evaluation.slices, manifest.evaluation.minimum_rows
    named, small, left_out = measure_slices(rows, holdout, train, columns, minimum_rows=least)
    searched = tuple(dict.fromkeys((*columns, *signature.names)))
    worst, looked_at = worst_slices(rows, holdout, train, searched, minimum_rows=least, rate=RATE)
    return SliceReport(
        rows=holdout.height,
        loss=DEFAULT_LOSS[rows.task],
        minimum_rows=least,
        rate=RATE,
        named=named,
        worst=worst,
        looked_at=looked_at,
        small=small,
        left_out=left_out,
    )


def _data(
    state: State, artifacts: ArtifactStore, run: Run, frames: dict[str, pl.DataFrame], moment: str | None
) -> tuple[DataSet, ...]:
    """The frames with the hashes under which the run kept them."""
    known = split_hashes(state, artifacts, run.id)
    return tuple(data_set(name, frame, moment, known.get(name)) for name, frame in frames.items())
