"""A batch prediction of a million rows, by the command a person gives: rows a second and the greatest memory.

Trains `fuel` of the sample workspace, writes a file of so many rows, and asks for their answers three times: Parquet
with the prediction log and without it, and CSV. The memory is the working process's own greatest resident size; it is
given for a tenth of the rows too, to show that it does not grow with the file. Needs about two minutes.

    python benchmarks/bench_batch.py [--rows 1000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.console.context import Console
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import foreground
from quarterdeck.store import registry
from quarterdeck.store.workspace import create_workspace

SHIPS = ("Dunlin", "Fulmar", "Gannet")


def rows_of(count: int, ships: list[str]) -> pl.DataFrame:
    """Voyages within what training saw."""
    random = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "ship": random.choice(ships, count),
            "speed_through_water": random.uniform(9, 15, count),
            "draft": random.uniform(8, 10, count),
            "wave_height": random.uniform(0, 3, count),
            "head_wind": random.uniform(-5, 9, count),
            "cross_wind": random.uniform(0, 6, count),
            "sea_temperature": random.uniform(5, 20, count),
        }
    )


def predict(root: Path, source: Path, target: Path, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(root), "predict", "fuel@1"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--in", str(source), "--out", str(target), "--json", *more],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout)
    return {
        "rows": told["rows"],
        "seconds": seconds,
        "rows_per_s": told["rows"] / seconds,
        "peak_mb": told["peak_bytes"] / 1e6,
        "answers_mb": told["bytes"] / 1e6,
    }


def train(root: Path) -> list[str]:
    """A version of fuel; the ships it knows."""
    with Console.open(root) as console:
        run = foreground.run_pipeline(
            console.workspace, console.database, "fuel", by="bench", on_change=lambda *_: None
        )
        assert run.status is RunStatus.SUCCEEDED, run.error
        with console.database.read() as tx:
            fields = registry.get(tx, "fuel", 1).signature.fields
    return list(next(field.categories for field in fields if field.name == "ship") or SHIPS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as name:
        folder = Path(name)
        root = create_workspace(folder / "workspace").root
        frame = rows_of(arguments.rows, train(root))
        frame.write_parquet(folder / "rows.parquet", row_group_size=100_000)
        frame.head(arguments.rows // 10).write_parquet(folder / "tenth.parquet", row_group_size=100_000)
        frame.write_csv(folder / "rows.csv")
        found = {
            "a tenth, Parquet, logged": predict(root, folder / "tenth.parquet", folder / "tenth-answers.parquet"),
            "Parquet, logged": predict(root, folder / "rows.parquet", folder / "answers.parquet"),
            "Parquet, not logged": predict(root, folder / "rows.parquet", folder / "quiet.parquet", "--no-log"),
            "CSV, not logged": predict(root, folder / "rows.csv", folder / "answers.csv", "--no-log"),
        }
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, figures in found.items():
            print(f"{name:<26}" + "".join(f"  {key} {value:,.0f}" for key, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
