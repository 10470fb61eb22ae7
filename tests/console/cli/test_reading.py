"""What the reading commands print: keys that stay, and text that is never taken for markup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from quarterdeck.core.values import TriggerKind
from quarterdeck.store import triggers


def test_model_list_says_what_bears_which_name(quarterdeck) -> None:
    (model,) = quarterdeck("model", "list", "--json").json
    assert model["model"] == "flights"
    assert (model["champion"], model["previous"], model["challenger"]) == (2, 1, None)
    assert model["versions"] == 3
    assert model["latest"]["state"] == "rejected"
    assert model["latest"]["created"] == "2026-03-01T15:00:00.000000Z"


def test_a_table_without_a_terminal_is_plain_lines(quarterdeck) -> None:
    said = quarterdeck("model", "list")
    head, row = said.out.splitlines()
    assert head.split()[:3] == ["MODEL", "CHAMPION", "CHALLENGER"]
    assert row.split()[:3] == ["flights", "2", "-"]
    assert "\x1b" not in said.out


def test_model_versions_come_newest_first_and_in_pages(quarterdeck) -> None:
    assert [v["number"] for v in quarterdeck("model", "versions", "flights", "--json").json] == [3, 2, 1]
    (second,) = quarterdeck("model", "versions", "flights", "-n", "1", "--offset", "1", "--json").json
    assert (second["number"], second["aliases"], second["gates"]) == (
        2,
        ["champion"],
        {"passed": 1, "asked": 1},
    )
    assert quarterdeck("model", "versions", "flights", "--state", "rejected", "--json").json[0]["number"] == 3


@pytest.mark.parametrize(("reference", "number"), [("flights", 2), ("flights@previous", 1), ("flights@3", 3)])
def test_model_show_resolves_names(quarterdeck, reference: str, number: int) -> None:
    assert quarterdeck("model", "show", reference, "--json").json["version"]["number"] == number


def test_model_show_prints_gates_and_fields(quarterdeck) -> None:
    out = quarterdeck("model", "show", "flights@3").out
    assert "FAIL" in out
    assert "roc_auc_score at least 0.65" in out
    assert "hour" in out


def test_a_model_that_is_not_there_is_exit_3_with_the_nearest_name(quarterdeck) -> None:
    said = quarterdeck("model", "versions", "flihgts")
    assert said.code == 3
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "flights" in said.err


def test_model_history_is_the_ledger_of_one_model(quarterdeck) -> None:
    acts = [entry["act"] for entry in quarterdeck("model", "history", "flights", "--json").json]
    assert acts == ["promote", "promote", "register", "register", "register"]
    assert [e["act"] for e in quarterdeck("model", "history", "flights@3", "--json").json] == ["register"]


def test_model_verify_hashes_every_artifact(quarterdeck, root) -> None:
    said = quarterdeck("model", "verify", "--json")
    assert said.code == 0
    assert [row["ok"] for row in said.json] == [True, True, True]
    damaged = next(
        path
        for path in (root / ".quarterdeck/artifacts").rglob("*")
        if path.is_file() and path.read_bytes() == b"model 2"
    )
    damaged.write_bytes(b"model X")
    said = quarterdeck("model", "verify", "flights@2")
    assert said.code == 6
    assert "FAIL" in said.out
    assert "flights@2" in said.err


def test_run_list_filters_and_keeps_its_keys(quarterdeck) -> None:
    assert [run["id"] for run in quarterdeck("run", "list", "--json").json] == [4, 3, 2, 1]
    (failed,) = quarterdeck("run", "list", "--status", "failed", "--json").json
    assert set(failed) == {
        "id", "pipeline", "status", "requested_by", "requested_at", "cause", "attempt", "worker_pid",
        "worker_started", "worker_place", "worker_seen", "started_at", "finished_at", "cancel_requested", "progress",
        "message", "error", "provenance", "version",
    }  # fmt: skip


def test_text_in_the_data_is_not_markup(quarterdeck) -> None:
    assert "[bold]no[/bold]" in quarterdeck("run", "show", "4").out


def test_run_show_has_steps_and_metrics(quarterdeck) -> None:
    found = quarterdeck("run", "show", "3", "--json").json
    assert [step["status"] for step in found["steps"]] == ["succeeded", "succeeded"]
    assert found["metrics"] == {"roc_auc_score": 0.73}


def test_run_logs_prints_the_end_of_the_runs_own_log(quarterdeck, root) -> None:
    assert quarterdeck("run", "logs", "4").out == "run 4 has logged nothing yet\n"
    (root / ".quarterdeck/logs/run-4.log").write_text("one\n\x1b[31mtwo\nthree\n")
    assert quarterdeck("run", "logs", "4", "--tail", "2").out == "\\x1b[31mtwo\nthree\n"
    assert quarterdeck("run", "logs", "4", "--follow").out.splitlines()[0] == "one"
    assert quarterdeck("run", "logs", "99").code == 3


def test_monitor_shows_windows_drift_and_alerts(quarterdeck) -> None:
    assert quarterdeck("monitor", "show", "--json").json[0]["open_alerts"] == 1
    assert quarterdeck("monitor", "windows", "flights", "--json").json[0]["rows"] == 90
    assert quarterdeck("monitor", "drift", "flights", "--json").json["drift"][0]["feature"] == "hour"
    assert "DRIFTED" in quarterdeck("monitor", "drift", "flights").out
    assert quarterdeck("monitor", "alerts", "--json").json[0]["message"] == "hour drifted"


def test_service_and_daemon_say_that_nothing_runs(quarterdeck) -> None:
    assert quarterdeck("service", "list", "--json").json == []
    assert quarterdeck("service", "show", "server").code == 3
    said = quarterdeck("daemon", "status", "--json")
    assert (said.code, said.json) == (7, None)
    assert quarterdeck("daemon", "stop", "--json").json == {"stopped": False}


def test_trigger_list_and_next(quarterdeck) -> None:
    names = [item["trigger"]["name"] for item in quarterdeck("trigger", "list", "--json").json]
    assert names == ["drift", "manual"]
    assert quarterdeck("trigger", "next", "--json").json == []


def test_pipeline_list_show_and_check_read_the_manifests(quarterdeck, root) -> None:
    listed = {item["name"]: item for item in quarterdeck("pipeline", "list", "--json").json}
    assert listed["flights"]["last_run"] == {"id": 4, "status": "failed"}
    assert quarterdeck("pipeline", "show", "flights", "--json").json["task"] == "binary"
    assert quarterdeck("pipeline", "check").code == 0
    manifest = root / "pipelines/flights/pipeline.toml"
    manifest.write_text(manifest.read_text().replace("target", "tarhget"))
    said = quarterdeck("pipeline", "check", "flights", "--json")
    assert said.code == 1
    assert "tarhget" in said.json[0]["problem"]
    assert "tarhget" in quarterdeck("pipeline", "list").out
    assert quarterdeck("pipeline", "show", "flights").code == 1
    assert quarterdeck("pipeline", "show", "flight").code == 3


def test_a_trigger_is_shown_with_its_brakes_and_its_place(quarterdeck) -> None:
    said = quarterdeck("trigger", "show", "flights/drift")
    assert said.code == 0
    assert "drift: 1 features over PSI" in said.out and "fired today" in said.out
    shown = quarterdeck("trigger", "show", "flights/drift", "--json").json
    assert (shown["trigger"]["name"], shown["fired_today"], shown["spent"]) == ("drift", 0, 0.0)
    assert quarterdeck("trigger", "show", "flights/none").code == 3
    assert quarterdeck("trigger", "show", "flights").code == 2


def test_the_next_times_of_every_schedule_are_shown_in_order(quarterdeck, database) -> None:
    with database.write() as tx:
        specs = [(name, TriggerKind.SCHEDULE, {"every": seconds}) for name, seconds in (("a", 3600.0), ("b", 7200.0))]
        triggers.sync(tx, "flights", specs)
        at = datetime(2126, 1, 1, tzinfo=UTC)
        triggers.set_next_fires(tx, {item.id: at for item in triggers.every(tx)})
    found = quarterdeck("trigger", "next", "--count", "3", "--all", "--json").json
    assert [(item["at"][11:13], item["name"]) for item in found] == [
        ("00", "a"), ("00", "b"), ("01", "a"), ("02", "a"), ("02", "b"), ("04", "b"),
    ]  # fmt: skip
    assert len(quarterdeck("trigger", "next", "flights/b", "--count", "4", "--json").json) == 4


def test_why_shows_the_chain_of_a_run_and_of_a_version(quarterdeck) -> None:
    said = quarterdeck("why", "flights@2")
    assert said.code == 0
    assert "ann asked for it: try 2" in said.out
    assert "version flights@2: registered, 1 of 1 gates passed; it is champion now <- asked" in said.out
    assert "promote by ann in production, champion is 2: promote 2" in said.out
    tree = quarterdeck("why", "4", "--json").json
    assert (tree["kind"], tree["led_to"][0]["kind"], tree["led_to"][0]["asked"]) == ("asked", "run", True)
    assert "failed: step model: ValueError" in tree["led_to"][0]["text"]
    assert quarterdeck("why", "99").code == 3
    assert quarterdeck("why", "flights@99").code == 3
    assert quarterdeck("why", "flights@x").code == 2
