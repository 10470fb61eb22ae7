"""The fuel pipeline's own steps, on a few rows made by hand."""

from datetime import UTC, datetime

import polars as pl
import pytest
from pipelines.fuel.steps import FEATURES, KEY_AND_TARGET, features


def report(wind_speed: float, wind_angle: float) -> dict[str, object]:
    return {
        "report_id": "A-00001",
        "reported": datetime(2025, 3, 1, 8, tzinfo=UTC),
        "ship": "Albatross",
        "speed_through_water": 12.5,
        "draft": 9.8,
        "wind_speed": wind_speed,
        "wind_angle": wind_angle,
        "wave_height": 1.5,
        "sea_temperature": 27.0,
        "measured": datetime(2025, 3, 1, 12, tzinfo=UTC),
        "fuel_rate": 23.0,
    }


@pytest.mark.parametrize(
    ("wind_angle", "head_wind", "cross_wind"),
    [(0.0, 10.0, 0.0), (180.0, -10.0, 0.0), (90.0, 0.0, 10.0), (270.0, 0.0, 10.0), (60.0, 5.0, 8.66)],
)
def test_the_wind_is_split_along_and_across_the_ship(wind_angle: float, head_wind: float, cross_wind: float) -> None:
    rows = features(pl.DataFrame([report(10.0, wind_angle)]))
    assert rows["head_wind"].item() == pytest.approx(head_wind)
    assert rows["cross_wind"].item() == pytest.approx(cross_wind)


def test_only_key_target_and_features_are_left() -> None:
    rows = features(pl.DataFrame([report(10.0, 45.0)]))
    assert rows.columns == KEY_AND_TARGET + FEATURES
    assert rows.height == 1


def test_no_wind_is_no_wind_from_anywhere() -> None:
    rows = features(pl.DataFrame([report(0.0, 123.0)]))
    assert rows.select("head_wind", "cross_wind").row(0) == (0.0, 0.0)
