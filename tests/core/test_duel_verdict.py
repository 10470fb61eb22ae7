"""The loss decides; a KPI or a slice that a gate asks about may stop it; every reason is said."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from quarterdeck.core.duel import DuelVerdict, KpiResult, Mode, Side, SliceResult, Standing
from quarterdeck.core.duel_verdict import WAITING, weigh
from quarterdeck.core.values import Decision, Direction


def loss(decision: Decision, n: int = 500) -> DuelVerdict:
    return DuelVerdict(
        decision=decision, n=n, loss="brier_score_loss", champion={"brier_score_loss": 0.2}, challenger={},
        difference=-0.01, interval=(-0.02, -0.001), p_value=0.01, e_value=100.0, needed=20.0, rows_needed=7,
        reasons=("the loss says so",),
    )  # fmt: skip


def kpi(standing: Standing, problem: str | None = None) -> KpiResult:
    if problem is not None:
        return KpiResult(name="cost", direction=Direction.LOWER, problem=problem)
    return KpiResult(
        name="cost", direction=Direction.LOWER, n=500, champion=0.9, challenger=1.0, difference=0.1,
        interval=(0.05, 0.15), standing=standing,
    )  # fmt: skip


def cut(standing: Standing, *, asked: bool) -> SliceResult:
    return SliceResult(
        column="carrier", value="AA", n=80, difference=0.1, interval=(0.02, 0.18), standing=standing, asked=asked
    )


@pytest.mark.parametrize(
    ("decision", "standing", "ends"),
    [
        (Decision.PROMOTE, Standing.BETTER, Decision.PROMOTE),
        (Decision.PROMOTE, Standing.UNCLEAR, Decision.PROMOTE),
        (Decision.PROMOTE, Standing.WORSE, Decision.HOLD),
        (Decision.REJECT, Standing.BETTER, Decision.HOLD),
        (Decision.REJECT, Standing.UNCLEAR, Decision.REJECT),
        (Decision.REJECT, Standing.WORSE, Decision.REJECT),
        (Decision.HOLD, Standing.BETTER, Decision.HOLD),
        (Decision.HOLD, Standing.WORSE, Decision.HOLD),
    ],
)
def test_a_kpi_can_stop_the_loss_and_never_decides_alone(
    decision: Decision, standing: Standing, ends: Decision
) -> None:
    found = weigh(loss(decision), kpis=[kpi(standing)])
    assert found.decision is ends
    assert "the loss says so" in found.reasons
    assert any("cost" in reason for reason in found.reasons) is (standing is not Standing.UNCLEAR)


@pytest.mark.parametrize(
    ("decision", "ends"),
    [(Decision.PROMOTE, Decision.HOLD), (Decision.REJECT, Decision.REJECT), (Decision.HOLD, Decision.HOLD)],
)
def test_a_kpi_without_a_number_is_never_a_pass(decision: Decision, ends: Decision) -> None:
    found = weigh(loss(decision), kpis=[kpi(Standing.UNCLEAR, "KeyError: 'tariff'")])
    assert found.decision is ends
    assert any("KeyError: 'tariff'" in reason for reason in found.reasons)


@pytest.mark.parametrize("decision", [Decision.PROMOTE, Decision.REJECT])
def test_a_decision_waits_for_the_kpis_of_its_rows(decision: Decision) -> None:
    found = weigh(loss(decision), kpis=[replace(kpi(Standing.BETTER), problem=WAITING)])
    assert found.decision is Decision.HOLD
    assert "on its way" in found.reasons[0]


@pytest.mark.parametrize(("asked", "ends"), [(False, Decision.PROMOTE), (True, Decision.HOLD)])
def test_a_worse_slice_is_a_warning_and_stops_only_where_a_gate_asks(asked: bool, ends: Decision) -> None:
    found = weigh(loss(Decision.PROMOTE), slices=[cut(Standing.WORSE, asked=asked)], looked=9)
    assert found.decision is ends
    assert any("carrier=AA" in reason and "9 slices" in reason for reason in found.reasons)
    assert weigh(loss(Decision.PROMOTE), slices=[cut(Standing.UNCLEAR, asked=True)]).decision is Decision.PROMOTE


def test_at_the_most_labels_a_hold_says_that_the_champion_stays() -> None:
    before, after = (weigh(loss(Decision.HOLD, n), maximum_labels=500) for n in (499, 500))
    assert (before.spent, before.rows_needed) == (False, 7)
    assert (after.spent, after.rows_needed) == (True, None)
    assert any("the champion stays" in reason for reason in after.reasons)
    decided = weigh(loss(Decision.PROMOTE, 500), maximum_labels=500)
    assert decided.spent and not any("the champion stays" in reason for reason in decided.reasons)


def test_an_ab_comparison_is_spent_by_the_challengers_rows_not_by_its_entities() -> None:
    few = replace(loss(Decision.HOLD, 12), mode=Mode.AB, challenger_side=Side(n=500))
    assert weigh(few, maximum_labels=500).spent


KPIS = [None, kpi(Standing.WORSE), kpi(Standing.BETTER), kpi(Standing.UNCLEAR, "no")]


@pytest.mark.parametrize(("decision", "given"), list(product(Decision, KPIS)))
def test_every_verdict_survives_json(decision: Decision, given: KpiResult | None) -> None:
    base = replace(
        loss(decision), mode=Mode.AB, champion_side=Side(n=9, p50_ms=0.5, p99_ms=2.0), challenger_side=Side(n=4)
    )
    kpis = [] if given is None else [given]
    found = weigh(base, kpis=kpis, slices=[cut(Standing.WORSE, asked=True)], looked=3, maximum_labels=10)
    assert DuelVerdict.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
