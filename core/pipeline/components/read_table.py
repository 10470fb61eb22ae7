"""Read a table from Parquet or CSV files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.info import PipelineInfo

SUFFIXES = (".parquet", ".csv")


def read_table(*, source: str, last: str | None = None, pipeline: PipelineInfo) -> pl.DataFrame:
    """Rows of `source`: a file, a folder or a glob, relative to the workspace; several files in the order of
    names.

    `last` ("120d") keeps the rows whose time is within so much of the newest row's; a row without a time is
    left out.
    """
    files = source_files(source, pipeline.workspace)
    try:
        frame = pl.concat([_read(path) for path in files], how="vertical_relaxed")
    except (PolarsError, OSError) as error:
        raise StepError(
            f"{source} cannot be read: {str(error).splitlines()[0]}", hint="open the file and look"
        ) from error
    return frame if last is None else _newest(frame, parse_duration(last), pipeline.time)


def source_files(source: str, workspace: Path) -> list[Path]:
    """The files that `source` names, sorted; StepError where there is none, or one of another kind."""
    path = workspace / source
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = [item for item in path.iterdir() if item.suffix in SUFFIXES]
    elif Path(source).is_absolute():
        found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    else:
        found = list(workspace.glob(source))
    files = sorted(item for item in found if item.is_file())
    if not files:
        raise StepError(
            f"There is no file {source!r}.",
            where=str(workspace),
            hint="the path is relative to the workspace",
        )
    strange = [item.name for item in files if item.suffix not in SUFFIXES]
    if strange:
        raise StepError(f"{strange[0]} is neither .parquet nor .csv.", where=str(workspace), hint="convert it first")
    return files


def fingerprint(settings: Mapping[str, Any], pipeline: PipelineInfo) -> str:
    """SHA-256 (hex) of the files' names and bytes: what the cache knows the table by."""
    digest = hashlib.sha256()
    for path in source_files(str(settings["source"]), pipeline.workspace):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()


def _read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False)
    return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None, glob=False)


def _newest(frame: pl.DataFrame, last: timedelta, time: str | None) -> pl.DataFrame:
    if time is None or time not in frame.columns:
        raise StepError(
            "`last` needs the time of each row.",
            hint="set pipeline.time to a column of the table, or leave last out",
        )
    if not frame[time].dtype.is_temporal():
        raise StepError(f"The time column {time!r} is {frame[time].dtype}, not a date or a time.")
    return frame.filter(pl.col(time) >= pl.col(time).max() - last)


read_table.fingerprint = fingerprint  # type: ignore[attr-defined]  # how cache.py finds it
