"""Alerts on the command line: seen, silenced, resolved; who did it and why is in the ledger."""

from __future__ import annotations

import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.values import Severity
from quarterdeck.store import alerts


def test_an_alert_tells_who_did_what_and_why(inside) -> None:
    assert inside("monitor", "ack", "1", "--reason", "I look at it").code == 0
    assert inside("monitor", "silence", "1", "--for", "4h", "--reason", "the feed is late").code == 0
    found = inside("monitor", "alert", "1", "--json").json
    assert found["alert"]["state"] == "silenced" and found["alert"]["silenced_until"] is not None
    assert [(entry["act"], entry["reason"]) for entry in found["history"]] == [
        ("silence", "the feed is late"),
        ("acknowledge", "I look at it"),
    ]
    assert [told["event"] for told in found["told"]] == ["alert.opened", "alert.acknowledged"]
    said = inside("monitor", "alert", "1").out
    assert "flights/drift/hour" in said and "the feed is late" in said
    assert inside("audit", "list", "--act", "silence", "--json").json[0]["subject"] == "alert 1"
    assert inside("audit", "verify").code == 0


def test_silenced_alerts_are_not_counted_and_are_open_again_afterwards(inside) -> None:
    said = inside("monitor", "silence", "flights/drift", "--for", "2d", "--reason", "works")
    assert said.code == 0 and "silence 1: flights/drift until 20" in said.out and "1 alert silenced now" in said.out
    assert inside("monitor", "show", "--json").json[0]["open_alerts"] == 0
    (silence,) = inside("monitor", "silences", "--json").json
    assert (silence["model"], silence["kind"], silence["reason"]) == ("flights", "drift", "works")
    assert inside("monitor", "alerts", "--state", "silenced", "--json").json[0]["id"] == 1
    assert "has ended" in inside("monitor", "unsilence", "1").out
    assert inside("monitor", "show", "--json").json[0]["open_alerts"] == 1
    assert inside("monitor", "silences", "--json").json == []
    assert "ended" in inside("monitor", "silences", "--all").out
    assert inside("monitor", "unsilence", "1").code == 4


def test_a_cause_is_silenced_before_it_is_there(inside, database) -> None:
    assert inside("monitor", "silence", "flights/*", "--for", "1h").code == 0
    with database.write() as tx:
        cause = {"model": "flights", "kind": "errors", "subject": "answers"}
        alerts.raise_alert(tx, **cause, message="m", evidence={}, now=utc_now(), severity=Severity.CRITICAL)
    found = {item["kind"]: item for item in inside("monitor", "alerts", "--json").json}
    assert (found["errors"]["state"], found["errors"]["severity"]) == ("silenced", "critical")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["silence", "flights/drift"], 2, "a cause is silenced for a time"),
        (["silence", "flights", "--for", "1h"], 2, "names no cause of alerts"),
        (["silence", "flihgts/drift", "--for", "1h"], 3, "did you mean `flights`?"),
        (["silence", "1", "--for", "soon"], 2, "is not a duration"),
        (["silence", "1", "--for", "0s"], 2, "longer than nothing"),
        (["silence", "99", "--for", "1h"], 3, "there is no alert 99"),
        (["ack", "99"], 3, "there is no alert 99"),
        (["resolve", "99"], 3, "there is no alert 99"),
        (["unsilence", "99"], 3, "there is no silence 99"),
        (["rules", "nothing"], 3, "nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(inside, arguments: list[str], code: int, says: str) -> None:
    said = inside("monitor", *arguments)
    assert said.code == code and says in said.err


def test_an_alert_is_resolved_by_hand_once(inside) -> None:
    assert inside("monitor", "resolve", "1", "--reason", "it was the feed", "--json").json["state"] == "resolved"
    assert inside("monitor", "resolve", "1").code == 4
    assert inside("monitor", "silence", "1").code == 4
    assert inside("monitor", "alerts").out == "No alerts.\n"


def test_the_rules_that_hold_are_listed_with_where_they_are_set(inside, root) -> None:
    path = root / "pipelines" / "flights" / "pipeline.toml"
    own = '\n[[alerts]]\non = "errors"\nrate = 0.02\n[[alerts]]\non = "silence"\noff = true\n'
    path.write_text(path.read_text() + own)
    listed = inside("monitor", "rules", "flights", "--json").json
    found = {(item["model"], item["rule"]["on"]): item for item in listed}
    assert found["flights", "errors"]["rule"]["threshold"] == 0.02
    assert found["flights", "silence"]["state"] == "off"
    assert found["flights", "drift"]["state"] == "by its trigger"
    assert found["(workspace)", "daemon"]["state"] == "on"
    said = inside("monitor", "rules", "flights").out
    assert "rate >= 0.02, critical >= 0.25, for 5m" in said and "pipeline.toml:" in said
