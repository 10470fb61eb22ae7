"""Answers any screen's question from the open databases. One call is one consistent look."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.console.queries import audit, duel, live, overview, pipelines, registry, review, schedule
from quarterdeck.console.queries.card import load_evaluation
from quarterdeck.console.queries.manifests import PipelineFiles
from quarterdeck.console.queries.profiles import Profiles
from quarterdeck.console.queries.questions import (
    Answer,
    AskAudit,
    AskDuels,
    AskLive,
    AskOverview,
    AskPipelines,
    AskRegistry,
    AskReview,
    AskSchedule,
    Look,
    Question,
)
from quarterdeck.console.queries.status import status
from quarterdeck.console.queries.traffic import TrafficTail
from quarterdeck.console.queries.values import Traffic
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.evaluation import Evaluation
from quarterdeck.store.workspace import pipelines as pipeline_files

KEPT = 50  # evaluations in memory
TRAFFIC_EVERY = 1.0  # seconds between looks at the prediction log


class Reader:
    """Reads for the screens; used by one thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tail = TrafficTail()
        self._files = PipelineFiles()
        self._traffic: dict[str, Traffic] = {}
        self._traffic_at = float("-inf")
        self._evaluations: dict[str, Evaluation] = {}
        self._profiles = Profiles(self._console)
        self._patience = 5 * console.settings.heartbeat_seconds

    def look(self, question: Question, now: datetime, story: str = "") -> Look:
        if isinstance(question, AskOverview | AskLive):
            self._follow_traffic()
        with self._console.database.read() as tx:
            return Look(
                question=question,
                answer=self._answer(tx, question, now),
                status=status(
                    tx, now, self._patience, person=self._console.person, environment=self._console.environment
                ),
                story=story,
                at=now,
            )

    def _answer(self, tx: Connection, question: Question, now: datetime) -> Answer:
        environment = self._console.environment
        match question:
            case AskOverview():
                names = [name for name, _ in pipeline_files(self._console.workspace)]
                return overview.overview(tx, environment, self._traffic, names)
            case AskPipelines():
                return pipelines.screen(tx, question, self._files.look(self._console.workspace, now))
            case AskRegistry():
                return registry.screen(tx, environment, question, self._evaluation)
            case AskLive():
                return live.screen(tx, environment, question, self._traffic, now, self._patience)
            case AskDuels():
                return duel.screen(tx, environment, question)
            case AskReview():
                return review.screen(tx, environment, self._console.person, question, self._profiles.get, now)
            case AskSchedule():
                return schedule.screen(tx, environment, question, now, self._patience)
            case AskAudit():
                return audit.screen(tx, environment, question)

    def _evaluation(self, sha256: str) -> Evaluation | None:
        """Read once: the bytes of a hash do not change. One that cannot be read is asked for again."""
        if sha256 not in self._evaluations:
            try:
                found = load_evaluation(self._console, sha256)
            except (QuarterdeckError, ValueError):
                return None
            self._evaluations = dict(list(self._evaluations.items())[-KEPT:]) | {sha256: found}
        return self._evaluations[sha256]

    def _follow_traffic(self) -> None:
        """At most once a second: the log grows with every request."""
        clock = time.monotonic()
        if clock - self._traffic_at < TRAFFIC_EVERY:
            return
        self._traffic_at = clock
        if self._console.database.read_only and not self._console.workspace.traffic_database.exists():
            return  # nothing was predicted yet, and the log cannot be made here
        with self._console.traffic.read() as tx:
            self._traffic = self._tail.look(tx, clock)
