"""Make `fuel.parquet` and `fuel.truth.json`: a generated year of voyages of a fleet whose hulls foul.

    python -m quarterdeck.sample_data.make_fuel [--out DIR] [--seed N]

The same seed makes the same table again. A model of `fuel_rate` trained on January to March decays while
the hulls foul (April to mid-October), is right again after they were cleaned, and meets a faulty speed log
in December.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from quarterdeck.sample_data import FOLDER, fuel_truth
from quarterdeck.sample_data.fuel_physics import FLEET
from quarterdeck.sample_data.fuel_voyages import report, simulate

FUEL_COLUMNS = [
    *("report_id", "reported", "ship", "speed_through_water", "draft", "wind_speed", "wind_angle"),
    *("wave_height", "sea_temperature", "measured", "fuel_rate"),
]
DECIMALS = {
    "speed_through_water": 2,
    "draft": 2,
    "wind_speed": 1,
    "wind_angle": 0,
    "wave_height": 1,
    "sea_temperature": 1,
    "fuel_rate": 2,
}


def make_fuel(seed: int = 2025) -> pl.DataFrame:
    """The table of reports by `reported`; columns and units stand in SOURCES.md."""
    reports = []
    for number, ship in enumerate(FLEET):
        rng = np.random.default_rng([seed, number])  # a ship's year does not depend on the others
        reports.append(report(ship, simulate(ship, rng), rng))
    table = fuel_truth.break_sensor(pl.concat(reports)).sort("reported", "ship")
    return (
        table.with_columns(pl.col(name).round(decimals) + 0.0 for name, decimals in DECIMALS.items())
        .with_columns(report_id=_report_id())
        .select(FUEL_COLUMNS)
    )


def _report_id() -> pl.Expr:
    """The ship's initial and the number of its report in this year, such as A-00042."""
    number = pl.int_range(1, pl.len() + 1).over("ship")
    return pl.format("{}-{}", pl.col("ship").str.slice(0, 1), number.cast(pl.String).str.zfill(5))


def main(argv: Sequence[str] | None = None) -> int:
    """Writes both files; 0 when done."""
    parser = argparse.ArgumentParser(description="Make fuel.parquet and fuel.truth.json.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to (default: this one)")
    parser.add_argument("--seed", type=int, default=2025, help="seed of voyages, weather and noise")
    options = parser.parse_args(argv)
    table = make_fuel(options.seed)
    table.write_parquet(options.out / "fuel.parquet", compression="zstd", compression_level=19)
    truth = json.dumps(fuel_truth.describe(table, options.seed), separators=(",", ":"))
    (options.out / "fuel.truth.json").write_text(truth + "\n", encoding="utf-8")
    print(f"fuel.parquet: {table.height} rows")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
