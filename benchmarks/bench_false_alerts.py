"""Alarms where nothing has changed, and alarms by month on the flights of a year.

    python benchmarks/bench_false_alerts.py [--windows 1000] [--json]

Stationary: rows of 20 numbers and 5 categories, and of the flights' own columns shuffled, all of one source; several
references each, so that no lucky one decides. Per 1,000 windows: those in which any feature was called drifted, those
in which the data set was, those with a bad check of quality; at the default settings. What is promised: 50 of 1,000
where tests judge (up to 1,000 reference rows, Benjamini-Hochberg at 0.05), 1 a feature where distances do, and 1 for
quality.

Flights: the reference is the first three months of 2013; days of the rest of the year, by month.
"""

from __future__ import annotations

import argparse
import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from bench_monitoring import frame

from quarterdeck.core.drift.dataset import dataset_verdict
from quarterdeck.core.drift.judge import judge_features
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Profile, build_profile
from quarterdeck.core.profile_frames import count_frame
from quarterdeck.core.quality.judge import judge_quality
from quarterdeck.core.values import Task

DATA = Path(__file__).parent.parent / "sample_data"
SIZES = (50, 200, 1_000, 10_000)
REFERENCES = {1_000: 20, 100_000: 4}  # rows: how many are drawn


def profile_of(rows: pl.DataFrame) -> Profile:
    def kind(dtype: Any) -> FieldKind:
        return FieldKind.STRING if dtype == pl.String else FieldKind.NUMBER

    fields = tuple(Field(name=name, kind=kind(dtype), nullable=True) for name, dtype in rows.schema.items())
    signature = Signature(fields=fields, task=Task.BINARY, target="y")
    return build_profile({name: rows[name].to_list() for name in rows.columns}, signature)


def judged(profile: Profile, window: pl.DataFrame) -> tuple[bool, bool, bool]:
    counts = count_frame(profile, window)
    results = judge_features(profile, counts)
    _, together, names = dataset_verdict(results, 0.5)
    return bool(names), together, any(item.bad for item in judge_quality(profile, counts))


def stationary(source: pl.DataFrame, reference: int, size: int, windows: int, seed: int) -> dict[str, float]:
    """Alarms per 1,000 windows: each reference and its windows are distinct random rows of one source."""
    rng = np.random.default_rng(seed)
    references = REFERENCES[reference]
    alarms, made = np.zeros(3), 0
    for _ in range(references):
        order = rng.permutation(source.height)
        profile, rest = profile_of(source[order[:reference]]), source[order[reference:]]
        for _ in range(max(windows // references, 1)):
            start = int(rng.integers(0, rest.height - size + 1))
            alarms += judged(profile, rest[start : start + size])
            made += 1
    feature, together, quality = (alarms / made * 1_000).tolist()
    return {"feature": feature, "data_set": together, "quality": quality, "windows": made}


def flights() -> tuple[pl.DataFrame, list[str]]:
    """The sample flights as the pipeline's own step makes them, and the columns that its model takes."""
    steps = runpy.run_path(str(DATA / "workspace" / "pipelines" / "flights" / "steps.py"))
    rows = steps["features"](*(pl.read_parquet(DATA / f"{name}.parquet") for name in ("flights", "weather")))
    return rows, [*steps["FLIGHT_FEATURES"], *steps["AIRCRAFT_FEATURES"], *steps["WEATHER_FEATURES"]]


def by_month(rows: pl.DataFrame, time: str, columns: list[str]) -> dict[str, dict[str, int]]:
    ordered = rows.sort(time)
    split = ordered[time].dt.month() <= 3
    profile = profile_of(ordered.filter(split).select(columns))
    found: dict[str, Counter[str]] = {}
    for (day,), window in ordered.filter(~split).group_by(pl.col(time).dt.date(), maintain_order=True):
        if window.height < 50:
            continue
        month = found.setdefault(f"{day:%Y-%m}", Counter())
        feature, together, quality = judged(profile, window.select(columns))
        month.update(days=1, feature=int(feature), data_set=int(together), quality=int(quality))
    return {month: dict(counts) for month, counts in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    source = frame(220_000, seed=5, moved=False)
    still = {
        f"reference {reference:,}, window {size:,}": stationary(source, reference, size, options.windows, size)
        for reference in REFERENCES
        for size in SIZES
    }
    rows, columns = flights()
    shuffled = rows.select(columns).sample(fraction=1, shuffle=True, seed=6)
    still |= {
        f"flights shuffled, reference 1,000, window {size:,}": stationary(shuffled, 1_000, size, options.windows, size)
        for size in SIZES[:3]
    }
    months = by_month(rows, "scheduled", columns)
    if options.json:
        print(json.dumps({"stationary": still, "flights": months}, indent=2))
        return
    print("per 1,000 windows of rows like the reference's        any feature   data set   quality")
    for name, alarms in still.items():
        print(f"  {name:50} {alarms['feature']:10.1f} {alarms['data_set']:10.1f} {alarms['quality']:9.1f}")
    print("\nflights of 2013 by day against January to March: days with any alarm of a kind")
    for month, found in months.items():
        said = (f"{found[kind]:3} {kind.replace('_', ' ')}" for kind in ("days", "feature", "data_set", "quality"))
        print(f"  {month}  {'  '.join(said)}")


if __name__ == "__main__":
    main()
