"""A trigger whose condition holds: one run, and the reason where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.operations import Trigger
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Engine, RunStatus, Task, TriggerKind, VersionState
from quarterdeck.scheduler.firing import Due, fire, fire_all
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, promotion, registry, runs, steps, triggers

SPEC = TriggerSpec(
    name="decay", kind=TriggerKind.DECAY, cooldown=timedelta(days=7), limit_per_day=2, backoff=False
)  # fmt: skip


@pytest.fixture(autouse=True)
def pipeline(state: State, now: datetime) -> None:
    with state.database.write() as tx:
        row = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
        pipelines.put(tx, row)
        triggers.sync(tx, "fuel", [("decay", TriggerKind.DECAY, {})])


def the_trigger(tx: Connection) -> Trigger:
    return triggers.get(tx, "fuel", "decay")


def attempt(state: State, now: datetime, evidence_at: datetime, spec: TriggerSpec = SPEC) -> Run | None:
    with state.database.write() as tx:
        return fire(
            tx,
            the_trigger(tx),
            spec,
            now=now,
            environment="production",
            evidence={"x": 1},
            evidence_at=evidence_at,
        )


def finish(state: State, run: Run, now: datetime) -> None:
    with state.database.write() as tx:
        runs.claim(tx, run.id, pid=1, process_started=0.0, now=now)
        runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=now)


def reasons(state: State) -> list[str]:
    with state.database.read() as tx:
        return [firing.reason for firing in triggers.firings(tx) if not firing.fired]


def test_a_run_is_queued_with_the_chain_that_led_to_it(state: State, now: datetime) -> None:
    run = attempt(state, now, now)
    assert run is not None
    with state.database.read() as tx:
        (firing,) = triggers.firings(tx, run_id=run.id)
        assert the_trigger(tx).last_evidence_at == now
    assert run.cause == {"kind": "decay", "trigger": "decay", "firing": firing.id, "alert": None}
    assert firing.fired and firing.evidence == {"x": 1}


def test_while_a_run_is_under_way_no_other_is_queued_and_the_reason_is_kept_once(state: State, now: datetime) -> None:
    assert attempt(state, now, now) is not None
    later = now + timedelta(days=10)
    assert attempt(state, now, later) is None
    assert attempt(state, now, later) is None
    assert reasons(state) == ["run 1 is under way"]


def test_while_a_challenger_is_compared_no_run_is_queued(state: State, now: datetime) -> None:
    signature = Signature(fields=(), task=Task.REGRESSION, target="y")
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact="a" * 64, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=signature, metrics={}, verdicts=(),
        profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    with state.database.write() as tx:
        steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=now)
        registry.register(tx, draft, audit)
        promotion.challenge(tx, "fuel", 1, audit)
    assert attempt(state, now, now) is None
    assert reasons(state) == ["challenger fuel@1 is being compared"]


def test_the_cooldown_runs_by_the_time_of_the_data(state: State, now: datetime) -> None:
    first = attempt(state, now, now)
    assert first is not None
    finish(state, first, now)
    assert attempt(state, now, now + timedelta(days=6)) is None
    assert "cooling down" in reasons(state)[0]
    assert attempt(state, now, now + timedelta(days=7)) is not None


def test_the_same_evidence_fires_once(state: State, now: datetime) -> None:
    first = attempt(state, now, now)
    assert first is not None
    finish(state, first, now)
    assert attempt(state, now + timedelta(days=30), now) is None


def test_the_limit_of_a_day_holds(state: State, now: datetime) -> None:
    for week in range(3):
        run = attempt(state, now, now + timedelta(weeks=week))
        assert (run is None) == (week == 2)
        if run is not None:
            finish(state, run, now)
    assert "limit is 2" in reasons(state)[0]


def test_a_paused_trigger_says_so_and_fires_nothing(state: State, now: datetime) -> None:
    with state.database.write() as tx:
        triggers.set_paused(tx, the_trigger(tx).id, True)
    assert attempt(state, now, now) is None
    assert reasons(state) == ["the trigger is paused"]


def test_a_training_that_gave_no_champion_doubles_the_wait(state: State, now: datetime) -> None:
    spec = replace(SPEC, backoff=True)
    first = attempt(state, now, now, spec)
    assert first is not None
    finish(state, first, now)
    assert attempt(state, now, now + timedelta(days=7), spec) is None
    assert "until 2026-03-15 12:00 UTC: its last training gave no better model" in reasons(state)[0]
    assert attempt(state, now, now + timedelta(days=14), spec) is not None


def test_the_budget_counts_how_long_the_triggers_own_runs_worked(state: State, now: datetime) -> None:
    spec = replace(SPEC, cooldown=timedelta(0), limit_per_day=None, budget=timedelta(hours=2))
    for number in range(3):
        begin = now + timedelta(hours=number)
        run = attempt(state, begin, begin, spec)
        assert (run is None) == (number == 2)
        if run is not None:
            with state.database.write() as tx:
                runs.claim(tx, run.id, pid=1, process_started=0.0, now=begin)
                runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=begin + timedelta(hours=1))
    assert reasons(state) == ["its runs of this day have used the budget of 2 h 0 min"]
    tomorrow = now + timedelta(days=1)
    assert attempt(state, tomorrow, tomorrow, spec) is not None


def test_many_that_come_due_together_start_one_run_a_pipeline(state: State, now: datetime) -> None:
    with state.database.write() as tx:
        row = pipelines.Pipeline(name="ice", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
        pipelines.put(tx, row)
        for name in ("fuel", "ice"):
            triggers.sync(tx, name, [("a", TriggerKind.SCHEDULE, {}), ("b", TriggerKind.SCHEDULE, {})])
        spec = TriggerSpec(name="x", kind=TriggerKind.SCHEDULE, limit_per_day=1)
        dues = [Due(trigger=trigger, spec=spec, evidence={"planned": "p"}) for trigger in triggers.every(tx)]
        came = fire_all(tx, dues, now=now, environment="production")
        kept = triggers.firings(tx)
        queued = runs.unfinished(tx)
    assert [item.run is not None for item in came] == [True, False, True, False]
    assert came[1].decision.reason == "a run that trigger a starts is under way"
    assert {firing.id: firing.run_id for firing in kept} == {item.firing: item.run for item in came}
    assert [run.cause["firing"] for run in queued] == [came[0].firing, came[2].firing]
