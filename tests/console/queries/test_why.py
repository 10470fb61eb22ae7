"""The chain around a run or a version, in both directions, with its broken links said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.console.context import Console
from quarterdeck.console.queries.evidence import in_words
from quarterdeck.console.queries.why import Link, lines, why
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Firing
from quarterdeck.core.registry import Version
from quarterdeck.core.values import RunStatus, TriggerKind
from quarterdeck.scheduler.firing import fire
from quarterdeck.store import alerts, registry, runs, triggers
from tests.console.seed import make_workspace, open_console, seed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def console(tmp_path: Path) -> Console:
    make_workspace(tmp_path / "workspace")
    console = open_console(tmp_path / "workspace")
    seed(console, NOW)
    return console


def chain(console: Console, reference: str) -> list[Link]:
    with console.database.read() as tx:
        return [link for _, link in lines(why(tx, "production", reference))]


def kinds(links: list[Link]) -> list[str]:
    return [link.kind for link in links]


def drift(console: Console, version: int) -> int:
    """Drift of a version raises an alert, and the trigger starts a run, which is trained."""
    now = NOW + timedelta(hours=1)
    with console.database.write() as tx:
        tx.execute(text("DELETE FROM alias WHERE alias = 'challenger'"))
        for run in runs.unfinished(tx):
            if run.status is RunStatus.QUEUED:
                runs.claim(tx, run.id, pid=1, process_started=0.0, now=now)
            runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=now)
        evidence = {"version": version, "psi": {"hour": 0.4, "wind": 0.3}, "window": NOW.isoformat(), "loss": False}
        cause = {"model": "flights", "kind": "drift", "subject": "weekly"}
        alert = alerts.raise_alert(tx, **cause, message="2 features drifted", evidence=evidence, now=now, event_at=NOW)
        triggers.sync(tx, "flights", [("weekly", TriggerKind.DRIFT, {"features": 2})])
        trigger = triggers.get(tx, "flights", "weekly")
        from quarterdeck.core.manifest_triggers import trigger_spec

        run = fire(
            tx, trigger, trigger_spec("weekly", trigger.kind, trigger.spec), now=now, environment="production",
            evidence=evidence, evidence_at=NOW, alert_id=alert.id,
        )  # fmt: skip
        assert run is not None
        return run.id


def test_a_run_is_shown_from_its_alert_down_to_what_it_made(console: Console) -> None:
    number = drift(console, 4)
    with console.database.write() as tx:
        runs.claim(tx, number, pid=1, process_started=0.0, now=NOW)
        runs.finish(tx, number, RunStatus.SUCCEEDED, now=NOW, version=4)
    found = chain(console, str(number))
    assert kinds(found)[:3] == ["alert", "firing", "run"]
    alert, firing, run = found[:3]
    assert "drift of flights@4: 2 features drifted" in alert.text
    assert firing.text == (
        "trigger flights/weekly (drift) fired: 2 features drifted in the window from 2026-03-01 12:00 UTC, by PSI "
        "hour 0.4000, wind 0.3000; the model is as good there as it was"
    )
    assert run.asked and run.key == str(number)
    assert "the same model again, byte for byte: flights@4" in found[3].text


def test_a_version_is_shown_with_its_verdicts_its_acts_and_the_run_that_its_drift_started(console: Console) -> None:
    number = drift(console, 4)
    found = chain(console, "flights@4")
    asked = next(link for link in found if link.asked)
    assert asked.key == "flights@4"
    assert kinds(list(asked.led_to))[:3] == ["gate", "gate", "gate"]
    (entry,) = [link for link in asked.led_to if link.kind == "ledger"]
    assert entry.text.startswith("challenge by daemon in production, champion is 2")
    (alert,) = [link for link in asked.led_to if link.kind == "alert"]
    assert [link.key for link in alert.led_to] == [str(number)]


def test_a_champion_is_asked_for_by_its_name(console: Console) -> None:
    assert next(link for link in chain(console, "flights@champion") if link.asked).key == "flights@2"


def test_links_that_are_gone_are_said(console: Console) -> None:
    number = drift(console, 4)
    with console.database.write() as tx:
        tx.execute(text("PRAGMA defer_foreign_keys = ON"))
        tx.execute(text("DELETE FROM firing WHERE run_id = :run"), {"run": number})
    found = chain(console, str(number))
    assert kinds(found) == ["firing", "run"]
    assert found[0].missing
    assert found[0].text == "trigger flights/weekly started it; the firing is not in the store"


def test_a_failed_run_says_why_and_what_does_not_exist_is_not_found(console: Console) -> None:
    with console.database.read() as tx:
        failed = runs.page(tx, status=RunStatus.FAILED, limit=1)
    for run in failed:
        assert any("failed: " in link.text for link in chain(console, f"run {run.id}"))
    for reference in ("999", "flights@99", "nothing@1"):
        with pytest.raises(NotFoundError):
            chain(console, reference)


def test_every_version_has_a_chain_that_can_be_drawn(console: Console) -> None:
    with console.database.read() as tx:
        versions: list[Version] = registry.versions(tx)
        for version in versions:
            drawn = list(lines(why(tx, "production", version.reference)))
            assert drawn[0][0] == ""
            assert all(indent for indent, _ in drawn[1:])


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"planned": "2026-03-01T13:00:00+00:00"}, "due at 2026-03-01 13:00 UTC"),
        (
            {"planned": "2026-03-01T13:00:00+00:00", "missed": 2},
            "due at 2026-03-01 13:00 UTC, for 3 due times that passed meanwhile",
        ),
        ({"labels": 510, "wanted": 500, "since_run": 3}, "510 labels since run 3; 500 were asked for"),
        (
            {"source": "data", "count": 2, "files": ["/w/data/a", "/w/data/b"], "rows": 1200},
            "2 new files in data with 1,200 new rows: a, b",
        ),
        ({"commit": "abcdef1234567", "author": "ann", "subject": "more"}, "commit abcdef1234 of ann: more"),
        ({"call": "msg_1", "bytes": 2, "reason": "prices"}, "call msg_1: prices"),
        (
            {"metric": "log_loss", "reference": 0.5, "windows": [["2026-03-01T00:00:00", 0.7, 90]], "estimated": ["x"]},
            "log_loss was estimated at 0.7000 in the window from 2026-03-01 00:00 UTC; at training it was 0.5000",
        ),
        ({}, ""),
    ],
)
def test_evidence_is_said_in_plain_words(evidence: dict[str, object], words: str) -> None:
    firing = Firing(
        id=1, trigger_id=1, pipeline="flights", at=NOW, evidence_at=None, alert_id=None, run_id=None, fired=True,
        reason="", evidence=evidence,
    )  # fmt: skip
    assert in_words(firing) == words
