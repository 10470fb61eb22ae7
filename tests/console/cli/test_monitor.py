"""`monitor drift`, `quality` and `report` as a person or a program calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.drift.dataset import DatasetDrift, MultivariateResult
from quarterdeck.core.drift.verdict import PValue, decide_drift, decide_test
from quarterdeck.core.operations import Window
from quarterdeck.core.quality.verdict import Check, QualityResult
from quarterdeck.store import windows
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import append_labels, append_predictions, micros, open_traffic

Command = Callable[..., Any]


@pytest.fixture
def judged(root: Path, database: Database) -> Window:
    """The champion's window, in which a test and a distance were made, after the one that is there."""
    with database.read() as tx:
        before = windows.last(tx, "flights", version=2)[-1]
    far = decide_drift(
        feature="distance", method="wasserstein", value=0.4, threshold=0.1, noise=0.05, n_reference=9_000, n_window=80,
        psi=0.3, psi_noise=0.1,
    )  # fmt: skip
    test = decide_test(
        feature="hour", method="chi_square", found=PValue(statistic=3.5, p_value=0.04), q_value=0.08, alpha=0.05,
        n_reference=900, n_window=80, psi=0.01, psi_noise=0.1,
    )  # fmt: skip
    together = MultivariateResult(
        method="domain_classifier",
        value=0.7,
        threshold=0.5,
        drifted=True,
        n_reference=900,
        n_window=80,
        lower=0.6,
        upper=0.8,
    )
    dataset = DatasetDrift(
        share=0.5, threshold=0.5, drifted=True, features=("distance",), prediction=far, multivariate=(together,),
        notes=("[monitoring.drift] names 'gone', which the model does not take",),
    )  # fmt: skip
    missing = QualityResult(
        feature="hour", check=Check.MISSING, value=0.5, expected=0.0, low=None, high=0.02, p_value=1e-9, n=80, bad=True
    )
    window = Window(
        model="flights", version=2, start=before.start + timedelta(hours=1), end=before.end + timedelta(hours=1),
        closed=True, rows=80, labelled=0, drifted=1, drift=[test.to_json(), far.to_json()], metrics={}, p50_ms=None,
        p99_ms=None, updated_at=before.updated_at, quality=[missing.to_json()], dataset_drift=dataset.to_json(),
    )  # fmt: skip
    with database.write() as tx:
        windows.put(tx, window)
    return window


def test_drift_shows_method_value_threshold_or_p_verdict_and_psi(quarterdeck: Command, judged: Window) -> None:
    out = quarterdeck("monitor", "drift", "flights").out
    assert "50% of the features drifted: the data set DRIFTED" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["distance", "wasserstein", "0.4000", "0.0500", "-", ">", "0.1", "DRIFTED", "0.3000"] in lines
    assert ["hour", "chi_square", "3.500", "-", "0.0800", "p", "<=", "0.05", "ok", "0.0100"] in lines
    assert any(line[:1] == ["domain_classifier"] and line[-1] == "DRIFTED" for line in lines)
    assert "note: [monitoring.drift] names 'gone'" in out
    found = quarterdeck("monitor", "drift", "flights", "--json").json
    assert [item["feature"] for item in found["drift"]] == ["hour", "distance"]
    assert (found["dataset_drift"]["drifted"], found["error_drift"]) == (True, [])


def test_a_window_is_named_by_a_time_in_it(quarterdeck: Command, judged: Window) -> None:
    before = (judged.start - timedelta(minutes=1)).isoformat()
    assert quarterdeck("monitor", "drift", "flights", "--window", before, "--json").json["rows"] == 90
    inside = (judged.start + timedelta(minutes=1)).isoformat()
    assert quarterdeck("monitor", "quality", "flights", "--window", inside, "--json").json["rows"] == 80
    missing = quarterdeck("monitor", "drift", "flights", "--window", "2001-01-01")
    assert (missing.code, "no window of flights holds 2001-01-01" in missing.err) == (3, True)
    assert quarterdeck("monitor", "drift", "flights", "--window", "yesterday").code == 2


def test_quality_shows_the_bad_first(quarterdeck: Command, judged: Window) -> None:
    out = quarterdeck("monitor", "quality", "flights").out
    assert ["hour", "missing", "0.5000", "0.0000", "-", "0.0200", "1.0e-09", "BAD"] in [
        line.split() for line in out.splitlines()
    ]
    assert quarterdeck("monitor", "quality", "flights", "--json").json["quality"][0]["check"] == "missing"


def test_drift_shows_where_the_errors_rose(root: Path, quarterdeck: Command, judged: Window) -> None:
    start = micros(judged.start)
    with open_traffic(root / ".quarterdeck" / "traffic.db") as traffic, traffic.write() as tx:
        append_predictions(
            tx,
            [
                {
                    "id": f"e{n}",
                    "endpoint": "flights",
                    "version": 2,
                    "entity": None,
                    "event_at": start + n,
                    "at": n,
                    "arm": "champion",
                    "latency_us": 1,
                    "answer": "0",
                    "inputs": "{}",
                    "score": 0.1,
                    "probabilities": None,
                }
                for n in range(900)
            ],
        )
        labels = [int(n % 10 == 0) if n < 600 else int(n % 2 == 0) for n in range(900)]
        append_labels(
            tx, [{"id": f"e{n}", "endpoint": "flights", "label": str(y), "at": n} for n, y in enumerate(labels)]
        )
    rises = quarterdeck("monitor", "drift", "flights", "--json").json["error_drift"]
    assert {rise["method"] for rise in rises} == {"adwin", "page_hinkley"}
    assert all(600 < rise["label"] < 800 and rise["before"] < rise["after"] for rise in rises)
    assert "ERRORS ROSE BY" in quarterdeck("monitor", "drift", "flights").out


def test_the_report_is_a_file_and_json(quarterdeck: Command, judged: Window, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    said = quarterdeck("monitor", "report", "flights", "--out", str(path), "--json")
    assert said.code == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (said.json["model"], said.json["champion"]["number"]) == ("flights", 2)
    json.dumps(said.json, allow_nan=False)
    assert list(tmp_path.glob("*.part")) == []


def test_a_report_that_cannot_be_written_leaves_nothing(quarterdeck: Command, tmp_path: Path) -> None:
    said = quarterdeck("monitor", "report", "flights", "--out", str(tmp_path / "missing" / "report.html"))
    assert said.code == 7
    assert "cannot be written" in said.err
    assert quarterdeck("monitor", "report", "flights").code == 2
    assert quarterdeck("monitor", "report", "nobody", "--json").code == 3
