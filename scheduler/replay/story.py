"""What happened, told from the store: each new alert, firing, run, ledger entry and verdict as one line, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from quarterdeck.core.registry import parse_reference
from quarterdeck.core.values import Decision, RunStatus
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, duels, ledger, runs, triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that happened to a pipeline. `kind`: alert, fired, run, register, promote, rollback, verdict ..."""

    pipeline: str
    kind: str
    text: str


@dataclass(slots=True)
class Story:
    """Remembers what it has told."""

    state: State
    told: set[tuple[Any, ...]] = field(default_factory=set)

    def news(self) -> list[Line]:
        """What is new since the last time it was asked, in about the order it came."""
        with self.state.database.read() as tx:
            found = [
                *self._alerts(tx),
                *self._firings(tx),
                *self._runs(tx),
                *self._verdicts(tx),
                *self._ledger(tx),
            ]
        fresh = []
        for key, line in found:
            if key not in self.told:
                self.told.add(key)
                fresh.append(line)
        return fresh

    def _alerts(self, tx: Any) -> Iterator[tuple[tuple[Any, ...], Line]]:
        for alert in reversed(alerts.page(tx, limit=50)):
            yield (
                ("alert", alert.id),
                Line(pipeline=alert.model, kind=alert.kind, text=f"alert {alert.id}: {alert.message}"),
            )

    def _firings(self, tx: Any) -> Iterator[tuple[tuple[Any, ...], Line]]:
        for firing in reversed(triggers.firings(tx, limit=50)):
            if firing.fired:
                text = f"trigger fired: run {firing.run_id} is queued"
                yield ("firing", firing.id), Line(pipeline=firing.pipeline, kind="fired", text=text)

    def _runs(self, tx: Any) -> Iterator[tuple[tuple[Any, ...], Line]]:
        for run in reversed(runs.page(tx, limit=50)):
            if run.status.finished or run.attempt > 1:
                why = run.error if run.status is RunStatus.FAILED else run.message
                text = f"run {run.id} {run.status}" + (f": {why}" if why else "")
                yield (
                    ("run", run.id, run.status, run.attempt),
                    Line(pipeline=run.pipeline, kind="run", text=text),
                )

    def _ledger(self, tx: Any) -> Iterator[tuple[tuple[Any, ...], Line]]:
        for entry in reversed(ledger.entries(tx, limit=50)):
            if "@" not in entry.subject:
                continue
            text = f"{entry.act} {entry.subject}: {entry.reason}"
            model = parse_reference(entry.subject).model
            yield ("ledger", entry.seq), Line(pipeline=model, kind=entry.act, text=text)

    def _verdicts(self, tx: Any) -> Iterator[tuple[tuple[Any, ...], Line]]:
        for duel in reversed(duels.latest(tx, self.state.environment)):
            if duel.decision is Decision.HOLD:
                continue  # no news; a comparison that ends so is in the ledger
            pair = f"champion {duel.champion} against challenger {duel.challenger}"
            text = f"{pair}: {duel.decision.upper()} after {duel.verdict['n']} labels"
            yield (
                ("duel", duel.model, duel.champion, duel.challenger, duel.decision),
                Line(pipeline=duel.model, kind="verdict", text=text),
            )
