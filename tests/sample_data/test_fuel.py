"""The generated year of voyages: well formed, made again alike, and changed where the truth says so."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from quarterdeck.sample_data import fuel_physics, fuel_truth, make_fuel, path

UTC_TIME = pl.Datetime("us", "UTC")
FUEL = {
    "report_id": pl.String,
    "reported": UTC_TIME,
    "ship": pl.String,
    "speed_through_water": pl.Float64,
    "draft": pl.Float64,
    "wind_speed": pl.Float64,
    "wind_angle": pl.Float64,
    "wave_height": pl.Float64,
    "sea_temperature": pl.Float64,
    "measured": UTC_TIME,
    "fuel_rate": pl.Float64,
}


@pytest.fixture(scope="module")
def fuel() -> pl.DataFrame:
    return pl.read_parquet(path("fuel.parquet"))


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path("fuel.truth.json").read_text(encoding="utf-8"))
    return content


def changes(truth: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [change for change in truth["changes"] if change["kind"] == kind]


def listed_rows(change: dict[str, Any]) -> list[int]:
    """The row numbers of a change, from its runs."""
    spans = (run if isinstance(run, list) else [run, run] for run in change["rows"]["runs"])
    return [row for first, last in spans for row in range(first, last + 1)]


def test_fuel_has_the_documented_columns_and_none_that_gives_the_fouling_away(fuel: pl.DataFrame) -> None:
    assert dict(fuel.schema) == FUEL


def test_reports_are_unique_in_order_and_complete(fuel: pl.DataFrame) -> None:
    assert fuel["report_id"].is_unique().all()
    assert fuel["reported"].is_sorted()
    assert sum(fuel.null_count().row(0)) == 0
    assert not any(fuel.select(pl.selectors.float().is_nan().any()).row(0))
    assert 12_000 <= fuel.height <= 18_000


def test_the_fuel_of_a_watch_is_known_at_a_later_noon_and_within_two_days(fuel: pl.DataFrame) -> None:
    wait = (fuel["measured"] - fuel["reported"]).dt.total_minutes()
    assert wait.is_between(30, 26 * 60).all()
    assert (fuel["measured"].dt.hour().is_between(12, 13)).all()


def test_the_same_eight_ships_report_in_every_month(fuel: pl.DataFrame) -> None:
    fleet = {ship.name for ship in fuel_physics.FLEET}
    for month in fuel.with_columns(month=pl.col("reported").dt.month()).partition_by("month"):
        assert set(month["ship"]) == fleet


@pytest.mark.parametrize(
    "feature", ["speed_through_water", "draft", "wind_speed", "wind_angle", "wave_height", "sea_temperature"]
)
def test_features_keep_their_distribution_while_the_hulls_foul(fuel: pl.DataFrame, feature: str) -> None:
    month = fuel["reported"].dt.month()
    early = fuel.filter(month <= 3)[feature].to_numpy()
    for later in range(4, 13):
        shift = fuel.filter(month == later)[feature].to_numpy().mean() - early.mean()
        assert abs(shift) < 0.4 * early.std()


def test_making_the_fuel_again_gives_the_table_and_the_truth_that_ship(
    fuel: pl.DataFrame, truth: dict[str, Any], tmp_path: Path
) -> None:
    assert make_fuel.main(["--out", str(tmp_path)]) == 0
    assert_frame_equal(pl.read_parquet(tmp_path / "fuel.parquet"), fuel)
    assert json.loads((tmp_path / "fuel.truth.json").read_text(encoding="utf-8")) == truth


def test_another_seed_gives_another_year() -> None:
    assert not make_fuel.make_fuel(seed=1).head(50).equals(make_fuel.make_fuel(seed=2).head(50))


def test_the_truth_lists_exactly_the_rows_of_each_change(fuel: pl.DataFrame, truth: dict[str, Any]) -> None:
    assert truth["rows"] == fuel.height
    for change in truth["changes"]:
        starts, ends = (datetime.fromisoformat(change[key]) for key in ("starts", "ends"))
        rows = listed_rows(change)
        assert (
            rows == fuel.with_row_index("row").filter(fuel_truth.within(change["ship"], starts, ends))["row"].to_list()
        )
        assert change["rows"]["count"] == len(rows)
        assert (rows[0], rows[-1]) == (change["rows"]["first_row"], change["rows"]["last_row"])
        assert fuel["report_id"][rows[0]] == change["rows"]["first_report_id"]
        assert fuel["report_id"][rows[-1]] == change["rows"]["last_report_id"]


def test_every_ship_fouls_from_about_april_and_is_cleaned_in_october(truth: dict[str, Any]) -> None:
    fouled, cleaned = changes(truth, "hull_fouling"), changes(truth, "hull_cleaning")
    fleet = {ship.name for ship in fuel_physics.FLEET}
    assert {change["ship"] for change in fouled} == {change["ship"] for change in cleaned} == fleet
    for change in fouled:
        assert datetime(2025, 3, 25, tzinfo=UTC) < datetime.fromisoformat(change["starts"])
        assert datetime.fromisoformat(change["starts"]) < datetime(2025, 4, 8, tzinfo=UTC)
        assert datetime.fromisoformat(change["ends"]).month == 10
        assert 0.20 < change["size"]["at_end"] < 0.30


def test_the_fouling_of_a_row_follows_from_the_truth(truth: dict[str, Any]) -> None:
    for ship, change in zip(fuel_physics.FLEET, changes(truth, "hull_fouling"), strict=True):
        start = np.datetime64(change["starts"][:-6], "us")
        days = np.array([-30.0, 0.0, 10.0, 100.0, 180.0, 230.0])
        size = change["size"]
        expected = size["limit"] * (1 - np.exp(-np.maximum(days, 0) / size["time_constant_days"]))
        expected[-1] = 0.0  # out of dock
        times = start + (days * 24).astype("timedelta64[h]")
        np.testing.assert_allclose(fuel_physics.fouling(ship, times), expected, atol=1e-12)


def test_no_ship_reports_from_dry_dock(fuel: pl.DataFrame) -> None:
    for ship in fuel_physics.FLEET:
        inside = fuel_truth.within(ship.name, ship.cleaned, fuel_physics.undocked(ship))
        assert fuel.filter(inside).is_empty()


def test_the_speed_log_shows_less_than_the_fuel_explains_only_in_the_rows_of_the_fault(
    fuel: pl.DataFrame, truth: dict[str, Any]
) -> None:
    (fault,) = changes(truth, "sensor_fault")
    ship = next(ship for ship in fuel_physics.FLEET if ship.name == fault["ship"])
    december = fuel.with_row_index("row").filter(
        (pl.col("ship") == ship.name) & (pl.col("reported") >= datetime(2025, 11, 15, tzinfo=UTC))
    )
    power = fuel_physics.calm_power(ship, december["speed_through_water"].to_numpy(), december["draft"].to_numpy())
    excess = december["fuel_rate"].to_numpy() / fuel_physics.fuel_rate(ship, power)
    broken = december["row"].is_in(listed_rows(fault)).to_numpy()
    # The cube of 1 / 0.85 is 1.63; wind and waves add some on both sides.
    assert np.median(excess[broken]) / np.median(excess[~broken]) == pytest.approx(0.85**-3, rel=0.15)


def test_power_follows_the_admiralty_formula() -> None:
    ship = fuel_physics.FLEET[0]
    slow, fast = fuel_physics.calm_power(ship, np.array([7.0, 14.0]), np.full(2, ship.draft_loaded))
    assert fast / slow == pytest.approx(8.0)
    assert fast == pytest.approx(ship.displacement ** (2 / 3) * 14.0**3 / ship.admiralty)


def test_head_wind_and_head_sea_add_resistance_and_a_following_wind_takes_some_off() -> None:
    ship, speed, draft = fuel_physics.FLEET[0], np.full(2, 13.0), np.full(2, 10.0)
    ahead, astern = fuel_physics.wind_resistance(ship, speed, draft, np.full(2, 15.0), np.array([0.0, 180.0]))
    assert astern < 0 < ahead
    head, following = fuel_physics.wave_resistance(ship, np.full(2, 2.0), np.array([0.0, 180.0]))
    assert following == 0 < head


def test_higher_waves_never_add_less() -> None:
    heights = np.linspace(0, 8, 30)
    added = fuel_physics.wave_resistance(fuel_physics.FLEET[0], heights, np.zeros(30))
    assert added[0] == 0
    assert all(low < high for low, high in pairwise(added))
