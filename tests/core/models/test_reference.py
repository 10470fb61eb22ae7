"""The rows that are kept with a model."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from quarterdeck.core.models.edges import check_columns
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.reference import ROWS, reference_rows
from quarterdeck.core.values import Task


def test_the_edges_of_every_column_are_among_them(rows: Any, info: Any) -> None:
    frame = rows(Task.BINARY)
    signature = infer_signature(frame, info(Task.BINARY))
    kept = reference_rows(frame, signature, seed=0)
    assert kept.height == ROWS
    assert kept.columns == list(signature.names)
    for field in signature.fields:
        column = kept[field.name]
        assert (column.null_count() > 0) is field.nullable
        if field.categories is not None:
            assert set(column.drop_nulls()) == set(field.categories)
        if field.minimum is not None:
            assert (column.min(), column.max()) == (field.minimum, field.maximum)


def test_the_same_seed_gives_the_same_rows_and_no_row_comes_twice(info: Any) -> None:
    frame = pl.DataFrame({"a": range(1000), "y": [0, 1] * 500})
    signature = infer_signature(frame, info(Task.BINARY))
    one, same, other = (reference_rows(frame, signature, seed) for seed in (1, 1, 2))
    assert_frame_equal(one, same)
    assert not one.equals(other)
    assert one["a"].n_unique() == ROWS


def test_fewer_rows_are_all_kept_and_many_categories_leave_room_for_ordinary_rows(info: Any) -> None:
    small = pl.DataFrame({"a": [1, 2, 3], "y": [0, 1, 0]})
    assert reference_rows(small, infer_signature(small, info(Task.BINARY)), 0).height == 3
    wide = pl.DataFrame({f"c{number}": [str(row % 200) for row in range(1000)] for number in range(5)})
    wide = wide.with_columns(y=pl.Series([0, 1] * 500))
    assert reference_rows(wide, infer_signature(wide, info(Task.BINARY)), 0).height == ROWS


def test_checks_keep_to_what_the_server_lets_through(rows: Any, info: Any) -> None:
    frame = rows(Task.BINARY)
    signature = infer_signature(frame, info(Task.BINARY))
    seen: dict[str, set[Any]] = {name: set() for name in signature.names}
    for columns in check_columns(reference_rows(frame, signature, 0), signature):
        assert len({len(values) for values in columns.values()}) == 1
        for name, values in columns.items():
            seen[name].update(values)
    for field in signature.fields:
        assert (None in seen[field.name]) is field.nullable
        if field.categories is not None:
            assert seen[field.name] - {None} == set(field.categories)
    speed = signature.fields[0]
    assert speed.minimum is not None and speed.maximum is not None
    assert min(seen["speed"] - {None}) < speed.minimum
    assert max(seen["speed"] - {None}) > speed.maximum
