"""The ledger on the command line."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quarterdeck.console.cli.live import parse_time
from quarterdeck.console.queries.entries import ACTS
from quarterdeck.core.errors import IntegrityError, UsageError
from quarterdeck.core.ledger import Audit, Entry, make_entry
from quarterdeck.store import ledger
from quarterdeck.store.live_at import live_from

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_verify_counts_the_entries_and_names_the_head(quarterdeck) -> None:
    said = quarterdeck("audit", "verify", "--json")
    assert said.code == 0
    assert (said.json["entries"], said.json["ok"], said.json["problems"]) == (5, True, [])
    head = said.json["head"]
    assert quarterdeck("audit", "verify", "--head", head).code == 0
    assert quarterdeck("audit", "verify", "--head", "0" * 64).code == 6


def test_verify_finds_an_entry_that_was_changed(quarterdeck, root) -> None:
    with closing(sqlite3.connect(root / ".quarterdeck/quarterdeck.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")  # the schema's own names
        db.execute("UPDATE ledger SET reason = 'another' WHERE seq = 4")
        db.commit()
    said = quarterdeck("audit", "verify", "--json")
    assert said.code == 6
    assert [problem["seq"] for problem in said.json["problems"]] == [4]
    assert "where: entry 4" in said.err


def test_one_entry_is_shown_whole(quarterdeck) -> None:
    entry = quarterdeck("audit", "show", "5", "--json").json
    assert (entry["act"], entry["subject"], entry["before"]) == ("promote", "flights@2", {"champion": 1})
    assert entry["previous_hash"] == quarterdeck("audit", "show", "4", "--json").json["hash"]
    assert quarterdeck("audit", "show", "6").code == 3


def test_the_list_is_filtered_by_subject_and_act(quarterdeck) -> None:
    assert len(quarterdeck("audit", "list", "--json").json) == 5
    assert [e["seq"] for e in quarterdeck("audit", "list", "--act", "promote", "--json").json] == [5, 4]
    assert [e["seq"] for e in quarterdeck("audit", "list", "-s", "flights@1", "--json").json] == [4, 1]


@pytest.mark.parametrize(
    ("time", "champion"),
    [
        ("2026-03-01T13:29:59", None),
        ("2026-03-01T13:30", 1),
        ("2026-03-01T15:30:00+01:00", 2),
        ("2026-03-02", 2),
    ],
)
def test_live_at_tells_the_champion_of_any_time(quarterdeck, time: str, champion: int | None) -> None:
    said = quarterdeck("audit", "live-at", time, "--json")
    assert [item["champion"] for item in said.json["live"]] == ([] if champion is None else [champion])


def test_live_at_refuses_what_is_no_time(quarterdeck) -> None:
    assert quarterdeck("audit", "live-at", "yesterday").code == 2
    with pytest.raises(UsageError, match="not a time"):
        parse_time("2026-13-01")
    assert parse_time("2026-03-01T14:00:00+02:00") == START


def chain(*acts: tuple[str, dict[str, int]]) -> list[Entry]:
    entries: list[Entry] = []
    for hour, (act, after) in enumerate(acts):
        entries.append(
            make_entry(
                previous=entries[-1] if entries else None,
                audit=Audit(
                    actor="ann", environment="production", at=START + timedelta(hours=hour), reason=f"act {hour}"
                ),
                act=act,
                subject="flights@1",
                after=after,
            )
        )
    return entries


def test_the_entry_is_the_one_that_made_the_champion() -> None:
    entries = chain(
        ("promote", {"champion": 1}),
        ("challenge", {"champion": 1, "challenger": 2}),
        ("register", {"state": 3}),
        ("withdraw", {"champion": 1}),
    )
    (challenged,) = live_from(entries, START + timedelta(hours=1))
    assert (challenged.champion, challenged.challenger, challenged.entry.reason) == (1, 2, "act 0")
    (withdrawn,) = live_from(entries, START + timedelta(hours=9))
    assert (withdrawn.challenger, withdrawn.entry.reason) == (None, "act 0")


def test_nothing_was_live_before_the_first_act() -> None:
    assert live_from(chain(("promote", {"champion": 1})), START - timedelta(seconds=1)) == []
    assert live_from([], START) == []


def test_an_entry_that_cannot_be_read_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="entry 1"):
        live_from(chain(("promote", "champion 1")), START)  # type: ignore[arg-type]  # what a tampered row gives


# What is asked of the ledger


def test_entries_are_found_by_person_time_and_act(quarterdeck) -> None:
    everything = quarterdeck("audit", "list", "--json").json
    assert quarterdeck("audit", "list", "--by", "ann", "--json").json == everything
    assert quarterdeck("audit", "list", "--by", "bob", "--json").json == []
    found = quarterdeck("audit", "list", "--since", "2026-03-01T13:30", "--until", "2026-03-01T14:30", "--json").json
    assert {entry["at"][:16] for entry in found} == {"2026-03-01T13:30", "2026-03-01T14:00"}
    one = quarterdeck(
        "audit", "list", "--by", "ann", "--act", "promote", "--limit", "1", "--offset", "1", "--json"
    ).json
    assert [entry["after"]["champion"] for entry in one] == [1]


def test_an_act_that_there_is_not_is_refused_with_the_known_ones(quarterdeck) -> None:
    said = quarterdeck("audit", "list", "--act", "promot")
    assert said.code == 2
    assert "did you mean `promote`?" in said.err and "register" in said.err
    assert quarterdeck("audit", "list", "--act", "undo").code == 0  # there is such an act, and no entry of it


def test_entries_come_as_csv_with_every_field(quarterdeck, database) -> None:
    with database.write() as tx:
        audit = Audit(actor="ann", environment="production", at=START, reason='=HYPERLINK("x"), and\nmore')
        ledger.append(tx, audit, act="grant", subject="bob", after={"role": "viewer"})
    said = quarterdeck("audit", "list", "--csv", "--limit", "1")
    (row,) = csv.DictReader(io.StringIO(said.out))
    assert row["reason"] == '\'=HYPERLINK("x"), and\nmore'
    assert json.loads(row["after"]) == {"role": "viewer"} and len(row["hash"]) == 64
    assert quarterdeck("audit", "list", "--csv", "--json").code == 2


def test_the_known_acts_are_those_that_the_code_writes() -> None:
    root = Path(__file__).parents[3]
    places = [path for folder in ("store", "console/acts") for path in (root / folder).rglob("*.py")]
    appended = re.compile(r'append\((?:[^()]|\([^()]*\))*?act="(\w+)"')
    written = {name for path in places for name in appended.findall(path.read_text())}
    assert {"grant", "refused", "retire"} <= written <= set(ACTS)


def test_a_reason_has_its_bounds(quarterdeck) -> None:
    said = quarterdeck("model", "demote", "flights", "--reason", "x" * 2_001, "--yes")
    assert said.code == 2 and "2,001 characters long, more than 2,000" in said.err
    assert quarterdeck("model", "demote", "flights", "--reason", "x" * 2_000, "--yes").code == 0
