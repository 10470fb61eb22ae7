"""NannyML's side of bench_monitoring.py, run by its own Python: prints seconds and peak memory as JSON.

python nannyml_side.py FOLDER WINDOW
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from memory import forget_peak, peak


def main(folder: Path, window: str) -> None:
    warnings.simplefilter("ignore")
    import nannyml

    reference, current = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", window))
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        treat_as_categorical=[name for name in reference if not name.startswith("n")],
        continuous_methods=["jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        chunk_number=1,
    )
    before = forget_peak()
    began, worked = time.perf_counter(), time.process_time()
    calculator.fit(reference)
    calculator.calculate(current)
    taken, cpu = time.perf_counter() - began, time.process_time() - worked
    print(json.dumps({"seconds": taken, "cpu_s": cpu} | peak(before)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
