"""Receivers and messages on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.notices import EventType, Outcome, Verdict
from quarterdeck.store import deliveries, notifications
from quarterdeck.store.engine import Database


def name(root: Path, text: str) -> None:
    path = root / "quarterdeck.toml"
    path.write_text(f"{path.read_text()}\n{text}\n")


def dead(database: Database) -> int:
    with database.write() as tx:
        number = notifications.notify(tx, EventType.RUN_FAILED, "run 4", {"run": 4}, now=utc_now(), planned=True)
        made = deliveries.add(tx, number, "oncall", now=utc_now())
        outcome = Outcome(verdict=Verdict.NEVER, status=404, said="no such hook\nat all")
        deliveries.record(tx, made, outcome, now=utc_now(), again=None)
    return made


def test_a_receiver_is_tried_with_a_test_event(inside, root, outside) -> None:
    name(root, f'[[notifications]]\nname = "oncall"\nurl = "{outside.url}"')
    said = inside("notification", "test", "oncall", "--reason", "is it there?")
    assert said.code == 0 and "oncall took it" in said.out
    (got,) = outside.got
    assert (got.event["type"], got.event["subject"]) == ("quarterdeck.test", "oncall")
    (entry,) = inside("audit", "list", "--act", "test_notification", "--json").json
    assert (entry["subject"], entry["after"]) == ("oncall", {"status": 200, "verdict": "taken"})


@pytest.mark.parametrize(("answer", "code"), [((404, {}), 1), ((302, {}), 1), ((500, {}), 7), ("close", 7)])
def test_a_receiver_that_says_no_or_is_not_there_has_its_exit_code(inside, root, outside, answer, code) -> None:
    name(root, f'[[notifications]]\nname = "oncall"\nurl = "{outside.url}"')
    outside.answers = [answer]
    said = inside("notification", "test", "oncall", "--json")
    assert said.code == code and said.json["outcome"]["verdict"] == ("never" if code == 1 else "again")


def test_an_unknown_receiver_is_named_with_the_nearest(inside, root) -> None:
    assert "under [[notifications]]" in inside("notification", "test", "oncall").err
    name(root, '[[notifications]]\nname = "oncall"\ncommand = ["true"]')
    said = inside("notification", "test", "oncal")
    assert said.code == 3 and "did you mean `oncall`?" in said.err


def test_what_is_dead_is_listed_shown_retried_and_discarded(inside, database) -> None:
    number = str(dead(database))
    assert "no such hook" in inside("notification", "list").out
    shown = inside("notification", "show", number)
    assert "no such hook" in shown.out and '"type": "quarterdeck.run.failed"' in shown.out
    assert inside("notification", "show", number, "--json").json["event"]["data"]["run"] == 4
    assert inside("notification", "retry", number, "--reason", "it is back").code == 0
    (item,) = inside("notification", "list", "--state", "pending", "--json").json
    assert item["notification"]["attempts"] == 0
    assert inside("notification", "discard", number).code == 0
    assert inside("notification", "list").out == "Nothing waits, and nothing was given up.\n"
    assert inside("notification", "discard", number).code == 4
    assert inside("notification", "retry", "99").code == 3
    entries = inside("audit", "list", "--subject", f"notification {number}", "--json").json
    assert [entry["act"] for entry in entries] == ["discard_notification", "retry_notification"]


def test_everything_that_was_given_up_is_sent_again_at_once(inside, database) -> None:
    for _ in range(2):
        dead(database)
    assert inside("notification", "retry").code == 2
    assert len(inside("notification", "retry", "--dead", "--json").json) == 2
    assert inside("notification", "retry", "--dead").out == "Nothing was given up.\n"


def test_receivers_are_listed_without_what_is_secret(inside, root) -> None:
    name(root, '[[notifications]]\nname = "chat"\nurl_env = "CHAT_URL"\nsecret_file = "s"\nkinds = ["drift"]')
    said = inside("notification", "receivers").out
    assert "url in $CHAT_URL" in said and "drift" in said and "yes" in said
    assert inside("notification", "receivers", "--json").json[0]["receiver"]["name"] == "chat"
