"""A rollout outlives its daemon: killed at any step and between two, the next one brings it to the same end.

A real daemon and its real server, two real models, and clients that ask all the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import text

from quarterdeck.core.clock import utc_now
from quarterdeck.core.expected import Expected
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import AnalysisSpec, CheckSpec, Promotion, RolloutSpec, Strategy
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout import Rollout, RolloutState, StepKind
from quarterdeck.core.rollout_spec import with_strategy
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec
from quarterdeck.core.values import Alias, Engine, ServiceKind, Task, VersionState
from quarterdeck.scheduler import control
from quarterdeck.scheduler.state import State
from quarterdeck.store import analyses, auditing, ledger, promotion, registry, rollouts, steps
from quarterdeck.store.artifacts import ArtifactStore

SIGNATURE = Signature(
    fields=(Field(name="a", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0),),
    task=Task.REGRESSION,
    target="y",
    entity="ship",
)
LOOK = timedelta(seconds=0.4)
SPEC = RolloutSpec(
    strategy=Strategy.CANARY,
    promote=Promotion.AUTO,
    steps=(30.0, 60.0, 100.0),
    minimum_labels=0,
    analysis=AnalysisSpec(interval=LOOK, count=2, minimum_requests=5),
    checks=(CheckSpec(measure="error_rate", maximum=0.01, fail_above=0.05),),
    bake=timedelta(seconds=1),
)
ROWS = [{"a": float(number % 10), "ship": f"s{number}"} for number in range(40)]
PATIENCE_S = 90.0
CHECKED = replace(
    SPEC, service=ServiceSpec(load=LoadSpec(rate=40.0, duration=LOOK, ramp=LOOK / 4, processes=1, p99_ms=5_000.0))
)
CHECKED_S = 1.0  # between two kills

# When the daemon is killed: what of the rollout makes a new moment. Each moment is met once.
Moment = Callable[[Rollout, datetime], object]


def at_each_step(rollout: Rollout, now: datetime) -> object:
    return rollout.step, rollout.state


def after_each_look(rollout: Rollout, now: datetime) -> object:
    return rollout.step, rollout.state, rollout.progress.looked_at


def between_looks(rollout: Rollout, now: datetime) -> object:
    """Half an interval after each look, and half an interval after each step began."""
    last = rollout.progress.looked_at or rollout.step_since
    return (rollout.step, last) if now > last + LOOK / 2 else None


def once_in_the_second_step(rollout: Rollout, now: datetime) -> object:
    return "there" if rollout.step == 1 else None


def while_it_is_checked(rollout: Rollout, now: datetime) -> object:
    """While the server's checks go on: when they have begun, and when they have begun again."""
    age = (now - rollout.step_since).total_seconds()
    return min(int(age / CHECKED_S), 2) or None if rollout.current.kind is StepKind.SERVICE else None


def line(slope: float) -> bytes:
    """y = slope * a, as ONNX."""
    weight = numpy_helper.from_array(np.array([[slope]]), "weight")
    return graph([helper.make_node("MatMul", ["numbers", "weight"], ["y"])], [weight])


def table() -> bytes:
    """y = the whole part of a, and an error of the runtime where that is beyond the table: for half of the rows."""
    values = numpy_helper.from_array(np.arange(5.0), "table")
    nodes = [
        helper.make_node("Cast", ["numbers"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "place"], ["y"], axis=0),
    ]
    return graph(nodes, [values])


def graph(nodes: list[Any], constants: list[Any]) -> bytes:
    rows = helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, 1])
    answer = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])
    made = helper.make_graph(nodes, "model", [rows], [answer], constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


@dataclass(slots=True)
class Stage:
    """A workspace with a champion, and the processes on it."""

    state: State
    refused: list[str] = field(default_factory=list)  # answers that clients did not get
    answered: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def register(self, data: bytes, slope: float) -> int:
        """A version; training says of it that it answers slope * a."""
        artifacts = ArtifactStore(self.state.workspace.artifacts)
        kept = artifacts.put(data)
        rows = tuple({"a": row["a"]} for row in ROWS[:10])
        expected = artifacts.put(
            Expected(rows=rows, answers=tuple({"value": slope * row["a"]} for row in rows)).to_bytes()
        )
        now = utc_now()
        draft = Version(
            model="line", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256,
            onnx=kept.sha256, engine=Engine.ONNX, engine_reason="", max_difference=None, signature=SIGNATURE,
            metrics={}, verdicts=(), profile=None, trained_from=None, trained_to=None, rows=1, size_bytes=1,
            expected=expected.sha256,
        )  # fmt: skip
        with self.state.database.write() as tx:
            steps.record_artifact(tx, expected.sha256, kind="expected", size=expected.size, now=now)
            steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=now)
            return registry.register(tx, draft, self.audit()).number

    def audit(self) -> Audit:
        return Audit(actor="ops", environment="production", at=utc_now(), reason="a test")

    def open(self, challenger: bytes, spec: RolloutSpec = SPEC, *, slope: float = 2.0) -> int:
        """Version 1 answers, clients ask, and version 2 begins its rollout; its number."""
        for data, trained in ((line(1.0), 1.0), (challenger, slope)):
            self.register(data, trained)
        with self.state.database.write() as tx:
            promotion.promote(tx, "line", 1, self.audit(), saw_champion=None)
        control.start_daemon(self.state.workspace, self.state.database)
        port = control.wait_for(self.state.database, ServiceKind.SERVER).port
        threading.Thread(target=self._ask, args=(f"http://127.0.0.1:{port}",), daemon=True).start()
        control.wait_until(lambda: self.answered > 0, what="the first answer", patience=PATIENCE_S)
        with self.state.database.write() as tx:
            return rollouts.begin(tx, "line", 2, spec, self.audit()).id

    def _ask(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            while not self._over.wait(0.01):  # a client's pause, not a wait for something
                response = client.post("/predict/line", json={"rows": ROWS})
                if response.status_code == 200:
                    self.answered += 1
                elif self.answered:
                    self.refused.append(response.text)

    def play(self, number: int, moment: Moment | None) -> tuple[Rollout, int]:
        """Kill the daemon at each new moment until the rollout has ended: the rollout, and how often it was killed."""
        met: set[object] = set()

        def ended_or_new() -> bool:
            rollout = self.rollout(number)
            now = None if moment is None or not rollout.open else moment(rollout, utc_now())
            return not rollout.open or (now is not None and now not in met)

        while True:
            control.wait_until(ended_or_new, what="the rollout's next moment", patience=PATIENCE_S)
            rollout = self.rollout(number)
            if not rollout.open:
                return rollout, len(met)
            assert moment is not None
            met.add(moment(rollout, utc_now()))
            self.kill_daemon()
            control.start_daemon(self.state.workspace, self.state.database)

    def kill_daemon(self) -> None:
        daemon = control.find(self.state.database, ServiceKind.DAEMON)
        assert daemon is not None
        process = psutil.Process(daemon.pid)
        process.kill()
        control.wait_until(lambda: gone(process), what="the daemon to be gone")

    def rollout(self, number: int) -> Rollout:
        with self.state.database.read() as tx:
            return rollouts.get(tx, number)

    def acts(self) -> list[str]:
        """What the ledger says since the first champion; it must verify."""
        with self.state.database.read() as tx:
            assert auditing.verify(tx)[1] == []
            found = [entry.act for entry in reversed(ledger.entries(tx, subject="line"))]
        return found[found.index("promote") + 1 :]

    def names(self) -> dict[Alias, int]:
        with self.state.database.read() as tx:
            return registry.aliases(tx, "line", "production")

    def close(self) -> None:
        self._over.set()
        control.stop_daemon(self.state.database)
        for kind in ServiceKind:  # the server that a killed daemon left
            left = control.find(self.state.database, kind)
            if left is not None:
                psutil.Process(left.pid).kill()


def gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def stage(state: State) -> Iterator[Stage]:
    state.workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n[daemon]\ntick_seconds = 0.05\n")
    stage = Stage(state)
    yield stage
    stage.close()


def ends_well(stage: Stage, rollout: Rollout) -> None:
    assert rollout.state is RolloutState.PROMOTED, rollout.reason
    assert stage.names() == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert stage.acts() == ["start_rollout", "challenge", "split", "split", "promote"]
    assert stage.refused == []


def ends_badly(stage: Stage, rollout: Rollout) -> None:
    assert rollout.state is RolloutState.ROLLED_BACK
    assert rollout.reason.startswith("the analysis of canary 30 % failed: error_rate ")
    assert stage.names() == {Alias.CHAMPION: 1}
    assert stage.acts() == ["start_rollout", "challenge", "split", "withdraw"]
    assert stage.refused == []
    with stage.state.database.read() as tx:
        assert registry.get(tx, "line", 2).state is VersionState.REJECTED


def test_a_rollout_whose_daemon_is_killed_in_the_middle_ends_promoted(stage: Stage) -> None:
    rollout, kills = stage.play(stage.open(line(2.0)), once_in_the_second_step)
    assert kills == 1
    ends_well(stage, rollout)


@pytest.mark.slow
def test_a_version_is_asked_and_driven_before_its_first_share_also_by_the_daemon_after(stage: Stage) -> None:
    rollout, kills = stage.play(stage.open(line(2.0), CHECKED), while_it_is_checked)
    assert kills >= 1
    assert rollout.state is RolloutState.PROMOTED, rollout.reason
    assert stage.acts() == ["start_rollout", "challenge", "split", "split", "split", "promote"]
    assert stage.refused == []
    with stage.state.database.read() as tx:
        first = analyses.of_rollout(tx, rollout.id)[-1]
        shares = [entry.after["weight"] for entry in reversed(ledger.entries(tx, act="split"))]
    assert shares == [0.0, 30.0, 60.0]
    assert [measure.measure for measure in first.measures] == ["expected_answers", "error_rate", "p99_ms"]


def test_a_version_that_answers_otherwise_than_in_training_gets_no_client(stage: Stage) -> None:
    rollout, _ = stage.play(stage.open(line(2.0), CHECKED, slope=2.001), None)
    assert rollout.state is RolloutState.ROLLED_BACK
    said = "the server's checks failed: 9 of 10 expected inputs answered otherwise than in training, row 1: value 2.0"
    assert rollout.reason.startswith(said)
    assert stage.names() == {Alias.CHAMPION: 1}
    assert stage.acts() == ["start_rollout", "challenge", "split", "withdraw"]
    with stage.state.database.read() as tx:
        entry = ledger.entries(tx, act="withdraw")[0]
        assert registry.get(tx, "line", 2).state is VersionState.REJECTED
    assert [measure["measure"] for measure in entry.evidence["look"]] == ["expected_answers"]
    with stage.state.traffic.read() as tx:
        found = tx.execute(text("SELECT DISTINCT arm FROM prediction WHERE version = 2")).scalars().all()
    assert found == ["direct"]


@pytest.mark.slow
def test_a_direct_rollout_without_a_champion_is_promoted_when_the_server_answered_well(stage: Stage) -> None:
    stage.register(line(2.0), 2.0)
    control.start_daemon(stage.state.workspace, stage.state.database)
    direct = with_strategy(CHECKED, Strategy.DIRECT)
    with stage.state.database.write() as tx:
        number = rollouts.begin(tx, "line", 1, replace(direct, bake=None), stage.audit()).id
    rollout, _ = stage.play(number, None)
    assert rollout.state is RolloutState.PROMOTED, rollout.reason
    assert rollout.reason == "accepted by its gates and the server's checks; the first champion"
    assert stage.names() == {Alias.CHAMPION: 1}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("moment", "least"), [(None, 0), (at_each_step, 3), (after_each_look, 5), (between_looks, 5)])
def test_a_good_challenger_is_promoted_whenever_the_daemon_is_killed(
    stage: Stage, moment: Moment | None, least: int
) -> None:
    rollout, kills = stage.play(stage.open(line(2.0)), moment)
    assert kills >= least
    ends_well(stage, rollout)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("moment", "least"), [(None, 0), (at_each_step, 1), (after_each_look, 1), (between_looks, 1)])
def test_a_failing_challenger_is_rolled_back_whenever_the_daemon_is_killed(
    stage: Stage, moment: Moment | None, least: int
) -> None:
    rollout, kills = stage.play(stage.open(table()), moment)
    assert kills >= least
    ends_badly(stage, rollout)
