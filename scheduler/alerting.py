"""Holds what the daemon knows against the rules of alerts, and raises or resolves what they say.

The rules are core/alerting_rules.py's (windows, by the time of the data) and core/alerting_live.py's (the present, by
the wall clock). What a trigger of a manifest watches is raised by watch.py. An alert that goes on costs one write a
minute, however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from quarterdeck.core.alerting import WORKSPACE, worse
from quarterdeck.core.alerting_live import judge_daemon, judge_log
from quarterdeck.core.alerting_rules import Judged, is_watched, judge_windows, rules_for
from quarterdeck.core.alerting_spec import (
    LIVE,
    OF_WORKSPACE,
    AlertOn,
    AlertSpec,
    reopens_within,
    rule_for,
    rules_of,
)
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import AlertState, Alias, ServiceKind
from quarterdeck.scheduler.alerting_looks import Present
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, registry, services, windows

HISTORY = 60  # windows looked back at
EVERY = timedelta(seconds=10)  # between two looks at the present
SAID_EVERY = timedelta(minutes=1)  # how often an alert that goes on is written


class Alerting:
    """One object a daemon; all that must outlive it is in the alerts' rows."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._looked_at: datetime | None = None
        self._rules = rules_of(state.settings.alerts, OF_WORKSPACE)
        self._since: dict[str, datetime] = {}  # a job's problem
        self._lost: list[tuple[datetime, int]] = []  # predictions that could not be logged, and when that was seen
        self._dropped: tuple[float, int] | None = None  # the server's start, and how many it had dropped then

    def windows(self, manifests: Mapping[str, Manifest], touched: set[str], now: datetime) -> None:
        """Look at the champions whose windows changed."""
        for model in sorted(touched):
            manifest = manifests[model]
            with self._state.database.read() as tx:
                champion = registry.aliases(tx, model, self._state.environment).get(Alias.CHAMPION)
                if champion is None:
                    continue
                found = windows.last(tx, model, version=champion, limit=HISTORY)
            judged = judge_windows(manifest, [window for window in found if window.closed])
            self._act(model, judged, rules_for(manifest), manifest.monitoring.window, now)

    def tick(self, manifests: Mapping[str, Manifest], problems: Mapping[str, str], now: datetime) -> None:
        """Look at the present, now and then; end the silences whose time is over."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < EVERY:
            return
        self._looked_at = now
        for model, manifest in sorted(manifests.items()):
            rules = rules_for(manifest)
            self._act(model, self._live(model, rules, now), rules, manifest.monitoring.window, now)
            self._forget_unwatched(manifest, now)
        self._act(WORKSPACE, self._own(problems, now), self._rules, timedelta(0), now)
        with self._state.database.read() as tx:
            silenced = alerts.page(tx, states=[AlertState.SILENCED], limit=1_000)
        if any(item.silenced_until is not None and item.silenced_until <= now for item in silenced):
            with self._state.database.write() as tx:
                alerts.keep_silences(tx, now)

    def _live(self, model: str, rules: tuple[AlertSpec, ...], now: datetime) -> list[Judged]:
        present = Present(self._state, model, now)
        wanted = [rule for kind in LIVE if not (rule := rule_for(rules, kind)).off]
        return [judged for rule in wanted if (judged := present.judge(rule)) is not None]

    def _own(self, problems: Mapping[str, str], now: datetime) -> list[Judged]:
        """The daemon's own work, and the server's log."""
        found: list[Judged | None] = []
        rule = rule_for(self._rules, AlertOn.DAEMON)
        self._since = {job: self._since.get(job, now) for job in problems}
        if not rule.off:
            with self._state.database.read() as tx:
                known = alerts.page(tx, model=WORKSPACE, unresolved=True)
            jobs = {*problems, *(item.subject for item in known if item.kind == AlertOn.DAEMON)}
            found += [
                judge_daemon(rule, job, problems.get(job), self._since.get(job, now), now) for job in sorted(jobs)
            ]
        rule = rule_for(self._rules, AlertOn.LOG)
        if not rule.off:
            found.append(judge_log(rule, self._lost_lately(rule.lasting, now)))
        return [judged for judged in found if judged is not None]

    def _lost_lately(self, lasting: timedelta, now: datetime) -> int:
        """How many predictions the server could not log within a time, as it counts them."""
        with self._state.database.read() as tx:
            server = services.find(tx, ServiceKind.SERVER)
        if server is not None:
            dropped = int(server.detail.get("dropped") or 0)
            started, before = self._dropped or (server.process_started, dropped)
            more = dropped - before if started == server.process_started else dropped
            self._dropped = (server.process_started, dropped)
            if more > 0:
                self._lost.append((now, more))
        self._lost = [(at, number) for at, number in self._lost if now - at < lasting]
        return sum(number for _, number in self._lost)

    def _act(
        self, model: str, judged: Iterable[Judged], rules: tuple[AlertSpec, ...], width: timedelta, now: datetime
    ) -> None:
        """Raise and resolve what has changed, in one transaction, if anything has."""
        with self._state.database.read() as tx:
            known = {(item.kind, item.subject): item for item in alerts.page(tx, model=model, unresolved=True)}
        changes = [item for item in judged if _changes(item, known.get((item.on.value, item.subject)), now)]
        if not changes:
            return
        with self._state.database.write() as tx:
            for item in changes:
                metric = item.subject.partition("[")[0]
                _keep(tx, model, item, reopens_within(rule_for(rules, item.on, metric), width), now)

    def _forget_unwatched(self, manifest: Manifest, now: datetime) -> None:
        """Resolve what no rule watches any more: it would stay open for ever."""
        with self._state.database.read() as tx:
            known = alerts.page(tx, model=manifest.name, unresolved=True)
        gone = [item for item in known if not _is_watched(manifest, item)]
        if gone:
            with self._state.database.write() as tx:
                for item in gone:
                    alerts.resolve(tx, model=item.model, kind=item.kind, subject=item.subject, now=now)


def _is_watched(manifest: Manifest, alert: Alert) -> bool:
    if alert.kind in [kind.value for kind in LIVE]:
        return not rule_for(rules_for(manifest), AlertOn(alert.kind)).off
    return is_watched(manifest, alert.kind, alert.subject)


def _changes(judged: Judged, known: Alert | None, now: datetime) -> bool:
    """Whether there is anything to write."""
    if not judged.holds:
        return known is not None
    if known is None or worse(judged.severity, known.severity):
        return True
    if judged.at is not None:
        return judged.at != known.event_at
    return now - known.last_at >= SAID_EVERY


def _keep(tx: Connection, model: str, judged: Judged, within: timedelta, now: datetime) -> None:
    cause = {"model": model, "kind": judged.on.value, "subject": judged.subject}
    if not judged.holds:
        alerts.resolve(tx, **cause, now=now)
        return
    alerts.raise_alert(
        tx,
        **cause,
        message=judged.message,
        evidence=dict(judged.evidence),
        now=now,
        event_at=judged.at,
        severity=judged.severity,
        reopens_within=within,
    )
