"""Two million predictions through the real server in one go, and retention on the log that they leave.

The client sends requests of 100 rows on 4 connections, as fast as they are answered, or at a rate. Prints the memory
of the server before the first and after the last, how many rows were answered, logged and dropped (0 must be), and the
size of traffic.db; then how long retention takes to bring it to half of that, the longest that another writer waited
meanwhile, and the size after. Needs some minutes and 2 GB of disk.

    python benchmarks/bench_prediction_log.py [--rows 2000000] [--rate ROWS_A_SECOND] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.operations import Service
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.processes import terminate
from quarterdeck.scheduler.retention import MB, Retention
from quarterdeck.scheduler.state import open_state
from quarterdeck.store import promotion, registry, traffic_log, traffic_queries
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic_space import space_of
from quarterdeck.store.traffic_upgrade import SETTLED
from quarterdeck.store.workspace import create_workspace

ROWS = 100  # in a request
CONNECTIONS = 4
PATIENCE_S = 60
ROW = {
    "ship": "Dunlin", "speed_through_water": 12.0, "draft": 9.0, "wave_height": 1.0, "head_wind": 3.0,
    "cross_wind": 2.0, "sea_temperature": 12.0,
}  # fmt: skip


def requests(service: Service) -> list[bytes]:
    """A hundred different requests."""
    found = []
    for number in range(100):
        rows = [ROW | {"speed_through_water": 10.0 + number / 50, "draft": 8.5 + row / 100} for row in range(ROWS)]
        body = json.dumps(rows).encode()
        head = (
            f"POST /predict/fuel HTTP/1.1\r\nHost: {service.host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


async def send(service: Service, count: int, rate: int = 0) -> dict[str, int]:
    """Send so many requests, at `rate` rows a second or (0) as fast as can be; answered rows, failed requests."""
    began = time.perf_counter()
    bodies, sent, outcome = requests(service), 0, {"answered": 0, "failed": 0}

    async def connection() -> None:
        nonlocal sent
        reader, writer = await asyncio.open_connection(service.host, service.port)
        while sent < count:
            sent += 1
            if rate:
                await asyncio.sleep(max(0.0, began + sent * ROWS / rate - time.perf_counter()))
            writer.write(bodies[sent % len(bodies)])
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            length = next(int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
            await reader.readexactly(length)
            good = lines[0].split()[1] == "200"
            outcome["answered"] += ROWS if good else 0
            outcome["failed"] += 0 if good else 1
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return outcome


def metric(service: Service, word: str) -> float:
    """A counter of the server's, by a word of its name."""
    text = httpx.get(f"http://{service.host}:{service.port}/metrics").text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if word in line and line[0] != "#")


def logged(console: Console, wanted: int) -> int:
    """How many rows are in the log, once they all are, or none come any more."""
    deadline, before = time.monotonic() + PATIENCE_S, -1
    while time.monotonic() < deadline:
        with console.traffic.read() as tx:
            newest = traffic_log.newest(tx)
        if newest >= wanted or newest == before:
            break
        before = newest
        time.sleep(1.0)
    with console.traffic.read() as tx:
        return sum(share.rows for share in traffic_log.shares(tx))


class Waiter:
    """Another writer, who does as good as nothing, and how long it waited for the lock at most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest = 0.0

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.perf_counter()
            with self._database.write() as tx:
                traffic_queries.set_cursor(tx, "benchmark", 1)
            self.longest = max(self.longest, time.perf_counter() - started)
            time.sleep(0.01)

    def __enter__(self) -> Waiter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def retain(console: Console) -> dict[str, Any]:
    """Bring the log to half its size, as the daemon does: a step a tick."""
    with open_state(console.workspace) as state:
        with state.traffic.write() as tx:  # what the monitor would have read
            traffic_queries.set_cursor(tx, SETTLED, traffic_log.newest(tx))
        before = space_of(state.traffic)
        half = before.used // 2 // MB
        retention = Retention(replace(state, settings=replace(state.settings, max_mb=half)))
        now, busy, steps, cpu = utc_now(), 0.0, 0, time.process_time()
        with Waiter(state.traffic) as waiter:
            started = time.perf_counter()
            while True:
                began = time.perf_counter()
                if not retention.tick(now):
                    break
                busy += time.perf_counter() - began
                steps += 1
                time.sleep(state.settings.tick_seconds)
            took = time.perf_counter() - started
            cpu = time.process_time() - cpu
        state.traffic.close()  # folds the write-ahead log into the file
        return {
            "retention_bound_mb": half,
            "retention_removed_rows": retention.detail["predictions"],
            "retention_s": took,
            "retention_busy_s": busy,
            "retention_cpu_s": cpu,
            "retention_steps": steps,
            "retention_longest_wait_of_a_writer_ms": waiter.longest * 1_000,
            "file_after_mb": console.workspace.traffic_database.stat().st_size / MB,
        }


def measure(console: Console, rows: int, rate: int) -> dict[str, Any]:
    with console.database.write() as tx:
        if not registry.aliases(tx, "fuel", console.environment):
            audit = Audit(actor="bench", environment=console.environment, at=utc_now(), reason="a benchmark")
            promotion.promote(tx, "fuel", 1, audit, saw_champion=None)
    service = control.start_server(console.workspace, console.database)
    try:
        asyncio.run(send(service, 20))
        process = psutil.Process(service.pid)
        start = process.memory_info().rss
        began = time.perf_counter()
        outcome = asyncio.run(send(service, rows // ROWS - 20, rate))
        seconds = time.perf_counter() - began
        found = {
            "rows_per_request": ROWS,
            "rows_answered": outcome["answered"] + 20 * ROWS,
            "requests_failed": outcome["failed"],
            "rows_per_s": outcome["answered"] / seconds,
            "rows_logged": logged(console, rows),
            "rows_dropped": metric(service, "log_dropped_total"),
            "server_mb_at_start": start / 1e6,
            "server_mb_at_end": process.memory_info().rss / 1e6,
        }
    finally:
        terminate(service.pid, patience=30)
    space = space_of(console.traffic)
    console.traffic.close()
    return found | {"file_mb": space.file / MB, "bytes_per_row": space.used / found["rows_logged"]} | retain(console)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        workspace = create_workspace(Path(folder) / "workspace")
        workspace.settings_file.write_text("[server]\nport = 0\n")
        with Console.open(workspace.root) as console:
            run = foreground.run_pipeline(workspace, console.database, "fuel", by="bench", on_change=lambda *_: None)
            assert run.status is RunStatus.SUCCEEDED, run.error
            found = measure(console, arguments.rows, arguments.rate)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<38} {value:,.1f}" if isinstance(value, float) else f"{name:<38} {value:,}")
    return 0 if found["rows_dropped"] == 0 and found["rows_logged"] == found["rows_answered"] else 1


if __name__ == "__main__":
    sys.exit(main())
