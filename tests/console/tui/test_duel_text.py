"""A duel in lines: nothing is cut without a sign, and the level that decides is always in sight."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.console.context import Console
from quarterdeck.console.queries import duel
from quarterdeck.console.queries.questions import AskDuels
from quarterdeck.console.queries.values import Aliases
from quarterdeck.console.queries.values_duel import DuelDetail, DuelPoint, DuelRow
from quarterdeck.console.tui.screens.duel_evidence import evidence_lines, short
from quarterdeck.console.tui.screens.duel_text import decision_lines, duel_lines, figure_lines
from quarterdeck.console.tui.symbols import ASCII, UNICODE, Symbols
from quarterdeck.console.tui.text import plain, width_of
from quarterdeck.core.values import Decision

AT = datetime(2026, 3, 1, tzinfo=UTC)
ROW = DuelRow(
    model="flights", champion=1, challenger=2, running=True, decision=Decision.HOLD, n=900, e_value=8.5, needed=20.0,
    started_at=AT, updated_at=AT, aliases=Aliases(),
)  # fmt: skip
PANE_80 = 77  # of 80 columns: the padding and the scroll bar's place are not the text's


@pytest.fixture
def detail(console: Console) -> DuelDetail:
    with console.database.read() as tx:
        found = duel.screen(tx, "production", AskDuels(model="flights")).detail
    assert found is not None
    return found


def test_every_figure_stands_on_one_line_of_eighty_columns(detail: DuelDetail) -> None:
    lines = [*figure_lines(detail), *evidence_lines(detail.row, detail.path, PANE_80, 5, UNICODE)]
    assert max(map(width_of, lines)) <= PANE_80


def test_the_verdict_its_reasons_kpis_latency_and_slices_are_all_there(detail: DuelDetail) -> None:
    text = "\n".join(plain(line) for line in duel_lines(detail, PANE_80, 20, UNICODE))
    for expected in (
        "HOLD", *detail.reasons, "610 more labels", "missed_delay_cost", "better", "latency p50", "latency p99",
        "carrier=UA", "worse", "dep_hour=below 9", "6 of 11", "always-valid p", "its own holdout",
    ):  # fmt: skip
        assert expected in text


def test_the_rollout_is_named_where_one_goes_on(detail: DuelDetail) -> None:
    shown = replace(detail, rollout="canary 25 %, look 2 of 5 (running)")
    assert any("canary 25 %" in plain(line) for line in decision_lines(shown, 60, 30, UNICODE))
    assert not any("rollout" in plain(line) for line in decision_lines(detail, 60, 30, UNICODE))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@given(
    logs=st.lists(st.floats(-6, 300), min_size=1, max_size=60),
    width=st.integers(20, 120),
    room=st.integers(-5, 12),
    needed=st.sampled_from([10.0, 20.0, 100.0]),
)
def test_the_level_is_a_whole_line_however_far_the_evidence_is_from_it(
    symbols: Symbols, logs: list[float], width: int, room: int, needed: float
) -> None:
    path = [DuelPoint(n=n, e_value=10.0**value, difference=0.0, low=0.0, high=0.0) for n, value in enumerate(logs, 9)]
    row = replace(ROW, e_value=path[-1].e_value, needed=needed)
    title, *picture, labels = (plain(line) for line in evidence_lines(row, path, width, room, symbols))
    (level,) = [text for text in picture if text.split()[:1] == [f"{needed:.0f}"] and set(text[8:]) <= {*"─═-="}]
    assert len(picture) == max(4, min(10, room))
    passed = level[8:].count("═" if symbols is UNICODE else "=")
    assert (passed > 0) <= (max(point.e_value for point in path) >= needed)
    assert "labels" in labels and "evidence" in title
    assert all(len(text) <= max(width, 18) for text in picture)


def test_evidence_that_has_decided_is_drawn_above_the_level(detail: DuelDetail) -> None:
    path = [DuelPoint(n=n, e_value=math.exp(n), difference=0.0, low=0.0, high=0.0) for n in range(0, 100, 5)]
    row = replace(detail.row, e_value=path[-1].e_value)
    lines = [plain(line) for line in evidence_lines(row, path, 60, 8, UNICODE)]
    (at,) = (place for place, text in enumerate(lines) if "═" in text)
    assert "█" in lines[at - 1]
    assert lines[1].split()[0] == "2e41"


def test_without_evidence_it_says_when_it_begins(detail: DuelDetail) -> None:
    (only,) = evidence_lines(detail.row, (), 60, 8, UNICODE)
    assert "begins with enough labels" in plain(only)


@pytest.mark.parametrize(("size", "beside"), [((80, 24), False), ((119, 30), False), ((120, 30), True)])
async def test_figures_stand_beside_the_verdict_from_120_columns_and_below_it_before(
    console: Console, opened: Any, size: tuple[int, int], beside: bool
) -> None:
    async with opened(console, size=size) as shown:
        await shown.open("5", "duels", "flights:2:4")
        view = shown.app.view
        await shown.until(lambda: "HOLD" in view.lines("duel-text").text())
        await shown.until(lambda: "carrier=UA: loss" in view.lines("duel-text").text())
        assert view.lines("duel-figures").display is beside
        await shown.until(lambda: ("latency p99" in view.lines("duel-text").text()) is not beside)
        if beside:
            assert "latency p99" in view.lines("duel-figures").text()


@pytest.mark.parametrize(
    ("value", "said"), [(4.9e8, "5e8"), (1e6, "1e6"), (9.9e6, "1e7"), (999_999, "999,999"), (41.2, "41"), (1.26, "1.3")]
)
def test_strong_evidence_is_rounded_to_one_digit(value: float, said: str) -> None:
    assert short(value) == said
