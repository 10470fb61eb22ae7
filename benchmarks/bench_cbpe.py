"""Performance without labels beside NannyML's in one run, on NannyML's data: what each told, what came true, alerts.

CBPE on the car loans (the data drifts at row 25,000 of the analysis, in its sixth chunk of 5,000), direct loss
estimation on the car prices (at row 30,000, in the seventh). Each learns from the reference; then every chunk of the
analysis is estimated without its labels. An alert here is a value beyond a threshold on either side, as NannyML's is;
the monitor alerts on the worse side alone. The peer runs in a Python of its own, in `.peers/nannyml`, made at the first
run (1 GB, some minutes).

    python benchmarks/bench_cbpe.py [--peer-python PYTHON] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on a busy machine boosting waits for its threads

import numpy as np
import polars as pl
from serving.servers import python_of

from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.performance.cbpe import Estimated, estimate_classes
from quarterdeck.core.performance.dle import estimate_numbers
from quarterdeck.core.performance.learning import HeldOut, learn
from quarterdeck.core.performance.reference import Reference
from quarterdeck.core.values import Task

HERE = Path(__file__).parent
CHUNK = 5_000
THRESHOLD = 0.65  # the probability from which the loans' model says that a loan is repaid
NAMES = {
    "roc_auc": "roc_auc_score",
    "accuracy": "accuracy_score",
    "f1": "f1_score",
    "mae": "mean_absolute_error",
    "rmse": "root_mean_squared_error",
}
LOAN = ("car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car",
        "size_of_downpayment", "driver_tenure")  # fmt: skip
PRICE = ("car_age", "km_driven", "price_new", "accident_count", "door_count", "fuel", "transmission")


def signature_of(frame: pl.DataFrame, names: Sequence[str], task: Task, target: str) -> Signature:
    def kind(name: str) -> FieldKind:
        return FieldKind.NUMBER if frame[name].dtype.is_numeric() else FieldKind.STRING

    fields = tuple(Field(name=name, kind=kind(name)) for name in names)
    return Signature(fields=fields, task=task, target=target, classes=None if task is Task.REGRESSION else (0, 1))


def columns_of(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: frame[name].to_list() for name in names}


def ours(folder: Path, name: str, names: Sequence[str], task: Task, target: str, score: str) -> dict[str, Any]:
    """For each metric the estimates, thresholds and alerts of the analysis' chunks, and the seconds both parts took."""
    reference, analysis = (pl.read_parquet(folder / f"{name}-{part}.parquet") for part in ("reference", "analysis"))
    signature = signature_of(reference, names, task, target)
    began = time.perf_counter()
    truth = reference[target].to_numpy()
    rows = Rows.check(
        task, truth if task is Task.REGRESSION else truth.astype(int), reference[score].to_numpy(), threshold=THRESHOLD
    )
    held = HeldOut(rows=rows, columns=columns_of(reference, names), frame=reference)
    learned = learn(held, signature, train=reference)
    learning = time.perf_counter() - began
    chunks = [analysis.slice(start, CHUNK) for start in range(0, analysis.height, CHUNK)]
    told = [_estimate(learned, signature, names, chunk, score) for chunk in chunks]
    seconds = time.perf_counter() - began
    found = {metric: _metric(learned, NAMES[metric], told) for metric in NAMES if NAMES[metric] in told[0]}
    return {"metrics": found, "seconds": seconds, "learning_s": learning, "silent": learned.silent,
            "calibrated": learned.calibrator is not None and learned.calibrator.curves is not None}  # fmt: skip


def _estimate(
    learned: Reference, signature: Signature, names: Sequence[str], chunk: pl.DataFrame, score: str
) -> dict[str, Estimated]:
    answers = np.asarray(chunk[score].to_numpy(), dtype=np.float64)
    if learned.calibrator is not None:
        return estimate_classes(learned.calibrator, learned.metrics, answers, threshold=THRESHOLD)
    assert learned.losses is not None, learned.silent
    return estimate_numbers(learned.losses, learned.metrics, columns_of(chunk, names), answers)


def _metric(learned: Reference, name: str, told: Sequence[dict[str, Estimated]]) -> dict[str, Any]:
    low, high = learned.metrics[name].thresholds(name, CHUNK)
    values = [chunk[name].value for chunk in told]
    assert low is not None and high is not None
    return {
        "estimate": values,
        "error": [chunk[name].standard_error for chunk in told],
        "low": [low] * len(values),
        "high": [high] * len(values),
        "alert": [not low <= value <= high for value in values],
    }


def theirs(python: Path, folder: Path) -> dict[str, Any]:
    environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(
        [python, HERE / "peer_nannyml.py", folder], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def summary(mine: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """How far each was from what came true, on average over chunks, and how far apart the two are."""
    came = np.array(other["came"])
    ours_, peer = np.array(mine["estimate"]), np.array(other["estimate"])
    return {
        "ours_mean_error": float(np.abs(ours_ - came).mean()),
        "nannyml_mean_error": float(np.abs(peer - came).mean()),
        "apart_most": float(np.abs(ours_ - peer).max()),
        "ours_within_2_errors": int((np.abs(ours_ - came) <= 2 * np.array(mine["error"])).sum()),
        "ours_alerts": [place for place, alert in enumerate(mine["alert"]) if alert],
        "nannyml_alerts": [place for place, alert in enumerate(other["alert"]) if alert],
        "ours_thresholds": [mine["low"][0], mine["high"][0]],
        "nannyml_thresholds": [other["low"][0], other["high"][0]],
    }


def report(metric: str, mine: dict[str, Any], other: dict[str, Any], drift: int) -> str:
    found = summary(mine, other)
    rows = zip(other["came"], mine["estimate"], mine["error"], mine["alert"], other["estimate"], other["alert"],
               strict=True)  # fmt: skip
    lines = [f"{metric}: the data drifts in chunk {drift}",
             f"{'chunk':>5} {'came true':>12} {'ours':>12} {'+-':>9} {'':5} {'NannyML':>12}"]  # fmt: skip
    for place, (came, value, error, alert, peer, peer_alert) in enumerate(rows):
        marks = "alert" if alert else "", "alert" if peer_alert else ""
        lines.append(f"{place:>5} {_n(came)} {_n(value)} {_n(error, 9)} {marks[0]:5} {_n(peer)} {marks[1]}")
    for name, value in found.items():
        lines.append(f"      {name}: {value}")
    return "\n".join(lines)


def _n(value: float, width: int = 12) -> str:
    return f"{value:>{width}.{4 if math.fabs(value) < 10 else 1}f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, help="a Python that has the peer; else .peers/ is made")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    python = options.peer_python or python_of("nannyml")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as name:
        folder = Path(name)
        other = theirs(python, folder)
        mine = {
            "loan": ours(folder, "loan", LOAN, Task.BINARY, "repaid", "y_pred_proba"),
            "price": ours(folder, "price", PRICE, Task.REGRESSION, "y_true", "y_pred"),
        }
    if options.json:
        print(json.dumps({"ours": mine, "nannyml": other}, indent=2))
        return 0
    for what, drift in (("loan", 5), ("price", 6)):
        print(f"== {what}, NannyML {other['version']}: ours {mine[what]['seconds']:.2f} s "
              f"(learning {mine[what]['learning_s']:.2f} s), NannyML {other[what]['seconds']:.2f} s; "
              f"calibrated: {mine[what]['calibrated']} {mine[what]['silent']}")  # fmt: skip
        for metric, found in mine[what]["metrics"].items():
            if metric in other[what]["metrics"]:
                print(report(metric, found, other[what]["metrics"][metric], drift))
    return 0


if __name__ == "__main__":
    sys.exit(main())
