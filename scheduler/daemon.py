"""The daemon: one per workspace, headless. It keeps the server up, runs what is queued, watches, and fires triggers.

It talks to nobody: consoles and commands write to the store, and each tick acts on what the store says.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime

from quarterdeck.core.clock import utc_now
from quarterdeck.core.operations import Trigger
from quarterdeck.core.values import RunStatus, ServiceKind, TriggerKind
from quarterdeck.scheduler.duels import Duels
from quarterdeck.scheduler.firing import fire
from quarterdeck.scheduler.lock import single_instance
from quarterdeck.scheduler.manifests import Manifests
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.retention import Retention
from quarterdeck.scheduler.rollouts import Rollouts
from quarterdeck.scheduler.server_keeper import ServerKeeper
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.scheduler.timetable import Timetable
from quarterdeck.scheduler.watch import Watch
from quarterdeck.scheduler.workers import Workers
from quarterdeck.store import runs, services, triggers
from quarterdeck.store.workspace import Workspace

log = logging.getLogger(__name__)


class Daemon:
    """Everything that happens by itself in one workspace."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stopping = threading.Event()
        self._keep_server = False
        self._workers = Workers(state)
        self._server = ServerKeeper(state)
        self._manifests = Manifests(state.workspace, state.database)
        self._timetable = Timetable(self._schedule_due)
        self._monitor = Monitor(state)
        self._watch = Watch(state)
        self._duels = Duels(state)
        self._rollouts = Rollouts(state)
        self._retention = Retention(state)
        self._beaten_at: datetime | None = None
        self._problems: dict[str, str] = {}

    def run(self) -> None:
        """Tick until asked to stop; leave nothing running that is not meant to."""
        now = utc_now()
        with self._state.database.write() as tx:
            services.announce(tx, ServiceKind.DAEMON, "main", pid=os.getpid(), now=now)
        self._timetable.start()
        log.info("the daemon runs as process %s for %s", os.getpid(), self._state.workspace.root)
        try:
            while not self._stopping.is_set():
                self.tick(utc_now())
                self._stopping.wait(self._state.settings.tick_seconds)
        finally:
            self._stop()

    def stop(self, *, keep_server: bool = False) -> None:
        """End after this tick. Safe to call from a signal handler."""
        self._keep_server = keep_server
        self._stopping.set()

    def tick(self, now: datetime) -> None:
        """One round. What fails is recorded and does not keep the rest from its work."""
        jobs: list[tuple[str, Callable[[datetime], object]]] = [
            ("manifests", self._read_manifests),
            ("server", self._server.tick),
            ("workers", self._workers.tick),
            ("queue", self._start_queued),
            ("monitor", self._watch_traffic),
            ("rollouts", self._roll_out),
            ("retention", self._retention.tick),
            ("heartbeat", self._beat),
        ]
        for name, job in jobs:
            try:
                job(now)
                self._problems.pop(name, None)
            except Exception as error:  # the daemon's one boundary: it must go on, and say what went wrong
                if self._problems.get(name) != str(error):
                    log.exception("%s", name)
                self._problems[name] = str(error)

    def _read_manifests(self, now: datetime) -> None:
        self._manifests.refresh(now)
        with self._state.database.read() as tx:
            known = triggers.every(tx)
        wanted = {}
        for trigger in known:
            manifest = self._manifests.by_name.get(trigger.pipeline)
            specs = {spec.name: spec for spec in manifest.triggers} if manifest else {}
            if trigger.kind is TriggerKind.SCHEDULE and trigger.name in specs:
                wanted[trigger.id] = (trigger, specs[trigger.name])
        self._timetable.plan(wanted)
        planned = self._timetable.next_fires()
        stale = [t for t in known if t.id in planned and t.next_fire_at != planned[t.id]]
        if stale:
            with self._state.database.write() as tx:
                for trigger in stale:
                    triggers.set_next_fire(tx, trigger.id, planned[trigger.id])

    def _schedule_due(self, trigger: Trigger) -> None:
        """Called by the timetable, on its thread."""
        manifest = self._manifests.by_name.get(trigger.pipeline)
        spec = next((spec for spec in manifest.triggers if spec.name == trigger.name), None) if manifest else None
        if spec is None:
            return
        now = utc_now()
        with self._state.database.write() as tx:
            current = triggers.get(tx, trigger.pipeline, trigger.name)
            evidence = {"planned": None if current.next_fire_at is None else current.next_fire_at.isoformat()}
            fire(tx, current, spec, now=now, environment=self._state.environment, evidence=evidence)

    def _start_queued(self, now: datetime) -> None:
        """Oldest first; one run of a pipeline at a time, and as many at once as the settings allow."""
        self._workers.warm_up()
        with self._state.database.read() as tx:
            pending = runs.unfinished(tx)
        running = {run.pipeline for run in pending if run.status is RunStatus.RUNNING or self._workers.has(run.id)}
        for run in pending:
            if self._workers.busy >= self._state.settings.workers:
                return
            if run.status is RunStatus.QUEUED and run.pipeline not in running and not self._workers.has(run.id):
                self._workers.start(run, now)
                running.add(run.pipeline)

    def _watch_traffic(self, now: datetime) -> None:
        manifests = self._manifests.by_name
        touched = self._monitor.tick(manifests, now)
        self._watch.tick(manifests, touched, now)
        self._duels.tick(manifests, now)

    def _roll_out(self, now: datetime) -> None:
        self._rollouts.tick(self._manifests.by_name, now)

    def _beat(self, now: datetime) -> None:
        if (
            self._beaten_at is not None
            and (now - self._beaten_at).total_seconds() < self._state.settings.heartbeat_seconds
        ):
            return
        self._beaten_at = now
        problems = dict(self._problems) | self._manifests.problems
        if self._server.problem is not None:
            problems["server"] = self._server.problem
        if self._retention.problem is not None:
            problems["retention"] = self._retention.problem
        detail = {"busy": self._workers.busy, "problems": problems, "retention": self._retention.detail}
        with self._state.database.write() as tx:
            services.beat(tx, ServiceKind.DAEMON, "main", now=now, detail=detail)

    def _stop(self) -> None:
        now = utc_now()
        self._timetable.stop()
        self._duels.close()
        self._monitor.close()
        self._rollouts.close()
        self._workers.stop(now)
        if not self._keep_server:
            self._server.stop()
        with self._state.database.write() as tx:
            services.stopped(tx, ServiceKind.DAEMON, "main", pid=os.getpid(), now=utc_now())
        log.info("the daemon has stopped")


def run_daemon(workspace: Workspace) -> None:
    """Be the daemon of a workspace until SIGTERM or SIGINT; SIGUSR1 stops it and leaves the server running.

    Raises ConflictError if the workspace has a daemon already.
    """
    with single_instance(workspace.run / "daemon.lock"), open_state(workspace) as state:
        daemon = Daemon(state)
        signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
        signal.signal(signal.SIGINT, lambda *_: daemon.stop())
        signal.signal(signal.SIGUSR1, lambda *_: daemon.stop(keep_server=True))
        daemon.run()
