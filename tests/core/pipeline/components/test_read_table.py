from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.errors import StepError, UsageError
from quarterdeck.core.pipeline.components.read_table import read_table


@pytest.fixture
def place(info: Any) -> Any:
    made = info()
    for number in (1, 2):
        times = [datetime(2024, number, 1, tzinfo=UTC) + timedelta(days=day) for day in range(20)]
        frame = pl.DataFrame({"at": times, "a": [number] * 20})
        (made.workspace / "parts").mkdir(exist_ok=True)
        frame.write_parquet(made.workspace / "parts" / f"{number}.parquet")
        frame.write_csv(made.workspace / f"{number}.csv")
    return made


@pytest.mark.parametrize("source", ["parts", "parts/*.parquet", "[12].csv"])
def test_a_folder_and_a_glob_are_read_whole_in_the_order_of_names(place: Any, source: str) -> None:
    frame = read_table(source=source, pipeline=place)
    assert frame["a"].to_list() == [1] * 20 + [2] * 20
    assert frame["at"].dtype.is_temporal()


def test_an_absolute_path_is_read_too(place: Any) -> None:
    assert read_table(source=str(place.workspace / "1.csv"), pipeline=place).height == 20
    assert read_table(source=str(place.workspace / "*.csv"), pipeline=place).height == 40


def test_last_keeps_the_rows_within_so_much_of_the_newest_both_ends_included(place: Any) -> None:
    frame = read_table(source="parts", last="3d", pipeline=place)
    assert [moment.day for moment in frame["at"]] == [17, 18, 19, 20]


def test_last_needs_a_time_column_and_a_duration(place: Any, info: Any) -> None:
    with pytest.raises(StepError, match="needs the time"):
        read_table(source="parts", last="3d", pipeline=info(time=None))
    with pytest.raises(StepError, match="not a date or a time"):
        read_table(source="parts", last="3d", pipeline=info(time="a"))
    with pytest.raises(UsageError, match="not a duration"):
        read_table(source="parts", last="soon", pipeline=place)


def test_what_is_not_there_or_of_another_kind_is_refused(place: Any) -> None:
    with pytest.raises(StepError, match=r"no file 'nothing\.parquet'.*relative to the workspace"):
        read_table(source="nothing.parquet", pipeline=place)
    (place.workspace / "a.xlsx").write_bytes(b"")
    with pytest.raises(StepError, match=r"a\.xlsx is neither"):
        read_table(source="a.xlsx", pipeline=place)
    (place.workspace / "bad.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(StepError, match="cannot be read"):
        read_table(source="bad.parquet", pipeline=place)
