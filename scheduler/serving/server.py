"""The server's process: opens, serves until it is told to stop, writes what is left, closes."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import uvloop
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.settings import Settings
from quarterdeck.scheduler.serving.app import App
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.exposure import Exposure, exposure, require_client
from quarterdeck.scheduler.serving.family import LOOK_S, ORPHANED_S, Family
from quarterdeck.scheduler.serving.feedback import FeedbackDesk
from quarterdeck.scheduler.serving.guard import Guard
from quarterdeck.scheduler.serving.http1.server import HttpServer
from quarterdeck.scheduler.serving.limiter import Meters
from quarterdeck.scheduler.serving.limits import Limits
from quarterdeck.scheduler.serving.listener import listen, room_for
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.scheduler.serving.logbook import Logbook, settle_the_lost
from quarterdeck.scheduler.serving.router import Router
from quarterdeck.scheduler.serving.shadow import Shadow
from quarterdeck.scheduler.serving.snapshots import Snapshots, orphans, together
from quarterdeck.scheduler.serving.tally import Tally
from quarterdeck.scheduler.serving.watcher import Ticks, Watch, Watcher
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.clients import read_clients
from quarterdeck.store.engine import ChangeWatch, Database
from quarterdeck.store.local_secret import local_secret
from quarterdeck.store.migrate import migrate
from quarterdeck.store.plans import TrafficPlan, read_plan
from quarterdeck.store.service_rows import announce_server, beat_server, has_ready_server, stop_server
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.traffic_writers import lost_rows
from quarterdeck.store.workspace import Workspace

log = logging.getLogger(__name__)

NAME = "main"
BEAT_S = 1.0
PATIENCE_MS = 2_000  # for a lock on a database: a server rather says that it waits than hangs
FIRST_PLAN_S = 10.0  # for the models that are live: after that the server answers with those it has
CHECKPOINT_PAGES = 8_000  # 32 MB: a loaded log that is folded in more often writes its pages twice
DRAIN_S = 0.5  # for the challengers' last answers
COLLECT = (20_000, 20, 50)  # requests make hardly any cycles: look for them seldom
SWITCH_S = 0.0005  # how long a thread may keep the loop waiting; Python's own default is 5 ms


def serve(workspace: Workspace, settings: Settings, *, host: str, port: int, place: int = 0) -> None:
    """Serve until SIGTERM or SIGINT, with as many processes as the settings say.

    `place` is this process's number among them: 0 is the one that was started, and keeps the others.
    Raises UnavailableError for a port in use, ConflictError while another server of the workspace runs, and what
    exposure.py does for an address that other machines reach.
    """
    exposed = exposure(settings, host, workspace.root)
    with _running(workspace, settings) as (database, traffic):
        if place == 0:
            with database.read() as tx:
                require_client(exposed, read_clients(tx, settings.environment).values(), utc_now())
        shared = settings.server_processes > 1
        beside = place > 0 or (shared and orphans(workspace.run, workspace.root))
        seconds = settings.answer_seconds
        listener = listen(exposed.address, port, answer_seconds=seconds, shared=shared, beside=beside)
        _run(_Process(workspace, settings, database, traffic, exposed, listener, place=place))


def _run(process: _Process) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(process.run())


@contextmanager
def _running(workspace: Workspace, settings: Settings) -> Iterator[tuple[Database, Database]]:
    """The databases of a server's process."""
    sys.setswitchinterval(SWITCH_S)
    workspace.prepare_state()
    with _databases(workspace, settings) as both:
        yield both


@contextmanager
def _databases(workspace: Workspace, settings: Settings) -> Iterator[tuple[Database, Database]]:
    url = settings.database_url
    database = Database(url) if url else Database.sqlite(workspace.database)
    try:
        migrate(database, backup_to=workspace.state / "backups", now=utc_now())
        traffic = open_traffic(workspace.traffic_database)
        try:
            _on_connect(database, f"PRAGMA busy_timeout = {PATIENCE_MS}")
            _on_connect(traffic, f"PRAGMA busy_timeout = {PATIENCE_MS}")
            _on_connect(traffic, f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            yield database, traffic
        finally:
            traffic.close()
    finally:
        database.close()


def _on_connect(database: Database, pragma: str) -> None:
    """Say this to SQLite on every connection."""
    if not database.is_sqlite:
        return

    def say(connection: Any, _record: object) -> None:
        connection.execute(pragma)

    event.listen(database.engine, "connect", say)
    database.engine.dispose()  # connections of before are opened anew


class _Process:
    """The parts of a server, wired together for one run of the loop."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        database: Database,
        traffic: Database,
        exposed: Exposure,
        listener: socket.socket,
        *,
        place: int,
    ) -> None:
        """`place`: its number among the server's processes; 0 is the one that was started, and keeps the others."""
        self._workspace = workspace
        self._settings = settings
        self._database = database
        self._traffic = traffic
        self._exposed = exposed
        self._port: int = listener.getsockname()[1]
        self._listener = listener
        self._place = place
        self._parent = os.getppid()
        self._family: Family | None = None
        self._counters = Counters()
        self._problems = Problems()
        self._snapshots = Snapshots(workspace.run, place, self._counters, self._problems)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="traffic")
        self._house = ThreadPoolExecutor(1, thread_name_prefix="service")
        self._tally = Tally()
        self._answered = workspace.run / "answered"
        self._lost = 0  # answers of processes that were killed, which never reached the log

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._place == 0:
            self._begin()
        else:
            self._snapshots.go_on()
        self._build()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._http.stop)
        if self._place:
            loop.add_reader(sys.stdin.fileno(), self._parent_gone)
        parts = (("watcher", self._watcher.run), ("heartbeat", self._beat))
        tasks = [loop.create_task(self._keep_up(name, part)) for name, part in parts]
        writing = loop.create_task(self._keep_up("prediction log", self._log.run))
        # connections made meanwhile wait in the socket's queue: an early request is answered late, not refused
        await self._watcher.first_plan(FIRST_PLAN_S)
        exposed = self._exposed
        scheme = "http" if exposed.tls is None else "https"
        log.info("serving on %s://%s:%s (process %s)", scheme, exposed.address, self._port, os.getpid())
        gc.collect()
        gc.freeze()  # what was made so far stays: the collector need not look at it again
        gc.set_threshold(*COLLECT)
        try:
            await self._http.serve()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finish(writing)

    def _begin(self) -> None:
        """Say that this is the server now, and prepare the processes beside it: they start with the first beat."""
        exposed = self._exposed
        certificate = None if exposed.tls is None else str(exposed.tls.certificate)
        with self._database.write() as tx:
            announce_server(
                tx, name=NAME, pid=os.getpid(), host=exposed.address, port=self._port, certificate=certificate,
                now=utc_now(),
            )  # fmt: skip
        self._snapshots.begin()
        size = self._settings.server_processes
        if size > 1:
            self._family = Family(self._workspace.root, size, host=exposed.address, port=self._port)

    def _parent_gone(self) -> None:
        """Go on answering until another server of the workspace is ready: nobody is to be refused meanwhile."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(sys.stdin.fileno())
        self._snapshots.leave()
        self._outliving = loop.create_task(self._outlive())

    async def _outlive(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ORPHANED_S
        log.warning("the first process of the server has gone: this one goes on until another server is ready")
        while loop.time() < deadline and not await loop.run_in_executor(self._house, self._is_replaced):
            await asyncio.sleep(LOOK_S)
        self._http.stop()

    def _is_replaced(self) -> bool:
        with suppress(QuarterdeckError, SQLAlchemyError), self._database.read() as tx:
            return has_ready_server(tx, name=NAME, other_than=self._parent)
        return False

    async def _keep_up(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part of the server; if a mistake of ours ends it, say so and begin it again."""
        while True:
            try:
                await part()
                return
            except Exception:
                log.exception("the %s failed and begins again", name)
                self._problems.set(name, "it failed and was begun again; the server's log says why")
                await asyncio.sleep(BEAT_S)

    def _build(self) -> None:
        router = Router()
        settle_the_lost(self._answered, self._traffic)  # of whoever had this place before
        self._logbook = Logbook(self._answered, self._traffic)
        self._lost = self._count_the_lost()
        self._log = PredictionLog(
            self._traffic, self._writer, self._counters, self._problems, self._tally, self._logbook
        )
        alone = self._settings.server_processes == 1
        feedback = FeedbackDesk(self._traffic, self._writer, self._log, router.signature, self._counters, alone=alone)
        settings, workspace, exposed = self._settings, self._workspace, self._exposed
        limits = Limits.of(settings)
        limits = limits._replace(connections=room_for(limits.connections))
        if limits.connections < settings.connections:
            log.warning("the system lets this process hold %s connections (ulimit -n)", limits.connections)
        self._guard = Guard(
            required=exposed.token_required,
            local=local_secret(workspace) if exposed.token_required else None,
            limits=limits,
            meters=Meters(workspace.run / "limits", self._place),
        )
        self._watcher = Watcher(
            read=self._read_plan,
            watch=self._watch(),
            artifacts=ArtifactStore(settings.artifacts_url or workspace.artifacts),
            router=router,
            make_shadow=self._shadow,
            problems=self._problems,
        )
        self._app = App(
            router=router,
            prediction_log=self._log,
            feedback=feedback,
            counters=self._counters,
            problems=self._problems,
            snapshots=self._snapshots,
            ready=lambda: self._watcher.ready,
            lost=lambda: self._lost,
            guard=self._guard,
            limits=limits,
        )
        self._http = HttpServer(self._app, self._listener, limits=limits, tls=exposed.tls)

    def _read_plan(self) -> TrafficPlan:
        """In the watcher's thread; the clients, which are seen to change by the same look, go to the guard first."""
        with self._database.read() as tx:
            plan, clients = read_plan(tx, self._settings.environment), read_clients(tx, self._settings.environment)
        self._tally.windows = {name: endpoint.window for name, endpoint in plan.endpoints.items()}
        self._loop.call_soon_threadsafe(self._guard.replace, clients)
        return plan

    def _watch(self) -> Watch:
        if self._database.is_sqlite:
            return ChangeWatch(self._workspace.database)
        return Ticks(asyncio.get_running_loop().time)

    def _shadow(self, champion: LiveModel, challenger: LiveModel) -> Shadow:
        loop = asyncio.get_running_loop()
        log = self._log
        return Shadow(champion, challenger, loop, log.add, log.failures, self._counters, self._problems)

    async def _beat(self) -> None:
        """Say every second that the server lives; a database that cannot be written does not stop it."""
        loop = asyncio.get_running_loop()
        while True:
            self._snapshots.write(self._log.pending)
            with suppress(QuarterdeckError, SQLAlchemyError):  # the log says what is wrong with its database
                self._lost = await loop.run_in_executor(self._house, self._count_the_lost)
            if self._place == 0:
                if self._family is not None:
                    await loop.run_in_executor(self._house, self._family.tick)
                try:
                    await loop.run_in_executor(self._house, self._write_beat, self._detail(), utc_now())
                    self._problems.clear("heartbeat")
                except (QuarterdeckError, SQLAlchemyError) as error:
                    self._problems.set("heartbeat", str(error))
            await asyncio.sleep(BEAT_S)

    def _count_the_lost(self) -> int:
        """Also those of processes that have been killed since the last look."""
        settle_the_lost(self._answered, self._traffic)
        with self._traffic.read() as tx:
            return lost_rows(tx)

    def _write_beat(self, detail: dict[str, Any], now: datetime) -> None:
        with self._database.write() as tx:
            beat_server(tx, name=NAME, pid=os.getpid(), now=now, detail=detail)

    def _detail(self) -> dict[str, Any]:
        """What the whole server has counted; the endpoints as this process has them."""
        snapshots = self._snapshots.all()
        counters = together(snapshots)
        return {
            "requests": counters.requests,
            "errors": counters.errors,
            "failed": counters.failed,
            "dropped": counters.dropped,
            "lost": self._lost,
            "shadow_dropped": counters.shadow_dropped,
            "labels": counters.labels,
            "ready": self._watcher.ready,
            "endpoints": self._app.versions(),
            "loaded": self._app.loaded(),
            "log_pending": sum(item.pending for item in snapshots),
            "problems": sorted({text for item in snapshots for text in item.problems} | set(self._problems.texts())),
            "processes": [item.pid for item in snapshots],
        }

    async def _finish(self, writing: asyncio.Task[None]) -> None:
        """Write what is left, and say goodbye."""
        if self._family is not None:
            await asyncio.get_running_loop().run_in_executor(self._house, self._family.close)
        self._log.stop()
        await self._watcher.drain(asyncio.get_running_loop().time() + DRAIN_S)
        self._watcher.close()
        await writing
        if not await self._log.flush():
            log.error("%s predictions could not be logged", self._log.abandon())
        with suppress(QuarterdeckError):
            self._logbook.close()
        self._snapshots.write(self._log.pending)
        if self._place == 0:
            with suppress(QuarterdeckError), self._database.write() as tx:
                stop_server(tx, name=NAME, pid=os.getpid(), now=utc_now(), detail=self._detail())
        self._writer.shutdown()
        self._house.shutdown()
        log.info("stopped")
