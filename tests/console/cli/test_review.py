"""`quarterdeck review`: what is asked, what is kept, and what is refused. In this process, which is quicker; the
terminal is a real one.
"""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from quarterdeck.console.cli.boundary import run
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.review import State
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.rights import EVERYWHERE, Role
from quarterdeck.store import ledger, review_deciding, review_labels, review_queues, reviews, rights
from quarterdeck.store.engine import Database

HERE = "production"
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def queue(database: Database) -> list[int]:
    """Three predictions of flights that wait, the last one chosen by chance."""
    return fill(database, 3)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def quarterdeck(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command line in the workspace."""
    monkeypatch.chdir(root)

    def command(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        return Said(code, *capsys.readouterr())

    return command


def fill(database: Database, count: int, *, first: int = 0, **changes: Any) -> list[int]:
    now = utc_now()
    rows = [
        {
            "environment": HERE, "model": "flights", "version": 2, "prediction_id": f"p{number}", "entity": "UA1",
            "event_at": now, "answered_at": now + timedelta(seconds=number), "inputs": '{"hour": 25, "note": "[b]=1"}',
            "answer": "1", "score": 0.54, "probabilities": None, "confidence": 0.54, "stratum": "unsure",
            "why": "confidence 0.54 under 0.6", "draw": 0.0, "weight": 1.0, "probability": 1.0, "needed": 1,
            "blind": False, "state": "waiting", "label": None, "decided_at": None, "queued_at": now,
            "turn_at": now + timedelta(seconds=number), "expires_at": now + timedelta(days=30), "skips": 0,
            "closed_at": None,
        } | ({"stratum": "random", "why": "random 10 %", "probability": 0.1} if number == 2 else {}) | changes
        for number in range(first, first + count)
    ]  # fmt: skip
    with database.write() as tx:
        spec = ReviewSpec(confidence_below=0.6, random_share=0.1, reasons=("weather",))
        review_queues.put(tx, HERE, "flights", spec)
        reviews.add(tx, rows)
        found = {item.prediction_id: item.id for item in reviews.chosen(tx, HERE, "flights")}
    return [found[row["prediction_id"]] for row in rows]


def item(database: Database, number: int) -> Any:
    with database.read() as tx:
        return reviews.get(tx, number)


def test_what_waits_is_listed_and_shown_with_what_is_unusual(quarterdeck: Callable[..., Any]) -> None:
    said = quarterdeck("review", "list")
    assert said.code == 0 and said.out.count("confidence 0.54 under 0.6") == 2 and "random 10 %" in said.out
    found = quarterdeck("review", "list", "--json").json
    assert [row["item"] for row in found] == [1, 2, 3] and found[0]["inputs"]["hour"] == 25
    shown = quarterdeck("review", "show", "1").out
    assert "25   <- 25 above 23" in shown and "1   (1 0.54, 0 0.46)" in shown


def test_next_takes_one_and_a_decision_is_kept_and_taken_back(
    quarterdeck: Callable[..., Any], database: Database
) -> None:
    taken = quarterdeck("review", "next", "--json").json
    assert taken["item"] == 1 and taken["claimed_by"] is not None
    assert quarterdeck("review", "accept", "1").out.startswith("item 1 of flights is 1")
    assert quarterdeck("review", "correct", "2", "0", "--because", "weather", "--json").json["label"] == 0
    assert item(database, 1).state is State.DECIDED
    again = quarterdeck("review", "accept", "1")
    assert again.code == 4 and "it is decided" in again.err
    undone = quarterdeck("review", "undo")
    assert undone.code == 0 and undone.out == "taken back: 0 for item 2, which is yours again\n"
    assert item(database, 2).state is State.WAITING


def test_a_skipped_one_is_not_next(quarterdeck: Callable[..., Any], database: Database) -> None:
    with database.write() as tx:  # its turn would be the first
        tx.execute(text("UPDATE review SET turn_at = datetime(turn_at, '-1 hour')"))
    assert "skipped 1x" in quarterdeck("review", "skip", "1").out
    assert [row["item"] for row in quarterdeck("review", "list", "--json").json] == [2, 3, 1]
    assert quarterdeck("review", "next", "--json").json["item"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("accept", "99"), 3, "there is no item 99"),
        (("correct", "1", "2"), 1, "expected one of the model's classes"),
        (("correct", "1", "late"), 1, "expected one of the model's classes"),
        (("correct", "1", "0", "--because", "whether"), 2, "did you mean `weather`?"),
        (("undo",), 3, "nothing that can be taken back"),
        (("stats", "fuel"), 3, "fuel has no review queue"),
        (("export", "flights", "--out", "labels.txt"), 2, "neither .jsonl nor .csv"),
        (("export", "flights", "--out", "no/such/folder.csv"), 7, "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_and_says_why(
    quarterdeck: Callable[..., Any], arguments: tuple[str, ...], code: int, said: str
) -> None:
    found = quarterdeck("review", *arguments)
    assert found.code == code and said in found.err


def test_a_viewer_may_look_and_judge_nothing_and_a_reviewer_may(
    quarterdeck: Callable[..., Any], database: Database
) -> None:
    person = quarterdeck("user", "whoami", "--json").json["person"]
    audit = Audit(actor="boss", environment=HERE, at=utc_now(), reason="r")
    with database.write() as tx:
        rights.grant(tx, "boss", EVERYWHERE, Role.ADMIN, audit)
        rights.grant(tx, person, HERE, Role.VIEWER, audit)
    assert quarterdeck("review", "list").code == 0
    refused = quarterdeck("review", "accept", "1")
    assert refused.code == 5 and "give labels" in refused.err
    with database.read() as tx:
        assert ledger.entries(tx, act="refused", limit=1)[0].evidence["wanted"] == "accept"
    with database.write() as tx:
        rights.grant(tx, person, HERE, Role.REVIEWER, audit)
    assert quarterdeck("review", "accept", "1").code == 0
    assert quarterdeck("--read-only", "review", "accept", "2").code == 5


def test_a_blind_one_shows_no_answer_and_cannot_be_accepted(
    quarterdeck: Callable[..., Any], database: Database
) -> None:
    (number,) = fill(database, 1, first=7, blind=True)
    shown = quarterdeck("review", "show", str(number))
    assert "not shown" in shown.out and "0.54 " not in shown.out.replace("confidence 0.54 under", "")
    found = quarterdeck("review", "show", str(number), "--json").json
    assert (found["answer"], found["score"], found["confidence"]) == (None, None, None)
    refused = quarterdeck("review", "accept", str(number))
    assert refused.code == 1 and f"review correct {number} LABEL" in refused.err
    assert quarterdeck("review", "correct", str(number), "1").code == 0


def test_figures_say_naive_and_weighted_agreement_and_people(
    quarterdeck: Callable[..., Any], database: Database
) -> None:
    now = utc_now() - timedelta(hours=1)
    (pair,) = fill(database, 1, first=5, needed=2)
    with database.write() as tx:
        for number, label in ((1, "0"), (2, "1"), (3, "1")):
            review_deciding.decide(tx, number, "ann", label, now, because="weather" if number == 1 else None)
        for person in ("ann", "bob"):
            review_deciding.decide(tx, pair, person, "1", now)
        audit = Audit(actor="daemon", environment=HERE, at=utc_now(), reason="used")
        review_labels.use(tx, "flights", [1, 2, 3, pair], audit)
    found = quarterdeck("review", "stats", "flights", "--json").json
    metric = found["metrics"][0]
    assert metric["name"] == "accuracy_score" and metric["naive"] == 0.75
    assert metric["weighted"]["value"] == pytest.approx((2 + 10) / (3 + 10))
    assert found["labels_since_training"] == 4 and found["reasons"] == {"weather": 1}
    assert (found["agreement"]["n"], found["agreement"]["share"]) == (1, 1.0)
    assert [(one["person"], one["decided"], one["corrected"]) for one in found["reviewers"]] == [
        ("ann", 4, 1), ("bob", 1, 0),
    ]  # fmt: skip
    out = quarterdeck("review", "stats", "flights").out
    assert "4 since the last training" in out and "0.9231" in out and "0.7500" in out


@pytest.mark.parametrize("name", ["labels.csv", "labels.jsonl"])
def test_labels_are_written_whole_for_people(quarterdeck: Callable[..., Any], root: Path, name: str) -> None:
    quarterdeck("review", "correct", "1", "0")
    said = quarterdeck("review", "export", "flights", "--out", name, "--state", "all")
    assert said.out == f"3 items are in {name}\n"
    written = (root / name).read_text()
    if name.endswith(".csv"):
        rows = list(csv.DictReader(written.splitlines()))
        assert (rows[0]["label"], rows[0]["input.hour"], rows[1]["label"]) == ("0", "25", "")
    else:
        rows = [json.loads(line) for line in written.splitlines()]
        assert rows[0]["label"] == 0 and rows[0]["said"][0]["label"] == 0 and rows[0]["inputs"]["note"] == "[b]=1"
    assert [file.name for file in root.iterdir() if file.name.startswith(".labels")] == []


def in_terminal(root: Path, keys: str) -> str:
    """`review next` in a pseudo-terminal; each key is pressed when the one before was answered."""
    main, side = pty.openpty()
    command = [sys.executable, "-m", "quarterdeck.console.main", "review", "next"]
    process = subprocess.Popen(command, cwd=root, stdin=side, stdout=side, stderr=side, close_fds=True)
    os.close(side)
    told, shown, deadline = 0, "", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if told < len(keys) and shown.count("q quit") > told:
            os.write(main, keys[told].encode())
            told += 1
        if not select.select([main], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(main, 4096)
        except OSError:  # the other end has gone
            break
        if not part:
            break
        shown += part.decode()
    os.close(main)  # which ends a process that still waits
    assert process.wait(timeout=PATIENCE_S) == 0, shown
    return shown


def test_in_a_terminal_one_key_judges_and_the_next_one_comes(root: Path, database: Database) -> None:
    shown = in_terminal(root, "acq")
    assert "a accept 1   c correct to 0   s skip   u undo   q quit   (3 items waiting)" in shown
    assert "accepted: 1" in shown and "corrected: 0" in shown and "2 decided, 0 skipped" in shown
    assert [item(database, number).label for number in (1, 2, 3)] == ["1", "0", None]
    assert item(database, 3).claimed_by is None  # let go at the end


def test_in_a_terminal_a_decision_is_taken_back_and_the_end_is_told(root: Path, database: Database) -> None:
    shown = in_terminal(root, "auccc")
    assert "taken back: 1 for item 1" in shown and "Nothing waits for you." in shown and "3 decided" in shown
    assert [item(database, number).label for number in (1, 2, 3)] == ["0", "0", "0"]
