"""A fitted model with what is known about it: the value that a `fit` step gives to the steps after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from quarterdeck.core.models.signature import Signature


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FittedModel:
    """`estimator` is scikit-learn's, or a model of another kind (kinds.py asks either); `reference` keeps the
    columns as they came.
    """

    estimator: Any  # a fitted scikit-learn Pipeline or estimator, an OnnxModel, a RulesModel or a RemoteModel
    signature: Signature
    reference: pl.DataFrame  # about 200 rows with the signature's columns, edges among them
    trained_from: datetime | None  # UTC; the earliest and the latest training row
    trained_to: datetime | None
    rows: int  # rows it was trained on; 0: not known
    trusted: tuple[str, ...] = ()  # types in the estimator that a person trusted beyond skops_io.TRUSTED
