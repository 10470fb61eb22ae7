"""From what was found to a draft of a version: described, tried, measured and judged on labelled rows where there are.

Artifacts are kept as they are made (bytes under their own hash harm nobody); the registry is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.core.errors import RefusedError, StepError
from quarterdeck.core.gate_sets import GateSet
from quarterdeck.core.gates import GateResult, overall
from quarterdeck.core.manifest import EvaluationSpec, GateSpec, Manifest
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import ANSWERS_ITSELF, OnnxModel, engine_of, kind_of
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.reference import reference_rows
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.profile import build_profile
from quarterdeck.core.registry import STANDING_OF, Version
from quarterdeck.core.values import Direction, Outcome
from quarterdeck.scheduler import expected as expecting
from quarterdeck.scheduler.assessment import Assessment, JudgeServing, answers_of, assess
from quarterdeck.scheduler.engines import predictor_for
from quarterdeck.scheduler.gate_serving import judge_serving, served_of
from quarterdeck.scheduler.importing.describe import describe
from quarterdeck.scheduler.importing.request import Beside, Found, ImportRequest
from quarterdeck.scheduler.reference import KIND as PERFORMANCE
from quarterdeck.scheduler.reference import keep_reference
from quarterdeck.scheduler.serving.live import sample_row
from quarterdeck.store.artifacts import Artifact, ArtifactStore
from quarterdeck.store.codecs import put_value


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where artifacts are kept, and where that is."""

    store: ArtifactStore
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A version that only wants its number, and the artifacts it is made of: (sha256, kind, size)."""

    draft: Version
    artifacts: tuple[tuple[str, str, int], ...]
    judged_rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """What the gates hold it against: the champion, the gates as they stand, and the time of the act."""

    champion: FittedModel | None
    gate_set: GateSet | None
    now: datetime


def prepare(found: Found, request: ImportRequest, beside: Beside, against: Against, place: Place) -> Prepared:
    """RefusedError (or StepError) where the model does not answer the rows it is tried on; nothing is registered."""
    model = make_model(found, request, beside)
    encoded = put_value(place.store, model, step="import")
    made = [(part.sha256, part.kind, len(part.data)) for part in encoded.parts()]
    onnx, reason, difference = _served_by(model, place)
    if onnx is not None:
        made.append(onnx)
    judged = _judge(model, beside, against, place, encoded.sha256, None if onnx is None else onnx[0])
    profile = _profile(model, beside.rows, place)
    if profile is not None:
        made.append(profile)
    expected = expecting.keep_expected(place.store, model)
    if expected is not None:
        made.append((expected.sha256, expecting.KIND, expected.size))
    performance = _performance(model, beside, place)
    if performance is not None:
        made.append((performance.sha256, PERFORMANCE, performance.size))
    kind = kind_of(model.estimator)
    gate_set = against.gate_set if beside.manifest is not None and beside.rows is not None else None
    draft = Version(
        model=request.name, number=0, state=STANDING_OF[overall(judged.gates)], run_id=None, created=against.now,
        artifact=encoded.sha256, onnx=None if onnx is None else onnx[0],
        engine=engine_of(kind, converted=onnx is not None), kind=kind, engine_reason=reason,
        max_difference=difference, signature=model.signature, metrics=judged.metrics, verdicts=judged.gates,
        profile=None if profile is None else profile[0], gate_set=None if gate_set is None else gate_set.number,
        expected=None if expected is None else expected.sha256,
        performance=None if performance is None else performance.sha256,
        trained_from=model.trained_from, trained_to=model.trained_to, rows=model.rows,
        size_bytes=onnx[2] if onnx is not None else len(encoded.children[0].data), origin=found.origin,
    )  # fmt: skip
    return Prepared(draft=draft, artifacts=tuple(made), judged_rows=judged.rows)


def make_model(found: Found, request: ImportRequest, beside: Beside) -> FittedModel:
    """The model with its signature, once it has answered the rows it is tried on."""
    if found.model is not None:
        signature, reference = found.model.signature, found.model.reference
    else:
        signature = describe(found, request, beside)
        reference = _reference(signature, beside)
    tried = reference if reference.height else pl.DataFrame([sample_row(signature)], schema=_schema(signature))
    columns = {name: tried[name].to_list() for name in signature.names}
    estimator = found.make(signature, columns)
    _check_answers(predictor_for(estimator, signature).predict(columns), signature, tried.height)
    if found.model is not None:
        return found.model
    return FittedModel(
        estimator=estimator, signature=signature, reference=reference, trained_from=None, trained_to=None, rows=0,
        trusted=found.trusted,
    )  # fmt: skip


def _reference(signature: Signature, beside: Beside) -> pl.DataFrame:
    if beside.rows is not None and set(signature.names) <= set(beside.rows.columns):
        return reference_rows(beside.rows, signature, seed=0)
    if beside.like is not None:
        return beside.like.reference.select(signature.names)
    return pl.DataFrame(schema=_schema(signature))


def _schema(signature: Signature) -> dict[str, Any]:
    kinds: dict[FieldKind, Any] = {
        FieldKind.NUMBER: pl.Float64, FieldKind.INTEGER: pl.Int64, FieldKind.STRING: pl.String,
        FieldKind.BOOLEAN: pl.Boolean,
    }  # fmt: skip
    return {field.name: kinds[field.kind] for field in signature.fields}


def _check_answers(answers: Answers, signature: Signature, rows: int) -> None:
    """What no engine checks of scikit-learn's own estimators: they may be anything that has `predict`."""
    if len(answers.scores) != rows:
        raise StepError(
            f"it gave {len(answers.scores)} answers to {rows} rows", hint="does it predict several targets?"
        )
    if any(score != score or abs(score) == float("inf") for score in answers.scores.tolist()):
        raise StepError("it answers NaN or infinity", hint="do the rows have missing values that it cannot take?")
    strange = [label for label in answers.labels or () if label not in (signature.classes or ())]
    if strange:
        raise StepError(f"it answers {strange[0]!r}, which is none of the classes", hint="is it of this target?")


def _served_by(model: FittedModel, place: Place) -> tuple[tuple[str, str, int] | None, str, float | None]:
    """The ONNX form that will be served, if there is one, why, and how far it is from scikit-learn's answers."""
    if isinstance(model.estimator, OnnxModel):
        kept = place.store.put(model.estimator.data)
        return (kept.sha256, "onnx", kept.size), ANSWERS_ITSELF[kind_of(model.estimator)], None
    conversion = to_onnx(model)
    if conversion.onnx is None:
        return None, conversion.reason, conversion.max_difference
    kept = place.store.put(conversion.onnx)
    return (kept.sha256, "onnx", kept.size), conversion.reason, conversion.max_difference


def _judge(
    model: FittedModel, beside: Beside, against: Against, place: Place, artifact: str, onnx: str | None
) -> Assessment:
    signature = model.signature
    if beside.rows is None:
        return Assessment(rows=0, metrics={}, gates=(_not_judged(0, "no labelled rows were given"),))
    if signature.target not in beside.rows.columns:
        reason = f"the rows have no column {signature.target!r}"
        return Assessment(rows=0, metrics={}, gates=(_not_judged(0, reason),))
    _check_fields(signature, beside.rows, beside.manifest)
    rows = beside.rows.filter(pl.col(signature.target).is_not_null())
    if rows.is_empty():
        raise RefusedError(f"no row has a {signature.target!r}", hint="give rows whose outcome is known")
    if beside.manifest is None:
        measured = assess(_without_gates(signature), model, rows, None)
        reason = "the workspace has no pipeline of this name, and so no gates"
        return Assessment(rows=rows.height, metrics=measured.metrics, gates=(_not_judged(rows.height, reason),))
    gates = None if against.gate_set is None else against.gate_set.gates
    serving = _serving(model, beside.manifest.name, place, artifact, onnx)
    return assess(beside.manifest, model, rows, against.champion, gates=gates, judge_serving=serving)


def _check_fields(signature: Signature, rows: pl.DataFrame, manifest: Manifest | None) -> None:
    """The rows of a pipeline's source are not yet what its model takes."""
    missing = [name for name in signature.names if name not in rows.columns]
    if missing:
        how = (
            "" if manifest is None else f": `quarterdeck pipeline rows {manifest.name} --out rows.parquet` writes them"
        )
        raise RefusedError(
            f"the rows lack {', '.join(missing)}, which the model takes",
            hint=f"give rows as they are after the features step{how}",
        )


def _serving(model: FittedModel, name: str, place: Place, artifact: str, onnx: str | None) -> JudgeServing:
    def judge(gates: Sequence[GateSpec], expected: Answers) -> list[GateResult]:
        served = served_of(place.url, name, model, artifact=artifact, onnx=onnx)
        return judge_serving(gates, served, expected, place.store)

    return judge


def _without_gates(signature: Signature) -> Manifest:
    return Manifest(name="import", task=signature.task, target=signature.target, steps=(), folder=Path())


def _not_judged(rows: int, reason: str) -> GateResult:
    """HOLD, so that nobody takes it for a model that passed."""
    return GateResult(
        gate="judged by its gates", metric="labelled_rows", outcome=Outcome.HOLD, statistic=None, threshold=None,
        direction=Direction.HIGHER, n=rows, reason=f"not judged: {reason}",
    )  # fmt: skip


def _performance(model: FittedModel, beside: Beside, place: Place) -> Artifact | None:
    """What labelled rows teach about its performance; without any, its windows have no reference."""
    rows, signature = beside.rows, model.signature
    if rows is None or not {*signature.names, signature.target} <= set(rows.columns):
        return None
    labelled = rows.filter(pl.col(signature.target).is_not_null())
    evaluation = EvaluationSpec() if beside.manifest is None else beside.manifest.evaluation
    return keep_reference(place.store, model, train=rows, holdout=labelled, evaluation=evaluation)


def _profile(model: FittedModel, rows: pl.DataFrame | None, place: Place) -> tuple[str, str, int] | None:
    """What the rows look like, for drift; without rows the monitor has nothing to compare with."""
    if rows is None or not set(model.signature.names) <= set(rows.columns):
        return None
    columns = {name: rows[name].to_list() for name in model.signature.names}
    answers = answers_of(model, rows)
    target = rows[model.signature.target].to_list() if model.signature.target in rows.columns else None
    profile = build_profile(columns, model.signature, answers.scores, answers=answers.labels, target=target)
    kept = place.store.put(json.dumps(profile.to_json(), sort_keys=True).encode())
    return kept.sha256, "profile", kept.size
