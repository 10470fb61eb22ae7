"""The folder of sample data as a whole: what ships, its size, and that it is documented."""

import polars as pl
import pytest

from quarterdeck import sample_data

SHIPPED = ["flights.parquet", "weather.parquet", "fuel.parquet", "fuel.truth.json"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_has_a_path(name: str) -> None:
    assert sample_data.path(name).stat().st_size > 0


def test_asking_for_a_file_that_does_not_ship_names_those_that_do() -> None:
    with pytest.raises(FileNotFoundError, match=r"'flight\.parquet'.*flights\.parquet"):
        sample_data.path("flight.parquet")


def test_the_data_stays_under_four_megabytes() -> None:
    assert sum(sample_data.path(name).stat().st_size for name in SHIPPED) < 4_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_the_origin_of_every_file_and_the_meaning_of_every_column_is_documented(name: str) -> None:
    page = (sample_data.FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    if name.endswith(".parquet"):
        table = sample_data.path(name)
        assert f"{pl.scan_parquet(table).select(pl.len()).collect().item():,}" in page
        for column in pl.read_parquet_schema(table):
            assert f"| `{column}` |" in page
