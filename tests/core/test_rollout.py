"""The rules of rollouts: their steps, what a look says, and what comes next; the same inputs give the same decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.duel import DuelVerdict, KpiResult
from quarterdeck.core.duel_verdict import WAITING
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.manifest import AnalysisSpec, CheckSpec, Promotion, RolloutSpec, Strategy
from quarterdeck.core.rollout import (
    TRAFFIC,
    TRANSITIONS,
    Progress,
    Rollout,
    RolloutState,
    Step,
    StepKind,
    move,
    step_text,
)
from quarterdeck.core.rollout_looks import Look, LookOutcome, LookResult, Measured, judge_look
from quarterdeck.core.rollout_moves import (
    LAG,
    Act,
    Move,
    abort,
    advance,
    due,
    pause,
    promote_now,
    reconcile,
    resume,
)
from quarterdeck.core.rollout_spec import spec_json, spec_of, with_strategy
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec
from quarterdeck.core.values import Alias, Decision, Direction

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CANARY = RolloutSpec(
    strategy=Strategy.CANARY,
    promote=Promotion.AUTO,
    steps=(10.0, 50.0, 100.0),
    minimum_labels=0,
    analysis=AnalysisSpec(count=2, failure_limit=0, inconclusive_limit=1, consecutive_errors=2),
)
BESIDE = {Alias.CHAMPION: 1, Alias.CHALLENGER: 2}
S = RolloutState


def started(spec: RolloutSpec = CANARY, **changes: Any) -> Rollout:
    values: dict[str, Any] = {
        "id": 1, "environment": "production", "model": "flights", "version": 2, "champion": 1, "spec": spec,
        "state": S.RUNNING, "step": 0, "step_since": NOW, "started_by": "ops", "started_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Rollout(**(values | changes))


def seen(outcome: LookOutcome, at: datetime = NOW) -> Look:
    return Look(since=at, until=at + MINUTE, result=LookResult(outcome=outcome, reason="a reason", measures=()))


def verdict(decision: Decision, n: int = 300, **changes: Any) -> DuelVerdict:
    values: dict[str, Any] = {
        "decision": decision, "n": n, "loss": "absolute_error", "champion": {}, "challenger": {}, "difference": None,
        "interval": None, "p_value": 1.0, "e_value": 1.0, "needed": 20.0, "rows_needed": None, "reasons": ("said",),
    }  # fmt: skip
    return DuelVerdict(**(values | changes))


def after(rollout: Rollout, *outcomes: LookOutcome, **given_: Any) -> Move:
    """The move after looks, a minute apart."""
    moved = Move(rollout=rollout)
    for number, outcome in enumerate(outcomes):
        at = NOW + (number + 1) * MINUTE
        moved = advance(moved.rollout, aliases=BESIDE, now=at, look=seen(outcome, at), **given_)
    return moved


PASS, FAIL, HOLD = LookOutcome.PASS, LookOutcome.FAIL, LookOutcome.HOLD
INCONCLUSIVE, ERROR = LookOutcome.INCONCLUSIVE, LookOutcome.ERROR


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"strategy": Strategy.DIRECT}, ["promote"]),
        ({"strategy": Strategy.SHADOW}, ["shadow", "promote"]),
        ({"strategy": Strategy.AB, "weight": 30.0}, ["A/B 30 %", "promote"]),
        ({"bake": 10 * MINUTE}, ["canary 10 %", "canary 50 %", "promote", "bake"]),
        ({"shadow_first": True}, ["shadow", "canary 10 %", "canary 50 %", "promote"]),
        ({"steps": (20.0,)}, ["canary 20 %", "promote"]),
        ({"service": ServiceSpec()}, ["service", "canary 10 %", "canary 50 %", "promote"]),
        ({"service": ServiceSpec(), "strategy": Strategy.DIRECT}, ["service", "promote"]),
    ],
)
def test_the_steps_that_a_specification_means(changes: dict[str, Any], steps: list[str]) -> None:
    assert [str(step) for step in started(replace(CANARY, **changes)).steps] == steps


def test_a_specification_survives_the_store() -> None:
    spec = replace(
        CANARY,
        bake=10 * MINUTE,
        service=ServiceSpec(load=LoadSpec(rate=5.0)),
        checks=(CheckSpec(measure="cost", minimum=1.0, fail_below=0.5),),
    )
    assert spec_of(spec_json(spec)) == spec
    assert spec_of({"strategy": "shadow", "promote": "auto"}) == RolloutSpec(
        strategy=Strategy.SHADOW, promote=Promotion.AUTO
    )


def test_another_strategy_asks_for_the_labels_that_it_needs() -> None:
    shadow = with_strategy(replace(CANARY, shadow_first=True), Strategy.SHADOW)
    assert (shadow.strategy, shadow.minimum_labels, shadow.shadow_first) == (Strategy.SHADOW, 200, False)
    assert with_strategy(CANARY, Strategy.CANARY) == CANARY


def test_progress_survives_the_store() -> None:
    progress = Progress(passes=1, errors=2, since=NOW, looked_at=NOW + MINUTE)
    assert Progress.from_json(progress.to_json()) == progress


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0.0, PASS), (0.01, PASS), (0.02, INCONCLUSIVE), (0.05, INCONCLUSIVE), (0.0501, FAIL), (float("nan"), ERROR)],
)
def test_between_success_and_failure_a_look_is_inconclusive(value: float, outcome: LookOutcome) -> None:
    check = CheckSpec(measure="error_rate", maximum=0.01, fail_above=0.05)
    assert judge_look([check], {"error_rate": Measured(value=value, n=100)}).outcome is outcome


@pytest.mark.parametrize(
    ("check", "value", "outcome"),
    [
        (CheckSpec(measure="m", maximum=1.0), 1.5, FAIL),  # no bound of failure: short of success is failure
        (CheckSpec(measure="m", fail_above=1.0), 0.5, PASS),  # no bound of success: what has not failed is one
        (CheckSpec(measure="m", minimum=0.7, fail_below=0.6), 0.65, INCONCLUSIVE),
        (CheckSpec(measure="m", minimum=0.7, fail_below=0.6), 0.5, FAIL),
        (CheckSpec(measure="m", minimum=0.7, fail_above=2.0), 0.5, FAIL),  # short of the side without one
    ],
)
def test_bounds_of_one_kind_leave_nothing_between(check: CheckSpec, value: float, outcome: LookOutcome) -> None:
    assert judge_look([check], {"m": Measured(value=value, n=1)}).outcome is outcome


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ({}, "no m yet"),
        ({"m": Measured(value=None, n=0, floor=10)}, "m: 0 of 10 requests"),
        ({"m": Measured(value=0.0, n=9, floor=10)}, "m: 9 of 10 requests"),
        ({"m": Measured(value=None, n=10, floor=10)}, "no m yet"),
    ],
)
def test_no_data_or_less_than_the_floor_is_hold_and_never_a_pass(measures: dict[str, Measured], said: str) -> None:
    result = judge_look([CheckSpec(measure="m", maximum=1.0)], measures)
    assert (result.outcome, result.reason) == (HOLD, said)


def test_a_look_without_any_check_holds() -> None:
    assert judge_look([], {}).outcome is HOLD


def test_the_worst_measure_speaks_for_the_look() -> None:
    checks = [CheckSpec(measure=name, maximum=1.0, fail_above=2.0) for name in "abcd"]
    values = {"a": 0.0, "b": 1.5, "c": 3.0}
    measures = {name: Measured(value=value, n=1) for name, value in values.items()}
    assert judge_look(checks, measures).outcome is FAIL
    assert judge_look([checks[0], checks[1], checks[3]], measures).outcome is INCONCLUSIVE
    assert judge_look([checks[0], checks[3]], measures).outcome is HOLD
    assert judge_look(checks[:1], measures).outcome is PASS


def test_a_canary_goes_up_its_steps_by_passes_and_is_promoted() -> None:
    rollout = started()
    first = after(rollout, PASS)
    assert (first.rollout.step, first.act, step_text(first.rollout)) == (0, Act.NONE, "canary 10 %, look 2 of 2")
    second = after(rollout, PASS, PASS)
    assert (second.rollout.step, second.act, second.rollout.progress) == (1, Act.SPLIT, Progress())
    last = after(second.rollout, PASS, PASS)
    assert (last.rollout.state, last.act) == (S.PROMOTED, Act.PROMOTE)
    assert last.rollout.ended_at is not None


def test_a_failure_over_the_limit_rolls_back_and_one_within_does_not() -> None:
    failed = after(started(), FAIL)
    assert (failed.rollout.state, failed.act, failed.lost) == (S.ROLLED_BACK, Act.WITHDRAW, True)
    patient = started(replace(CANARY, analysis=replace(CANARY.analysis, failure_limit=1)))
    assert after(patient, FAIL).rollout.state is S.RUNNING
    assert after(patient, FAIL, FAIL).rollout.state is S.ROLLED_BACK


def test_inconclusive_looks_over_the_limit_pause_with_the_reason() -> None:
    assert after(started(), INCONCLUSIVE).rollout.state is S.RUNNING
    paused = after(started(), INCONCLUSIVE, PASS, INCONCLUSIVE)
    # two inconclusive looks in one step: one more than it allows
    assert (paused.rollout.state, paused.act) == (S.PAUSED, Act.NONE)
    assert "2 looks were inconclusive: a reason" in paused.rollout.reason


def test_errors_of_measuring_in_a_row_pause_and_others_do_not() -> None:
    assert after(started(), ERROR, ERROR, HOLD, ERROR, ERROR).rollout.state is S.RUNNING
    paused = after(started(), ERROR, ERROR, ERROR).rollout
    assert paused.state is S.PAUSED
    assert "3 looks in a row could not measure" in paused.reason


def test_a_window_that_holds_goes_on_from_where_it_began() -> None:
    rollout = started()
    for minute, outcome, since in ((1, HOLD, 0), (2, ERROR, 0), (3, PASS, 0), (4, HOLD, 3), (5, HOLD, 3)):
        now = NOW + minute * MINUTE + LAG
        window = due(rollout, now)
        assert window == (NOW + since * MINUTE, NOW + minute * MINUTE)
        look = Look(since=window[0], until=window[1], result=seen(outcome).result)
        rollout = advance(rollout, aliases=BESIDE, now=now, look=look).rollout
    assert rollout.progress.passes == 1


def test_a_look_is_due_after_the_delay_and_an_interval_and_never_of_the_last_moment() -> None:
    rollout = started(replace(CANARY, analysis=replace(CANARY.analysis, delay=5 * MINUTE)))
    assert due(rollout, NOW + 6 * MINUTE) is None
    assert due(rollout, NOW + 6 * MINUTE + LAG) == (NOW + 5 * MINUTE, NOW + 6 * MINUTE)
    assert due(started(replace(CANARY, strategy=Strategy.DIRECT)), NOW + 60 * MINUTE) is None


def test_a_paused_rollout_does_not_go_on_and_still_rolls_back_where_it_fails() -> None:
    paused = pause(started(), now=NOW, reason="lunch").rollout
    assert after(paused, PASS, PASS, PASS).rollout.state is S.PAUSED
    assert after(paused, PASS, PASS).rollout.progress.passes == 0
    assert after(paused, FAIL).rollout.state is S.ROLLED_BACK
    with pytest.raises(RefusedError):
        pause(paused, now=NOW, reason="again")


def test_resuming_begins_the_steps_analysis_anew() -> None:
    paused = pause(after(started(), PASS).rollout, now=NOW + 2 * MINUTE, reason="lunch").rollout
    going = resume(paused, now=NOW + 9 * MINUTE, reason="back").rollout
    assert (going.state, going.progress, going.step_since) == (S.RUNNING, Progress(), NOW + 9 * MINUTE)
    with pytest.raises(RefusedError, match="not paused"):
        resume(going, now=NOW, reason="again")


def test_a_rejected_challenger_is_taken_out_as_lost_at_any_step() -> None:
    for spec in (CANARY, replace(CANARY, strategy=Strategy.SHADOW), replace(CANARY, strategy=Strategy.AB)):
        moved = advance(started(spec), aliases=BESIDE, now=NOW, verdict=verdict(Decision.REJECT))
        assert (moved.rollout.state, moved.act, moved.lost) == (S.ROLLED_BACK, Act.WITHDRAW, True)


@pytest.mark.parametrize("strategy", [Strategy.SHADOW, Strategy.AB])
def test_a_compared_rollout_ends_by_the_verdict(strategy: Strategy) -> None:
    rollout = started(replace(CANARY, strategy=strategy, maximum_labels=500))
    better = advance(rollout, aliases=BESIDE, now=NOW, verdict=verdict(Decision.PROMOTE))
    assert (better.rollout.state, better.act, better.rollout.reason) == (S.PROMOTED, Act.PROMOTE, "said")
    assert advance(rollout, aliases=BESIDE, now=NOW, verdict=verdict(Decision.HOLD)) == Move(rollout=rollout)
    equal = advance(rollout, aliases=BESIDE, now=NOW, verdict=verdict(Decision.HOLD, 500))
    assert (equal.rollout.state, equal.act, equal.lost) == (S.ROLLED_BACK, Act.WITHDRAW, False)
    assert "undecided after 500 labels" in equal.rollout.reason


def test_a_comparison_whose_kpis_are_on_their_way_is_not_over() -> None:
    kpi = KpiResult(name="cost", direction=Direction.LOWER, problem=WAITING)
    rollout = started(replace(CANARY, strategy=Strategy.SHADOW, maximum_labels=500))
    coming = verdict(Decision.HOLD, 500, kpis=(kpi,), spent=True)
    assert advance(rollout, aliases=BESIDE, now=NOW, verdict=coming).rollout == rollout


def test_promote_waits_for_a_person_where_the_manifest_says_manual_and_goes_back_where_the_verdict_does() -> None:
    rollout = started(replace(CANARY, strategy=Strategy.SHADOW, promote=Promotion.MANUAL))
    waiting = advance(rollout, aliases=BESIDE, now=NOW, verdict=verdict(Decision.PROMOTE)).rollout
    assert (waiting.state, waiting.reason) == (S.WAITING, "shadow passed; it waits: a person promotes it")
    again = advance(waiting, aliases=BESIDE, now=NOW, verdict=verdict(Decision.PROMOTE))
    assert again == Move(rollout=waiting)
    assert advance(waiting, aliases=BESIDE, now=NOW, verdict=verdict(Decision.HOLD)).rollout.state is S.RUNNING


def test_approvals_are_waited_for_and_nothing_more() -> None:
    rollout = started(replace(CANARY, strategy=Strategy.DIRECT, approvals=2))
    waiting = advance(rollout, aliases={Alias.CHAMPION: 1}, now=NOW, approvals_missing=2).rollout
    assert (waiting.state, waiting.reason) == (S.WAITING, "it waits: 2 more approvals")
    done = advance(waiting, aliases={Alias.CHAMPION: 1}, now=NOW, approvals_missing=0)
    assert (done.rollout.state, done.act) == (S.PROMOTED, Act.PROMOTE)


@pytest.mark.parametrize(
    ("minimum", "found", "state"),
    [
        (0, None, S.PROMOTED),
        (200, None, S.WAITING),
        (200, verdict(Decision.HOLD, 199), S.WAITING),
        (200, verdict(Decision.HOLD, 200), S.PROMOTED),
        (200, verdict(Decision.PROMOTE, 200), S.PROMOTED),
        (200, verdict(Decision.REJECT, 200), S.ROLLED_BACK),
    ],
)
def test_a_canary_without_label_evidence_waits_unless_the_manifest_asks_for_none(
    minimum: int, found: DuelVerdict | None, state: RolloutState
) -> None:
    rollout = started(replace(CANARY, steps=(50.0,), minimum_labels=minimum))
    assert after(rollout, PASS, PASS, verdict=found).rollout.state is state


def test_a_canary_that_was_in_shadow_first_has_had_its_comparison() -> None:
    spec = replace(CANARY, steps=(50.0,), minimum_labels=200, shadow_first=True)
    shown = advance(started(spec), aliases=BESIDE, now=NOW, verdict=verdict(Decision.PROMOTE))
    assert (shown.rollout.current, shown.act) == (Step(kind=StepKind.CANARY, weight=50.0, shadow=True), Act.SPLIT)
    assert after(shown.rollout, PASS, PASS, verdict=verdict(Decision.HOLD, 20)).rollout.state is S.PROMOTED


def test_while_it_waits_only_looks_in_a_row_count_against_it() -> None:
    spec = replace(CANARY, steps=(50.0,), promote=Promotion.MANUAL)
    waiting = after(started(spec), PASS, PASS).rollout
    assert waiting.state is S.WAITING
    assert after(waiting, INCONCLUSIVE, PASS, INCONCLUSIVE, PASS).rollout.state is S.WAITING
    assert after(waiting, INCONCLUSIVE, INCONCLUSIVE).rollout.state is S.PAUSED
    assert after(waiting, FAIL).rollout.state is S.ROLLED_BACK


PROMOTED = {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}


def baking() -> Rollout:
    spec = replace(CANARY, steps=(50.0,), bake=10 * MINUTE)
    moved = after(started(spec), PASS, PASS)
    assert (moved.rollout.state, moved.act) == (S.BAKING, Act.PROMOTE)
    return moved.rollout


def test_a_bake_ends_well_when_its_time_is_over_and_something_was_measured() -> None:
    rollout = baking()
    over = NOW + 60 * MINUTE
    assert advance(rollout, aliases=PROMOTED, now=over).rollout == rollout
    passed = advance(rollout, aliases=PROMOTED, now=NOW + 3 * MINUTE, look=seen(PASS)).rollout
    assert passed.state is S.BAKING
    assert advance(passed, aliases=PROMOTED, now=over).rollout.state is S.PROMOTED


def test_a_bake_that_fails_puts_the_previous_champion_back() -> None:
    moved = advance(baking(), aliases=PROMOTED, now=NOW + 3 * MINUTE, look=seen(FAIL))
    assert (moved.rollout.state, moved.act, moved.lost) == (S.ROLLED_BACK, Act.PUT_BACK, True)


def test_a_bake_that_fails_with_nobody_to_put_back_asks_for_a_person() -> None:
    moved = advance(baking(), aliases={Alias.CHAMPION: 2}, now=NOW + 3 * MINUTE, look=seen(FAIL))
    assert (moved.rollout.state, moved.act) == (S.PAUSED, Act.NONE)
    assert "no previous champion" in moved.rollout.reason


@pytest.mark.parametrize(
    ("aliases", "state", "said"),
    [
        ({Alias.CHAMPION: 2, Alias.PREVIOUS: 1}, S.PROMOTED, "by hand"),
        ({Alias.CHAMPION: 1}, S.ABORTED, "the challenger is nobody now"),
        ({Alias.CHAMPION: 1, Alias.CHALLENGER: 3}, S.ABORTED, "the challenger is version 3 now"),
        ({Alias.CHAMPION: 3, Alias.CHALLENGER: 2}, S.ABORTED, "the champion is version 3 now"),
        ({}, S.ABORTED, "the champion is nobody now"),
    ],
)
def test_names_that_were_moved_by_hand_end_a_rollout(aliases: dict[Alias, int], state: RolloutState, said: str) -> None:
    moved = advance(started(), aliases=aliases, now=NOW, look=seen(FAIL), verdict=verdict(Decision.PROMOTE))
    assert (moved.rollout.state, moved.act) == (state, Act.NONE)
    assert said in moved.rollout.reason


def test_a_rollback_by_hand_ends_the_bake() -> None:
    moved = reconcile(baking(), {Alias.CHAMPION: 1, Alias.PREVIOUS: 2}, now=NOW)
    assert moved is not None and moved.rollout.state is S.ABORTED


def test_a_person_may_abort_and_may_skip_the_rest() -> None:
    assert abort(started(), now=NOW, reason="r").act is Act.WITHDRAW
    assert abort(baking(), now=NOW, reason="r").act is Act.PUT_BACK
    assert abort(started(replace(CANARY, strategy=Strategy.DIRECT)), now=NOW, reason="r").act is Act.NONE
    skipped = promote_now(started(), now=NOW, reason="sure")
    assert (skipped.rollout.state, skipped.act) == (S.PROMOTED, Act.PROMOTE)
    with pytest.raises(RefusedError):
        promote_now(baking(), now=NOW, reason="sure")
    with pytest.raises(RefusedError, match="has ended"):
        abort(skipped.rollout, now=NOW, reason="r")
    with pytest.raises(RefusedError, match="has ended"):
        abort(abort(started(), now=NOW, reason="r").rollout, now=NOW, reason="r")


def test_ended_rollouts_have_no_way_on() -> None:
    ended = {state for state in S if state.ended}
    assert ended == {S.PROMOTED, S.ROLLED_BACK, S.ABORTED}
    with pytest.raises(RefusedError):
        move(started(state=S.ABORTED), S.RUNNING, now=NOW, reason="")
    for state in ended:
        rollout = started(state=state)
        assert after(rollout, PASS, PASS, FAIL) == Move(rollout=rollout)


EVENTS = st.tuples(
    st.sampled_from([None, *LookOutcome]),
    st.sampled_from([None, *Decision]),
    st.integers(0, 1),  # approvals missing
    st.integers(-300, 900),  # seconds until the next event; a clock may be set back
)
SPECS = st.builds(
    RolloutSpec,
    strategy=st.sampled_from(Strategy),
    promote=st.sampled_from(Promotion),
    steps=st.sampled_from([(5.0, 50.0, 100.0), (30.0,)]),
    shadow_first=st.booleans(),
    minimum_labels=st.sampled_from([0, 100]),
    maximum_labels=st.just(1000),
    analysis=st.builds(
        AnalysisSpec,
        count=st.integers(1, 3),
        failure_limit=st.integers(0, 2),
        inconclusive_limit=st.integers(0, 2),
        consecutive_errors=st.integers(0, 2),
    ),
    bake=st.sampled_from([None, 5 * MINUTE]),
)


@given(spec=SPECS, events=st.lists(EVENTS, max_size=40))
def test_no_way_leads_to_a_promotion_without_what_it_needs(spec: RolloutSpec, events: list[Any]) -> None:
    rollout, names, at = started(spec), dict(BESIDE), NOW
    passes = 0  # of this step, since it began
    for outcome, decision, missing, seconds in events:
        at += timedelta(seconds=seconds)
        look = None if outcome is None or due(rollout, at) is None else seen(outcome, at)
        found = None if decision is None else verdict(decision, 300)
        inputs = {"aliases": names, "now": at, "look": look, "verdict": found, "approvals_missing": missing}
        moved = advance(rollout, **inputs)
        assert moved == advance(rollout, **inputs)  # the same inputs, the same decision
        new = moved.rollout
        assert new.step >= rollout.step and new.updated_at >= rollout.updated_at
        assert new.step_since >= rollout.step_since
        assert new.state is rollout.state or new.state in TRANSITIONS[rollout.state]
        passes += look is not None and look.result.outcome is PASS
        if moved.act is Act.PROMOTE:
            assert spec.promote is Promotion.AUTO and not missing
            assert look is None or look.result.outcome is not FAIL or spec.analysis.failure_limit > 0
            if rollout.current.kind in (StepKind.SHADOW, StepKind.AB):
                assert decision is Decision.PROMOTE
            if rollout.current.kind is StepKind.CANARY:
                assert passes >= spec.analysis.count
                assert decision is not Decision.REJECT
            names = {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
        if decision is Decision.REJECT and rollout.open and rollout.current.kind in TRAFFIC:
            assert moved.act is Act.WITHDRAW
        if moved.act in (Act.WITHDRAW, Act.PUT_BACK):
            assert new.state is S.ROLLED_BACK
            names = {Alias.CHAMPION: 1}
        if new.step != rollout.step:
            passes = 0
        rollout = new


CHECKED = replace(CANARY, service=ServiceSpec())
CHECKED_DIRECT = replace(CHECKED, strategy=Strategy.DIRECT)


def test_a_version_is_checked_on_the_server_before_its_first_share() -> None:
    moved = after(started(CHECKED), PASS)
    assert (str(moved.rollout.current), moved.act) == ("canary 10 %", Act.SPLIT)
    assert after(started(CHECKED)).rollout.step == 0


def test_a_failed_check_on_the_server_rolls_back_at_once_whatever_the_analysis_allows() -> None:
    lenient = replace(CHECKED, analysis=replace(CHECKED.analysis, failure_limit=5))
    moved = after(started(lenient), FAIL)
    assert (moved.rollout.state, moved.act, moved.lost) == (S.ROLLED_BACK, Act.WITHDRAW, True)
    assert moved.rollout.reason == "the server's checks failed: a reason"


def test_a_server_that_does_not_answer_pauses_after_so_many_errors() -> None:
    assert after(started(CHECKED), ERROR, ERROR).rollout.state is S.RUNNING
    moved = after(started(CHECKED), ERROR, ERROR, ERROR)
    assert (moved.rollout.state, moved.act) == (S.PAUSED, Act.NONE)
    assert after(started(CHECKED), ERROR, PASS).rollout.step == 1


def test_a_check_is_due_at_once_and_after_an_error_when_the_interval_is_over() -> None:
    rollout = started(CHECKED)
    assert due(rollout, NOW) == (NOW, NOW)
    failed = after(rollout, ERROR).rollout
    looked = failed.progress.looked_at
    assert looked is not None
    assert due(failed, looked + MINUTE / 2) is None
    assert due(failed, looked + MINUTE) is not None
    assert due(replace(rollout, state=S.PAUSED), NOW + MINUTE) is None


@pytest.mark.parametrize("champion", [1, None])
def test_a_direct_rollout_is_promoted_when_the_server_answered_well(champion: int | None) -> None:
    names = {Alias.CHALLENGER: 2} | ({} if champion is None else {Alias.CHAMPION: champion})
    rollout = started(CHECKED_DIRECT, champion=champion)
    assert advance(rollout, aliases=names, now=NOW).rollout == rollout
    moved = advance(rollout, aliases=names, now=NOW, look=seen(PASS))
    assert (moved.rollout.state, moved.act) == (S.PROMOTED, Act.PROMOTE)
    assert moved.rollout.reason.startswith("accepted by its gates and the server's checks; ")


def test_a_checked_version_that_waits_for_a_person_leaves_the_traffic_until_then() -> None:
    manual = replace(CHECKED_DIRECT, promote=Promotion.MANUAL)
    moved = after(started(manual), PASS)
    assert (moved.rollout.state, moved.act, moved.lost) == (S.WAITING, Act.WITHDRAW, False)
    assert (str(moved.rollout.current), moved.rollout.reason) == ("promote", "it waits: a person promotes it")
    alone = {Alias.CHAMPION: 1}
    assert advance(moved.rollout, aliases=alone, now=NOW + MINUTE) == Move(rollout=moved.rollout)
    assert promote_now(moved.rollout, now=NOW, reason="go").act is Act.PROMOTE
