"""Rows of the log as columns: read in bulk where they fit the fields, one by one where they do not."""

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

import polars as pl

from quarterdeck.scheduler.batch.export_table import INPUT, Table, schema_of

FIELDS = {"x": "number", "deck": "integer", "port": "string", "heavy": "boolean"}
NAMES = (
    "id", "endpoint", "version", "arm", "entity", "event_at", "at", "latency_us", "inputs", "answer", "score",
    "probabilities", "label", "labelled_at",
)  # fmt: skip
Row = namedtuple("Row", NAMES)  # as the database gives them


def row(inputs: Any, *, answer: Any = 1, label: str | None = None, probabilities: str | None = None) -> Row:
    text = inputs if isinstance(inputs, str) else json.dumps(inputs)
    labelled_at = None if label is None else 7
    return Row("i", "e", 1, "champion", None, -5, 5, 1_500, text, json.dumps(answer), 0.5, probabilities, label,
               labelled_at)  # fmt: skip


def inputs(*rows: Row) -> list[tuple[Any, ...]]:
    found, kinds = Table(FIELDS, "integer").columns(rows), schema_of(FIELDS, "integer")
    frame = pl.DataFrame(
        [pl.Series(name, found[INPUT + name], dtype=kinds[INPUT + name], strict=False) for name in FIELDS]
    )
    return frame.rows()


def test_what_fits_the_fields_is_read_as_it_was_sent() -> None:
    sent = {"x": 1, "deck": 2, "port": "oslo", "heavy": True}
    assert inputs(row(sent), row({"x": 0.25, "other": [1]}), row("")) == [
        (1.0, 2, "oslo", True), (0.25, None, None, None), (None, None, None, None),
    ]  # fmt: skip


def test_a_row_of_another_kind_is_read_too_and_its_neighbours_stay_as_they_are() -> None:
    assert inputs(row({"x": 0.5, "deck": 3.0}), row({"port": 17})) == [
        (0.5, 3, None, None), (None, None, "17", None),
    ]  # fmt: skip


def test_answers_labels_and_times() -> None:
    found = Table({}, "string").columns([row({}, answer="a", label='"b"', probabilities="[0.25,0.75]"), row({})])
    assert (found["answer"], found["label"]) == (["a", "1"], ["b", None])
    assert found["probabilities"] == [[0.25, 0.75], None]
    assert found["labelled_at"].to_list()[1] is None
    assert found["event_at"].dt.epoch("us").to_list() == [-5, -5]
    assert found["latency_ms"].to_list() == [1.5, 1.5]
