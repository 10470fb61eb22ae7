"""The live comparison as labels come: paired or in separate arms, with KPIs measured by a process of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from quarterdeck.core.duel import DuelVerdict, Mode, Standing
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Arm, Decision, Engine, Task, VersionState
from quarterdeck.scheduler.duels import KPIS_FROM, Duels
from quarterdeck.scheduler.state import State
from quarterdeck.store import duels, pipelines, promotion, registry, steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, micros

PATIENCE_S = 60
MANIFEST = """
[pipeline]
name = "fuel"
task = "regression"
target = "y"
[steps.rows]
[rollout]
strategy = "shadow"
minimum_labels = 50
maximum_labels = 400
"""
GATE = '[[gates]]\nmetric = "waste"\nmax = 100.0\n'
SLICE_GATE = '[[gates]]\nmetric = "mean_absolute_error"\nmax = 9.0\nslice = "ship"\n'
LATE = (
    "def waste(y_true, y_pred):\n    print('heard')\n    return float(sum(p > t + 1 for t, p in zip(y_true, y_pred)))\n"
)
SIGNATURE = Signature(
    fields=(Field(name="ship", kind=FieldKind.STRING), Field(name="speed", kind=FieldKind.NUMBER)),
    task=Task.REGRESSION,
    target="y",
)
Made = Callable[..., Mapping[str, Manifest]]


@pytest.fixture
def manifests(state: State) -> Made:
    """A pipeline with these gates, and steps.py with this KPI."""

    def make(gates: str = "", kpi: str = LATE) -> Mapping[str, Manifest]:
        folder = state.workspace.pipelines_folder / "fuel"
        (folder / "pipeline.toml").write_text(MANIFEST.replace("[rollout]", f"{gates}[rollout]"))
        (folder / "steps.py").write_text(f"def rows():\n    pass\n\n\n{kpi}")
        return {"fuel": read_manifest(folder / "pipeline.toml")}

    return make


@pytest.fixture
def looking(state: State, now: datetime) -> Iterator[Duels]:
    """Champion 1 and challenger 2, and the part of the daemon that compares them."""
    kept = ArtifactStore(state.workspace.artifacts).put(b"model")
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={}, verdicts=(),
        profile=None, trained_from=None, trained_to=None, rows=1000, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    about = pipelines.Pipeline(
        name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now
    )  # fmt: skip
    with state.database.write() as tx:
        pipelines.put(tx, about)
        steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=now)
        for _ in range(2):
            registry.register(tx, draft, audit)
        promotion.promote(tx, "fuel", 1, audit, saw_champion=None)
        promotion.challenge(tx, "fuel", 2, audit)
    found = Duels(state)
    yield found
    found.close()


def answered(
    number: int, arm: Arm, score: float, *, ship: str = "a", at: datetime, entity: str | None = None
) -> PredictionRecord:
    return {
        "id": f"p{number}", "endpoint": "fuel", "version": 1 if arm is Arm.CHAMPION else 2, "arm": arm.value,
        "entity": entity, "event_at": 0, "at": micros(at), "latency_us": 1_000 if arm is Arm.CHAMPION else 3_000,
        "inputs": "" if arm is Arm.SHADOW else json.dumps({"ship": ship, "speed": 12.0}), "answer": str(score),
        "score": score, "probabilities": None,
    }  # fmt: skip


def keep(state: State, records: list[PredictionRecord], labels: Mapping[int, float], endpoint: str = "fuel") -> None:
    rows = [{"id": f"p{number}", "endpoint": endpoint, "label": str(y), "at": number} for number, y in labels.items()]
    with state.traffic.write() as tx:
        append_predictions(tx, records)
        append_labels(tx, rows)


def shadow(
    state: State, now: datetime, rows: int, *, champion: float, challenger: float, first: int = 0, bad_ship: float = 0.0
) -> None:
    """Both answer; each is above the truth by what is given, and by some noise. Ship b's challenger by more."""
    rng = np.random.default_rng(first)
    records, labels = [], {}
    for number in range(first, first + rows):
        labels[number] = 10.0
        ship = "ab"[number % 2]
        worse = bad_ship if ship == "b" else 0.0
        noise = rng.normal(scale=0.1, size=2)
        records.append(answered(number, Arm.CHAMPION, 10 + champion + noise[0], ship=ship, at=now))
        records.append(answered(number, Arm.SHADOW, 10 + challenger + worse + noise[1], ship=ship, at=now))
    keep(state, records, labels)


def verdict(state: State) -> DuelVerdict:
    with state.database.read() as tx:
        (found,) = duels.latest(tx, "production")
    return DuelVerdict.from_json(found.verdict)


def wait(state: State, looking: Duels, manifests: Mapping[str, Manifest], now: datetime) -> DuelVerdict:
    """Tick until the KPIs of the decision are there."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        looking.tick(manifests, now)
        found = verdict(state)
        if not any("on its way" in reason for reason in found.reasons):
            return found
        assert time.monotonic() < deadline, found.reasons
        looking._kpis._running and looking._kpis._running.child.wait(PATIENCE_S)


def test_without_kpis_the_loss_decides_and_rows_latency_and_slices_are_kept(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    shadow(state, now, 200, champion=1.0, challenger=0.1)
    looking.tick(manifests(), now)
    found = verdict(state)
    assert (found.decision, found.mode, found.n) == (Decision.PROMOTE, Mode.PAIRED, 200)
    assert found.champion_side is not None and found.challenger_side is not None
    assert (found.champion_side.p50_ms, found.challenger_side.p99_ms) == (1.0, 3.0)
    assert {item.name: item.standing for item in found.slices} == {
        "ship=a": Standing.BETTER,
        "ship=b": Standing.BETTER,
    }


def test_a_kpi_that_agrees_lets_the_loss_promote(state: State, looking: Duels, manifests: Made, now: datetime) -> None:
    made = manifests(GATE)
    shadow(state, now, 200, champion=1.5, challenger=0.1)
    looking.tick(made, now)
    assert verdict(state).decision is Decision.HOLD
    found = wait(state, looking, made, now)
    assert found.decision is Decision.PROMOTE
    (kpi,) = found.kpis
    assert (kpi.name, kpi.n, kpi.standing, kpi.problem) == ("waste", 200, Standing.BETTER, None)
    assert kpi.champion is not None and kpi.champion > 190 and kpi.challenger == 0
    assert "heard" in (state.workspace.logs / "kpis.log").read_text()


def test_a_kpi_that_is_clearly_worse_holds_what_the_loss_would_promote(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests(GATE, "def waste(y_true, y_pred):\n    return float(sum(p < 10.5 for p in y_pred))\n")
    shadow(state, now, 200, champion=1.0, challenger=0.1)
    looking.tick(made, now)
    found = wait(state, looking, made, now)
    assert found.decision is Decision.HOLD
    assert "waste is worse" in found.reasons[0]


@pytest.mark.parametrize(
    ("kpi", "says"),
    [
        ("def waste(y_true, y_pred):\n    return y_pred['tariff']\n", "IndexError"),
        ("import os\n\n\ndef waste(y_true, y_pred):\n    os._exit(3)\n", "exit 3"),
        ("import missing_package\n", "missing_package"),
        ("def waste(y_true, y_pred):\n    return float(len(bytearray(1 << 40)))\n", "MemoryError"),
    ],
)
def test_a_kpi_that_fails_is_a_reason_and_costs_nothing_else(
    state: State, looking: Duels, manifests: Made, now: datetime, kpi: str, says: str
) -> None:
    made = manifests(GATE, kpi)
    shadow(state, now, 200, champion=1.0, challenger=0.1)
    looking.tick(made, now)
    found = wait(state, looking, made, now)
    assert found.decision is Decision.HOLD
    assert says in " ".join(found.reasons)


def test_a_kpi_that_never_ends_is_ended_and_said_so(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests(GATE, "def waste(y_true, y_pred):\n    while True:\n        pass\n")
    shadow(state, now, 200, champion=1.0, challenger=0.1)
    looking.tick(made, now)
    looking.tick(made, now + timedelta(minutes=1))  # the daemon's clock: its patience is over
    found = verdict(state)
    assert found.decision is Decision.HOLD
    assert "stopped by signal 9" in " ".join(found.reasons)
    assert not looking._kpis.busy


def test_a_kpi_may_take_the_rows_as_they_were_sent(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    taking = "def waste(y_true, y_pred, rows):\n    return float(rows['speed'].sum() * (rows['ship'] == 'b').mean())\n"
    made = manifests(GATE, taking)
    shadow(state, now, 200, champion=1.0, challenger=0.1)
    looking.tick(made, now)
    (kpi,) = wait(state, looking, made, now).kpis
    assert (kpi.champion, kpi.challenger, kpi.difference) == (1_200.0, 1_200.0, 0.0)


def test_kpis_are_measured_again_only_after_a_while(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests(GATE)
    shadow(state, now, KPIS_FROM, champion=1.0, challenger=1.0)
    looking.tick(made, now)
    assert looking._kpis._running is not None
    looking._kpis._running.child.wait(PATIENCE_S)
    looking.tick(made, now)
    assert verdict(state).kpis[0].n == KPIS_FROM
    shadow(state, now, 5, champion=1.0, challenger=1.0, first=100)
    looking.tick(made, now + timedelta(seconds=9))
    assert verdict(state).n == KPIS_FROM + 5
    assert not looking._kpis.busy
    looking.tick(made, now + timedelta(seconds=11))
    assert looking._kpis.busy


def test_a_worse_slice_that_no_gate_asks_about_is_a_warning(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    shadow(state, now, 400, champion=1.0, challenger=-0.3, bad_ship=1.6)  # ship a: 0.3, ship b: 1.3
    looking.tick(manifests(), now)
    found = verdict(state)
    assert found.decision is Decision.PROMOTE
    assert any("warning" in reason and "ship=b" in reason for reason in found.reasons)


def test_a_worse_slice_that_a_gate_asks_about_holds_a_promotion(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    shadow(state, now, 400, champion=1.0, challenger=-0.3, bad_ship=1.6)
    looking.tick(manifests(SLICE_GATE), now)
    found = verdict(state)
    assert found.decision is Decision.HOLD
    assert "a gate asks about ship=b" in found.reasons[0]


def test_nothing_is_looked_at_until_a_label_of_this_model_comes(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests()
    shadow(state, now, 60, champion=1.0, challenger=1.0)
    looking.tick(made, now)
    keep(state, [], {900: 1.0}, endpoint="other")
    later = now + timedelta(minutes=1)
    looking.tick(made, later)
    with state.database.read() as tx:
        assert duels.latest(tx, "production")[0].updated_at == now
    shadow(state, now, 1, champion=1.0, challenger=1.0, first=60)
    looking.tick(made, later)
    assert verdict(state).n == 61


def test_no_more_rows_are_compared_than_the_manifest_allows(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests()
    shadow(state, now, 450, champion=1.0, challenger=1.0)
    looking.tick(made, now)
    found = verdict(state)
    assert (found.n, found.decision, found.spent) == (400, Decision.HOLD, True)
    assert any("the champion stays" in reason for reason in found.reasons)


def split(state: State, now: datetime, weight: float) -> None:
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    with state.database.write() as tx:
        promotion.split(tx, "fuel", audit, version=2, weight=weight, shadow=False)


def arms(
    state: State,
    now: datetime,
    rows: int,
    *,
    share: int,
    challenger: float,
    first: int = 0,
    entities: int | None = None,
) -> None:
    """One row in `share` is the challenger's; the champion is off by 1."""
    rng = np.random.default_rng(first)
    records, labels = [], {}
    for number in range(first, first + rows):
        arm = Arm.CHALLENGER if number % share == 0 else Arm.CHAMPION
        off = challenger if arm is Arm.CHALLENGER else 1.0
        entity = None if entities is None else f"{arm}-{rng.integers(entities)}"
        records.append(answered(number, arm, 10 + off + rng.normal(scale=0.1), at=now, entity=entity))
        labels[number] = 10.0
    keep(state, records, labels)


def test_traffic_that_is_divided_is_compared_as_separate_arms(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    before = [answered(number, Arm.CHAMPION, 99.0, at=now - timedelta(days=1)) for number in range(5_000, 5_100)]
    keep(state, before, {number: 10.0 for number in range(5_000, 5_100)})  # of a time without a challenger
    split(state, now, 20)
    arms(state, now, 400, share=5, challenger=0.1)
    looking.tick(manifests(), now)
    found = verdict(state)
    assert (found.mode, found.decision, found.ratio, found.n) == (Mode.AB, Decision.PROMOTE, 4, 80)
    assert found.champion_side is not None and found.challenger_side is not None
    assert (found.champion_side.n, found.challenger_side.n) == (320, 80)
    assert found.champion["mean_absolute_error"] == pytest.approx(1.0, abs=0.1)


def test_the_ratio_of_the_arms_stays_what_it_was_at_the_first_look(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    split(state, now, 20)
    arms(state, now, 100, share=5, challenger=1.0)
    looking.tick(manifests(), now)
    split(state, now, 50)
    arms(state, now, 50, share=2, challenger=1.0, first=1_000)
    Duels(state).tick(manifests(), now + timedelta(minutes=1))
    assert verdict(state).ratio == 4


def test_rows_of_entities_that_come_back_are_not_counted_as_so_many(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    split(state, now, 50)
    arms(state, now, 400, share=2, challenger=0.1, entities=6)
    looking.tick(manifests(), now)
    found = verdict(state)
    assert (found.decision, found.n) == (Decision.HOLD, 6)
    assert "entities" in found.reasons[0]


def test_a_comparison_that_changes_from_shadow_to_arms_begins_its_evidence_anew(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests()
    shadow(state, now, 100, champion=1.0, challenger=1.0)
    looking.tick(made, now)
    split(state, now, 50)
    later = now + timedelta(minutes=1)
    arms(state, later, 200, share=2, challenger=1.0, first=1_000)
    looking.tick(made, later)
    with state.database.read() as tx:
        (duel,) = duels.latest(tx, "production")
    assert duel.verdict["mode"] == "ab"
    assert [point[0] for point in duel.path] == [100.0]
    assert duel.verdict["champion_side"]["n"] == 100


def test_a_rollout_that_asks_for_no_labels_is_still_compared(
    state: State, looking: Duels, manifests: Made, now: datetime
) -> None:
    made = manifests()["fuel"]
    unasked = replace(made, rollout=replace(made.rollout, minimum_labels=0))
    shadow(state, now, 60, champion=1.0, challenger=0.1)
    looking.tick({"fuel": unasked}, now)
    assert verdict(state).reasons == ("60 labels; 200 are needed",)
