"""The changes that `fuel.parquet` carries, and the record of them in `fuel.truth.json`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.sample_data import fuel_physics as physics
from quarterdeck.sample_data.fuel_physics import Ship


@dataclass(frozen=True, kw_only=True)
class SensorFault:
    """A time in which one ship's speed log shows less than the speed."""

    ship: str = "Dunlin"
    starts: datetime = datetime(2025, 12, 4, tzinfo=UTC)
    ends: datetime = datetime(2025, 12, 14, tzinfo=UTC)
    factor: float = 0.85
    """What the log shows over what it should show."""


FAULT = SensorFault()


def break_sensor(table: pl.DataFrame, fault: SensorFault = FAULT) -> pl.DataFrame:
    """The reports with the fault in `speed_through_water`."""
    broken = within(fault.ship, fault.starts, fault.ends)
    shown = pl.when(broken).then(fault.factor).otherwise(1.0) * pl.col("speed_through_water")
    return table.with_columns(speed_through_water=shown)


def within(ship: str, starts: datetime, ends: datetime) -> pl.Expr:
    """True for the reports of one ship from `starts` on and before `ends`."""
    return (pl.col("ship") == ship) & pl.col("reported").is_between(starts, ends, closed="left")


def describe(table: pl.DataFrame, seed: int) -> dict[str, Any]:
    """The content of `fuel.truth.json` for the finished table, whose rows are numbered from 0."""
    numbered = table.with_row_index("row")
    changes = [_fouling(numbered, ship) for ship in physics.FLEET]
    changes += [_cleaning(numbered, ship) for ship in physics.FLEET]
    return {
        "file": "fuel.parquet",
        "seed": seed,
        "rows": table.height,
        "target": "fuel_rate",
        "rows_of_a_change": "those of its ship with starts <= reported < ends, rows numbered from 0; "
        "runs lists them as a row, or as the first and the last of several in a row",
        "fouling_of_a_row": "limit * (1 - exp(-days / time_constant_days)), days from starts to reported; "
        "0 outside hull_fouling; the power of the hull in calm water is multiplied by 1 + fouling",
        "changes": [*changes, _sensor_fault(numbered, FAULT)],
    }


def _rows(numbered: pl.DataFrame, ship: str, starts: datetime, ends: datetime) -> dict[str, Any]:
    """Which rows a change touches: count, first and last, and every run of consecutive rows."""
    touched = numbered.filter(within(ship, starts, ends))
    rows = touched["row"].cast(pl.Int64).to_numpy()
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return {
        "count": touched.height,
        "first_report_id": touched["report_id"][0],
        "last_report_id": touched["report_id"][-1],
        "first_row": int(rows[0]),
        "last_row": int(rows[-1]),
        "runs": [int(run[0]) if len(run) == 1 else [int(run[0]), int(run[-1])] for run in runs],
    }


def _change(
    numbered: pl.DataFrame, kind: str, ship: str, span: tuple[datetime, datetime], size: dict[str, Any]
) -> dict[str, Any]:
    starts, ends = span
    return {
        "kind": kind,
        "ship": ship,
        "starts": starts.isoformat(),
        "ends": ends.isoformat(),
        "size": size,
        "rows": _rows(numbered, ship, starts, ends),
    }


def _fouling(numbered: pl.DataFrame, ship: Ship) -> dict[str, Any]:
    last = ship.cleaned.replace(tzinfo=None) - timedelta(seconds=1)
    at_end = physics.fouling(ship, np.array([last], "M8[us]"))
    size = {
        "column": "fuel_rate",
        "limit": ship.fouling_limit,
        "time_constant_days": physics.CURVE.days,
        "at_end": round(float(at_end[0]), 4),
    }
    return _change(numbered, "hull_fouling", ship.name, (ship.fouling_starts, ship.cleaned), size)


def _cleaning(numbered: pl.DataFrame, ship: Ship) -> dict[str, Any]:
    undocked = physics.undocked(ship)
    size = {"column": "fuel_rate", "fouling": 0.0, "dock_days": physics.CURVE.dock_days}
    return _change(numbered, "hull_cleaning", ship.name, (undocked, datetime(2026, 1, 1, tzinfo=UTC)), size)


def _sensor_fault(numbered: pl.DataFrame, fault: SensorFault) -> dict[str, Any]:
    size = {"column": "speed_through_water", "factor": fault.factor}
    return _change(numbered, "sensor_fault", fault.ship, (fault.starts, fault.ends), size)
