"""What NannyML makes of its own two data sets; run by bench_cbpe.py in a Python that has it.

    python peer_nannyml.py FOLDER

Writes reference, analysis and labels of both as Parquet into the folder, and prints one JSON document: for each metric
and chunk of 5,000 rows the estimate, the value that came true, the thresholds and the alert, and the seconds it took.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
import nannyml as nml  # noqa: E402 - it warns while it is loaded

CHUNK = 5_000


def car_loan(folder: Path) -> dict[str, Any]:
    reference, analysis, targets = nml.load_synthetic_car_loan_dataset()
    keep(folder, "loan", reference, analysis, targets)
    began = time.perf_counter()
    estimator = nml.CBPE(
        y_pred_proba="y_pred_proba", y_pred="y_pred", y_true="repaid", timestamp_column_name="timestamp",
        metrics=["roc_auc", "accuracy", "f1"], chunk_size=CHUNK, problem_type="classification_binary",
    )  # fmt: skip
    estimator.fit(reference)
    found = estimator.estimate(analysis)
    seconds = time.perf_counter() - began
    real = nml.PerformanceCalculator(
        y_pred_proba="y_pred_proba", y_pred="y_pred", y_true="repaid", timestamp_column_name="timestamp",
        metrics=["roc_auc", "accuracy", "f1"], chunk_size=CHUNK, problem_type="classification_binary",
    )  # fmt: skip
    came = real.fit(reference).calculate(analysis.merge(targets, on="id"))
    return told(found, came, ["roc_auc", "accuracy", "f1"], seconds)


def car_price(folder: Path) -> dict[str, Any]:
    reference, analysis, targets = nml.load_synthetic_car_price_dataset()
    keep(folder, "price", reference, analysis, targets)
    began = time.perf_counter()
    estimator = nml.DLE(
        feature_column_names=["car_age", "km_driven", "price_new", "accident_count", "door_count", "fuel",
                              "transmission"],
        y_pred="y_pred", y_true="y_true", timestamp_column_name="timestamp", metrics=["mae", "rmse"],
        chunk_size=CHUNK,
    )  # fmt: skip
    estimator.fit(reference)
    found = estimator.estimate(analysis)
    seconds = time.perf_counter() - began
    real = nml.PerformanceCalculator(
        y_pred="y_pred", y_true="y_true", timestamp_column_name="timestamp", metrics=["mae", "rmse"],
        chunk_size=CHUNK, problem_type="regression",
    )  # fmt: skip
    came = real.fit(reference).calculate(analysis.join(targets.drop(columns=["id"], errors="ignore")))
    return told(found, came, ["mae", "rmse"], seconds)


def keep(folder: Path, name: str, reference: Any, analysis: Any, targets: Any) -> None:
    for part, frame in (("reference", reference), ("analysis", analysis), ("targets", targets)):
        frame.to_parquet(folder / f"{name}-{part}.parquet")


def told(found: Any, came: Any, metrics: list[str], seconds: float) -> dict[str, Any]:
    table = found.filter(period="analysis").to_df()
    real = came.filter(period="analysis").to_df()
    values = {
        metric: {
            "estimate": table[(metric, "value")].tolist(),
            "low": [number(value) for value in table[(metric, "lower_threshold")]],
            "high": [number(value) for value in table[(metric, "upper_threshold")]],
            "alert": [bool(value) for value in table[(metric, "alert")]],
            "came": real[(metric, "value")].tolist(),
        }
        for metric in metrics
    }
    return {"metrics": values, "seconds": seconds}


def number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def main() -> None:
    folder = Path(sys.argv[1])
    found = {"version": nml.__version__, "loan": car_loan(folder), "price": car_price(folder)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
