"""What answers for a model of any kind, remote ones among them."""

from __future__ import annotations

from typing import Any

from quarterdeck.core.models.kinds import predictor_of
from quarterdeck.core.models.predictors import Predictor
from quarterdeck.core.models.remote import RemoteModel
from quarterdeck.core.models.signature import Signature


def predictor_for(estimator: Any, signature: Signature) -> Predictor:
    """The predictor of a FittedModel's estimator."""
    if isinstance(estimator, RemoteModel):
        from quarterdeck.scheduler.remote import RemotePredictor  # here: HTTP, only where a remote model answers

        return RemotePredictor(estimator, signature)
    return predictor_of(estimator, signature)
