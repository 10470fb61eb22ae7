"""A version's expected inputs: made of its model as training has it, and kept as an artifact."""

from __future__ import annotations

import logging

import polars as pl

from quarterdeck.core.models.expected import expected_inputs
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.kinds import kind_of
from quarterdeck.core.values import ModelKind
from quarterdeck.scheduler.engines import predictor_for
from quarterdeck.scheduler.serving.live import sample_row
from quarterdeck.store.artifacts import Artifact, ArtifactStore

log = logging.getLogger(__name__)

KIND = "expected"  # of the artifact


def keep_expected(artifacts: ArtifactStore, model: FittedModel) -> Artifact | None:
    """Ask the model its rows and keep the answers; None where it answers none of them.

    Rules and remote models are asked rows of the reference alone: nothing was converted that could differ at the edges,
    and what a function or another server does with such rows is not known.
    """
    reference = model.reference
    if reference.is_empty():
        reference = pl.DataFrame([sample_row(model.signature)], schema=dict(model.reference.schema) or None)
    edges = kind_of(model.estimator) in (ModelKind.SKLEARN, ModelKind.ONNX)
    found = expected_inputs(reference, model.signature, predictor_for(model.estimator, model.signature).predict,
                            edges=edges)  # fmt: skip
    if found is None:
        log.warning("the model answers none of the rows that the checks let pass: no expected inputs are kept")
        return None
    return artifacts.put(found.to_bytes())
