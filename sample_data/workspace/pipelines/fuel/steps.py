"""The steps of the pipeline `fuel`: plain functions, whose parameters are the steps they need."""

import math

import polars as pl

KEY_AND_TARGET = ["report_id", "reported", "fuel_rate"]
FEATURES = [
    "ship",
    "speed_through_water",
    "draft",
    "wave_height",
    "head_wind",
    "cross_wind",
    "sea_temperature",
]


def features(voyages: pl.DataFrame) -> pl.DataFrame:
    """What an officer knows at the time of the report, with the wind along and across the ship (m/s).

    Head wind is positive from ahead and negative from astern; cross wind has no side.
    """
    angle = pl.col("wind_angle") * (math.pi / 180)
    return voyages.with_columns(
        head_wind=(pl.col("wind_speed") * angle.cos()).round(2),
        cross_wind=(pl.col("wind_speed") * angle.sin()).abs().round(2),
    ).select(KEY_AND_TARGET + FEATURES)
