"""People, tokens and approvals on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console.actor import current_actor
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import EVERYWHERE, Role, person_of
from quarterdeck.store import rights, tokens

ME = person_of(current_actor())
PROMOTE = ("model", "promote", "flights@1", "--reason", "r", "--yes")


@pytest.fixture
def others(database: Any) -> None:
    """bob is admin everywhere, and this person has no role."""
    with database.write() as tx:
        rights.grant(tx, "bob", EVERYWHERE, Role.ADMIN, Audit(actor="bob", environment=None, at=utc_now()))


def be(database: Any, role: Role, gates: tuple[str, ...] | None = None) -> None:
    with database.write() as tx:
        audit = Audit(actor="bob", environment="production", at=utc_now())
        rights.grant(tx, ME, "production", role, audit, gates=gates)


def with_token(root: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK")}
    return subprocess.run(
        [sys.executable, "-m", "quarterdeck.console.main", *arguments],
        env=kept | variables, cwd=root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_whoami_says_who_and_what_they_may(quarterdeck: Any, database: Any, others: None) -> None:
    found = quarterdeck("user", "whoami", "--json").json
    assert (found["person"], found["role"], found["may"]) == (ME, None, [])
    be(database, Role.APPROVER, ("roc_auc_score",))
    found = quarterdeck("user", "whoami", "--json").json
    assert (found["role"], found["gates"]) == ("approver", ["roc_auc_score"])
    assert "approve versions" in found["may"] and "promote past a gate" not in found["may"]


def test_the_first_person_is_admin_and_gives_roles(quarterdeck: Any) -> None:
    assert quarterdeck("user", "whoami", "--json").json["new_workspace"]
    said = quarterdeck("user", "grant", "bob", "approver", "--gate", "roc_auc_score", "--reason", "owns delays")
    assert said.out == "bob is approver in production, where roc_auc_score pass\n"
    found = {(row["person"], row["environment"]): row["role"] for row in quarterdeck("user", "list", "--json").json}
    assert found == {(ME, "*"): "admin", ("bob", "production"): "approver"}
    assert quarterdeck("user", "revoke", "bob").code == 0
    assert quarterdeck("user", "revoke", "bob").code == 3
    assert quarterdeck("user", "revoke", ME, "-e", "*").code == 1


@pytest.mark.slow
def test_a_gate_that_nobody_asks_binds_no_role_and_a_strange_environment_is_noted(quarterdeck: Any) -> None:
    said = quarterdeck("user", "grant", "bob", "approver", "--gate", "roc_auc_scor")
    assert said.code == 3 and "did you mean `roc_auc_score`" in said.err
    assert quarterdeck("user", "grant", "bob", "approver", "--gate", "roc_auc_score min").err == ""
    said = quarterdeck("user", "grant", "bob", "viewer", "-e", "prodcution")
    assert said.code == 0 and "nothing has been done in 'prodcution' yet" in said.err
    assert quarterdeck("user", "grant", "ann", "viewer", "-e", "prodcution").err == ""  # somebody has a role there
    assert quarterdeck("user", "grant", "bob", "viewer", "-e", "*").err == ""


def test_a_refusal_is_said_at_once_with_exit_5_and_listed(quarterdeck: Any, others: None) -> None:
    said = quarterdeck("model", "promote", "flights@1")  # before a reason or a yes is asked for
    assert said.code == 5
    assert 'may not "promote where the gates are green"' in said.err and "bob" in said.err
    (entry,) = quarterdeck("audit", "list", "--act", "refused", "--json").json
    assert (entry["actor"], entry["subject"], entry["evidence"]["wanted"]) == (current_actor(), "flights@1", "promote")
    table = quarterdeck("audit", "list", "--act", "refused").out
    assert "WANTED" in table and "promote" in table and "WHO MAY" in table and "bob" in table


@pytest.mark.parametrize(
    "arguments",
    [
        ("model", "rollback", "flights"),
        ("model", "demote", "flights"),
        ("model", "withdraw", "flights"),
        ("model", "challenge", "flights@1"),
        ("model", "retire", "flights@3"),
        ("model", "undo", "5"),
        ("model", "approve", "flights@1", "--reason", "r"),
        ("user", "grant", "eve", "admin"),
        ("token", "create", "t", "--role", "admin"),
        ("pipeline", "run", "flights", "--detach"),
        ("daemon", "start"),
        ("daemon", "stop"),
    ],
)
def test_a_viewer_changes_nothing(quarterdeck: Any, database: Any, others: None, arguments: tuple[str, ...]) -> None:
    be(database, Role.VIEWER)
    assert quarterdeck(*arguments).code == 5
    assert quarterdeck("audit", "list", "--json").json[0]["act"] == "refused"


def test_reading_asks_for_no_role(quarterdeck: Any, others: None) -> None:
    for arguments in (("model", "list"), ("audit", "list"), ("model", "approvals", "flights"), ("user", "list")):
        assert quarterdeck(*arguments).code == 0


def ask_for_one(root: Path) -> None:
    path = root / "pipelines" / "flights" / "pipeline.toml"
    text = path.read_text()
    path.write_text(text.replace("[rollout]\n", "[rollout]\napprovals = 1\n"))
    assert "approvals = 1" in path.read_text()


def test_a_promotion_waits_for_an_approval(quarterdeck: Any, root: Path) -> None:
    ask_for_one(root)
    said = quarterdeck(*PROMOTE)
    assert said.code == 5
    assert "1 more approval" in said.err and f"who may approve: {ME}" in said.err
    assert quarterdeck("model", "approvals", "flights@1", "--json").json["missing"] == 1
    assert quarterdeck("model", "approve", "flights@1").code == 2  # why?
    found = quarterdeck("model", "approve", "flights@1", "--reason", "looked at it", "--json").json
    assert (found["missing"], found["approvals"][0]["person"]) == (0, ME)
    assert quarterdeck("model", "approve", "flights@1", "--reason", "again").code == 4
    assert quarterdeck("model", "unapprove", "flights@1", "--reason", "hm").code == 0
    assert quarterdeck(*PROMOTE).code == 5
    assert quarterdeck("model", "approve", "flights@1", "--reason", "yes").code == 0
    assert quarterdeck(*PROMOTE).code == 0


def test_a_token_acts_through_the_variable_and_the_file(quarterdeck: Any, root: Path, tmp_path: Path) -> None:
    made = quarterdeck("token", "create", "ci", "--role", "operator", "--days", "3", "--json").json
    secret = made["secret"]
    days = datetime.fromisoformat(made["token"]["expires_at"]) - datetime.fromisoformat(made["token"]["created_at"])
    assert days == timedelta(days=3)
    said = with_token(root, {"QUARTERDECK_TOKEN": secret}, "model", "rollback", "flights", "-m", "r", "-y")
    assert said.returncode == 0, said.stderr
    assert quarterdeck("audit", "list", "--json").json[0]["actor"] == "token:ci"
    path = tmp_path / "token"
    path.write_text(secret)
    path.chmod(0o644)
    refused = with_token(root, {"QUARTERDECK_TOKEN_FILE": str(path)}, "user", "whoami")
    assert refused.returncode == 5 and "chmod 600" in refused.stderr
    path.chmod(0o600)
    whoami = with_token(root, {"QUARTERDECK_TOKEN_FILE": str(path)}, "user", "whoami")
    assert whoami.returncode == 0 and "token:ci" in whoami.stdout
    (row,) = quarterdeck("token", "list", "--json").json
    assert (row["state"], row["roles"]) == ("valid", [{"environment": "production", "role": "operator"}])
    assert secret not in quarterdeck("token", "list", "--json").out + quarterdeck("audit", "list", "--json").out


@pytest.mark.slow
def test_a_token_that_counts_no_more_is_refused_for_every_command(quarterdeck: Any, root: Path, database: Any) -> None:
    old = quarterdeck("token", "create", "ci", "--role", "viewer", "--json").json["secret"]
    new = quarterdeck("token", "rotate", "ci", "--json").json["secret"]
    assert with_token(root, {"QUARTERDECK_TOKEN": old}, "model", "list").returncode == 5
    assert with_token(root, {"QUARTERDECK_TOKEN": new}, "model", "list").returncode == 0
    with database.write() as tx:
        expired = tokens.create(
            tx, "old", Audit(actor="bob", environment=None, at=utc_now()), expires_at=utc_now() - timedelta(seconds=1)
        )
    assert quarterdeck("token", "revoke", "ci").code == 0
    for secret, why in ((new, "revoked"), (expired, "expired"), ("guessed", "not known"), ("", "empty")):
        said = with_token(root, {"QUARTERDECK_TOKEN": secret}, "model", "list")
        assert said.returncode == 5 and why in said.stderr
    (last, *_) = quarterdeck("audit", "list", "--act", "refused", "--json").json
    assert last["subject"] == "token" and last["actor"] == current_actor()
    assert quarterdeck("token", "list", "--json").json[0]["roles"] == []


def test_a_clients_token_is_made_shown_and_rotated_with_a_grace(quarterdeck: Any) -> None:
    words = ("--endpoint", "flights", "--requests-per-second", "5", "--rows-per-second", "1000")
    said = quarterdeck("token", "create", "tower", *words, "--days", "7")
    assert said.code == 0, said.err
    assert "token:tower may ask flights in production, 5 requests/s, 1,000 rows/s until" in said.out
    assert "Authorization: Bearer" in said.out
    (row,) = quarterdeck("token", "list", "--json").json
    assert (row["endpoints"], row["environment"]) == (["flights"], "production")
    assert (row["rates"], row["roles"], row["old_until"]) == ({"requests": 5, "rows": 1000}, [], None)
    assert "flights in production, 5 requests/s" in quarterdeck("token", "list").out
    rotated = quarterdeck("token", "rotate", "tower", "--grace", "2h", "--json").json["token"]
    before = datetime.fromisoformat(rotated["old_until"]) - utc_now()
    assert timedelta(hours=1, minutes=55) < before < timedelta(hours=2)
    assert (rotated["endpoints"], rotated["rates"]["rows"]) == (["flights"], 1000)
    entry = quarterdeck("audit", "list", "--act", "create_token", "--json").json[0]
    assert entry["after"]["endpoints"] == ["flights"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "t"), 2, "--role, --endpoint"),
        (("create", "t", "--endpoint", "flihgts"), 2, "flihgts"),
        (("create", "t", "--endpoint", "flights", "--rows-per-second", "0"), 2, "rows-per-second"),
        (("create", "t", "--role", "viewer", "--rows-per-second", "5"), 2, "--endpoint"),
        (("rotate", "t", "--grace", "soon"), 2, "a duration such as"),
        (("rotate", "t", "--grace", "1h"), 3, "no token 't'"),
    ],
)
def test_a_clients_token_that_cannot_be_is_refused_with_why(
    quarterdeck: Any, words: tuple[str, ...], code: int, says: str
) -> None:
    said = quarterdeck("token", *words)
    assert said.code == code
    assert says in said.err
