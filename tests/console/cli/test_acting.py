"""The commands that change something: confirmed, reasoned, refused by the rules, and in the ledger."""

from __future__ import annotations

import json
import sys

import pexpect
import pytest

from quarterdeck.core.values import Alias
from quarterdeck.store import ledger, registry, runs

ROLLBACK = ("model", "rollback", "flights", "--reason", "worse on Sundays")


def live(database) -> dict[Alias, int]:
    with database.read() as tx:
        return registry.aliases(tx, "flights", "production")


def last_act(database):
    with database.read() as tx:
        return ledger.entries(tx, limit=1)[0]


def test_without_a_terminal_an_act_needs_yes(quarterdeck, database) -> None:
    said = quarterdeck(*ROLLBACK)
    assert said.code == 2
    assert "--yes" in said.err
    assert live(database)[Alias.CHAMPION] == 2


def test_without_a_reason_nothing_is_promoted(quarterdeck, database) -> None:
    said = quarterdeck("model", "rollback", "flights", "--yes")
    assert said.code == 2
    assert "--reason" in said.err
    assert quarterdeck("model", "rollback", "flights", "--yes", "--reason", "  ").code == 2
    assert live(database)[Alias.CHAMPION] == 2


def test_rollback_makes_the_previous_champion_live_and_notes_it(quarterdeck, database) -> None:
    said = quarterdeck(*ROLLBACK, "--yes", "--json")
    assert said.code == 0
    assert said.json["version"]["number"] == 1
    assert live(database) == {Alias.CHAMPION: 1}
    entry = last_act(database)
    assert (entry.act, entry.reason) == ("rollback", "worse on Sundays")
    again = quarterdeck(*ROLLBACK, "--yes")
    assert again.code == 4
    assert "rolled back already" in again.err


def test_a_version_whose_gate_failed_is_promoted_only_by_force(quarterdeck, database) -> None:
    promote = ("model", "promote", "flights@3", "--reason", "we know better", "--yes")
    said = quarterdeck(*promote)
    assert said.code == 1
    assert "roc_auc_score at least 0.65" in said.err
    assert live(database)[Alias.CHAMPION] == 2
    assert quarterdeck(*promote, "--force").code == 0
    assert live(database) == {Alias.CHAMPION: 3, Alias.PREVIOUS: 2}
    assert last_act(database).evidence["forced"] is True


def test_promote_wants_to_know_which_version(quarterdeck) -> None:
    assert quarterdeck("model", "promote", "flights", "--reason", "r", "--yes").code == 2
    assert quarterdeck("model", "promote", "flights@9", "--reason", "r", "--yes").code == 3
    assert quarterdeck("model", "promote", "flights@2", "--reason", "r", "--yes").code == 1


def test_challenge_and_withdraw(quarterdeck, database) -> None:
    assert quarterdeck("model", "challenge", "flights@1").code == 1  # it is kept for the rollback
    assert quarterdeck("model", "promote", "flights@3", "--reason", "r", "--force", "--yes").code == 0
    assert quarterdeck("model", "challenge", "flights@1").code == 0
    assert live(database)[Alias.CHALLENGER] == 1
    assert quarterdeck("model", "withdraw", "flights").code == 0
    assert Alias.CHALLENGER not in live(database)
    assert quarterdeck("model", "withdraw", "flights").code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("model", "promote", "flights@1", "--reason", "r", "--yes"),
        (*ROLLBACK, "--yes"),
        ("model", "challenge", "flights@1"),
        ("model", "withdraw", "flights"),
        ("pipeline", "run", "flights"),
        ("pipeline", "run", "flights", "--detach"),
        ("run", "cancel", "4"),
        ("run", "resume", "4"),
        ("trigger", "fire", "flights/manual"),
        ("trigger", "pause", "flights/drift"),
        ("monitor", "ack", "1"),
        ("daemon", "start"),
        ("daemon", "stop"),
        ("daemon", "run"),
        ("serve",),
    ],
)
def test_a_read_only_console_changes_nothing(quarterdeck, database, arguments: tuple[str, ...]) -> None:
    before = last_act(database)
    said = quarterdeck("--read-only", *arguments)
    assert said.code == 5, said.err
    assert last_act(database) == before


def test_a_run_is_queued_for_the_daemon_and_cancelled(quarterdeck, database) -> None:
    said = quarterdeck("pipeline", "run", "flights", "--detach", "--reason", "new weather", "--json")
    assert said.code == 0
    assert (said.json["status"], said.json["cause"]["reason"]) == ("queued", "new weather")
    assert "quarterdeck daemon start" in said.err
    number = said.json["id"]
    assert quarterdeck("run", "cancel", str(number), "--json").json["status"] == "cancelled"
    assert quarterdeck("run", "cancel", str(number)).code == 4


def test_a_failed_run_goes_back_to_the_queue(quarterdeck, database) -> None:
    assert quarterdeck("run", "resume", "4", "--json").json["status"] == "queued"
    assert quarterdeck("run", "resume", "3").code == 4
    with database.read() as tx:
        assert runs.get(tx, 4).status == "queued"


def test_triggers_are_paused_resumed_and_fired_by_hand(quarterdeck) -> None:
    def paused() -> bool:
        return bool(quarterdeck("trigger", "list", "--json").json[0]["trigger"]["paused"])

    assert quarterdeck("trigger", "pause", "flights/drift", "--reason", "holiday").out == "flights/drift is paused\n"
    assert paused()
    assert quarterdeck("trigger", "resume", "flights/drift").code == 0
    assert not paused()
    run = quarterdeck("trigger", "fire", "flights/drift", "--json").json
    (firing,) = quarterdeck("trigger", "firings", "--json").json
    assert firing["firing"]["run_id"] == run["id"]
    assert quarterdeck("trigger", "fire", "flights").code == 2
    assert quarterdeck("trigger", "fire", "flights/nothing").code == 3


def test_an_alert_is_acknowledged_once(quarterdeck) -> None:
    assert quarterdeck("monitor", "ack", "1", "--json").json["state"] == "acknowledged"
    assert quarterdeck("monitor", "ack", "1").code == 4


def test_in_a_terminal_the_act_is_restated_and_enter_alone_confirms_nothing(root, database) -> None:
    child = _terminal(root, "model", "rollback", "flights")
    child.expect("Why")
    child.sendline("worse on Sundays")
    child.expect(r"roll back  flights@2 to flights@1 in production")
    child.expect(r"\[y/N\]")
    child.sendline("")
    child.expect("nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert live(database)[Alias.CHAMPION] == 2


def test_in_a_terminal_yes_confirms(root, database) -> None:
    child = _terminal(root, *ROLLBACK)
    child.expect(r"\[y/N\]")
    child.sendline("y")
    child.expect("is champion in production again")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert live(database)[Alias.CHAMPION] == 1


def test_what_changed_since_it_was_shown_is_refused(root, database, quarterdeck) -> None:
    child = _terminal(root, "model", "promote", "flights@1", "--reason", "back")
    child.expect(r"\[y/N\]")
    assert quarterdeck("model", "promote", "flights@3", "--reason", "meanwhile", "--force", "--yes").code == 0
    child.sendline("y")
    child.expect("look again")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4
    assert live(database)[Alias.CHAMPION] == 3


def test_ctrl_c_in_a_question_is_130_and_changes_nothing(root, database) -> None:
    child = _terminal(root, *ROLLBACK)
    child.expect(r"\[y/N\]")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert live(database)[Alias.CHAMPION] == 2


def _terminal(root, *arguments: str) -> pexpect.spawn:
    command = ["-m", "quarterdeck.console.main", "--workspace", str(root), *arguments]
    return pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=60, dimensions=(40, 160))


def test_init_makes_a_workspace_once(quarterdeck, tmp_path) -> None:
    made = json.loads(quarterdeck("init", str(tmp_path / "new"), "--no-data", "--json", cwd=tmp_path).out)
    assert "flights" in made["pipelines"]
    assert quarterdeck("init", str(tmp_path / "new"), "--no-data", cwd=tmp_path).code == 4


def test_a_version_whose_bytes_were_changed_is_neither_promoted_nor_rolled_back_to(quarterdeck, database, root) -> None:
    with database.read() as tx:
        sha256 = registry.get(tx, "flights", 1).artifact
    path = root / ".quarterdeck" / "artifacts" / sha256[:2] / sha256[2:]
    path.chmod(0o600)
    path.write_bytes(b"other bytes")
    said = quarterdeck(*ROLLBACK, "--yes")
    assert said.code == 6
    assert live(database)[Alias.CHAMPION] == 2
