"""A version's performance reference: learned from its held-out rows at registration, and kept as an artifact."""

from __future__ import annotations

import logging
import time

import polars as pl

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import EvaluationSpec
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.describe import target_array
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.performance.learning import HeldOut, learn
from quarterdeck.scheduler.assessment import answers_of, scores_of
from quarterdeck.store.artifacts import Artifact, ArtifactStore

log = logging.getLogger(__name__)

KIND = "performance"  # of the artifact


def keep_reference(
    artifacts: ArtifactStore,
    model: FittedModel,
    *,
    train: pl.DataFrame,
    holdout: pl.DataFrame,
    evaluation: EvaluationSpec,
) -> Artifact | None:
    """Learn and keep; None where nothing can be learned: a version is not refused for it, and the log says why."""
    began = time.perf_counter()
    signature = model.signature
    try:
        score = scores_of(answers_of(model, holdout), signature)
        rows = Rows.check(signature.task, target_array(holdout, signature), score, classes=signature.classes)
        columns = {name: holdout[name].to_list() for name in signature.names}
        held = HeldOut(rows=rows, columns=columns, frame=holdout)
        found = learn(held, signature, train=train, slices=evaluation.slices, minimum_rows=evaluation.minimum_rows)
    except QuarterdeckError as error:
        log.error("the performance of its windows will have no reference: %s", error)
        return None
    if found.silent:
        log.warning("performance without labels: %s", found.silent)
    log.info("performance reference: learned in %.1f s", time.perf_counter() - began)
    return artifacts.put(found.to_bytes())
