"""Drift of 20 numbers and 5 categories against 100,000 reference rows: ours, Evidently's and NannyML's, in one run.

    python benchmarks/bench_monitoring.py [--rows 100000 1000000] [--json]

Every contender is a process of its own that loads its libraries and a Parquet file first. Evidently and NannyML then
compare the two frames in memory; ours reads the window's file too, column by column, counts it into the bins of the
profile that training kept, and judges (`rows`), or judges counts that are there, as the monitor does (`counts`). Memory
is the whole process's at its peak, and what that is beyond what was held when the clock began; seconds of the
processor tell what a busy machine hides. The peers have Pythons
of their own in `.peers/` (700 MB, a minute or two at the first run). Evidently's million takes up to three minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from serving.servers import python_of

HERE = Path(__file__).parent
SIDES = HERE / "monitoring"
REFERENCE = 100_000


def frame(rows: int, *, seed: int, moved: bool) -> pl.DataFrame:
    """Twenty numbers of four shapes and five categories; moved, every fifth column has drifted."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for place in range(20):
        values = (rng.normal, rng.lognormal, rng.laplace, rng.logistic)[place % 4](0, 1, rows)
        columns[f"n{place}"] = values + (0.5 if moved and place % 5 == 0 else 0.0)
    for place in range(5):
        kinds = np.array([f"kind {number}" for number in range(10 * (place + 1))])
        weights = np.linspace(1, 3 if moved and place == 0 else 1.01, len(kinds))
        columns[f"c{place}"] = kinds[rng.choice(len(kinds), rows, p=weights / weights.sum())]
    return pl.DataFrame(columns)


def run(python: Path, program: str, *arguments: object) -> dict[str, Any]:
    command = [str(python), str(SIDES / program), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{program} failed:\n{done.stderr[-2_000:]}")
    lines = done.stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def compare(folder: Path, rows: int) -> dict[str, dict[str, Any]]:
    window = f"window_{rows}"
    frame(rows, seed=2, moved=True).write_parquet(folder / f"{window}.parquet")
    evidently, nannyml = (python_of(peer, SIDES) for peer in ("evidently", "nannyml"))
    own = Path(sys.executable)
    return {
        "ours, from rows": run(own, "ours.py", folder, window, "rows"),
        "ours, from counts": run(own, "ours.py", folder, window, "counts"),
        "Evidently, default": run(evidently, "evidently_side.py", folder, window, "default"),
        "Evidently, PSI": run(evidently, "evidently_side.py", folder, window, "psi"),
        "NannyML, Jensen-Shannon": run(nannyml, "nannyml_side.py", folder, window),
        "ours, from rows, again": run(own, "ours.py", folder, window, "rows"),
    }


def show(rows: int, found: dict[str, dict[str, Any]]) -> None:
    ours = max(
        (found[name] for name in ("ours, from rows", "ours, from rows, again")), key=lambda item: item["seconds"]
    )
    print(f"\n{rows:,} rows, 25 columns, against {REFERENCE:,}")
    for name, item in found.items():
        print(
            f"  {name:26} {item['seconds']:10.4f} s ({item['seconds'] / ours['seconds']:8.2f} x)"
            f"  {item['cpu_s']:9.4f} s of processor ({item['cpu_s'] / ours['cpu_s']:8.2f} x)"
            f"  {item['peak_mb']:6.0f} MB ({item['peak_mb'] / ours['peak_mb']:5.2f} x)"
            f"  {item['grown_mb']:6.0f} MB more than before ({item['grown_mb'] / max(ours['grown_mb'], 1):6.1f} x)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as name:
        folder = Path(name)
        frame(REFERENCE, seed=1, moved=False).write_parquet(folder / "reference.parquet")
        frame(1_000, seed=3, moved=False).write_parquet(folder / "small.parquet")
        run(Path(sys.executable), "ours.py", folder, "reference", "train")
        found = {rows: compare(folder, rows) for rows in options.rows}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for rows, items in found.items():
        show(rows, items)


if __name__ == "__main__":
    main()
