"""Evidently's side of bench_monitoring.py, run by its own Python: prints seconds and peak memory as JSON.

python evidently_side.py FOLDER WINDOW default|psi
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from memory import forget_peak, peak


def main(folder: Path, window: str, method: str) -> None:
    warnings.simplefilter("ignore")
    reference, current = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", window))
    numbers = [name for name in reference if name.startswith("n")]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in reference if name not in numbers]
    )
    report = Report([DataDriftPreset(method=None if method == "default" else method)])
    before = forget_peak()
    began, worked = time.perf_counter(), time.process_time()
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, reference)]
    found = report.run(*sides).dict()
    taken, cpu = time.perf_counter() - began, time.process_time() - worked
    share = next(item["value"] for item in found["metrics"] if "DriftedColumnsCount" in item["metric_name"])
    print(json.dumps({"seconds": taken, "cpu_s": cpu, "drifted": share["count"]} | peak(before)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
