"""kill -9 of a server's process under load, with a daemon that keeps it up.

What was answered and is not in the log must be of the last 100 ms. Prints, for so many kills: answers given, answers
that are not in the log, how old the oldest of these was when the process died, and how long until the server answered
again.

    python benchmarks/bench_kill.py [--kills 5] [--rate 1000] [--processes 1] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
from bench_promotion import ROW, two_versions

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler import control
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.traffic_queries import predictions_after
from quarterdeck.store.traffic_writers import lost_rows
from quarterdeck.store.workspace import create_workspace

CONNECTIONS = 16
BETWEEN_S = 11.0  # a server that dies sooner is waited for longer each time

Answer = tuple[float, str]  # when it came (time.time), and its id


def address(console: Console) -> str | None:
    service = control.find(console.database, ServiceKind.SERVER)
    return None if service is None else f"http://{service.host}:{service.port}"


async def client(console: Console, answers: list[Answer], lost: list[float], stop: asyncio.Event, pause: float) -> None:
    """Asks again and again; a connection that breaks is a request without an answer, and is made anew."""
    while not stop.is_set():
        base = address(console)
        if base is None:
            await asyncio.sleep(0.005)
            continue
        async with httpx.AsyncClient(base_url=base, timeout=10) as http:
            try:
                while not stop.is_set():
                    answer = await http.post("/predict/fuel", json=ROW)
                    answers.append((time.time(), answer.json()["predictions"][0]["id"]))
                    await asyncio.sleep(pause)
            except (httpx.HTTPError, KeyError):
                lost.append(time.time())
                await asyncio.sleep(0.005)


async def measure(console: Console, kills: int, rate: float) -> tuple[list[Answer], list[float], list[float]]:
    answers: list[Answer] = []
    lost: list[float] = []
    killed: list[float] = []
    stop = asyncio.Event()
    clients = [
        asyncio.create_task(client(console, answers, lost, stop, CONNECTIONS / rate)) for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(BETWEEN_S)
    for _ in range(kills):
        service = control.find(console.database, ServiceKind.SERVER)
        assert service is not None
        os.kill(service.pid, signal.SIGKILL)
        killed.append(time.time())
        seen = len(answers)
        while len(answers) < seen + 50:
            await asyncio.sleep(0.01)
        await asyncio.sleep(BETWEEN_S)
    stop.set()
    await asyncio.gather(*clients)
    return answers, lost, killed


def report(console: Console, answers: list[Answer], lost: list[float], killed: list[float]) -> dict[str, float | int]:
    logged = set()
    with open_traffic(console.workspace.traffic_database) as traffic, traffic.read() as tx:
        seq = 0
        while rows := predictions_after(tx, seq, limit=10_000):
            logged |= {row.id for row in rows}
            seq = rows[-1].seq
        counted = lost_rows(tx)
    missing = [at for at, name in answers if name not in logged]
    ages = [min(kill - at for kill in killed if kill >= at - 0.01) * 1000 for at in missing]
    back = [min(at for at, _ in answers if at > kill + 0.02) - kill for kill in killed]
    return {
        "kills": len(killed),
        "answers": len(answers),
        "requests_without_an_answer": len(lost),
        "answers_not_in_the_log": len(missing),
        "of_them_as_the_servers_count_says": counted,  # and those that no client got, when the process died
        "oldest_of_them_ms": max(ages, default=0.0),
        "answers_again_after_median_s": statistics.median(back),
        "answers_again_after_max_s": max(back),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=float, default=1_000, help="requests a second")
    parser.add_argument("--processes", type=int, default=1, help="of the server; the first one is killed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        workspace = create_workspace(Path(folder) / "workspace")
        workspace.settings_file.write_text(f"[server]\nport = 0\nprocesses = {options.processes}\n")
        with Console.open(workspace.root) as console:
            two_versions(console)
            acts.promote(console, "fuel@2", reason="a benchmark")
            control.start_daemon(workspace, console.database)
            try:
                control.wait_for(console.database, ServiceKind.SERVER)
                found = asyncio.run(measure(console, options.kills, options.rate))
            finally:
                control.stop_daemon(console.database)
            figures = report(console, *found)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:<32} {value:,.2f}" if isinstance(value, float) else f"{name:<32} {value:,}")
    return 0 if figures["oldest_of_them_ms"] <= 100 else 1


if __name__ == "__main__":
    sys.exit(main())
