"""What counting costs the prediction server: 20 numbers a row, counted into the bins of the version's profile.

Prints processor time a row of logging alone and of logging and counting, for batches of the log of 1, 64 and 1,024
one-row requests, in process and on a real traffic.db (the least of many: the machine may be shared); the server
process's own processor time a request with and without counting, driven with wrk at 1 and 64 connections (medians of
turns one after the other); what a window takes, in traffic.db and in memory; and how long a window's drift takes from
its counts.

    python benchmarks/bench_counting.py [--seconds 4] [--turns 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from serving.driving import drive, have_wrk

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.counting import Counter
from quarterdeck.core.drift.judge import judge_features
from quarterdeck.core.drift_spec import DriftSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Counts, build_profile
from quarterdeck.core.values import Arm, RunStatus, Task
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.processes import terminate
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.tally import Tally
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.workspace import create_workspace

FEATURES = 20
HOUR = 3_600_000_000
NAMES = tuple(f"x{number}" for number in range(FEATURES))
SIGNATURE = Signature(
    fields=tuple(Field(name=name, kind=FieldKind.NUMBER) for name in NAMES), task=Task.REGRESSION, target="y"
)
RANDOM = np.random.default_rng(0)
PROFILE = build_profile({name: RANDOM.normal(size=10_000) for name in NAMES}, SIGNATURE, RANDOM.normal(size=10_000))
MANIFEST = """
[pipeline]
name = "wide"
task = "binary"
target = "y"
[steps.features]
[steps.split]
uses = "split_random"
[steps.model]
uses = "fit"
with = { estimator = "sklearn.linear_model.LogisticRegression" }
[steps.evaluation]
uses = "evaluate"
"""
STEPS = """
import numpy as np
import polars as pl


def features() -> pl.DataFrame:
    values = np.random.default_rng(0).normal(size=(2_000, 20))
    late = (values.sum(axis=1) > 0).astype(int)
    return pl.DataFrame(values, schema=[f"x{n}" for n in range(20)]).with_columns(y=late)
"""


def least(act: Callable[[], Any], times: int) -> float:
    """Seconds of processor time."""
    found = []
    for _ in range(times):
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return min(found)


def of_batches() -> dict[str, float]:
    """Microseconds of processor a row, in process."""
    numbers = count()
    counter = Counter(PROFILE, NAMES)

    def batch(rows: int) -> list[Entry]:
        values = RANDOM.normal(size=(rows, FEATURES)).tolist()
        return [
            Entry(
                "wide", 1, Arm.CHAMPION, False, [f"p{next(numbers)}"], [dict(zip(NAMES, row, strict=True))], [None],
                [None], 5, 7, Plain([0.5], None, None, [0.5]), 0, None, [tuple(row)], counter,
            )
            for row in values
        ]  # fmt: skip

    found = {}
    for rows, times in ((1, 400), (64, 60), (1_024, 12)):
        took = {}
        for name, width in (("logging", 0), ("logging_and_counting", HOUR)):
            with tempfile.TemporaryDirectory() as folder, open_traffic(Path(folder) / "traffic.db") as traffic:
                log = PredictionLog(traffic, ThreadPoolExecutor(1), Counters(), Problems(), tally := Tally())
                tally.windows = {"wide": width}
                batches = iter([batch(rows) for _ in range(times)])
                took[name] = least(lambda log=log, batches=batches: log._append(next(batches)), times) / rows * 1e6
        found |= {f"batch_{rows}_{name}_us": value for name, value in took.items()}
        found[f"batch_{rows}_counting_us"] = took["logging_and_counting"] - took["logging"]
    return found


def of_windows() -> dict[str, float]:
    counts = Counter(PROFILE, NAMES).count(RANDOM.normal(size=(5_000, FEATURES)).tolist(), RANDOM.normal(size=5_000))
    assert counts is not None
    text = json.dumps(counts.to_json())
    tracemalloc.start()
    kept = Counts.from_json(json.loads(text))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    drift = least(lambda: judge_features(PROFILE, kept, DriftSpec()), 200)
    return {
        "window_bytes_in_traffic_db": len(text),
        "window_bytes_in_memory": size,
        "drift_of_a_window_ms": drift * 1_000,
    }


def served(console: Console, seconds: float, turns: int) -> dict[str, float]:
    """Microseconds of the server process's processor a request."""
    row = dict.fromkeys(NAMES, 0.25)
    found: dict[str, list[float]] = {}
    for _ in range(turns):
        for name, pipeline in (("counting", "wide"), ("without", "nobody")):
            watch_as(console, pipeline)
            service = control.start_server(console.workspace, console.database)
            try:
                process = psutil.Process(service.pid)
                url = f"http://{service.host}:{service.port}/predict/wide"
                drive(url, row, connections=8, seconds=1, core=1, headers={})  # warm
                for connections in (1, 64):
                    before = cpu(process)
                    figures = drive(url, row, connections=connections, seconds=seconds, core=1, headers={})
                    used = (cpu(process) - before) / (figures.requests_per_s * seconds) * 1e6
                    found.setdefault(f"server_{connections}_connections_{name}_us", []).append(used)
            finally:
                terminate(service.pid, patience=30)
    medians = {name: statistics.median(values) for name, values in sorted(found.items())}
    for connections in (1, 64):
        with_, without = (medians[f"server_{connections}_connections_{name}_us"] for name in ("counting", "without"))
        medians[f"server_{connections}_connections_difference_us"] = with_ - without
    return medians


def cpu(process: psutil.Process) -> float:
    """Seconds, of every thread, to the nanosecond."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def watch_as(console: Console, name: str) -> None:
    """Give the model's pipeline this name: under another one nobody watches the model, and nothing is counted."""
    with closing(sqlite3.connect(console.workspace.database, isolation_level=None)) as connection:
        connection.execute("UPDATE pipeline SET name = ?", (name,))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = of_batches() | of_windows()
    if have_wrk():
        with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
            workspace = create_workspace(Path(folder) / "workspace", data=False)
            workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n")
            place = workspace.pipelines_folder / "wide"
            place.mkdir()
            (place / "pipeline.toml").write_text(MANIFEST)
            (place / "steps.py").write_text(STEPS)
            with Console.open(workspace.root) as console:
                run = foreground.run_pipeline(
                    workspace, console.database, "wide", by="bench", on_change=lambda *_: None
                )
                assert run.status is RunStatus.SUCCEEDED, run.error
                acts.promote(console, "wide@1", reason="a benchmark")
                found |= served(console, options.seconds, options.turns)
    else:
        print("wrk is not here: the server is not driven (apt-get install wrk)", file=sys.stderr)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<44} {value:,.2f}")
    over = found["batch_64_counting_us"] > 5 or found["drift_of_a_window_ms"] > 1
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
