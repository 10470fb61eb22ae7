"""From a finished run to a version: measured, held against its gates and the champion, converted, registered.

Everything is computed before anything is written; the version, its place and the ledger entries are one transaction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import polars as pl
from sqlalchemy import Connection

from quarterdeck.core.gates import GateResult, overall
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest, Promotion, Strategy
from quarterdeck.core.models.convert import to_onnx
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import engine_of, kind_of
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.profile import build_profile
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout_spec import with_strategy
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Alias, Outcome, VersionState
from quarterdeck.scheduler import expected as expecting
from quarterdeck.scheduler.assessment import Assessment, JudgeServing, answers_of, assess
from quarterdeck.scheduler.evaluation import KIND, champion_number, keep_evaluation
from quarterdeck.scheduler.gate_serving import judge_serving, served_of
from quarterdeck.scheduler.reference import KIND as PERFORMANCE
from quarterdeck.scheduler.reference import keep_reference
from quarterdeck.scheduler.state import State
from quarterdeck.store import gate_sets, promotion, registry, rollouts, steps
from quarterdeck.store.artifacts import Artifact, ArtifactStore

log = logging.getLogger(__name__)

STATE_OF = {
    Outcome.PASS: VersionState.ACCEPTED,
    Outcome.FAIL: VersionState.REJECTED,
    Outcome.HOLD: VersionState.CANDIDATE,
}


def deliver(
    state: State,
    artifacts: ArtifactStore,
    run: Run,
    manifest: Manifest,
    *,
    model: FittedModel,
    model_sha: str,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    champion: FittedModel | None,
    now: datetime,
) -> Version:
    """Judge a model and register it. `champion` is the model it is compared with on the same held-out rows.

    The newest version is given back where this is the same model, byte for byte, with the same outcome.
    """
    beaten = champion_number(state, manifest.name)
    conversion = to_onnx(model)
    onnx = None if conversion.onnx is None else artifacts.put(conversion.onnx)
    with state.database.read() as tx:
        gate_set = gate_sets.of_manifest(tx, manifest)
    assessment = assess(
        manifest,
        model,
        holdout,
        champion,
        gates=None if gate_set is None else gate_set.gates,
        train=train,
        judge_serving=_serving_judge(state, artifacts, manifest.name, model, model_sha, onnx),
    )
    kept = _keep(state, artifacts, run, manifest, model, train, holdout, champion, beaten, assessment)
    draft = Version(
        model=manifest.name,
        number=0,
        state=STATE_OF[overall(assessment.gates)],
        run_id=run.id,
        created=now,
        artifact=model_sha,
        onnx=None if onnx is None else onnx.sha256,
        engine=engine_of(kind_of(model.estimator), converted=onnx is not None),
        kind=kind_of(model.estimator),
        engine_reason=conversion.reason,
        max_difference=conversion.max_difference,
        signature=model.signature,
        metrics=assessment.metrics,
        verdicts=assessment.gates,
        profile=kept.profile.sha256,
        evaluation=None if kept.evaluation is None else kept.evaluation.sha256,
        expected=None if kept.expected is None else kept.expected.sha256,
        performance=None if kept.performance is None else kept.performance.sha256,
        gate_set=None if gate_set is None else gate_set.number,
        trained_from=model.trained_from,
        trained_to=model.trained_to,
        rows=model.rows,
        size_bytes=kept.profile.size if onnx is None else onnx.size,
    )
    with state.database.write() as tx:
        known = next(iter(registry.versions(tx, model=manifest.name, limit=1)), None)
        if known is not None and known.artifact == model_sha and overall(known.verdicts) is overall(draft.verdicts):
            log.info("the model is the same as %s, and its gates say the same: nothing new", known.reference)
            return known
        for artifact, kind in ((onnx, "onnx"), *kept.kinds()):
            if artifact is not None:
                steps.record_artifact(tx, artifact.sha256, kind=kind, size=artifact.size, now=now)
        return _register(tx, state, run, manifest, draft, assessment, now)


class _Kept(NamedTuple):
    """What is kept beside a model, as artifacts."""

    profile: Artifact
    evaluation: Artifact | None
    expected: Artifact | None
    performance: Artifact | None

    def kinds(self) -> tuple[tuple[Artifact | None, str], ...]:
        return (
            (self.profile, "profile"),
            (self.evaluation, KIND),
            (self.expected, expecting.KIND),
            (self.performance, PERFORMANCE),
        )


def _keep(
    state: State,
    artifacts: ArtifactStore,
    run: Run,
    manifest: Manifest,
    model: FittedModel,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    champion: FittedModel | None,
    number: int | None,
    assessment: Assessment,
) -> _Kept:
    unseen = answers_of(model, holdout)
    profile = build_profile(
        {name: train[name].to_list() for name in model.signature.names},
        model.signature,
        unseen.scores,
        answers=unseen.labels,
        target=train[model.signature.target].to_list() if model.signature.target in train.columns else None,
    )
    evaluation = keep_evaluation(
        state,
        artifacts,
        run,
        manifest,
        model=model,
        train=train,
        holdout=holdout,
        values=assessment.metrics,
        profile=profile,
        champion=champion,
        number=number,
    )
    return _Kept(
        profile=artifacts.put(json.dumps(profile.to_json(), sort_keys=True).encode()),
        evaluation=evaluation,
        expected=expecting.keep_expected(artifacts, model),
        performance=keep_reference(artifacts, model, train=train, holdout=holdout, evaluation=manifest.evaluation),
    )


def _serving_judge(
    state: State, artifacts: ArtifactStore, name: str, model: FittedModel, model_sha: str, onnx: Artifact | None
) -> JudgeServing:
    place = str(state.settings.artifacts_url or state.workspace.artifacts)

    def judge(gates: Sequence[GateSpec], expected: Answers) -> list[GateResult]:
        served = served_of(place, name, model, artifact=model_sha, onnx=None if onnx is None else onnx.sha256)
        return judge_serving(gates, served, expected, artifacts)

    return judge


def _register(
    tx: Connection,
    state: State,
    run: Run,
    manifest: Manifest,
    draft: Version,
    assessment: Assessment,
    now: datetime,
) -> Version:
    evidence = {
        "run": run.id,
        "cause": run.cause,
        "holdout_rows": assessment.rows,
        "gates": [result.to_json() for result in assessment.gates],
    }
    audit = Audit(
        actor=run.requested_by,
        environment=state.environment,
        at=now,
        reason=_in_words(assessment.gates),
        evidence=evidence,
    )
    version = registry.register(tx, draft, audit)
    if version.state is VersionState.ACCEPTED:
        _place(tx, manifest, version, replace(audit, evidence={}))
    return registry.get(tx, version.model, version.number)


def _place(tx: Connection, manifest: Manifest, version: Version, audit: Audit) -> None:
    """Where an accepted version goes: on its rollout, in the champion's place, or nowhere until a person says so."""
    champion = registry.aliases(tx, version.model, audit.environment or "").get(Alias.CHAMPION)
    spec = manifest.rollout
    automatic = spec.promote is Promotion.AUTO
    checked = spec.service is not None  # by the server, before it is promoted or waits for a person
    if champion is None and automatic and not spec.approvals and not checked:
        audit = replace(audit, reason="accepted by its gates; the first champion")
        promotion.promote(tx, version.model, version.number, audit, saw_champion=None)
    elif champion is not None and spec.strategy is not Strategy.DIRECT:
        reason = f"accepted by its gates; compared with version {champion}"
        rollouts.begin(tx, version.model, version.number, spec, replace(audit, reason=reason))
    elif automatic or checked:
        audit = replace(audit, reason="accepted by its gates; direct rollout")
        direct = with_strategy(spec, Strategy.DIRECT)
        rollouts.settle(tx, rollouts.begin(tx, version.model, version.number, direct, audit), audit)


def _in_words(gates: tuple[GateResult, ...]) -> str:
    """The gates' outcome in one line."""
    if not gates:
        return "no gates"
    failed = [f"{result.outcome} {result.gate}" for result in gates if result.outcome is not Outcome.PASS]
    return "; ".join(failed) if failed else f"{len(gates)} of {len(gates)} gates passed"
