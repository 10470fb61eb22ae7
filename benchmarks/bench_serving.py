"""The prediction server beside MLflow, MLServer, BentoML and FastAPI, and beside a constant answer from the same HTTP
server and one from granian: the same two models, single-row JSON, one process on one core, wrk on the other.

Ours checks every field and logs every prediction; the constant answers do neither: the first is the ceiling. Each peer
runs in a Python of its own in `.peers/`, made at the first run (3 GB, some minutes). Needs wrk (Debian: wrk), taskset.
Servers take turns, `--rounds` times, and medians are given, so that a busy moment of the machine is nobody's.

    python benchmarks/bench_serving.py [--seconds 5] [--rounds 3] [--only NAME ...] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from bench_registry import noise
from serving.driving import Figures, drive, have_wrk
from serving.models import NAMES
from serving.servers import CONSTANT, PEER_SERVERS, PORT, Server, Started, ours
from serving.workspace import ROW, two_champions

CONNECTIONS = (1, 16, 64)
WARM_S = 1.0
PATIENCE_S = 60.0
SERVER_CORE, LOAD_CORE = 0, 1
OURS = "Quarterdeck"

Measured = dict[str, Any]


def measure(start: Callable[[], Started], seconds: float) -> Measured:
    """Start a server, wait for its first good answer, drive it at each number of connections, stop it."""
    began = time.perf_counter()
    started = start()
    try:
        began = psutil.Process(started.process.pid).create_time()
        _first_answer(started)
        ready = time.time() - began
        figures = {}
        for connections in CONNECTIONS:
            run = partial(
                drive, started.url, started.body, connections=connections, core=LOAD_CORE, headers=started.headers
            )
            run(seconds=WARM_S)
            figures[connections] = run(seconds=seconds)
        return {"start_s": ready, "memory_mb": _memory(started.process.pid), "figures": figures}
    finally:
        _stop(started.process)


def _first_answer(started: Started) -> None:
    request = urllib.request.Request(  # noqa: S310  # loopback
        started.url, data=json.dumps(started.body).encode(), headers={"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                answer.read()
                return
        except urllib.error.HTTPError as error:
            said = f"{error.code} {error.read()[:500]!r}"  # some say so until their model is loaded
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            said = str(error)
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{started.url} does not answer: {said}; exit {started.process.poll()}")
        time.sleep(0.005)


def _memory(pid: int) -> float:
    """Of the whole tree of processes, in MB, what is shared counted once."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(member.memory_full_info().pss for member in family) / 1e6


def _stop(process: Any) -> None:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        member.terminate()
    _, alive = psutil.wait_procs(family, timeout=10)
    for member in alive:
        member.kill()
    process.wait()


def run(seconds: float, rounds: int, only: list[str]) -> dict[str, dict[str, Measured]]:
    """Medians by model and server."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as place:
        folder = Path(place)
        workspace = two_champions(folder / "workspace")
        own = Server(name=OURS, start=partial(ours, workspace))
        servers = [server for server in (own, *PEER_SERVERS) if not only or server.name in only]
        found: dict[str, dict[str, list[Measured]]] = {model: {} for model in NAMES}
        for turn in range(rounds):
            for model in NAMES:
                for server in servers:
                    if model == "forest" and server.name in (*CONSTANT, "MLflow, named columns"):
                        continue  # the first two know no model, the other is known by then
                    print(f"round {turn + 1}: {model}, {server.name}", file=sys.stderr)
                    start = partial(server.start, model, ROW, folder / f"{turn}-{model}-{server.name}", SERVER_CORE)
                    found[model].setdefault(server.name, []).append(measure(start, seconds))
    return {model: {name: _median(turns) for name, turns in by.items()} for model, by in found.items()}


def _median(turns: list[Measured]) -> Measured:
    def of(connections: int, name: str) -> float:
        return statistics.median(getattr(turn["figures"][connections], name) for turn in turns)

    figures = {
        connections: Figures(
            requests_per_s=of(connections, "requests_per_s"),
            p50_ms=of(connections, "p50_ms"),
            p99_ms=of(connections, "p99_ms"),
            failed=sum(turn["figures"][connections].failed for turn in turns),
        )
        for connections in CONNECTIONS
    }
    about = {name: statistics.median(turn[name] for turn in turns) for name in ("start_s", "memory_mb")}
    return about | {"figures": figures}


def table(found: dict[str, dict[str, Measured]]) -> str:
    lines = []
    for model, servers in found.items():
        mine = servers.get(OURS)
        lines += [
            f"\n| {model} | requests/s at 1 / 16 / 64 | ours over it | p50, p99 ms at 16 | start s | MB | failed |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, item in servers.items():
            figures = item["figures"]
            rates = " / ".join(f"{figures[n].requests_per_s:,.0f}" for n in CONNECTIONS)
            ratios = "" if mine is None else " / ".join(_ratio(mine["figures"][n], figures[n]) for n in CONNECTIONS)
            lines.append(
                f"| {name} | {rates} | {ratios} | {figures[16].p50_ms:.2f}, {figures[16].p99_ms:.2f} "
                f"| {item['start_s']:.2f} | {item['memory_mb']:.0f} | {sum(f.failed for f in figures.values())} |"
            )
    return "\n".join(lines)


def _ratio(mine: Figures, other: Figures) -> str:
    ratio = mine.requests_per_s / other.requests_per_s
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="names of servers")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not have_wrk():
        print("wrk is not installed; Debian's package is called wrk", file=sys.stderr)
        return 7
    found = run(options.seconds, options.rounds, options.only)
    if options.json:
        plain = {model: {name: _plain(item) for name, item in by.items()} for model, by in found.items()}
        print(json.dumps(plain | {"noise": noise()}, indent=2))
    else:
        print(table(found))
        print(f"\nnoise (p95/p5 of a fixed loop) {noise():.2f}; port {PORT}")
    return 0


def _plain(item: Measured) -> Measured:
    figures = {
        str(connections): {name: getattr(figure, name) for name in figure.__slots__}
        for connections, figure in item["figures"].items()
    }
    return item | {"figures": figures}


if __name__ == "__main__":
    sys.exit(main())
