"""kill -9 of the daemon at random moments of a busy time: schedules, drift that fires, and queued runs under way.

Afterwards a last daemon brings everything to its end, and it is looked at: each run that was asked for ran once, in one
worker; no two runs of a pipeline at once; no due time and no window fired twice; nothing is left queued, running or
alive; the ledger and both databases verify. Prints the figures; exit 1 if anything of that does not hold.

    python benchmarks/bench_daemon_kill.py [--kills 200] [--seed 1] [--longest 4.0] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from quarterdeck.core.clock import utc_now
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus, ServiceKind, TriggerKind
from quarterdeck.scheduler import control, foreground
from quarterdeck.store import auditing, runs, triggers
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.workspace import Workspace, create_workspace

PIPELINES = ("one", "two", "three")
MOST_WAITING = 3  # beyond that the pipelines would never be free for what fires by itself
SETTINGS = """[server]
port = 0
processes = 1
[daemon]
workers = 2
tick_seconds = 0.05
heartbeat_seconds = 0.2
"""
# every load of the module is work, which no cache spares: it is noted by the run's number, as its log is named
WORK = """
import os
import random
import time
from datetime import UTC, datetime, timedelta

import polars as pl

with open({journal!r}, "a") as file:
    file.write(f"{{os.readlink('/proc/self/fd/1').rpartition('-')[2].removesuffix('.log')}} {{os.getpid()}}\\n")
time.sleep(random.uniform(0, 0.3))
"""
SMALL = """
[pipeline]
name = "{name}"
task = "regression"
target = "y"
entity = "id"
time = "at"
[steps.number]
[[triggers]]
on = "schedule"
cron = "* * * * *"
"""
NUMBER = """

def number():
    return 1
"""
MODEL = """
[pipeline]
name = "tiny"
task = "regression"
target = "y"
entity = "id"
time = "at"
[steps.rows]
[steps.split]
uses = "split_by_time"
inputs = { features = "rows" }
with = { holdout = "2d" }
[steps.model]
uses = "fit"
with = { estimator = "sklearn.linear_model.Ridge" }
[steps.evaluation]
uses = "evaluate"
[[triggers]]
on = "drift"
features = 1
[monitoring]
window = "1h"
[rollout]
promote = "auto"
"""
ROWS = """

def rows():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = list(range(240))
    return pl.DataFrame({
        "id": [f"r{n}" for n in numbers],
        "at": [start + timedelta(hours=n) for n in numbers],
        "x": [float(n % 17) for n in numbers],
        "y": [2.0 * (n % 17) + (n % 3) for n in numbers],
    })
"""


class Busy:
    """A workspace, what is asked of it, and the daemon that is killed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.journal = folder / "journal"
        self.workspace = _workspace(folder / "workspace", self.journal)
        self.database = Database.sqlite(self.workspace.database)
        migrate(self.database, backup_to=None, now=utc_now())
        self.asked: list[int] = []
        self.kills: Counter[str] = Counter()
        self.windows = 0
        self._over = threading.Event()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "quarterdeck.scheduler", "--workspace", str(self.workspace.root)]
        with (self.workspace.logs / "daemon.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def kill(self, longest: float) -> None:
        """Start a daemon, and kill it at a random moment: of its work, or, a quarter of the time, of its start."""
        daemon = self.start()
        early = self.random.random() < 0.25
        if not early:
            control.wait_for(self.database, ServiceKind.DAEMON, daemon)
        time.sleep(self.random.uniform(0, 1.5 if early else longest))
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
        self.kills["while it started" if early else "at work"] += 1

    def ask(self) -> None:
        """Queue runs, and send rows that have drifted, until it is over."""
        hour = datetime(2026, 3, 1, tzinfo=UTC)
        while not self._over.wait(self.random.uniform(0.5, 2.5)):
            name = self.random.choice((*PIPELINES, "tiny"))
            if self._waiting() < MOST_WAITING:
                self.asked.append(foreground.queue(self.workspace, self.database, name, by="bench").id)
            hour += timedelta(hours=1)
            self._drift(hour)

    def stop_asking(self) -> None:
        self._over.set()

    def _waiting(self) -> int:
        with self.database.read() as tx:
            return len(runs.unfinished(tx))

    def _drift(self, hour: datetime) -> None:
        """A window of rows far from what the model was trained on; nothing where no server answers yet."""
        server = control.find(self.database, ServiceKind.SERVER)
        rows = [
            {"id": f"d{hour:%d%H}-{n}", "at": (hour + timedelta(seconds=n)).isoformat(), "x": 150.0 + n % 7}
            for n in range(60)
        ]
        if server is None or server.address is None:
            return
        try:
            answer = httpx.post(f"{server.address}/predict/tiny", json={"rows": rows}, timeout=5.0)
        except httpx.HTTPError:
            return
        self.windows += answer.status_code == 200


def _workspace(root: Path, journal: Path) -> Workspace:
    workspace = create_workspace(root, data=False)
    for folder in workspace.pipelines_folder.iterdir():
        subprocess.run(["rm", "-r", str(folder)], check=True)
    workspace.settings_file.write_text(SETTINGS)
    work = WORK.format(journal=str(journal))
    for name in PIPELINES:
        _pipeline(workspace, name, SMALL.format(name=name), work + NUMBER)
    _pipeline(workspace, "tiny", MODEL, work + ROWS)
    return workspace


def _pipeline(workspace: Workspace, name: str, manifest: str, steps: str) -> None:
    folder = workspace.pipelines_folder / name
    folder.mkdir()
    folder.joinpath("pipeline.toml").write_text(manifest)
    folder.joinpath("steps.py").write_text(steps)


def hour_of_kills(busy: Busy, *, kills: int, longest: float) -> tuple[datetime, datetime]:
    """A champion first; then the kills, while runs are asked for; then a daemon that is let live to the end."""
    daemon = busy.start()
    run = foreground.queue(busy.workspace, busy.database, "tiny", by="bench")
    control.wait_until(lambda: _get(busy, run.id).status.finished, what="the champion", patience=120)
    control.wait_for(busy.database, ServiceKind.SERVER)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait()
    busy.asked.append(run.id)
    asking = threading.Thread(target=busy.ask)
    began = utc_now()
    asking.start()
    for _ in range(kills):
        busy.kill(longest)
    busy.stop_asking()
    asking.join()
    ended = utc_now()
    last = busy.start()
    control.wait_until(lambda: not _unfinished(busy), what="what is queued", patience=600)
    last.terminate()
    last.wait()
    return began, ended


def _get(busy: Busy, run_id: int) -> Run:
    with busy.database.read() as tx:
        return runs.get(tx, run_id)


def _unfinished(busy: Busy) -> list[Run]:
    with busy.database.read() as tx:
        return runs.unfinished(tx)


def examine(busy: Busy, began: datetime, ended: datetime) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what does not hold."""
    with busy.database.read() as tx:
        found = runs.page(tx, limit=100_000)
        fired = triggers.firings(tx, limit=100_000)
        kinds = {trigger.id: trigger.kind for trigger in triggers.every(tx)}
        entries, damage = auditing.verify(tx)
    workers: dict[int, set[str]] = {}
    for line in busy.journal.read_text().splitlines():
        number, pid = line.split()
        workers.setdefault(int(number), set()).add(pid)
    schedule = [f for f in fired if kinds[f.trigger_id] is TriggerKind.SCHEDULE]
    drift = [f for f in fired if kinds[f.trigger_id] is TriggerKind.DRIFT]
    times = Counter((f.trigger_id, f.evidence.get("planned") or f.at.isoformat()) for f in schedule if f.fired)
    windows = Counter((f.trigger_id, f.evidence_at) for f in drift if f.fired)
    due = _minutes(began, ended) * len(PIPELINES)
    wrong = [
        *(f"run {run.id} is {run.status}: {run.error}" for run in found if run.status is not RunStatus.SUCCEEDED),
        *(f"run {run.id} was tried {run.attempt} times" for run in found if run.attempt != 1),
        *(f"run {run.id} had workers {pids}" for run in found if len(pids := workers.get(run.id, set())) != 1),
        *(
            f"run {number} was asked for and is not there"
            for number in busy.asked
            if number not in {r.id for r in found}
        ),
        *(f"{key} fired {count} times" for key, count in (times + windows).items() if count > 1),
        *_overlaps(found),
        *(f"the ledger: {problem}" for problem in damage),
        *_unsound(busy.workspace),
        *(f"process {process.pid} is left: {' '.join(process.cmdline())}" for process in _left(busy.workspace)),
    ]
    figures = {
        "kills": dict(busy.kills),
        "minutes": round((ended - began).total_seconds() / 60, 1),
        "runs": len(found),
        "asked_for": len(busy.asked),
        "started_by_a_schedule": sum(times.values()),
        "schedule_due": due,
        "schedule_due_while_a_run_was_under_way": sum(not f.fired for f in schedule),
        "windows_sent": busy.windows,
        "started_by_drift": sum(windows.values()),
        "ledger_entries": entries,
        "wrong": len(wrong),
    }
    return figures, wrong


def _minutes(began: datetime, ended: datetime) -> int:
    return int(ended.timestamp() // 60 - began.timestamp() // 60)


def _overlaps(found: list[Run]) -> list[str]:
    said = []
    for pipeline in {run.pipeline for run in found}:
        own = sorted((run.started_at, run.finished_at, run.id) for run in found if run.pipeline == pipeline)
        said += [f"runs {a[2]} and {b[2]} overlap" for a, b in itertools.pairwise(own) if b[0] < a[1]]
    return said


def _unsound(workspace: Workspace) -> list[str]:
    said = []
    for path in (workspace.database, workspace.traffic_database):
        with closing(sqlite3.connect(path)) as database:
            (answer,) = database.execute("PRAGMA integrity_check").fetchone()
        said += [f"{path.name}: {answer}"] if answer != "ok" else []
    return said


def _left(workspace: Workspace) -> list[psutil.Process]:
    """Processes of this workspace that outlived it."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(workspace.root) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=4.0, help="seconds that a daemon lives at work, at most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        busy = Busy(Path(folder), options.seed)
        began, ended = hour_of_kills(busy, kills=options.kills, longest=options.longest)
        figures, wrong = examine(busy, began, ended)
        busy.database.close()
    if options.json:
        print(json.dumps(figures | {"what": wrong}, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:<42} {value}")
        for said in wrong:
            print(f"WRONG: {said}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
