"""The rest of `quarterdeck model`: demote, undo, retire, compare, live-at."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.core.values import Alias
from quarterdeck.store import ledger, registry

DEMOTE = ("model", "demote", "flights", "--reason", "wrong for Newark", "--yes")


def live(database: Any) -> dict[Alias, int]:
    with database.read() as tx:
        return registry.aliases(tx, "flights", "production")


def test_a_demoted_champion_is_rejected_and_the_previous_one_answers(quarterdeck: Any, database: Any) -> None:
    said = quarterdeck(*DEMOTE, "--json")
    assert said.code == 0
    assert said.json["version"]["number"] == 1
    assert live(database) == {Alias.CHAMPION: 1}
    assert quarterdeck("model", "show", "flights@2", "--json").json["version"]["state"] == "rejected"
    again = quarterdeck(*DEMOTE)
    assert again.code == 0 and "flights has no champion" in again.out
    assert quarterdeck(*DEMOTE).code == 3


@pytest.mark.slow
def test_an_act_is_taken_back_by_its_number_in_the_ledger(quarterdeck: Any, database: Any) -> None:
    assert quarterdeck(*DEMOTE).code == 0
    event = quarterdeck("model", "history", "flights", "--json").json[0]["seq"]
    undo = ("model", "undo", str(event), "--reason", "it was the data", "--yes")
    said = quarterdeck(*undo, "--json")
    assert said.code == 0, said.err
    assert (said.json["undone"]["act"], said.json["entry"]["act"]) == ("demote", "undo")
    assert live(database) == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert quarterdeck(*undo).code == 4
    assert quarterdeck("model", "undo", "1", "--reason", "r", "--yes").code == 1
    assert quarterdeck("model", "undo", "999", "--reason", "r", "--yes").code == 3
    assert quarterdeck("model", "undo", str(event), "--yes").code == 2
    assert quarterdeck("audit", "verify").code == 0


def test_a_retired_version_is_never_served_again(quarterdeck: Any, database: Any) -> None:
    assert quarterdeck("model", "retire", "flights@2", "--reason", "r", "--yes").code == 1  # it is champion
    said = quarterdeck("model", "retire", "flights@3", "--reason", "it failed", "--yes", "--json")
    assert said.json["version"]["state"] == "retired"
    assert quarterdeck("model", "promote", "flights@3", "--reason", "r", "--force", "--yes").code == 1
    with database.read() as tx:
        assert ledger.entries(tx, limit=1)[0].act == "retire"


def test_two_versions_stand_side_by_side(quarterdeck: Any) -> None:
    found = quarterdeck("model", "compare", "flights@champion", "flights@3", "--json").json
    assert (found["a"], found["b"]) == ("flights@2", "flights@3")
    (metric,) = found["metrics"]
    assert (metric["direction"], metric["better"]) == ("higher", 3)
    assert found["gates"] == [{"gate": "roc_auc_score at least 0.65", "a": "pass", "b": "fail"}]
    assert found["signature"] == [] and found["facts"]["rows"] == {"a": 1000, "b": 1000}
    text = quarterdeck("model", "compare", "flights@2", "flights@3").out
    assert "FLIGHTS@2" in text and "The signatures are the same." in text
    assert quarterdeck("model", "compare", "flights@2", "flights@2").code == 2
    assert quarterdeck("model", "compare", "flights@2", "flights").code == 2


def test_live_at_of_one_model_is_that_of_the_ledger(quarterdeck: Any) -> None:
    time = "2026-03-01T13:30"
    assert quarterdeck("model", "live-at", time, "--json").json == quarterdeck("audit", "live-at", time, "--json").json
    (item,) = quarterdeck("model", "live-at", time, "flights", "--json").json["live"]
    assert item["champion"] == 1
    assert "at 2026-03-01 13:30 UTC" in quarterdeck("model", "live-at", time, "flights").out
    assert (
        "No flights was live at 2026-02-01 00:00 UTC." in quarterdeck("model", "live-at", "2026-02-01", "flights").out
    )


def test_live_at_knows_its_models_and_not_the_future(quarterdeck: Any) -> None:
    unknown = quarterdeck("model", "live-at", "2026-03-01", "flight")
    assert unknown.code == 3 and "did you mean `flights`" in unknown.err
    future = quarterdeck("model", "live-at", "2999-01-01", "flights")
    assert future.code == 2 and "2999-01-01 00:00 UTC has not come yet" in future.err
    assert quarterdeck("audit", "live-at", "0001-01-01T00:00+14:00").code == 2


def test_a_version_that_there_is_not_leads_to_one_that_there_is(quarterdeck: Any, database: Any) -> None:
    assert "did you mean `flights`?" in quarterdeck("model", "show", "flight@1").err
    assert "did you mean `flights`?" in quarterdeck("model", "show", "flight").err
    assert "quarterdeck model versions flights" in quarterdeck("model", "show", "flights@9").err
    assert "its newest version is flights@3" in quarterdeck("model", "show", "flights@challenger").err
    unknown = quarterdeck("rollout", "list", "--model", "flight")
    assert unknown.code == 3 and "did you mean `flights`?" in unknown.err
