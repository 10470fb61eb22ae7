"""The labels that people gave in the review queue, as a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.review import LABELS_FOLDER
from quarterdeck.core.values import Task

STATE = ".quarterdeck"  # of the workspace
_OWN: dict[str, Any] = {
    "prediction": pl.String,
    "version": pl.Int64,
    "review_entity": pl.String,
    "review_time": pl.Datetime("us", "UTC"),
    "decided_at": pl.Datetime("us", "UTC"),
    "review_probability": pl.Float64,
}


def review_labels(*, pipeline: PipelineInfo) -> pl.DataFrame:
    """One row a label, the oldest first: `prediction`, `version`, `review_entity` (as text), `review_time` (the event
    time, UTC), `decided_at`, `review_probability` (with which it was chosen), the pipeline's target, and every input of
    the prediction under its name.

    Without a label yet it has no rows. Inputs that bear the name of one of these columns are left out.
    """
    rows = [json.loads(line) for line in _read(pipeline).splitlines()]
    target = pl.Series(pipeline.target, [row["label"] for row in rows], dtype=_dtype(rows, pipeline.task))
    own = pl.DataFrame(
        {
            "prediction": [row["prediction"] for row in rows],
            "version": [row["version"] for row in rows],
            "review_entity": [row["entity"] for row in rows],
            "review_time": [row["time"] for row in rows],
            "decided_at": [row["decided_at"] for row in rows],
            "review_probability": [row["probability"] for row in rows],
        },
        schema={name: pl.String if isinstance(kind, pl.Datetime) else kind for name, kind in _OWN.items()},
    ).with_columns(
        pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC") for name in ("review_time", "decided_at")
    )
    taken = {*own.columns, pipeline.target}
    names = [name for name in dict.fromkeys(name for row in rows for name in row["inputs"]) if name not in taken]
    inputs = [pl.Series(name, [row["inputs"].get(name) for row in rows], strict=False) for name in names]
    return own.with_columns(target, *inputs)


def labels_file(pipeline: PipelineInfo) -> Path:
    """Where the daemon keeps them."""
    return pipeline.workspace / STATE / LABELS_FOLDER / f"{pipeline.name}.jsonl"


def fingerprint(_: Mapping[str, Any], pipeline: PipelineInfo) -> str:
    """SHA-256 (hex) of the labels: new ones are another table."""
    return hashlib.sha256(_read(pipeline).encode()).hexdigest()


def _read(pipeline: PipelineInfo) -> str:
    try:
        return labels_file(pipeline).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        hint = "the daemon makes the file again when it starts and the file is gone"
        raise StepError(f"The labels cannot be read: {error}", where=str(labels_file(pipeline)), hint=hint) from error


def _dtype(rows: list[dict[str, Any]], task: Task) -> Any:
    if task is Task.REGRESSION:
        return pl.Float64
    return pl.Int64 if all(isinstance(row["label"], int) for row in rows) else pl.String


review_labels.fingerprint = fingerprint  # type: ignore[attr-defined]  # how cache.py finds it
