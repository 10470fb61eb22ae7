"""A rollout's checks on the server run in a process of their own; what they cannot measure is an ERROR look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import psutil
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import AnalysisSpec, Promotion, RolloutSpec, Strategy
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout import Rollout, RolloutState
from quarterdeck.core.rollout_looks import LookOutcome
from quarterdeck.core.rollout_moves import pause
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec
from quarterdeck.core.values import Engine, Task, VersionState
from quarterdeck.scheduler.control import wait_until
from quarterdeck.scheduler.rollout_service import ServiceRuns
from quarterdeck.scheduler.rollouts import Rollouts
from quarterdeck.scheduler.service_child import limit_s
from quarterdeck.scheduler.state import State
from quarterdeck.store import analyses, registry, rollouts, steps
from quarterdeck.store.artifacts import ArtifactStore

SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),), task=Task.REGRESSION, target="y"
)
SPEC = RolloutSpec(
    strategy=Strategy.DIRECT,
    promote=Promotion.AUTO,
    analysis=AnalysisSpec(interval=timedelta(seconds=0.1), consecutive_errors=1),
    service=ServiceSpec(),
)


@pytest.fixture
def rollout(state: State, now: datetime) -> Rollout:
    """A rollout of a version without expected inputs, in a workspace without a server."""
    kept = ArtifactStore(state.workspace.artifacts).put(b"a model")
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={}, verdicts=(),
        profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=utc_now(), reason="a test")
    with state.database.write() as tx:
        steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=now)
        registry.register(tx, draft, audit)
        return rollouts.begin(tx, "fuel", 1, SPEC, audit)


@pytest.fixture
def daemon(state: State) -> Iterator[Rollouts]:
    daemon = Rollouts(state)
    yield daemon
    daemon.close()


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "quarterdeck.scheduler.service_child" in child.cmdline()]


def test_a_server_that_is_down_is_an_error_and_pauses_the_rollout_in_the_end(
    state: State, rollout: Rollout, daemon: Rollouts
) -> None:
    def paused() -> bool:
        daemon.tick({}, utc_now())
        with state.database.read() as tx:
            return rollouts.get(tx, rollout.id).state is RolloutState.PAUSED

    wait_until(paused, what="the pause", patience=60)
    with state.database.read() as tx:
        looks = analyses.of_rollout(tx, rollout.id)
        after = rollouts.get(tx, rollout.id)
    assert [look.outcome for look in looks] == [LookOutcome.ERROR, LookOutcome.ERROR]
    assert "no prediction server runs here" in looks[0].reason
    assert after.reason.startswith("2 looks in a row could not measure")
    assert registry_state(state) is VersionState.CHALLENGER


def registry_state(state: State) -> VersionState:
    with state.database.read() as tx:
        return registry.get(tx, "fuel", 1).state


def test_a_check_of_a_rollout_that_was_paused_is_ended(state: State, rollout: Rollout, daemon: Rollouts) -> None:
    daemon.tick({}, utc_now())
    (child,) = children()
    with state.database.write() as tx:
        audit = Audit(actor="ops", environment="production", at=utc_now(), reason="stop")
        rollouts.apply(tx, rollout, pause(rollout, now=utc_now(), reason="stop"), audit)
    daemon.tick({}, utc_now())
    assert not child.is_running() and children() == []


def test_one_rollout_is_checked_at_a_time_and_a_dead_process_is_an_error(state: State, rollout: Rollout) -> None:
    runs = ServiceRuns(state)
    assert runs.look(rollout, utc_now()) is None
    (child,) = children()
    assert runs.look(replace(rollout, id=99), utc_now()) is None
    assert children() == [child]
    child.kill()

    wait_until(lambda: child.status() == psutil.STATUS_ZOMBIE or not child.is_running(), what="its end")
    look = runs.look(rollout, utc_now())
    assert look is not None
    assert look.result.outcome is LookOutcome.ERROR
    assert look.result.reason == "it could not be measured: its process was ended by signal 9; see service.log"


def test_a_check_that_takes_too_long_is_ended(state: State, rollout: Rollout) -> None:
    runs, now = ServiceRuns(state), utc_now()
    runs.look(rollout, now)
    look = runs.look(rollout, now + timedelta(seconds=limit_s(ServiceSpec()) + 6))
    assert look is not None and look.result.outcome is LookOutcome.ERROR
    assert children() == []
    assert limit_s(ServiceSpec(load=LoadSpec(rate=1.0))) == limit_s(ServiceSpec()) + 13
