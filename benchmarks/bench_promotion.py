"""A promotion and a rollback under load: one request a millisecond, no daemon.

Prints how many requests failed (none must), the slowest answer, and the milliseconds from the commit of each act to
the first answer of the version it made champion, and to the last answer of the one before. Needs about a minute.

    python benchmarks/bench_promotion.py [--acts 20] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.operations import Service
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.processes import terminate
from quarterdeck.store.workspace import create_workspace

PERIOD_S = 0.001
CONNECTIONS = 16
BETWEEN_ACTS_S = 0.5
ROW = {
    "ship": "Dunlin", "speed_through_water": 12.0, "draft": 9.0, "wave_height": 1.0, "head_wind": 3.0,
    "cross_wind": 2.0, "sea_temperature": 12.0,
}  # fmt: skip


@dataclass(slots=True)
class Seen:
    """Every answer: (monotonic time, version, seconds); version 0 is a failure."""

    answers: list[tuple[float, int, float]] = field(default_factory=list)
    late: int = 0  # requests that found every connection busy


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send a request on a kept connection and read its answer: (status, body)."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split()[1]), await reader.readexactly(int(headers["content-length"]))


async def load(service: Service, seen: Seen, stop: asyncio.Event) -> None:
    """Open loop: a request is due every millisecond, whether the one before was answered or not."""
    body = json.dumps(ROW).encode()
    request = (
        f"POST /predict/fuel HTTP/1.1\r\nHost: {service.host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    due: asyncio.Queue[float] = asyncio.Queue()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(service.host, service.port)
        while True:
            started = await due.get()
            try:
                status, answer = await one(reader, writer, request)
                version = json.loads(answer)["version"] if status == 200 else 0
                if status != 200:
                    print(f"{status}: {answer.decode()[:200]}", file=sys.stderr)
            except (OSError, asyncio.IncompleteReadError) as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                version = 0
                reader, writer = await asyncio.open_connection(service.host, service.port)
            now = time.perf_counter()
            seen.answers.append((now, version, now - started))

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    begin, sent = time.perf_counter(), 0
    while not stop.is_set():
        while begin + sent * PERIOD_S <= time.perf_counter():
            due.put_nowait(begin + sent * PERIOD_S)
            sent += 1
        await asyncio.sleep(PERIOD_S / 2)
    while not due.empty():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    for worker in workers:
        worker.cancel()


async def measure(console: Console, service: Service, count: int) -> tuple[Seen, list[tuple[float, int]]]:
    seen, stop, moved = Seen(), asyncio.Event(), []
    driving = asyncio.create_task(load(service, seen, stop))
    await asyncio.sleep(1.0)
    for number in range(count):
        act = acts.rollback if number % 2 else acts.promote
        argument = "fuel" if number % 2 else "fuel@2"
        version = await asyncio.to_thread(act, console, argument, reason="a benchmark")
        moved.append((time.perf_counter(), version.number))
        await asyncio.sleep(BETWEEN_ACTS_S)
    stop.set()
    await driving
    return seen, moved


def report(seen: Seen, moved: list[tuple[float, int]]) -> dict[str, float | int]:
    first, last = [], []
    for index, (at, number) in enumerate(moved):
        end = moved[index + 1][0] if index + 1 < len(moved) else float("inf")
        mine = [when for when, version, _ in seen.answers if version == number and at - 0.05 <= when < end]
        old = [when for when, version, _ in seen.answers if version not in (number, 0) and at <= when < end]
        first.append((min(mine) - at) * 1000)
        last.append((max(old) - at) * 1000 if old else 0.0)
    seconds = sorted(answer[2] for answer in seen.answers)
    return {
        "requests": len(seen.answers),
        "failed": sum(version == 0 for _, version, _ in seen.answers),
        "requests_per_s": len(seen.answers) / (seen.answers[-1][0] - seen.answers[0][0]),
        "p50_ms": seconds[len(seconds) // 2] * 1000,
        "p99_ms": seconds[int(len(seconds) * 0.99)] * 1000,
        "slowest_ms": seconds[-1] * 1000,
        "acts": len(moved),
        "to_first_new_median_ms": statistics.median(first),
        "to_first_new_max_ms": max(first),
        "to_last_old_median_ms": statistics.median(last),
        "to_last_old_max_ms": max(last),
    }


def two_versions(console: Console) -> None:
    """Train fuel twice."""
    manifest = console.workspace.pipelines_folder / "fuel" / "pipeline.toml"
    for trees in (200, 199):  # the same model twice would be one version
        manifest.write_text(manifest.read_text().replace("max_iter = 200", f"max_iter = {trees}"))
        run = foreground.run_pipeline(
            console.workspace, console.database, "fuel", by="bench", on_change=lambda *_: None
        )
        assert run.status is RunStatus.SUCCEEDED, run.error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acts", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        workspace = create_workspace(Path(folder) / "workspace")
        workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n")
        with Console.open(workspace.root) as console:
            two_versions(console)
            service = control.start_server(workspace, console.database)
            try:
                found = report(*asyncio.run(measure(console, service, arguments.acts)))
            finally:
                terminate(service.pid, patience=10)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<24} {value:,.2f}" if isinstance(value, float) else f"{name:<24} {value:,}")
    return 0 if found["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
