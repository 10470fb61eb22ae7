"""The demonstration, step by step: data, two trainings, two champions, months of traffic, and what came of it.

Everything is done as a user would do it: through the acts of the console, the daemon and the HTTP server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.values import Alias, RunStatus, ServiceKind
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.replay.closing import Closing, close
from quarterdeck.scheduler.replay.player import Player, Tally
from quarterdeck.scheduler.replay.sources import (
    STREAMS,
    Request,
    by_day,
    read_samples,
    requests_of,
    write_known,
)
from quarterdeck.scheduler.replay.story import Line, Story
from quarterdeck.scheduler.state import State
from quarterdeck.store import auditing, registry, runs
from quarterdeck.store.workspace import load_manifest

DAYS = 122  # from April to the end of July
DELIVERY = 7  # days between two deliveries of new data
TRAINING_PATIENCE_S = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Where the replay stands: how many days of how many, and the dates of the streams."""

    day: int
    days: int
    dates: dict[str, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How it ended."""

    pipelines: dict[str, Closing]
    audit_ok: bool
    entries: int  # of the ledger

    @property
    def closed(self) -> bool:
        """Whether the loop closed where it has to: fuel's fouling was noticed, learned, and the error fell."""
        fuel = self.pipelines["fuel"]
        learned = fuel.triggered_by is not None and fuel.champion_after > fuel.champion_before
        fell = fuel.after_error is not None and fuel.frozen_error is not None and fuel.after_error < fuel.frozen_error
        return learned and fell and self.audit_ok


class Loop:
    """Plays the demonstration in a new workspace, telling what happens as it does."""

    def __init__(
        self,
        console: Console,
        *,
        tell: Callable[[Line, datetime | None], None],
        show: Callable[[Moment], None],
        stopped: Callable[[], bool] = lambda: False,
        days: int = DAYS,
    ) -> None:
        self._console = console
        self._tell = tell
        self._show = show
        self._stopped = stopped
        self._most = days
        self._samples = read_samples()
        self._state = State(
            workspace=console.workspace,
            settings=console.settings,
            database=console.database,
            traffic=console.traffic,
        )
        self._story = Story(self._state)
        self._manifests = {stream.pipeline: load_manifest(console.workspace, stream.pipeline) for stream in STREAMS}
        self._first: dict[str, int] = {}

    def play(self) -> Outcome:
        """Train, promote, serve, replay; the daemon does the rest. Raises KeyboardInterrupt soon after a stop."""
        self._begin()
        self._train()
        self._promote_first()
        player = Player(self._state, self._stopped)
        asyncio.run(self._replay(player))
        return self._close(player)

    def _begin(self) -> None:
        both = "two histories side by side: flights of 2013, and a fleet's voyages of 2025"
        self._say("", "data", both, None)
        data = self._console.workspace.root / "data"
        for stream in STREAMS:
            write_known(data, self._samples, stream, after=None, until=stream.begin)
            self._say(stream.pipeline, "data", f"data until {stream.begin:%Y-%m-%d} is in data/", stream.begin)
        control.start_daemon(self._console.workspace, self._console.database)
        self._say("", "daemon", "the daemon runs, and starts the prediction server", None)

    def _train(self) -> None:
        queued = [
            foreground.queue(
                self._console.workspace,
                self._console.database,
                stream.pipeline,
                by=self._console.actor,
                reason="the first training",
            )
            for stream in STREAMS
        ]

        def finished() -> bool:
            with self._console.database.read() as tx:
                return self._stopped() or all(runs.get(tx, run.id).status.finished for run in queued)

        control.wait_until(finished, what="the first trainings", patience=TRAINING_PATIENCE_S)
        self._check_stopped()
        with self._console.database.read() as tx:
            ended = [runs.get(tx, run.id) for run in queued]
        for run in ended:
            if run.status is not RunStatus.SUCCEEDED:
                log = self._console.workspace.logs / f"run-{run.id}.log"
                raise RefusedError(f"run {run.id} of {run.pipeline} {run.status}: {run.error}", hint=f"see {log}")
        self._narrate({})

    def _promote_first(self) -> None:
        for stream in STREAMS:
            with self._console.database.read() as tx:
                aliases = registry.aliases(tx, stream.pipeline, self._console.environment)
            if Alias.CHAMPION not in aliases:
                acts.promote(self._console, f"{stream.pipeline}@1", reason="the first champion", saw_champion=None)
            self._first[stream.pipeline] = 1
        self._narrate({})
        control.wait_for(self._console.database, ServiceKind.SERVER, hint="`quarterdeck daemon logs` says why")

    async def _replay(self, player: Player) -> None:
        days = self._days()
        async with player:
            await self._live(player, days)

    async def _live(self, player: Player, days: list[list[Request]]) -> None:
        for day in range(min(self._most, len(days))):
            self._check_stopped()
            dates = {stream.pipeline: stream.begin + timedelta(days=day) for stream in STREAMS}
            await player.day(days[day], timedelta(days=day + 1))
            if (day + 1) % DELIVERY == 0:
                self._deliver(day + 1)
            player.catch_up()
            self._narrate(dates)
            self._show(Moment(day=day + 1, days=min(self._most, len(days)), dates=dates))

    def _days(self) -> list[list[Request]]:
        found: list[Request] = []
        for stream in STREAMS:
            manifest = self._manifests[stream.pipeline]
            with self._console.database.read() as tx:
                names = registry.get(tx, stream.pipeline, 1).signature.names
            found += requests_of(manifest, stream, self._samples, names)
        return by_day(found)

    def _deliver(self, day: int) -> None:
        """The week's rows whose labels are known now, as one more file in each data folder."""
        for stream in STREAMS:
            until = stream.begin + timedelta(days=day)
            write_known(
                self._console.workspace.root / "data",
                self._samples,
                stream,
                after=until - timedelta(days=DELIVERY),
                until=until,
            )

    def _close(self, player: Player) -> Outcome:
        closing = {
            name: close(self._state, manifest, self._first[name], player.tallies.get(name, Tally()))
            for name, manifest in self._manifests.items()
        }
        with self._console.database.read() as tx:
            entries, problems = auditing.verify(tx)
        return Outcome(pipelines=closing, audit_ok=not problems, entries=entries)

    def _check_stopped(self) -> None:
        if self._stopped():
            raise KeyboardInterrupt

    def _narrate(self, dates: dict[str, datetime]) -> None:
        for line in self._story.news():
            self._tell(line, dates.get(line.pipeline))

    def _say(self, pipeline: str, kind: str, text: str, at: datetime | None) -> None:
        self._tell(Line(pipeline=pipeline, kind=kind, text=text), at)
