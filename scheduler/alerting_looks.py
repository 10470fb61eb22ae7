"""What the daemon looks up for the rules about the present: the answers of the champion, the traffic, the runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from quarterdeck.core.alerting_live import judge_errors, judge_latency, judge_runs, judge_silence, spans_before
from quarterdeck.core.alerting_rules import Judged
from quarterdeck.core.alerting_spec import AlertOn, AlertSpec
from quarterdeck.core.values import CLIENT_ARMS, Alias
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, runs, traffic_silence
from quarterdeck.store.traffic import micros, moment
from quarterdeck.store.traffic_queries import ArmFigures, arm_figures

RUNS = 50  # of a pipeline that are looked at


class Present:
    """One look at one model; what several rules ask for is looked up once."""

    def __init__(self, state: State, model: str, now: datetime) -> None:
        self._state = state
        self._model = model
        self._now = now
        with state.database.read() as tx:
            self._names = registry.aliases(tx, model, state.environment)
        self._figures: dict[timedelta, ArmFigures] = {}

    def judge(self, rule: AlertSpec) -> Judged | None:
        """What a rule says; None where it cannot be told."""
        if rule.on is AlertOn.RUN:
            with self._state.database.read() as tx:
                return judge_runs(rule, runs.page(tx, pipeline=self._model, limit=RUNS))
        version = self._names.get(Alias.CHAMPION)
        if version is None:
            return None
        if rule.on is AlertOn.SILENCE:
            return self._silence(rule)
        found = self._answers(version, rule.lasting)
        if rule.on is AlertOn.ERRORS:
            return judge_errors(rule, version=version, requests=found.requests, failures=found.failures)
        answered = found.requests - found.failures
        return judge_latency(rule, version=version, answered=answered, p99_ms=found.p99_ms)

    def _answers(self, version: int, lasting: timedelta) -> ArmFigures:
        if lasting not in self._figures:
            since, until = micros(self._now - lasting), micros(self._now)
            with self._state.traffic.read() as tx:
                found = arm_figures(tx, self._model, version, arms=CLIENT_ARMS, since=since, until=until)
            self._figures[lasting] = found
        return self._figures[lasting]

    def _silence(self, rule: AlertSpec) -> Judged | None:
        """Of all versions that bear a name here: a promotion is no silence."""
        versions = sorted(set(self._names.values()))
        with self._state.traffic.read() as tx:
            at = traffic_silence.last_answer(tx, self._model, versions)
            if at is None:
                return None
            last, busy = moment(at), 0
            if self._now - last >= rule.lasting:
                spans = [(micros(since), micros(until)) for since, until in spans_before(last, rule.lasting)]
                busy = traffic_silence.busy_spans(tx, self._model, versions, spans)
        return judge_silence(rule, last=last, busy=busy, now=self._now)
