"""`quarterdeck monitor performance`: measured beside estimated, and every doubt in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quarterdeck.core.operations import Window
from quarterdeck.core.performance.finding import ESTIMATE_NOTE, Finding, Kind
from quarterdeck.core.performance.validity import mark
from quarterdeck.store import windows

START = datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
METRIC = "roc_auc_score"
MEASURED = Finding(
    metric=METRIC, kind=Kind.LABELLED, value=0.61, n=480, lower=0.55, upper=0.67, standard_error=0.03, reference=0.75,
    threshold_low=0.65, threshold_high=0.85, alert=True,
)  # fmt: skip
TOLD = Finding(
    metric=METRIC, kind=Kind.ESTIMATED, value=0.76, n=500, lower=0.70, upper=0.82, standard_error=0.03, reference=0.75,
    threshold_low=0.65, threshold_high=0.85, agrees=False, note=ESTIMATE_NOTE,
)  # fmt: skip
SLICE = replace(MEASURED, slice="carrier=UA", n=200)
COST = Finding(metric="missed_delay_cost", kind=Kind.KPI, value=0.9, n=480, threshold_high=0.97)
SILENT = Finding(metric=METRIC, kind=Kind.ESTIMATED, value=None, n=20, note="no estimate: 20 rows are too few")


@pytest.fixture(autouse=True)
def judged(database: Any) -> None:
    """Three hours of version 2: measured and estimated; the estimate declared invalid; nothing to tell."""
    hours: list[tuple[Finding, ...]] = [
        (MEASURED, TOLD, SLICE, COST),
        mark((replace(TOLD, agrees=None),), START),
        (SILENT,),
    ]
    with database.write() as tx:
        for hour, findings in enumerate(hours):
            windows.put(tx, window(hour, findings))


def window(hour: int, findings: tuple[Finding, ...]) -> Window:
    return Window(
        model="flights", version=2, start=START + hour * HOUR, end=START + (hour + 1) * HOUR, closed=hour < 2,
        rows=500, labelled=480 if hour == 0 else 0, drifted=None, drift=[], metrics={}, p50_ms=None, p99_ms=None,
        updated_at=START, performance=[item.to_json() for item in findings],
    )  # fmt: skip


def test_a_line_for_each_window_and_what_the_figures_mean_below(quarterdeck) -> None:
    lines = quarterdeck("monitor", "performance", "flights", "--windows", "3").out.splitlines()
    assert lines[0] == "roc_auc_score of flights"
    first, second, third = (line for line in lines if line.startswith("2026-04-01"))
    assert "0.6100" in first and "0.5500 .. 0.6700" in first and "0.7600" in first
    assert first.endswith("ALERT measured, estimate disagrees")
    assert second.endswith("estimate not valid")
    assert "(open)" in third and third.endswith("nothing to tell")
    text = "\n".join(lines)
    assert "does not hold where what is to be predicted has changed (concept drift)" in text
    assert "not valid since 2026-04-01 00:00 UTC" in text
    assert "no estimate: 20 rows are too few" in text
    assert "also: missed_delay_cost" in text


def test_slices_and_kpis_are_asked_for_by_name(quarterdeck) -> None:
    assert "carrier=UA" not in quarterdeck("monitor", "performance", "flights").out
    assert "carrier=UA" in quarterdeck("monitor", "performance", "flights", "--by-slice").out
    cost = quarterdeck("monitor", "performance", "flights", "--metric", "missed_delay_cost").out
    assert "0.9000" in cost and ".. 0.9700" in cost


def test_json_holds_every_finding_of_the_metric(quarterdeck) -> None:
    found = quarterdeck("monitor", "performance", "flights", "--windows", "3", "--json").json
    assert found["metric"] == METRIC
    assert [len(item["findings"]) for item in found["windows"]] == [2, 1, 1]
    assert found["windows"][0]["findings"][0] == MEASURED.to_json()
    assert found["windows"][0]["start"] == "2026-04-01T00:00:00.000000Z"
    by_slice = quarterdeck("monitor", "performance", "flights", "--windows", "3", "--by-slice", "--json").json
    assert [item["slice"] for item in by_slice["windows"][0]["findings"]] == [None, None, "carrier=UA"]


def test_a_wrong_model_or_metric_is_exit_3_with_the_nearest_name(quarterdeck) -> None:
    said = quarterdeck("monitor", "performance", "flihgts")
    assert (said.code, "flights" in said.err) == (3, True)
    said = quarterdeck("monitor", "performance", "flights", "--metric", "roc_auc")
    assert (said.code, "roc_auc_score" in said.err) == (3, True)
