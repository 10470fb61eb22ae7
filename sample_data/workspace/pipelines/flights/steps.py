"""The steps of the pipeline `flights`: plain functions, whose parameters are the steps they need."""

from collections.abc import Iterable

import polars as pl

WEATHER_AGE = "3h"  # an older report says too little about a departure
MISSED_DELAY = 250.0  # US dollars a flight: passengers and crew re-planned in a hurry
FALSE_ALARM = 100.0  # US dollars a flight: re-planned for nothing

KEY_AND_LABEL = ["flight_id", "scheduled", "late"]
FLIGHT_FEATURES = ["carrier", "hour", "weekday", "planned_departures", "block_time", "planned_speed"]
AIRCRAFT_FEATURES = ["seats", "aircraft_age"]
WEATHER_FEATURES = [
    "temperature",
    "dewpoint",
    "humidity",
    "wind_speed",
    "precipitation",
    "pressure",
    "visibility",
]


def features(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """What was known before departure: the flight, the aircraft, and the last weather report.

    A flight without a report within `WEATHER_AGE` before it keeps its row; its weather is null.
    """
    joined = flights.sort("scheduled").join_asof(
        weather.sort("time"),
        left_on="scheduled",
        right_on="time",
        by="origin",
        strategy="backward",
        tolerance=WEATHER_AGE,
        check_sortedness=False,  # just sorted; polars cannot see it with `by`
    )
    # km/h from gate to gate: a slow plan has time in hand
    planned_speed = (pl.col("distance") / pl.col("block_time") * 60).round(1)
    return joined.with_columns(planned_speed=planned_speed).select(
        KEY_AND_LABEL + FLIGHT_FEATURES + AIRCRAFT_FEATURES + WEATHER_FEATURES
    )


def missed_delay_cost(y_true: Iterable[int], y_pred: Iterable[int]) -> float:
    """What wrong answers cost, as a share of what it costs to foresee nothing; 0 without late flights.

    0 is perfect, 1 is no better than no model: so it can be held against one limit in good months and bad.
    """
    pairs = list(zip(y_true, y_pred, strict=True))
    nothing = MISSED_DELAY * sum(1 for late, _ in pairs if late)
    if nothing == 0:
        return 0.0
    missed = sum(1 for late, foreseen in pairs if late and not foreseen)
    alarms = sum(1 for late, foreseen in pairs if foreseen and not late)
    return (missed * MISSED_DELAY + alarms * FALSE_ALARM) / nothing
