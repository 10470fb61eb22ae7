"""People's labels as a table, and on the rows that they are about."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.components.join_labels import join_labels
from quarterdeck.core.pipeline.components.review_labels import fingerprint, labels_file, review_labels
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Info = Callable[..., PipelineInfo]


def write(pipeline: PipelineInfo, *labels: tuple[str | None, datetime, Any]) -> None:
    """Labels of (entity, time, label), each given a minute after the one before."""
    lines = [
        {
            "prediction": f"p{number}", "version": 1, "entity": entity, "label": label, "answer": 0, "by": ["ann"],
            "time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "probability": 0.01,
            "decided_at": (AT + timedelta(minutes=number)).isoformat(), "inputs": {"wind": 10.5, "carrier": "AA"},
        }
        for number, (entity, at, label) in enumerate(labels)
    ]  # fmt: skip
    path = labels_file(pipeline)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def rows(*times: datetime, trips: list[Any] | None = None) -> pl.DataFrame:
    trips = trips or ["a"] * len(times)
    return pl.DataFrame({"trip": trips, "at": list(times), "y": [0] * len(times), "wind": [1.0] * len(times)})


def test_labels_come_with_what_was_asked_and_the_chance_of_being_chosen(info: Info) -> None:
    pipeline = info()
    write(pipeline, ("a", AT, 1))
    (row,) = review_labels(pipeline=pipeline).to_dicts()
    assert row == {
        "prediction": "p0", "version": 1, "review_entity": "a", "review_time": AT, "decided_at": AT,
        "review_probability": 0.01, "y": 1, "wind": 10.5, "carrier": "AA",
    }  # fmt: skip


def test_without_a_label_the_table_is_empty_and_changes_no_row(info: Info) -> None:
    pipeline = info()
    empty = review_labels(pipeline=pipeline)
    assert empty.height == 0 and empty["y"].dtype == pl.Int64
    frame = rows(AT, AT + timedelta(hours=1))
    assert join_labels(frame, empty, pipeline=pipeline).equals(frame)
    assert join_labels(frame, empty, within="1h", pipeline=pipeline).equals(frame)


def test_a_label_takes_the_targets_place_where_entity_and_time_are_its_own(info: Info) -> None:
    pipeline = info()
    write(pipeline, ("a", AT, 1), ("b", AT, 1))
    frame = rows(AT, AT + timedelta(hours=1), AT, trips=["a", "a", "c"])
    found = join_labels(frame, review_labels(pipeline=pipeline), pipeline=pipeline)
    assert found["y"].to_list() == [1, 0, 0] and found.columns == frame.columns


def test_the_label_that_was_given_last_counts(info: Info) -> None:
    pipeline = info()
    write(pipeline, ("a", AT, 0), ("a", AT, 1))
    assert join_labels(rows(AT), review_labels(pipeline=pipeline), pipeline=pipeline)["y"].to_list() == [1]


def test_within_a_while_each_row_takes_the_nearest_label_of_its_entity(info: Info) -> None:
    pipeline = info()
    write(pipeline, ("a", AT, 1), ("a", AT + timedelta(hours=3), 2))
    minutes = [-90, -30, 80, 100, 200, 400]
    frame = rows(*(AT + timedelta(minutes=m) for m in minutes)).vstack(rows(AT, trips=["b"]))
    found = join_labels(frame, review_labels(pipeline=pipeline), within="1h", pipeline=pipeline)
    assert found["y"].to_list() == [0, 1, 0, 0, 2, 0, 0]


def test_times_without_a_zone_are_utc_and_days_are_their_midnight(info: Info) -> None:
    pipeline = info()
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    write(pipeline, ("a", midnight, 1))
    labels = review_labels(pipeline=pipeline)
    for time in (datetime(2026, 3, 1), date(2026, 3, 1)):  # noqa: DTZ001 - as a file without zones has it
        frame = pl.DataFrame({"trip": ["a"], "at": [time], "y": [0]})
        assert join_labels(frame, labels, pipeline=pipeline)["y"].to_list() == [1]


def test_an_entity_that_is_a_number_is_found_and_without_times_it_is_enough(info: Info) -> None:
    pipeline = info(time=None)
    write(pipeline, ("17", AT, 1))
    frame = pl.DataFrame({"trip": [17, 18], "wind": [1.0, 2.0]})
    found = join_labels(frame, review_labels(pipeline=pipeline), pipeline=pipeline)
    assert found["y"].to_list() == [1, None]


def test_a_frame_of_pandas_is_taken_too_and_strings_and_values_stay_what_they_are(info: Info) -> None:
    pd = pytest.importorskip("pandas")
    pipeline = info(Task.MULTICLASS)
    write(pipeline, ("a", AT, "high"))
    frame = pd.DataFrame({"trip": ["a"], "at": [AT], "y": ["low"]})
    assert join_labels(frame, review_labels(pipeline=pipeline), pipeline=pipeline)["y"].to_list() == ["high"]
    fuel = info(Task.REGRESSION)
    write(fuel, ("a", AT, 2.5))
    assert join_labels(rows(AT).with_columns(y=pl.lit(1.0)), review_labels(pipeline=fuel), pipeline=fuel)["y"][0] == 2.5


def test_more_labels_are_another_key_in_the_cache(info: Info) -> None:
    pipeline = info()
    before = fingerprint({}, pipeline)
    write(pipeline, ("a", AT, 1))
    assert fingerprint({}, pipeline) != before


def test_what_cannot_be_joined_is_refused(info: Info, tmp_path: Path) -> None:
    pipeline = info()
    labels = review_labels(pipeline=pipeline)
    with pytest.raises(StepError, match="what a row is about"):
        join_labels(rows(AT), labels, pipeline=info(entity=None))
    with pytest.raises(StepError, match="no column 'at'"):
        join_labels(rows(AT).drop("at"), labels, pipeline=pipeline)
    with pytest.raises(StepError, match="review_entity"):
        join_labels(rows(AT), rows(AT), pipeline=pipeline)
    with pytest.raises(StepError, match="not a date or a time"):
        join_labels(rows(AT).with_columns(at=pl.lit(1)), labels, pipeline=pipeline)
