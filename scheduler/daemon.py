"""The daemon: one per workspace, headless. It keeps the server up, runs what is queued, watches, and fires triggers.

It talks to nobody: consoles and commands write to the store, and each tick acts on what the store says. running.py is
its life around the rounds: the lock, the lease, and what happens when the store goes away and comes back.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import LeaseLostError, QuarterdeckError
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.alerting import Alerting
from quarterdeck.scheduler.clock_watch import ClockWatch
from quarterdeck.scheduler.duels import Duels
from quarterdeck.scheduler.ground import Footing, Ground
from quarterdeck.scheduler.heartbeat import Heartbeat
from quarterdeck.scheduler.leadership import Leadership
from quarterdeck.scheduler.logs import rotate_others
from quarterdeck.scheduler.manifests import Manifests
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.multivariate import MultivariateRuns
from quarterdeck.scheduler.notifier import Notifier
from quarterdeck.scheduler.orders import Orders
from quarterdeck.scheduler.retention import Retention
from quarterdeck.scheduler.reviewing import Reviewing
from quarterdeck.scheduler.rollouts import Rollouts
from quarterdeck.scheduler.run_queue import RunQueue
from quarterdeck.scheduler.server_keeper import ServerKeeper
from quarterdeck.scheduler.service_manager import ServiceManager
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.ticking import Job, Ticking
from quarterdeck.scheduler.trigger_keeper import Triggers
from quarterdeck.scheduler.watch import Watch
from quarterdeck.scheduler.workers import Workers
from quarterdeck.store import services

log = logging.getLogger(__name__)

OWN_LOG = "daemon.log"
LOGS_EVERY_S = 5.0


class End(Enum):
    """Why a daemon's rounds ended."""

    STOPPED = "stopped"  # it was asked to
    LOST = "lost"  # another one acts now
    OUTDATED = "outdated"  # the store was upgraded by a newer Quarterdeck
    REPLACED = "replaced"  # workspace or database are others now: to be opened anew


class Daemon:
    """Everything that happens by itself in one workspace, from the opening of its store until that is closed."""

    def __init__(
        self,
        state: State,
        leadership: Leadership | None = None,
        *,
        orders: Orders | None = None,
        ground: Ground | None = None,
        notify: ServiceManager | None = None,
        workers: Workers | None = None,
        server: ServerKeeper | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`workers` and `server` are of a daemon before in this process; each write of `state` checks the lease."""
        self._state = state
        self._leadership = leadership
        self._orders = orders or Orders()
        self._notify = notify or ServiceManager(None)
        self._ground = ground or Ground(state.workspace, state.database)
        self._clock = ClockWatch(monotonic)
        self._monotonic = monotonic
        self._logs_due = 0.0
        self._settings_problem: str | None = None
        self.workers = workers or Workers(state)
        self.server = server or ServerKeeper(state)
        self.ticking = Ticking(store=state.database.place)
        self._heartbeat = Heartbeat(state, self.detail)
        self._make_parts()

    def _make_parts(self) -> None:
        """Whatever can be made anew at any time: nothing of it need outlive the process."""
        state = self._state
        self.workers.use(state)
        self.server.use(state)
        self._queue = RunQueue(state, self.workers, lambda: self._leadership.token if self._leadership else None)
        self._heartbeat.use(state)
        self._manifests = Manifests(state.workspace, state.database)
        self._triggers = Triggers(state, readable=self._manifests.by_name.__contains__)
        self._monitor = Monitor(state)
        self._multivariate = MultivariateRuns(state)
        self._watch = Watch(state)
        self._duels = Duels(state)
        self._rollouts = Rollouts(state)
        self._reviewing = Reviewing(state)
        self._retention = Retention(state)
        self._alerting = Alerting(state)
        self._notifier = Notifier(state)

    def jobs(self) -> list[Job]:
        """What a round does, in this order. Another job is one more line here."""
        return [
            ("service", self._heartbeat.announce),
            ("manifests", self._read_manifests),
            ("server", self.server.tick),
            ("workers", self.workers.tick),
            ("queue", self._queue.tick),
            ("monitor", self._watch_traffic),
            ("rollouts", self._roll_out),
            ("multivariate drift", self._compare_rows),
            ("review", self._review),
            ("retention", self._retention.tick),
            ("alerts", self._alert),
            ("notifications", self._notifier.tick),
            ("logs", self._rotate_logs),
            ("heartbeat", self._heartbeat.tick),
        ]

    def run(self) -> End:
        """Tick until asked to stop, or until this daemon may not or cannot go on; then put down what it holds."""
        self._triggers.start()
        log.info("the daemon runs as process %s for %s", os.getpid(), self._state.workspace.root)
        end = End.STOPPED
        try:
            while not self._orders.stopping.is_set() and end is End.STOPPED:
                if self._orders.reload.is_set():
                    self._orders.reload.clear()
                    self._notify.reloading()
                    self.read_settings()
                    self._notify.ready("works")
                end = self.tick(utc_now())
                if end is End.STOPPED:
                    self._orders.stopping.wait(self._state.settings.tick_seconds)
        finally:
            self._stop(end)
        return end

    def tick(self, now: datetime) -> End:
        """One round; STOPPED where nothing stands against the next one."""
        footing = self._ground.look()
        if footing is not Footing.FIRM:
            self._say_footing()
            return End.REPLACED if footing is Footing.REPLACED else End.STOPPED
        self._say_footing()
        jump = self._clock.jumped(now)
        if jump is not None:
            log.warning("the clock went %s by %s: everything is planned anew", *_direction(jump.total_seconds()))
            self._begin_anew()
        try:
            self.ticking.round(self.jobs(), now)
        except LeaseLostError as error:
            log.error("this daemon does not act any more: %s", error)
            return End.LOST
        if self._leadership is not None and self._leadership.lost is not None:
            log.error("this daemon does not act any more: %s", self._leadership.lost)
            return End.LOST
        if self._leadership is not None and self._leadership.outdated is not None:
            return End.OUTDATED
        return End.STOPPED

    def _say_footing(self) -> None:
        """What the daemon stands on has gone, or is back."""
        said = self.ticking.problems.get("ground")
        if self._ground.problem is not None and said != self._ground.problem:
            log.error("%s; nothing is done until it is there again", self._ground.problem)
            self.ticking.problems["ground"] = self._ground.problem
        elif self._ground.problem is None and said is not None:
            log.info("workspace and database are there again")
            del self.ticking.problems["ground"]
        self.ticking.progress += 1

    def _begin_anew(self) -> None:
        """As after a restart: what was planned by a clock or by settings that are no more is planned again."""
        self._triggers.stop()
        self._duels.close()
        self._rollouts.close()
        self._monitor.close()
        self._multivariate.close()
        self._notifier.close()
        self._make_parts()
        self._triggers.start()

    def read_settings(self) -> None:
        """Go on by what quarterdeck.toml says now, or as before where it cannot be read."""
        kept = self._state.settings
        try:
            found = read_settings(self._state.workspace.settings_file)
        except QuarterdeckError as error:
            log.error("the settings stay as they were: %s", error)
            self._settings_problem = str(error)
            return
        self._settings_problem = _needs_restart(kept, found)
        settings = replace(
            found,
            environment=kept.environment,
            database_url=kept.database_url,
            artifacts_url=kept.artifacts_url,
        )
        self._state = replace(self._state, settings=settings)
        self._begin_anew()
        log.info(
            "the settings were read anew%s", "" if self._settings_problem is None else f", but {self._settings_problem}"
        )

    def _read_manifests(self, now: datetime) -> None:
        self._manifests.refresh(now)
        self._triggers.tick(now)

    def _watch_traffic(self, now: datetime) -> None:
        manifests = self._manifests.by_name
        touched = self._monitor.tick(manifests, now)
        self._watch.tick(manifests, touched, now)
        self._alerting.windows(manifests, touched, now)
        self._duels.tick(manifests, now)

    def _roll_out(self, now: datetime) -> None:
        self._rollouts.tick(self._manifests.by_name, now)

    def _compare_rows(self, now: datetime) -> None:
        self._multivariate.tick(self._manifests.by_name, now)

    def _review(self, now: datetime) -> None:
        self._reviewing.tick(self._manifests.by_name, now)

    def _alert(self, now: datetime) -> None:
        self._alerting.tick(self._manifests.by_name, self._own_problems(), now)

    def _rotate_logs(self, _now: datetime) -> None:
        if self._monotonic() >= self._logs_due:
            self._logs_due = self._monotonic() + LOGS_EVERY_S
            rotate_others(self._state.workspace.logs, self._state.settings, own=OWN_LOG)

    def _own_problems(self) -> dict[str, str]:
        """What goes wrong, by where; a manifest's problems have alerts of their own."""
        problems = dict(self.ticking.problems)
        for name, said in (
            ("server", self.server.problem),
            ("warm worker", self.workers.problem),
            ("retention", self._retention.problem),
            ("settings", self._settings_problem),
        ):
            if said is not None:
                problems[name] = said
        return problems

    @property
    def stands(self) -> bool:
        """Whether workspace and database are there, so that it can act."""
        return "ground" not in self.ticking.problems

    def detail(self) -> dict[str, Any]:
        """For whoever looks at the daemon. Called from other threads as well."""
        at_work = self.ticking.at_work
        return {
            "busy": self.workers.busy,
            "problems": self._own_problems() | self._manifests.problems | self._triggers.problems,
            "runs": self.workers.detail,
            "rounds": self.ticking.figures(),
            "at_work": None if at_work is None else f"{at_work[0]}, for {time.monotonic() - at_work[1]:.1f} s",
            "lease_token": None if self._leadership is None else self._leadership.token,
            "retention": self._retention.detail,
            "webhooks": self._triggers.address,
        }

    def _stop(self, end: End) -> None:
        """Put down what is held. Only one that was asked to stop ends its runs and its server."""
        now = utc_now()
        self._triggers.stop()
        self._duels.close()
        self._monitor.close()
        self._rollouts.close()
        self._multivariate.close()
        self._notifier.close()
        if end is not End.STOPPED:
            self.workers.dismiss()
            if end is End.REPLACED:  # another truth: the next one answers by that
                self.server.stop()
            return
        steps: list[Callable[[], object]] = [lambda: self.workers.stop(now), self._say_stopped]
        if not self._orders.keep_server:
            steps.insert(1, self.server.stop)
        for step in steps:
            try:
                step()
            except QuarterdeckError as error:  # a store that cannot be used must not keep the rest from being stopped
                log.error("while it stopped: %s", error)
        log.info("the daemon has stopped")

    def _say_stopped(self) -> None:
        with self._state.database.write() as tx:
            services.stopped(tx, ServiceKind.DAEMON, "main", pid=os.getpid(), now=utc_now())


def _direction(seconds: float) -> tuple[str, str]:
    return ("forward" if seconds > 0 else "back"), f"{abs(seconds):.0f} s"


def _needs_restart(before: Settings, now: Settings) -> str | None:
    """Which changes are not taken up while the daemon runs."""
    fixed = [
        key for key in ("environment", "database_url", "artifacts_url") if getattr(before, key) != getattr(now, key)
    ]
    return f"{' and '.join(fixed)} changed: restart the daemon for that" if fixed else None
