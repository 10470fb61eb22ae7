"""The flights' own steps, on a few rows made by hand."""

from datetime import UTC, datetime

import polars as pl
import pytest
from pipelines.flights.steps import KEY_AND_LABEL, WEATHER_FEATURES, features, missed_delay_cost


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2013, 6, 1, hour, minute, tzinfo=UTC)


def flight(flight_id: str, scheduled: datetime, **columns: object) -> dict[str, object]:
    row = {
        "flight_id": flight_id,
        "scheduled": scheduled,
        "carrier": "UA",
        "origin": "EWR",
        "dest": "ORD",
        "distance": 1200,
        "hour": scheduled.hour,
        "weekday": 6,
        "block_time": 150,
        "planned_departures": 20,
        "seats": 149,
        "aircraft_age": 12,
        "arrived": at(23),
        "late": 0,
    }
    return {**row, **columns}


def report(time: datetime, temperature: float, origin: str = "EWR") -> dict[str, object]:
    row = dict.fromkeys(WEATHER_FEATURES, 1.0)
    return {"time": time, "origin": origin, **row, "temperature": temperature}


def made(flights: list[dict[str, object]], weather: list[dict[str, object]]) -> pl.DataFrame:
    return features(pl.DataFrame(flights), pl.DataFrame(weather))


def test_a_flight_gets_the_last_report_before_it_and_none_from_after() -> None:
    rows = made(
        [flight("a", at(10, 30)), flight("b", at(11))],
        [report(at(9), 9.0), report(at(10), 10.0), report(at(11), 11.0), report(at(12), 12.0)],
    )
    assert dict(rows.select("flight_id", "temperature").iter_rows()) == {"a": 10.0, "b": 11.0}


def test_weather_of_another_airport_is_not_taken() -> None:
    rows = made([flight("a", at(10))], [report(at(8), 8.0), report(at(9), 9.0, origin="JFK")])
    assert rows["temperature"].to_list() == [8.0]


def test_a_flight_without_a_recent_report_is_kept_with_unknown_weather() -> None:
    rows = made([flight("a", at(10))], [report(at(6, 59), 7.0)])
    assert rows.height == 1
    assert rows.select(WEATHER_FEATURES).null_count().row(0) == (1,) * len(WEATHER_FEATURES)


def test_the_planned_speed_is_in_km_an_hour() -> None:
    rows = made([flight("a", at(10), distance=1200, block_time=150)], [report(at(9), 9.0)])
    assert rows["planned_speed"].to_list() == [480.0]


def test_nothing_that_is_known_only_after_departure_is_a_feature() -> None:
    rows = made([flight("a", at(10))], [report(at(9), 9.0)])
    assert "arrived" not in rows.columns
    assert rows.columns[: len(KEY_AND_LABEL)] == KEY_AND_LABEL


def test_a_missed_delay_costs_more_than_a_false_alarm() -> None:
    assert missed_delay_cost([1, 0, 0, 0], [0, 0, 0, 0]) == pytest.approx(1.0)
    assert missed_delay_cost([1, 0, 0, 0], [1, 1, 0, 0]) == pytest.approx(100 / 250)


def test_right_answers_and_no_answers_cost_nothing() -> None:
    assert missed_delay_cost([1, 0], [1, 0]) == 0.0
    assert missed_delay_cost([], []) == 0.0


def test_answers_of_another_number_than_flights_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        missed_delay_cost([1, 0], [1])
