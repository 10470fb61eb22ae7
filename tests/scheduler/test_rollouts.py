"""Rollouts move by what the prediction log and the comparison say; each tick may be a new daemon's first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.ledger import Audit, Entry
from quarterdeck.core.manifest import AnalysisSpec, CheckSpec, Manifest, Promotion, RolloutSpec, Strategy
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import EVERYWHERE, Role
from quarterdeck.core.rollout import Rollout, RolloutState
from quarterdeck.core.rollout_looks import LookOutcome
from quarterdeck.core.rollout_moves import LAG, pause
from quarterdeck.core.rollout_spec import with_strategy
from quarterdeck.core.values import Alias, Arm, Decision, Engine, Task, VersionState
from quarterdeck.scheduler.duels import Duels
from quarterdeck.scheduler.rollouts import Rollouts
from quarterdeck.scheduler.state import State
from quarterdeck.store import (
    analyses,
    approvals,
    auditing,
    duels,
    ledger,
    pipelines,
    promotion,
    registry,
    rights,
    rollouts,
    splits,
    steps,
)
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import (
    PredictionRecord,
    append_failures,
    append_labels,
    append_predictions,
    micros,
)

SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),), task=Task.REGRESSION, target="y"
)
MINUTE = timedelta(minutes=1)
CANARY = RolloutSpec(
    strategy=Strategy.CANARY,
    promote=Promotion.AUTO,
    steps=(10.0, 50.0, 100.0),
    minimum_labels=0,
    analysis=AnalysisSpec(interval=MINUTE, count=2, minimum_requests=20, consecutive_errors=1),
)
DIRECT = with_strategy(CANARY, Strategy.DIRECT)
SHADOW = RolloutSpec(
    strategy=Strategy.SHADOW, promote=Promotion.AUTO, minimum_labels=50, maximum_labels=300
)  # fmt: skip
CHAMPION, CHALLENGER, PREVIOUS = Alias.CHAMPION, Alias.CHALLENGER, Alias.PREVIOUS
S = RolloutState


class Lab:
    """A model with a champion and a better one, the log that a test writes, and a clock that it moves."""

    def __init__(self, state: State, now: datetime) -> None:
        self.state = state
        self.now = now
        self.audit = Audit(actor="ops", environment="production", at=now, reason="a test")
        self._number = 0
        self._register()

    def _register(self) -> None:
        kept = ArtifactStore(self.state.workspace.artifacts).put(b"a model")
        draft = Version(
            model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=self.now, artifact=kept.sha256,
            onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE,
            metrics={"mean_absolute_error": 0.1}, verdicts=(), profile=None, trained_from=None, trained_to=None,
            rows=1000, size_bytes=1,
        )  # fmt: skip
        pipeline = pipelines.Pipeline(
            name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=self.now
        )
        with self.state.database.write() as tx:
            pipelines.put(tx, pipeline)
            steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=self.now)
            for _ in range(3):
                registry.register(tx, draft, self.audit)
            promotion.promote(tx, "fuel", 1, self.audit, saw_champion=None)

    def begin(self, spec: RolloutSpec, version: int = 2) -> Rollout:
        with self.state.database.write() as tx:
            return rollouts.begin(tx, "fuel", version, spec, replace(self.audit, at=self.now))

    def manifests(self, spec: RolloutSpec) -> Mapping[str, Manifest]:
        folder = self.state.workspace.root
        return {"fuel": Manifest(name="fuel", task=Task.REGRESSION, target="y", steps=(), folder=folder, rollout=spec)}

    def tick(self, spec: RolloutSpec = CANARY) -> Rollout:
        """One tick of a daemon that has just begun; the newest rollout after it. The ledger always verifies."""
        Rollouts(self.state).tick(self.manifests(spec), self.now)
        with self.state.database.read() as tx:
            assert auditing.verify(tx)[1] == []
        return self.newest()

    def after(self, length: timedelta = MINUTE) -> Lab:
        self.now += length
        return self

    def newest(self) -> Rollout:
        with self.state.database.read() as tx:
            return rollouts.page(tx, "production", limit=1)[0]

    def answer(
        self, version: int, arm: Arm, rows: int = 30, *, ms: float = 2.0, failed: int = 0, error: float = 0.0
    ) -> None:
        """Rows of this minute, all of them half a minute ago."""
        at = micros(self.now - MINUTE / 2)
        records: list[PredictionRecord] = []
        for _ in range(rows):
            self._number += 1
            records.append({
                "id": f"p{self._number}", "endpoint": "fuel", "version": version, "entity": None, "event_at": at,
                "at": at, "arm": arm.value, "latency_us": round(ms * 1000), "answer": str(error),
                "inputs": json.dumps({"x": 0.5}), "score": error, "probabilities": None,
            })  # fmt: skip
        with self.state.traffic.write() as tx:
            append_predictions(tx, records)
            if failed:
                failure = {"endpoint": "fuel", "version": version, "arm": arm.value, "at": at}
                append_failures(tx, [{**failure, "kind": "error", "count": failed}])  # type: ignore[typeddict-item]

    def minute(self, *, rows: int = 30, ms: float = 2.0, failed: int = 0, spec: RolloutSpec = CANARY) -> Rollout:
        """A minute of a canary's traffic, and the tick after it."""
        self.after()
        self.answer(1, Arm.CHAMPION)
        self.answer(2, Arm.CHALLENGER, rows, ms=ms, failed=failed)
        return self.tick(spec)

    def paired(self, rows: int, *, challenger_error: float) -> None:
        """Both answered the same rows and their labels came; the champion is off by 0.5 and some noise."""
        random = np.random.default_rng(1)
        truth = random.normal(size=rows)
        at = micros(self.now)
        with self.state.traffic.write() as tx:
            for number, value in enumerate(truth):
                for version, arm, error in ((1, Arm.CHAMPION, 0.5), (2, Arm.SHADOW, challenger_error)):
                    score = float(value + error + random.normal(scale=0.1))
                    record: PredictionRecord = {
                        "id": f"l{number}", "endpoint": "fuel", "version": version, "entity": None, "event_at": at,
                        "at": at, "arm": arm.value, "latency_us": 1000, "answer": str(score), "inputs": "{}",
                        "score": score, "probabilities": None,
                    }  # fmt: skip
                    append_predictions(tx, [record])
                append_labels(tx, [{"id": f"l{number}", "endpoint": "fuel", "label": str(value), "at": at}])

    def verdict(self, decision: Decision, n: int = 300, **metrics: float) -> None:
        """What the comparison of the two says."""
        said = DuelVerdict(
            decision=decision, n=n, loss="absolute_error", champion={}, challenger=metrics, difference=None,
            interval=None, p_value=1.0, e_value=1.0, needed=20.0, rows_needed=None, reasons=("so it is",),
        )  # fmt: skip
        duel = duels.Duel(
            environment="production", model="fuel", champion=1, challenger=2, started_at=self.now, updated_at=self.now,
            decision=decision, verdict=said.to_json(), path=[],
        )  # fmt: skip
        with self.state.database.write() as tx:
            duels.put(tx, duel)

    @property
    def names(self) -> dict[Alias, int]:
        with self.state.database.read() as tx:
            return registry.aliases(tx, "fuel", "production")

    def share(self) -> tuple[float, bool] | None:
        with self.state.database.read() as tx:
            found = splits.find(tx, "production", "fuel")
        return None if found is None else (found.weight, found.shadow)

    def looks(self, rollout: Rollout) -> list[tuple[LookOutcome, str]]:
        with self.state.database.read() as tx:
            return [(item.outcome, item.reason) for item in reversed(analyses.of_rollout(tx, rollout.id))]

    def entry(self, act: str) -> Entry:
        with self.state.database.read() as tx:
            return ledger.entries(tx, act=act, limit=1)[0]

    def standing(self, number: int = 2) -> VersionState:
        with self.state.database.read() as tx:
            return registry.get(tx, "fuel", number).state


@pytest.fixture
def lab(state: State, now: datetime) -> Lab:
    return Lab(state, now)


def test_a_canary_that_passes_goes_up_its_shares_and_is_promoted(lab: Lab) -> None:
    lab.begin(CANARY)
    lab.after(LAG)
    assert lab.share() == (10.0, False)
    assert lab.minute().progress.passes == 1
    assert (lab.minute().step, lab.share()) == (1, (50.0, False))
    lab.after(LAG)
    lab.minute()
    done = lab.minute()
    assert (done.state, done.reason) == (S.PROMOTED, "every step passed, the last with 2 looks")
    assert lab.names == {CHAMPION: 2, PREVIOUS: 1}
    assert lab.share() is None
    assert [outcome for outcome, _ in lab.looks(done)] == [LookOutcome.PASS] * 4
    entry = lab.entry("promote")
    assert (entry.actor, entry.evidence["rollout"]) == ("daemon", done.id)
    assert [item["measure"] for item in entry.evidence["look"]] == ["error_rate", "p99_ratio"]


def test_between_two_looks_nothing_is_written(lab: Lab) -> None:
    lab.begin(CANARY)
    lab.after(LAG)
    before = lab.minute()
    assert lab.after(MINUTE / 2).tick() == before


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"rows": 20, "failed": 10}, "error_rate 0.3333 above 0.05 over 30 requests"),
        ({"ms": 11.0}, "p99_ratio 5.5 above 5 over 30 requests"),
    ],
)
def test_a_canary_whose_requests_fail_or_crawl_is_taken_out_and_rejected(
    lab: Lab, bad: dict[str, Any], said: str
) -> None:
    lab.begin(CANARY)
    lab.after(LAG)
    lab.minute()
    done = lab.minute(**bad)
    assert (done.state, done.reason) == (S.ROLLED_BACK, f"the analysis of canary 10 % failed: {said}")
    assert (lab.names, lab.share(), lab.standing()) == ({CHAMPION: 1}, None, VersionState.REJECTED)
    assert lab.entry("withdraw").reason == done.reason


def test_a_slow_answer_of_a_quick_model_is_not_five_times_slower(lab: Lab) -> None:
    lab.begin(CANARY)
    lab.after(LAG).after()
    lab.answer(1, Arm.CHAMPION, ms=0.2)
    lab.answer(2, Arm.CHALLENGER, ms=1.5)
    assert lab.tick().progress.passes == 1


def test_too_little_traffic_holds_and_the_window_goes_on_until_there_is_enough(lab: Lab) -> None:
    lab.begin(CANARY)
    lab.after(LAG)
    held = lab.minute(rows=12)
    assert (held.progress.passes, held.reason) == (
        0,
        "hold: error_rate: 12 of 20 requests; p99_ratio: 12 of 20 requests",
    )
    assert lab.minute(rows=7).progress.passes == 0
    assert lab.minute(rows=1).progress.passes == 1
    assert [outcome for outcome, _ in lab.looks(held)] == [LookOutcome.HOLD, LookOutcome.PASS]


def test_no_traffic_at_all_is_never_a_pass(lab: Lab) -> None:
    lab.begin(CANARY)
    for _ in range(20):
        lab.after()
        lab.tick()
    rollout = lab.newest()
    assert (rollout.state, rollout.step, rollout.progress.passes) == (S.RUNNING, 0, 0)
    assert len(lab.looks(rollout)) == 1


def test_what_cannot_be_measured_pauses_with_the_reason(lab: Lab) -> None:
    lab.begin(CANARY)
    with lab.state.traffic.write() as tx:
        tx.execute(text("DROP TABLE prediction"))
    lab.after(LAG)
    for _ in range(3):
        lab.after()
        rollout = lab.tick()
    assert rollout.state is S.PAUSED
    assert rollout.reason.startswith("2 looks in a row could not measure: it could not be measured: ")
    assert lab.names[CHALLENGER] == 2


def test_a_split_that_was_changed_by_hand_is_set_right(lab: Lab) -> None:
    lab.begin(CANARY)
    with lab.state.database.write() as tx:
        promotion.split(tx, "fuel", lab.audit, version=2, weight=90, shadow=True)
    lab.tick()
    assert lab.share() == (10.0, False)


def test_a_metric_under_its_floor_holds_a_canary_and_beyond_it_takes_it_out(lab: Lab) -> None:
    checks = (CheckSpec(measure="mean_absolute_error", maximum=0.2),)
    lab.begin(replace(CANARY, checks=checks, minimum_labels=100))
    lab.after(LAG)
    assert lab.minute().reason == "hold: no mean_absolute_error yet"
    lab.verdict(Decision.HOLD, 99, mean_absolute_error=0.9)
    assert lab.minute().reason == "hold: mean_absolute_error: 99 of 100 labels"
    lab.verdict(Decision.HOLD, 100, mean_absolute_error=0.9)
    assert lab.minute().state is S.ROLLED_BACK


def test_a_canary_waits_for_labels_at_its_last_share_and_goes_on_being_watched(lab: Lab) -> None:
    spec = replace(CANARY, steps=(50.0,), minimum_labels=100)
    lab.begin(spec)
    lab.after(LAG)
    lab.minute()
    waiting = lab.minute()
    assert (waiting.state, waiting.reason) == (S.WAITING, "canary 50 % passed; it waits: 0 of 100 labels")
    assert (lab.names[CHAMPION], lab.share()) == (1, (50.0, False))
    lab.verdict(Decision.HOLD, 100)
    assert (lab.after(timedelta(seconds=1)).tick().state, lab.names[CHAMPION]) == (S.PROMOTED, 2)


def test_a_waiting_canary_that_fails_is_taken_out(lab: Lab) -> None:
    lab.begin(replace(CANARY, steps=(50.0,), promote=Promotion.MANUAL))
    lab.after(LAG)
    lab.minute()
    assert lab.minute().state is S.WAITING
    assert lab.minute(failed=10).state is S.ROLLED_BACK


def test_a_bake_that_fails_rolls_back_by_itself(lab: Lab) -> None:
    lab.begin(replace(CANARY, steps=(50.0,), bake=5 * MINUTE))
    lab.after(LAG)
    lab.minute()
    assert lab.minute().state is S.BAKING
    lab.after(LAG).after()
    lab.answer(2, Arm.CHAMPION)
    assert lab.tick().progress.passes == 1
    lab.after()
    lab.answer(2, Arm.CHAMPION, failed=20)
    assert lab.tick().state is S.ROLLED_BACK
    assert (lab.names, lab.standing()) == ({CHAMPION: 1}, VersionState.REJECTED)


def test_a_bake_holds_the_latency_against_the_champion_before(lab: Lab) -> None:
    lab.begin(replace(CANARY, steps=(50.0,), bake=MINUTE))
    lab.after(LAG)
    lab.minute()
    lab.minute()
    lab.after(LAG).after()
    lab.answer(2, Arm.CHAMPION, ms=30.0)
    assert (lab.tick().state, lab.names[CHAMPION]) == (S.ROLLED_BACK, 1)


def test_a_bake_that_passes_ends_promoted(lab: Lab) -> None:
    lab.begin(replace(CANARY, steps=(50.0,), bake=MINUTE))
    lab.after(LAG)
    lab.minute()
    lab.minute()
    lab.after(LAG).after()
    lab.answer(2, Arm.CHAMPION)
    assert (lab.tick().state, lab.names[CHAMPION]) == (S.PROMOTED, 2)


@pytest.mark.parametrize("strategy", [Strategy.SHADOW, Strategy.AB])
def test_a_better_challenger_is_promoted_where_the_manifest_says_auto(lab: Lab, strategy: Strategy) -> None:
    lab.begin(replace(SHADOW, strategy=strategy))
    lab.verdict(Decision.PROMOTE)
    done = lab.tick()
    assert (done.state, lab.names) == (S.PROMOTED, {CHAMPION: 2, PREVIOUS: 1})
    entry = lab.entry("promote")
    assert (entry.actor, entry.reason, entry.evidence["duel"]["decision"]) == ("daemon", "so it is", "promote")


@pytest.mark.parametrize(("error", "ends"), [(0.1, S.PROMOTED), (1.5, S.ROLLED_BACK), (0.5, S.RUNNING)])
def test_the_comparison_of_labelled_rows_ends_a_shadow_rollout(lab: Lab, error: float, ends: RolloutState) -> None:
    lab.begin(SHADOW)
    lab.paired(100, challenger_error=error)
    Duels(lab.state).tick(lab.manifests(SHADOW), lab.now)
    assert lab.tick(SHADOW).state is ends
    assert lab.names[CHAMPION] == (2 if ends is S.PROMOTED else 1)
    rejected = lab.standing() is VersionState.REJECTED
    assert rejected is (ends is S.ROLLED_BACK)


@pytest.mark.parametrize(("rows", "stays"), [(49, True), (299, True), (300, False)])
def test_an_equal_challenger_is_held_until_the_labels_it_may_take_are_spent(lab: Lab, rows: int, stays: bool) -> None:
    lab.begin(SHADOW)
    lab.paired(rows, challenger_error=0.5)
    Duels(lab.state).tick(lab.manifests(SHADOW), lab.now)
    assert lab.tick(SHADOW).open is stays
    assert (CHALLENGER in lab.names) is stays
    assert lab.standing() is (VersionState.CHALLENGER if stays else VersionState.ACCEPTED)


def test_a_better_challenger_waits_for_a_person_where_the_manifest_says_manual(lab: Lab) -> None:
    lab.begin(replace(SHADOW, promote=Promotion.MANUAL))
    lab.verdict(Decision.PROMOTE)
    assert (lab.tick().state, lab.names) == (S.WAITING, {CHAMPION: 1, CHALLENGER: 2})
    with lab.state.database.write() as tx:
        promotion.promote(tx, "fuel", 2, lab.audit, saw_champion=1)
    ended = lab.tick()
    assert (ended.state, ended.reason) == (S.PROMOTED, "promoted by hand")


def test_a_slow_shadow_is_nobodys_loss_and_a_failing_one_is(lab: Lab) -> None:
    lab.begin(replace(SHADOW, analysis=CANARY.analysis))
    lab.after(LAG).after()
    lab.answer(1, Arm.CHAMPION)
    lab.answer(2, Arm.SHADOW, ms=900.0)
    assert lab.tick(SHADOW).state is S.RUNNING
    lab.after()
    lab.answer(2, Arm.SHADOW, failed=30)
    assert lab.tick(SHADOW).state is S.ROLLED_BACK


def approve(lab: Lab, person: str) -> None:
    with lab.state.database.write() as tx:
        rights.grant(tx, person, EVERYWHERE, Role.ADMIN, lab.audit)
        approvals.approve(tx, registry.get(tx, "fuel", 2), replace(lab.audit, actor=person))


def test_a_promotion_waits_for_the_approvals_that_the_manifest_asks_for(lab: Lab) -> None:
    lab.begin(replace(SHADOW, approvals=2))
    lab.verdict(Decision.PROMOTE)
    assert lab.tick().reason == "shadow passed; it waits: 2 more approvals"
    approve(lab, "anna")
    assert lab.tick().reason == "shadow passed; it waits: 1 more approval"
    approve(lab, "ben")
    assert (lab.tick().state, lab.names[CHAMPION]) == (S.PROMOTED, 2)


def test_a_direct_rollout_is_promoted_in_the_transaction_that_begins_it(lab: Lab) -> None:
    with lab.state.database.write() as tx:
        done = rollouts.settle(tx, rollouts.begin(tx, "fuel", 2, DIRECT, lab.audit), lab.audit)
    assert (done.state, lab.names) == (S.PROMOTED, {CHAMPION: 2, PREVIOUS: 1})


def test_a_direct_rollout_waits_for_its_approvals(lab: Lab) -> None:
    spec = replace(DIRECT, approvals=1)
    with lab.state.database.write() as tx:
        assert rollouts.settle(tx, rollouts.begin(tx, "fuel", 2, spec, lab.audit), lab.audit).state is S.WAITING
    approve(lab, "anna")
    assert (lab.tick().state, lab.names[CHAMPION]) == (S.PROMOTED, 2)


def test_a_challenger_named_by_hand_is_adopted_in_shadow(lab: Lab) -> None:
    with lab.state.database.write() as tx:
        promotion.challenge(tx, "fuel", 2, lab.audit)
        promotion.split(tx, "fuel", lab.audit, version=2, weight=30, shadow=False)
    adopted = lab.tick(CANARY)
    assert (adopted.version, adopted.spec.strategy, adopted.state) == (2, Strategy.SHADOW, S.RUNNING)
    assert lab.share() == (0.0, True)
    assert lab.tick(CANARY) == adopted


@pytest.mark.parametrize(
    ("act", "ends", "said"),
    [
        ("withdraw", S.ABORTED, "the challenger is nobody now"),
        ("promote", S.PROMOTED, "promoted by hand"),
        ("challenge 3", S.ABORTED, "the challenger is version 3 now"),
    ],
)
def test_what_people_do_by_hand_ends_the_rollout(lab: Lab, act: str, ends: RolloutState, said: str) -> None:
    first = lab.begin(CANARY)
    with lab.state.database.write() as tx:
        if act == "withdraw":
            promotion.withdraw(tx, "fuel", lab.audit)
        elif act == "promote":
            promotion.promote(tx, "fuel", 2, lab.audit, saw_champion=1)
        else:
            promotion.challenge(tx, "fuel", 3, lab.audit)
    lab.tick()
    with lab.state.database.read() as tx:
        ended = rollouts.get(tx, first.id)
    assert (ended.state, ended.reason) == (ends, said)


def test_a_canary_whose_champion_was_rolled_back_by_hand_goes_to_shadow_beside_the_new_one(lab: Lab) -> None:
    with lab.state.database.write() as tx:
        promotion.promote(tx, "fuel", 3, lab.audit, saw_champion=1)
    first = lab.begin(CANARY)
    with lab.state.database.write() as tx:
        promotion.rollback(tx, "fuel", lab.audit, saw_champion=3)
    adopted = lab.tick()
    assert adopted.id != first.id
    assert (adopted.champion, adopted.spec.strategy, lab.share()) == (1, Strategy.SHADOW, (0.0, True))


def test_a_version_that_the_registry_refuses_pauses_its_rollout(lab: Lab) -> None:
    lab.begin(DIRECT)
    with lab.state.database.write() as tx:
        registry.retire(tx, "fuel", 2, lab.audit)
    paused = lab.tick()
    assert (paused.state, lab.names) == (S.PAUSED, {CHAMPION: 1})
    assert "cannot go from retired" in paused.reason
    assert lab.tick() == paused


def test_a_paused_rollout_keeps_its_share(lab: Lab) -> None:
    rollout = lab.begin(CANARY)
    wanted = pause(rollout, now=lab.now, reason="lunch")
    with lab.state.database.write() as tx:
        rollouts.apply(tx, rollout, wanted, replace(lab.audit, reason="lunch"))
    lab.after(LAG)
    lab.minute()
    lab.minute()
    assert (lab.minute().state, lab.share()) == (S.PAUSED, (10.0, False))
    assert lab.minute(failed=30).state is S.ROLLED_BACK
