"""Champion against challenger on live traffic, as labels come in.

Where the challenger answers a share of the requests in the champion's place, the two are compared as separate arms
(A/B); otherwise on the requests that both answered. The evidence is always valid: it may be looked at after every
label. What a look costs is bounded: it happens only when labels came, reads no more rows than the comparison may take
(`maximum_labels` of the challenger's), and the looks of one comparison take a tenth of the daemon's time at most.
Slices are found every few seconds, KPIs measured every ten by a process of their own, and both once more when the loss
has decided.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from quarterdeck.core.duel import DuelVerdict, Mode
from quarterdeck.core.duel_slices import Slices
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Arm, Decision
from quarterdeck.scheduler.duel_kpis import Found, KpiRuns
from quarterdeck.scheduler.duel_rows import Met, from_arms, from_pairs, judge_all, judge_loss, kpis_asked, slices_in
from quarterdeck.scheduler.state import State
from quarterdeck.store import duel_traffic, duels, registry, splits, traffic_queries
from quarterdeck.store.splits import Split

PATH_LENGTH = 200  # looks that are kept for the plot; when there are more, every other one goes
REST = 9  # a look is followed by so many times its length without one
LONGEST_REST = timedelta(seconds=30)
SLICES_EVERY = timedelta(seconds=5)
KPIS_EVERY = timedelta(seconds=10)
KPIS_FROM = 30  # rows; a KPI of fewer says nothing
LARGEST_RATIO = 50  # of the champion's rows to the challenger's, in an A/B comparison


@dataclass(slots=True)
class _Meeting:
    """What is remembered of a comparison between two looks; all of it can be found again."""

    champion: Version
    challenger: Version
    ab: bool
    label: int = 0  # the newest one that was looked at
    rest_until: datetime | None = None
    over: bool = False  # it has as many labels as it may take
    rows: int = 0  # of the challenger's, at the last look
    decision: Decision = Decision.HOLD  # of the loss
    decided_at: int = 0  # the rows that were there when the loss first said so
    slices: Slices | None = None
    slices_at: datetime | None = None
    kpis: Found | None = None
    kpis_at: datetime | None = None  # when they were last asked for

    @property
    def key(self) -> str:
        mode = Mode.AB if self.ab else Mode.PAIRED
        return f"{self.champion.model}:{self.champion.number}:{self.challenger.number}:{mode}"

    @property
    def waiting(self) -> bool:
        """The KPIs of the rows that the loss decided on are not there yet."""
        return self.kpis is None or (self.decision is not Decision.HOLD and self.kpis.n < self.decided_at)


class Duels:
    """Keeps every comparison up to date. rollouts.py acts on the verdicts."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._meetings: dict[str, _Meeting] = {}
        self._kpis = KpiRuns(state)

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        self._kpis.poll(now)
        for model, manifest in manifests.items():
            meeting = self._meeting(model)
            if meeting is not None and self._due(manifest, meeting, now):
                self._look(manifest, meeting, now)

    def close(self) -> None:
        """Leave no process behind."""
        self._kpis.close()

    def _meeting(self, model: str) -> _Meeting | None:
        """The comparison that goes on now: a new one where one of the two, or the way they meet, has changed."""
        with self._state.database.read() as tx:
            aliases = registry.aliases(tx, model, self._state.environment)
            if Alias.CHAMPION not in aliases or Alias.CHALLENGER not in aliases:
                self._meetings.pop(model, None)
                return None
            pair = (aliases[Alias.CHAMPION], aliases[Alias.CHALLENGER])
            ab = is_ab(splits.find(tx, self._state.environment, model), pair[1])
            known = self._meetings.get(model)
            if known is None or (known.champion.number, known.challenger.number, known.ab) != (*pair, ab):
                champion, challenger = (registry.get(tx, model, number) for number in pair)
                known = self._meetings[model] = _Meeting(champion=champion, challenger=challenger, ab=ab)
        return known

    def _due(self, manifest: Manifest, meeting: _Meeting, now: datetime) -> bool:
        """Whether there is anything to look at: figures that were asked for, KPIs to ask for, or labels."""
        found = self._kpis.take(meeting.key)
        if found is not None:
            meeting.kpis = found
            return True
        if meeting.rest_until is not None and now < meeting.rest_until:
            return False
        if self._kpis_due(manifest, meeting, now):
            return True
        if meeting.over:
            return False
        with self._state.traffic.read() as tx:
            newest = duel_traffic.newest_label(tx, manifest.name, after=meeting.label)
        came, meeting.label = newest != meeting.label, newest
        return came

    def _look(self, manifest: Manifest, meeting: _Meeting, now: datetime) -> None:
        started = time.perf_counter()
        with self._state.database.read() as tx:
            pair = (meeting.champion.number, meeting.challenger.number)
            known = duels.find(tx, self._state.environment, manifest.name, *pair)
            split = splits.find(tx, self._state.environment, manifest.name)
        met = self._met(manifest, meeting, known, split)
        loss = judge_loss(manifest.rollout, meeting.champion.signature, met)
        self._remember(manifest, meeting, met, loss, now)
        if self._kpis_due(manifest, meeting, now):
            self._kpis.ask(meeting.key, manifest, meeting.champion.signature, met, now)
            meeting.kpis_at = now
        verdict = judge_all(
            manifest,
            loss,
            measured=() if meeting.kpis is None else meeting.kpis.kpis,
            waiting=meeting.waiting,
            slices=meeting.slices,
        )
        self._keep(manifest, meeting, verdict, known, now)
        meeting.rest_until = now + min(REST * timedelta(seconds=time.perf_counter() - started), LONGEST_REST)

    def _met(self, manifest: Manifest, meeting: _Meeting, known: duels.Duel | None, split: Split | None) -> Met:
        """The rows of both, as many as the comparison may take."""
        model, most = manifest.name, manifest.rollout.maximum_labels
        ours, theirs, task = meeting.champion.number, meeting.challenger.number, meeting.champion.signature.task
        if not meeting.ab:
            with self._state.traffic.read() as tx:
                return from_pairs(task, traffic_queries.pairs(tx, model, ours, theirs, limit=most))
        ratio = _ratio(known, split)
        with self._state.traffic.read() as tx:
            since = duel_traffic.first_answer(tx, model, theirs, Arm.CHALLENGER)
            if since is None:
                return from_arms(task, [], [], ratio=ratio)
            first = traffic_queries.arm_rows(tx, model, ours, [Arm.CHAMPION], since=since, limit=most * ratio)
            second = traffic_queries.arm_rows(tx, model, theirs, [Arm.CHALLENGER], since=since, limit=most)
        return from_arms(task, first, second, ratio=ratio)

    def _remember(self, manifest: Manifest, meeting: _Meeting, met: Met, loss: DuelVerdict, now: datetime) -> None:
        changed = loss.decision is not meeting.decision
        if changed:
            meeting.decision, meeting.decided_at = loss.decision, met.challenger.n
        meeting.rows = met.challenger.n
        meeting.over = meeting.rows >= manifest.rollout.maximum_labels
        if changed or meeting.over or meeting.slices_at is None or now - meeting.slices_at >= SLICES_EVERY:
            meeting.slices, meeting.slices_at = slices_in(manifest, meeting.champion.signature, met), now

    def _kpis_due(self, manifest: Manifest, meeting: _Meeting, now: datetime) -> bool:
        """Where there are KPIs and newer rows than they are of: at once for a decision, else every few seconds."""
        measured = 0 if meeting.kpis is None else meeting.kpis.n
        if self._kpis.busy or meeting.rows <= measured or not kpis_asked(manifest):
            return False
        if meeting.decision is not Decision.HOLD and measured < meeting.decided_at:
            return True
        return meeting.rows >= KPIS_FROM and (meeting.kpis_at is None or now - meeting.kpis_at >= KPIS_EVERY)

    def _keep(
        self, manifest: Manifest, meeting: _Meeting, verdict: DuelVerdict, known: duels.Duel | None, now: datetime
    ) -> None:
        duel = duels.Duel(
            environment=self._state.environment,
            model=manifest.name,
            champion=meeting.champion.number,
            challenger=meeting.challenger.number,
            started_at=now,
            updated_at=now,
            decision=verdict.decision,
            verdict=verdict.to_json(),
            path=_path(known, verdict),
        )
        with self._state.database.write() as tx:
            duels.put(tx, duel)


def is_ab(split: Split | None, challenger: int) -> bool:
    """Whether clients get the challenger's answers in the champion's place, and the champion's rows are not its too."""
    return split is not None and split.version == challenger and split.weight > 0 and not split.shadow


def _ratio(known: duels.Duel | None, split: Split | None) -> int:
    """How many of the champion's rows come with one of the challenger's: as it was at the first look, because what was
    paired must stay paired."""
    if known is not None and known.verdict.get("mode") == Mode.AB and known.verdict.get("n"):
        return int(known.verdict["ratio"])
    weight = 50.0 if split is None else split.weight
    return max(1, min(LARGEST_RATIO, round((100 - weight) / weight)))


def _path(known: duels.Duel | None, verdict: DuelVerdict) -> list[list[float]]:
    """The evidence at each look so far and now: [n, e-value, difference, low, high]. It begins anew with the mode."""
    same = known is not None and known.verdict.get("mode", Mode.PAIRED) == verdict.mode
    path = known.path if known is not None and same else []
    if verdict.difference is None or verdict.interval is None:
        return path
    point = [float(verdict.n), verdict.e_value, verdict.difference, *verdict.interval]
    path = [*path[:-1], point] if path and path[-1][0] == verdict.n else [*path, point]
    return path if len(path) <= PATH_LENGTH else path[:-1:2] + path[-1:]
