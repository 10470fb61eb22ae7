"""The comparison that is shown: the one that goes on, or the last, with everything its verdict holds."""

from __future__ import annotations

import json

from quarterdeck.console.context import Console
from quarterdeck.console.queries import duel
from quarterdeck.core.clock import utc_now
from quarterdeck.core.duel import Mode, Standing
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import RolloutSpec, Strategy
from quarterdeck.store import promotion, rollouts

HERE = "production"


def test_kpis_latency_slices_and_the_way_they_met_come_with_the_comparison(console: Console) -> None:
    with console.database.read() as tx:
        found = duel.find(tx, HERE, "flights")
    assert found is not None
    kept, detail = found
    assert (kept.champion, kept.challenger, detail.row.running, detail.mode) == (2, 4, True, Mode.PAIRED)
    assert [(kpi.name, kpi.standing) for kpi in detail.kpis] == [("missed_delay_cost", Standing.BETTER)]
    assert detail.slices[0].name == "carrier=UA" and detail.slices_looked == 11
    assert detail.champion_side is not None and detail.champion_side.p99_ms == 1.8
    json.dumps(kept.verdict, allow_nan=False)


def test_the_one_that_goes_on_is_shown_and_then_the_last(console: Console) -> None:
    with console.database.read() as tx:
        rows = duel.every(tx, HERE)
    assert [(row.challenger, row.running) for row in rows] == [(4, True), (2, False)]
    audit = Audit(actor="ops", environment=HERE, at=utc_now(), reason="r")
    with console.database.write() as tx:
        promotion.withdraw(tx, "flights", audit, saw_challenger=4)
        found, none = duel.find(tx, HERE, "flights"), duel.find(tx, HERE, "fuel")
    assert found is not None and not found[1].row.running
    assert found[0].challenger == 4
    assert none is None


def test_a_rollout_of_the_challenger_is_named_with_its_step(console: Console) -> None:
    audit = Audit(actor="ops", environment=HERE, at=utc_now(), reason="r")
    with console.database.write() as tx:
        rollouts.begin(tx, "flights", 4, RolloutSpec(strategy=Strategy.SHADOW), audit)
        found = duel.find(tx, HERE, "flights")
    assert found is not None
    assert found[1].rollout == "shadow (running)"
