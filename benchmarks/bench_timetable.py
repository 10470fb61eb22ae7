"""The timetable beside plain APScheduler, memory and SQLite store, in the same run: triggers due in the same second,
and ten thousand at start.

Lag is from the due time to the moment at which what came of it is kept: for us the commit of firings, runs and next
times, synced to the disk; for APScheduler the call of the job, which keeps nothing of its own. Needs half a minute.

    python benchmarks/bench_timetable.py [--due 1000] [--at-start 10000] [--repeats 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from quarterdeck.core.clock import utc_now
from quarterdeck.core.values import Task, TriggerKind
from quarterdeck.scheduler.manifests import Manifests
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.scheduler.trigger_keeper import Triggers
from quarterdeck.store import pipelines, runs, triggers
from quarterdeck.store.workspace import create_workspace

AHEAD = timedelta(seconds=2)
PIPELINES = 100  # at start
MANIFEST = """
[pipeline]
name = "{name}"
task = "binary"
target = "late"
[steps.rows]
uses = "read_table"
with = {{ source = "data" }}
"""
LAGS: list[float] = []


@contextmanager
def workspace() -> Iterator[State]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_state(create_workspace(Path(folder) / "workspace", data=False)) as state,
    ):
        yield state


def fill(state: State, count: int, each: int, spec: Callable[[int], dict[str, Any]]) -> None:
    with state.database.write() as tx:
        for number in range(count):
            row = pipelines.Pipeline(
                name=f"p{number}", task=Task.BINARY, description="", owner="", digest="", synced_at=utc_now()
            )
            pipelines.put(tx, row)
            specs = [(f"t{index}", TriggerKind.SCHEDULE, spec(number * each + index)) for index in range(each)]
            triggers.sync(tx, f"p{number}", specs)


def due_ours(count: int) -> float:
    """One pipeline for each: every one of them starts a run."""
    with workspace() as state:
        fill(state, count, 1, lambda _: {"every": 86_400.0})
        at = utc_now() + AHEAD
        with state.database.write() as tx:
            triggers.set_next_fires(tx, {trigger.id: at for trigger in triggers.every(tx)})
        keeper = Triggers(state, readable=lambda _: True)
        done, lags = threading.Event(), []
        schedules = keeper._schedules
        inner = schedules.timetable._due

        def timed(due: dict[int, datetime]) -> Any:
            after = inner(due)
            lags.extend([(utc_now() - at).total_seconds()] * len(due))
            if len(lags) >= count:
                done.set()
            return after

        schedules.timetable._due = timed
        keeper.start()
        keeper.refresh(utc_now())
        assert done.wait(60)
        keeper.stop()
        with state.database.read() as tx:
            assert len(runs.unfinished(tx)) == count
            assert len(triggers.firings(tx, limit=2 * count)) == count
        return p99(lags)


def note(at: float) -> None:
    LAGS.append(time.time() - at)


def due_apscheduler(count: int, store: Any) -> float:
    LAGS.clear()
    scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": store}, job_defaults={"misfire_grace_time": 60})
    scheduler.start(paused=True)
    at = utc_now() + AHEAD + timedelta(seconds=count / 200)
    for number in range(count):
        scheduler.add_job(note, "date", run_date=at, args=[at.timestamp()], id=str(number))
    scheduler.resume()
    waited = threading.Event()
    while len(LAGS) < count:
        waited.wait(0.05)
    scheduler.shutdown()
    return p99(LAGS)


def crontab(number: int) -> str:
    return f"{number % 60} {number % 24} * * {number % 7}"


def start_ours(count: int) -> dict[str, float]:
    """The first start computes every due time and keeps it; a restart reads them. Then a tick without a change."""
    spec = lambda number: {"cron": crontab(number), "timezone": "America/New_York"}  # noqa: E731
    with workspace() as state:
        fill(state, PIPELINES, count // PIPELINES, spec)
        found = {}
        for name in ("first start", "restart"):
            keeper = Triggers(state, readable=lambda _: True)
            began = time.perf_counter()
            keeper.start()
            assert keeper.refresh(utc_now()) == count
            found[name] = time.perf_counter() - began
            ticks = []
            for _ in range(200):
                began = time.perf_counter()
                keeper.tick(utc_now())
                ticks.append(time.perf_counter() - began)
            found["a tick, nothing changed, ms"] = 1000 * statistics.median(ticks)
            keeper.stop()
        return found


def start_from_files(count: int) -> dict[str, float]:
    """What a daemon does: read every pipeline.toml, sync its triggers, plan them."""
    with workspace() as state:
        for number in range(PIPELINES):
            folder = state.workspace.pipelines_folder / f"p{number}"
            folder.mkdir()
            each = count // PIPELINES
            lines = [
                f'[[triggers]]\non = "schedule"\nname = "t{index}"\ncron = "{crontab(number * each + index)}"\n'
                'timezone = "America/New_York"\n'
                for index in range(each)
            ]
            (folder / "pipeline.toml").write_text(MANIFEST.format(name=f"p{number}") + "".join(lines))
        found = {}
        for name in ("with manifests, first", "with manifests, again"):
            manifests, keeper = Manifests(state.workspace, state.database), Triggers(state, readable=lambda _: True)
            began = time.perf_counter()
            keeper.start()
            manifests.refresh(utc_now())
            keeper.refresh(utc_now())
            found[name] = time.perf_counter() - began
            ticks = []
            for _ in range(200):
                began = time.perf_counter()
                manifests.refresh(utc_now())
                keeper.tick(utc_now())
                ticks.append(time.perf_counter() - began)
            found["manifests and triggers, nothing changed, ms"] = 1000 * statistics.median(ticks)
            keeper.stop()
        return found


def start_apscheduler(count: int, store: Any) -> float:
    """Until it is ready to run; paused, so that no job of this minute is called meanwhile."""
    scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": store})
    began = time.perf_counter()
    for number in range(count):
        trigger = CronTrigger.from_crontab(crontab(number), timezone="America/New_York")
        scheduler.add_job(note, trigger, args=[0.0], id=str(number))
    scheduler.start(paused=True)
    taken = time.perf_counter() - began
    scheduler.shutdown(wait=False)
    return taken


def sqlite(folder: str) -> SQLAlchemyJobStore:
    return SQLAlchemyJobStore(url=f"sqlite:///{folder}/jobs.db")


def p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--due", type=int, default=1_000)
    parser.add_argument("--at-start", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, float] = {}
    found["p99 lag s, quarterdeck"] = statistics.median(due_ours(asked.due) for _ in range(asked.repeats))
    found["p99 lag s, apscheduler memory"] = statistics.median(
        due_apscheduler(asked.due, MemoryJobStore()) for _ in range(asked.repeats)
    )
    with tempfile.TemporaryDirectory() as folder:
        found["p99 lag s, apscheduler sqlite"] = due_apscheduler(asked.due, sqlite(folder))
    found |= {f"start s, quarterdeck, {name}": value for name, value in start_ours(asked.at_start).items()}
    found |= {f"start s, quarterdeck, {name}": value for name, value in start_from_files(asked.at_start).items()}
    found["start s, apscheduler memory"] = start_apscheduler(asked.at_start, MemoryJobStore())
    with tempfile.TemporaryDirectory() as folder:
        tenth = start_apscheduler(asked.at_start // 10, sqlite(folder))
        found["start s, apscheduler sqlite, a tenth of them"] = tenth
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{asked.due:,} triggers due at once, {asked.at_start:,} at start")
    for name, value in found.items():
        print(f"  {name:60} {value:8.3f}")


if __name__ == "__main__":
    main()
