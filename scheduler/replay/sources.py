"""The sample data as it arrived: what is there at the start, each week's new files, and the requests of each day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck import sample_data
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.pipeline.loading import load_functions

FEATURES = "features"  # the step whose rows are what a client sends


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A sample table: the column of its event time, and of when a row was complete (its label known)."""

    name: str
    time: str
    known: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """One pipeline's traffic: its tables, and when training data ends and requests begin."""

    pipeline: str
    tables: tuple[Table, ...]
    main: str  # the table whose rows are predicted
    begin: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One row to predict. Times count from the stream's beginning: streams of different years are played together."""

    endpoint: str
    at: timedelta
    row: dict[str, Any]
    label: Any
    known_at: timedelta  # when the label was known


STREAMS = (
    Stream(
        pipeline="flights",
        tables=(
            Table(name="flights", time="scheduled", known="arrived"),
            Table(name="weather", time="time", known="time"),
        ),
        main="flights",
        begin=datetime(2013, 4, 4, tzinfo=UTC),  # a Thursday, as windows of a week begin
    ),
    Stream(
        pipeline="fuel",
        tables=(Table(name="fuel", time="reported", known="measured"),),
        main="fuel",
        begin=datetime(2025, 4, 3, tzinfo=UTC),
    ),
)


def read_samples() -> dict[str, pl.DataFrame]:
    """The shipped tables by name."""
    names = {table.name for stream in STREAMS for table in stream.tables}
    return {name: pl.read_parquet(sample_data.path(f"{name}.parquet")) for name in sorted(names)}


def write_known(
    data: Path,
    samples: Mapping[str, pl.DataFrame],
    stream: Stream,
    *,
    after: datetime | None,
    until: datetime,
) -> None:
    """Put the rows that became known in (after, until] into the data folder, as one more file for each table."""
    for table in stream.tables:
        known = pl.col(table.known) <= until
        if after is not None:
            known &= pl.col(table.known) > after
        rows = samples[table.name].filter(known)
        if rows.is_empty():
            continue
        folder = data / table.name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{until:%Y-%m-%d}.parquet"
        partial = folder / f".{target.name}.partial"  # a run may read the folder at any time
        rows.write_parquet(partial)
        partial.rename(target)


def requests_of(
    manifest: Manifest, stream: Stream, samples: Mapping[str, pl.DataFrame], names: tuple[str, ...]
) -> list[Request]:
    """Every request of a stream from its beginning on, in the order of their time.

    The features are computed by the pipeline's own function, the one that training uses; `names` are the fields that
    the model takes.
    """
    main = next(table for table in stream.tables if table.name == stream.main)
    known = {row[0]: row[1] for row in samples[stream.main].select(manifest.entity, main.known).iter_rows()}
    frame = _features(manifest, samples).filter(pl.col(main.time) >= stream.begin).sort(main.time)
    assert manifest.entity is not None
    return [
        Request(
            endpoint=manifest.name,
            at=row[main.time] - stream.begin,
            row={name: row[name] for name in names}
            | {manifest.entity: row[manifest.entity], main.time: row[main.time].isoformat()},
            label=row[manifest.target],
            known_at=known[row[manifest.entity]] - stream.begin,
        )
        for row in frame.iter_rows(named=True)
    ]


def _features(manifest: Manifest, samples: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The features step of the pipeline, on whole sample tables: it looks at what was known before each row only."""
    read = {
        step.name: samples[Path(step.settings["source"]).name] for step in manifest.steps if step.uses == "read_table"
    }
    result: pl.DataFrame = load_functions(manifest)[FEATURES](**read)
    return result


def by_day(requests: list[Request]) -> list[list[Request]]:
    """Requests of each day, in the order of their time."""
    days: list[list[Request]] = []
    for request in sorted(requests, key=lambda request: request.at):
        index = request.at // timedelta(days=1)
        while len(days) <= index:
            days.append([])
        days[index].append(request)
    return days
