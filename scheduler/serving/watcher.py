"""Follows the traffic plan: loads new versions beside the ones that answer, then swaps the router's table.

A version that cannot be loaded leaves the old champion answering, and is tried again: when the plan
changes, or after a while. Versions used lately stay loaded, as do the previous champion and the newest good
version, so that a rollback and the next promotion swap without loading.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from sqlalchemy.exc import SQLAlchemyError

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.canary import Canary
from quarterdeck.scheduler.serving.counters import Problems
from quarterdeck.scheduler.serving.live import Artifacts, LiveModel, Loaded, load
from quarterdeck.scheduler.serving.reader import WideReader
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.shadow import Shadow
from quarterdeck.scheduler.serving.split import Split
from quarterdeck.store.plans import PlannedEndpoint, PlannedVersion, TrafficPlan

log = logging.getLogger(__name__)

POLL_S = 0.015
RETRY_PLAN_S = 1.0
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
REMEMBERED = 4  # versions beyond the plan's
SUBJECT = "traffic plan"
COUNTING = "counting "  # before a version

Key = tuple[str, int]


class Watch(Protocol):
    """Tells cheaply whether the metadata may have changed."""

    def changed(self) -> bool: ...


class _Failure(NamedTuple):
    wait: float  # seconds
    retry_at: float  # on the loop's clock


class Watcher:
    """Everything here runs in the loop, except reading the plan and loading."""

    def __init__(
        self,
        *,
        read: Callable[[], TrafficPlan],
        watch: Watch,
        artifacts: Artifacts,
        router: Router,
        make_shadow: Callable[[LiveModel, LiveModel], Shadow],
        problems: Problems,
    ) -> None:
        self._read = read
        self._watch = watch
        self._artifacts = artifacts
        self._router = router
        self._make_shadow = make_shadow
        self._problems = problems
        self._loop = asyncio.get_running_loop()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="plan")
        self._loaders = ThreadPoolExecutor(2, thread_name_prefix="load")
        self._plan: TrafficPlan | None = None
        self._models: OrderedDict[Key, LiveModel] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[None]] = {}
        self._failures: dict[Key, _Failure] = {}
        self._read_at = 0.0  # when to read the plan though nothing says that it changed
        self.ready = False  # the plan was read, and what could be loaded of it is

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            now = self._loop.time()
            if self._changed() or 0 < self._read_at <= now:
                await self._refresh()
            elif not self._loading and any(failure.retry_at <= now for failure in self._failures.values()):
                self._apply()
            await asyncio.sleep(POLL_S)

    async def first_plan(self, patience: float) -> None:
        """Wait until what could be loaded of the first plan is, or for so many seconds."""
        deadline = self._loop.time() + patience
        while not self.ready and self._loop.time() < deadline:
            await asyncio.sleep(POLL_S)

    async def drain(self, deadline: float) -> None:
        """Let the challengers answer what they have, at most until this reading of the loop's clock."""
        for route in self._router.routes.values():
            if route.shadow is not None:
                await route.shadow.drain(deadline)

    def close(self) -> None:
        """Let go of threads and shadows; what is being loaded is left to end."""
        for route in self._router.routes.values():
            if route.shadow is not None:
                route.shadow.close()
        for pool in (self._reader, self._loaders):
            pool.shutdown(wait=False, cancel_futures=True)

    def _changed(self) -> bool:
        try:
            return self._watch.changed()
        except sqlite3.Error as error:
            self._read_at = self._read_at or self._loop.time() + RETRY_PLAN_S
            self._problems.set(SUBJECT, f"cannot be watched: {error}")
            return False

    async def _refresh(self) -> None:
        try:
            plan = await self._loop.run_in_executor(self._reader, self._read)
        except (QuarterdeckError, SQLAlchemyError, LookupError, ValueError) as error:
            self._read_at = self._loop.time() + RETRY_PLAN_S
            self._problems.set(SUBJECT, f"cannot be read, the last one stays: {error}")
            return
        self._read_at = 0.0
        self._problems.clear(SUBJECT)
        if plan != self._plan:
            self._plan = plan
            self._failures.clear()
            self._apply()

    def _apply(self) -> None:
        """Route by the plan with what is loaded, and start to load what is not."""
        plan = self._plan
        if plan is None:
            return
        old = self._router.routes
        routes = {name: self._route(endpoint, old.get(name)) for name, endpoint in plan.endpoints.items()}
        self._router.routes = routes
        kept = {id(route.shadow) for route in routes.values()}
        trials = {id(route.canary) for route in routes.values()}
        for route in old.values():
            if route.shadow is not None and id(route.shadow) not in kept:
                route.shadow.close()
                self._problems.clear(route.shadow.subject)
            if route.canary is not None and id(route.canary) not in trials:
                self._problems.clear(route.canary.subject)
        self._load_standby(plan)
        self._forget(plan)
        self._router.loaded = {name: self._loaded(endpoint) for name, endpoint in plan.endpoints.items()}
        self.ready = self.ready or not self._loading

    def _route(self, endpoint: PlannedEndpoint, old: Route | None) -> Route:
        champion = None if endpoint.champion is None else self._model(endpoint.champion)
        if champion is None and endpoint.champion is not None and old is not None:
            champion = old.champion
        planned = None if endpoint.champion is None else endpoint.champion.number
        challenger = None if endpoint.challenger is None else self._model(endpoint.challenger)
        if champion is None or endpoint.challenger is None or champion.number == endpoint.challenger.number:
            return Route(endpoint.name, endpoint.signature, planned, champion)
        canary = self._canary(endpoint, endpoint.challenger, champion, challenger, old)
        return Route(
            name=endpoint.name,
            signature=endpoint.signature,
            planned=planned,
            champion=champion,
            challenger=challenger,
            shadow=self._shadow(champion, challenger, old) if endpoint.shadow else None,
            canary=canary,
            split=None if canary is None else Split(endpoint.name, endpoint.challenger.number, endpoint.weight),
            wide=None if challenger is None else _wide(champion, challenger),
        )

    def _loaded(self, endpoint: PlannedEndpoint) -> dict[int, LiveModel]:
        """What the plan names of an endpoint and is loaded, and the champion of before where it still answers."""
        named = (endpoint.champion, endpoint.challenger, *endpoint.standby)
        models = [self._models.get(planned.key) for planned in named if planned is not None]
        return {live.number: live for live in (*models, self._router.routes[endpoint.name].champion) if live}

    def _shadow(self, champion: LiveModel, challenger: LiveModel | None, old: Route | None) -> Shadow | None:
        if challenger is None:
            return None
        shadow = None if old is None or old.champion is not champion else old.shadow
        if shadow is not None and shadow.challenger is challenger:
            return shadow
        return self._make_shadow(champion, challenger)

    def _canary(
        self,
        endpoint: PlannedEndpoint,
        planned: PlannedVersion,
        champion: LiveModel,
        challenger: LiveModel | None,
        old: Route | None,
    ) -> Canary | None:
        """The challenger that answers clients; the one of before where only its weight has changed.

        While it is loaded for the first time its share is the champion's; one that cannot be loaded has a share, and
        fails.
        """
        if endpoint.weight <= 0 or (challenger is None and planned.key not in self._failures):
            return None
        canary = None if old is None else old.canary
        if canary is not None and (canary.champion, canary.challenger, canary.planned) == (
            champion,
            challenger,
            planned,
        ):
            return canary
        return Canary(champion, planned, challenger, self._loop)

    def _model(self, planned: PlannedVersion) -> LiveModel | None:
        """The loaded version, or None: then it is being loaded, or has failed and waits to be tried again."""
        key = planned.key
        found = self._models.get(key)
        if found is not None:
            self._models.move_to_end(key)
            return found
        failure = self._failures.get(key)
        if key not in self._loading and (failure is None or failure.retry_at <= self._loop.time()):
            self._loading[key] = self._loop.create_task(self._load(planned))
        return None

    async def _load(self, planned: PlannedVersion) -> None:
        """Load one version in a thread. The model is a user's: whatever it raises, the others go on answering."""
        key, subject = planned.key, f"version {planned.reference}"
        try:
            loaded: Loaded = await self._loop.run_in_executor(self._loaders, load, planned, self._artifacts)
        except Exception as error:
            log.debug("a version could not be loaded", exc_info=True)
            last = self._failures.get(key)
            wait = FIRST_RETRY_S if last is None else min(last.wait * 2, LAST_RETRY_S)
            self._failures[key] = _Failure(wait, self._loop.time() + wait)
            words = str(error) if isinstance(error, QuarterdeckError) else f"{type(error).__name__}: {error}"
            self._problems.set(subject, f"cannot be loaded: {words}")
        else:
            self._failures.pop(key, None)
            self._problems.clear(subject)
            if loaded.uncounted is not None:
                self._problems.set(f"{COUNTING}{planned.reference}", loaded.uncounted)
            self._models[key] = LiveModel(loaded, self._loop)
            log.info("%s is loaded and answers with %s", planned.reference, planned.engine)
        del self._loading[key]
        self._apply()

    def _load_standby(self, plan: TrafficPlan) -> None:
        """After everything that answers, one by one: nobody waits for these."""
        for planned in _standby(plan):
            if self._loading:
                return
            self._model(planned)

    def _forget(self, plan: TrafficPlan) -> None:
        """Let the versions go that have not been used for longest; what the plan names stays."""
        wanted = {planned.key for planned in _named(plan)}
        wanted |= {route.champion.planned.key for route in self._router.routes.values() if route.champion}
        others = [key for key in self._models if key not in wanted]
        for key in others[: max(0, len(others) - REMEMBERED)]:
            del self._models[key]
        for key in [key for key in self._failures if key not in wanted]:
            del self._failures[key]
        begins = ("version ", COUNTING)
        references = {f"{begin}{planned.reference}" for planned in _named(plan) for begin in begins}
        for subject in self._problems.subjects():
            if subject.startswith(begins) and subject not in references:
                self._problems.clear(subject)


def _wide(champion: LiveModel, challenger: LiveModel) -> WideReader | None:
    ours, theirs = champion.planned.signature, challenger.planned.signature
    return None if ours.fields == theirs.fields else WideReader(champion.reader, ours, theirs)


def _named(plan: TrafficPlan) -> Iterator[PlannedVersion]:
    for endpoint in plan.endpoints.values():
        yield from (item for item in (endpoint.champion, endpoint.challenger) if item is not None)
    yield from _standby(plan)


def _standby(plan: TrafficPlan) -> Iterator[PlannedVersion]:
    for endpoint in plan.endpoints.values():
        yield from endpoint.standby


class Ticks:
    """Where changes cannot be watched (PostgreSQL): says so every quarter of a second."""

    def __init__(self, clock: Callable[[], float], every: float = 0.25) -> None:
        self._clock = clock
        self._every = every
        self._next = 0.0

    def changed(self) -> bool:
        now = self._clock()
        due = now >= self._next
        if due:
            self._next = now + self._every
        return due
