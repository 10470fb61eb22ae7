"""A promotion, a rollback and a change of a canary's share under load: so many requests a second, no daemon.

Prints how many requests failed (none must), the slowest answer, and the milliseconds from the commit of each act to
the first answer of the version it made champion, and to the last answer of the one before; for a canary from 0 to
100 % and back, to the first answer of the version that gets the requests and the last one of the other. Needs about a
minute.

    python benchmarks/bench_promotion.py [--acts 20] [--rate 2000] [--processes 1] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.operations import Service
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.processes import terminate
from quarterdeck.store import promotion
from quarterdeck.store.workspace import create_workspace

RATE = 1_000  # a second
CONNECTIONS = 32
BETWEEN_ACTS_S = 0.5
VERSION = b'"version":'
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


async def load(service: Service, seen: Seen, stop: asyncio.Event, rate: float = RATE) -> None:
    """Open loop: so many requests are due a second, whether the ones before were answered or not."""
    period_s = 1 / rate
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
                version = int(answer[answer.index(VERSION) + len(VERSION) :].partition(b",")[0]) if status == 200 else 0
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
        while begin + sent * period_s <= time.perf_counter():
            due.put_nowait(begin + sent * period_s)
            sent += 1
        await asyncio.sleep(min(period_s, 0.001) / 2)
    while not due.empty():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    for worker in workers:
        worker.cancel()


def _act(console: Console, number: int) -> tuple[str, int]:
    """The next act of the round: promote, roll back, canary to 100 %, canary to 0 %; the version that answers then."""
    turn = number % 4
    if turn < 2:
        act, argument = (acts.promote, "fuel@2") if turn == 0 else (acts.rollback, "fuel")
        return act.__name__, act(console, argument, reason="a benchmark").number
    weight = 100.0 if turn == 2 else 0.0
    audit = Audit(actor="bench", environment=console.environment, at=utc_now(), reason="a benchmark")
    with console.database.write() as tx:
        if turn == 2:
            promotion.challenge(tx, "fuel", 2, audit)
        promotion.split(tx, "fuel", audit, version=2, weight=weight, shadow=False)
        if turn == 3:
            promotion.withdraw(tx, "fuel", audit)
    return f"canary {weight:.0f} %", 2 if turn == 2 else 1


async def measure(
    console: Console, service: Service, count: int, rate: float
) -> tuple[Seen, list[tuple[float, int, str]]]:
    seen, stop, moved = Seen(), asyncio.Event(), []
    driving = asyncio.create_task(load(service, seen, stop, rate))
    await asyncio.sleep(1.0)
    for number in range(count):
        name, version = await asyncio.to_thread(_act, console, number)
        moved.append((time.perf_counter(), version, name))
        await asyncio.sleep(BETWEEN_ACTS_S)
    stop.set()
    await driving
    return seen, moved


def report(seen: Seen, moved: Sequence[tuple[float, int, str]]) -> dict[str, float | int]:
    seconds = sorted(answer[2] for answer in seen.answers)
    found: dict[str, float | int] = {
        "requests": len(seen.answers),
        "failed": sum(version == 0 for _, version, _ in seen.answers),
        "requests_per_s": len(seen.answers) / (seen.answers[-1][0] - seen.answers[0][0]),
        "p50_ms": seconds[len(seconds) // 2] * 1000,
        "p99_ms": seconds[int(len(seconds) * 0.99)] * 1000,
        "slowest_ms": seconds[-1] * 1000,
        "acts": len(moved),
    }
    times: dict[str, list[tuple[float, float]]] = {}
    for index, (at, number, name) in enumerate(moved):
        end = moved[index + 1][0] if index + 1 < len(moved) else float("inf")
        mine = [when for when, version, _ in seen.answers if version == number and at - 0.05 <= when < end]
        old = [when for when, version, _ in seen.answers if version not in (number, 0) and at <= when < end]
        times.setdefault(name, []).append(((min(mine) - at) * 1000, (max(old) - at) * 1000 if old else 0.0))
    for name, pairs in times.items():
        first, last = zip(*pairs, strict=True)
        found |= {
            f"{name}_to_first_new_median_ms": statistics.median(first),
            f"{name}_to_first_new_max_ms": max(first),
            f"{name}_to_last_old_median_ms": statistics.median(last),
            f"{name}_to_last_old_max_ms": max(last),
        }
    return found


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
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    parser.add_argument("--processes", type=int, default=1, help="of the server")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        workspace = create_workspace(Path(folder) / "workspace")
        workspace.settings_file.write_text(f"[server]\nport = 0\nprocesses = {arguments.processes}\n")
        with Console.open(workspace.root) as console:
            two_versions(console)
            service = control.start_server(workspace, console.database)
            try:
                found = report(*asyncio.run(measure(console, service, arguments.acts, arguments.rate)))
            finally:
                terminate(service.pid, patience=10)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<44} {value:,.2f}" if isinstance(value, float) else f"{name:<44} {value:,}")
    return 0 if found["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
