"""`quarterdeck duel` shows the comparison that goes on, or the last one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.duel import DuelVerdict, KpiResult, Side, SliceResult, Standing
from quarterdeck.core.ledger import Audit
from quarterdeck.core.values import Decision, Direction, VersionState
from quarterdeck.store import duels, promotion, registry
from quarterdeck.store.engine import Database

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Command = Callable[..., Any]
VERDICT = DuelVerdict(
    decision=Decision.HOLD, n=600, loss="brier_score_loss", champion={"brier_score_loss": 0.2},
    challenger={"brier_score_loss": 0.19}, difference=-0.01, interval=(-0.03, 0.01), p_value=0.5, e_value=2.0,
    needed=20.0, rows_needed=900, reasons=("evidence 2 of 20 needed, on 600 labels",),
    champion_side=Side(n=600, p50_ms=0.4, p99_ms=2.0), challenger_side=Side(n=600, p50_ms=0.6, p99_ms=3.0),
    kpis=(KpiResult(name="missed_delay_cost", direction=Direction.LOWER, problem="KeyError: [bold]tariff[/bold]"),),
    slices=(
        SliceResult(
            column="carrier", value="UA", n=90, difference=0.1, interval=(0.02, 0.18), standing=Standing.WORSE
        ),
    ),
    slices_looked=4,
)  # fmt: skip


@pytest.fixture
def compared(database: Database) -> None:
    """Champion 2 meets challenger 4; before that, 1 met 2."""
    with database.write() as tx:
        audit = Audit(actor="ann", environment="production", at=START + timedelta(days=2), reason="try it")
        draft = replace(registry.get(tx, "flights", 1), number=0, state=VersionState.ACCEPTED)
        fourth = registry.register(tx, draft, audit)
        promotion.challenge(tx, "flights", fourth.number, audit)
        for champion, challenger, days in ((1, 2, 1), (2, fourth.number, 2)):
            at = START + timedelta(days=days)
            path = [[200.0, 1.0, -0.02, -0.06, 0.02], [600.0, 2.0, -0.01, -0.03, 0.01]]
            duels.put(
                tx,
                duels.Duel(
                    environment="production", model="flights", champion=champion, challenger=challenger,
                    started_at=at, updated_at=at, decision=Decision.HOLD, verdict=VERDICT.to_json(), path=path,
                ),
            )  # fmt: skip


def test_the_comparison_that_goes_on_comes_first(quarterdeck: Command, compared: None) -> None:
    first, second = quarterdeck("duel", "list", "--json").json
    assert (first["champion"], first["challenger"], first["running"]) == (2, 4, True)
    assert (second["champion"], second["challenger"], second["running"]) == (1, 2, False)
    assert "running" in quarterdeck("duel", "list").out


def test_a_comparison_is_shown_with_verdict_evidence_and_figures(quarterdeck: Command, compared: None) -> None:
    out = quarterdeck("duel", "show", "flights").out
    for expected in (
        "champion 2, challenger 4", "HOLD", "evidence 2 of 20 needed", "about 900 more labels", "brier_score_loss",
        "missed_delay_cost", "KeyError: [bold]tariff[/bold]", "latency p99", "carrier=UA", "worse", "600 labels",
    ):  # fmt: skip
        assert expected in out
    (level,) = (text for text in out.splitlines() if text.split()[:1] == ["20"])
    assert "─" in level


def test_as_json_it_has_the_verdicts_own_keys_and_the_evidence_over_time(quarterdeck: Command, compared: None) -> None:
    found = quarterdeck("duel", "show", "flights", "--json").json
    assert DuelVerdict.from_json(found["verdict"]) == VERDICT
    assert found["evidence"][-1] == {"labels": 600.0, "e_value": 2.0, "difference": -0.01, "low": -0.03, "high": 0.01}
    assert (found["running"], found["rollout"], found["gates"]) == (True, None, {"passed": 1, "asked": 1})


def test_without_a_comparison_it_says_how_one_begins(quarterdeck: Command, root: Path) -> None:
    said = quarterdeck("duel", "show", "flights")
    assert (said.code, said.out) == (3, "")
    assert "has had no comparison" in said.err
    assert "No comparisons" in quarterdeck("duel", "list").out
    assert quarterdeck("duel", "list", "--json").json == []


def test_a_model_that_is_not_there_is_exit_3_with_the_nearest_name(quarterdeck: Command) -> None:
    said = quarterdeck("duel", "show", "flihgts")
    assert said.code == 3
    assert "did you mean `flights`" in said.err
