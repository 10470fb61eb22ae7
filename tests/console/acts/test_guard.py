"""Every act asks for a right, and a refusal leaves a trace and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console import acts
from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.context import Console
from quarterdeck.core.clients import Rates
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError, UsageError
from quarterdeck.core.ledger import Entry
from quarterdeck.core.rights import EVERYWHERE, Right, Role, least_role
from quarterdeck.store import ledger, registry, rights

HERE = "production"
As = Callable[[str], Console]


@pytest.fixture
def as_(console: Console) -> As:
    """The same workspace as somebody else; `ops` is its admin, and others have the roles that they are named for."""
    with console.database.write() as tx:
        rights.ensure_first(tx, "ops", utc_now())
    for role in Role:
        if role is not Role.ADMIN:
            acts.grant(console, f"a-{role}", role, environment=HERE, reason="for the test")

    def become(person: str) -> Console:
        console.actor = person
        return console

    return become


def last(console: Console, act: str | None = None) -> Entry:
    with console.database.read() as tx:
        return ledger.entries(tx, act=act, limit=1)[0]


def names(console: Console) -> Any:
    with console.database.read() as tx:
        return registry.aliases(tx, "flights", HERE)


ACTS: list[tuple[str, Right, Callable[[Console], Any]]] = [
    ("promote", Right.PROMOTE, lambda c: acts.promote(c, "flights@4", reason="r")),
    ("force", Right.FORCE, lambda c: acts.promote(c, "flights@3", reason="r", force=True)),
    ("rollback", Right.DEMOTE, lambda c: acts.rollback(c, "flights", reason="r")),
    ("demote", Right.DEMOTE, lambda c: acts.demote(c, "flights", reason="r")),
    ("challenge", Right.OPERATE, lambda c: acts.challenge(c, "flights@4", reason="r")),
    ("withdraw", Right.DEMOTE, lambda c: acts.withdraw(c, "flights", reason="r")),
    ("retire", Right.OPERATE, lambda c: acts.retire(c, "flights@3", reason="r")),
    ("approve", Right.APPROVE, lambda c: acts.approve(c, "flights@4", reason="r")),
    ("unapprove", Right.APPROVE, lambda c: acts.unapprove(c, "flights@4", reason="r")),
    ("grant", Right.ADMINISTER, lambda c: acts.grant(c, "eve", Role.ADMIN, environment=HERE, reason="r")),
    ("revoke", Right.ADMINISTER, lambda c: acts.revoke(c, "a-viewer", environment=HERE, reason="r")),
    ("create_token", Right.ADMINISTER,
     lambda c: acts.create_token(c, "t", Role.ADMIN, environment=HERE, days=1, reason="r")),
    ("create_client", Right.ADMINISTER,
     lambda c: acts.create_token(c, "t", None, environment=HERE, days=1, reason="r", endpoints=["flights"])),
    ("rotate_token", Right.ADMINISTER, lambda c: acts.rotate_token(c, "t", days=1, reason="r")),
    ("revoke_token", Right.ADMINISTER, lambda c: acts.revoke_token(c, "t", reason="r")),
    ("run", Right.OPERATE, lambda c: acts.request_run(c, "flights")),
    ("cancel_run", Right.OPERATE, lambda c: acts.cancel_run(c, 5)),
    ("pause_trigger", Right.OPERATE, lambda c: acts.set_trigger_paused(c, "flights", "drift", paused=True)),
    ("fire_trigger", Right.OPERATE, lambda c: acts.fire_trigger(c, "flights", "drift")),
    ("acknowledge", Right.OPERATE, lambda c: acts.acknowledge(c, 1)),
    ("resolve_alert", Right.OPERATE, lambda c: acts.resolve_alert(c, 1)),
    ("silence", Right.OPERATE, lambda c: acts.silence_alert(c, 1, lasting=None)),
    ("silence_cause", Right.OPERATE, lambda c: acts.silence_cause(c, "flights/drift", lasting=timedelta(hours=1))),
    ("end_silence", Right.OPERATE, lambda c: acts.end_silence(c, 1)),
    ("unsilence", Right.OPERATE, lambda c: acts.unsilence_alert(c, 1)),
    ("retry_notification", Right.OPERATE, lambda c: acts.retry_notification(c, 1)),
    ("retry_dead", Right.OPERATE, lambda c: acts.retry_dead(c)),
    ("discard_notification", Right.OPERATE, lambda c: acts.discard_notification(c, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "act"), ACTS, ids=[name for name, _, _ in ACTS])
def test_whoever_lacks_the_right_is_refused_with_who_has_it_and_it_is_in_the_ledger(
    as_: As, name: str, right: Right, act: Callable[[Console], Any]
) -> None:
    before = names(as_("ops"))
    roles = list(Role)
    below = roles[: roles.index(least_role(right))][-1]
    console = as_(f"a-{below}")
    with pytest.raises(NotAllowedError) as caught:
        act(console)
    assert f'"{right}"' in caught.value.message and f"is {below}" in caught.value.message
    assert "ops" in (caught.value.hint or "")
    assert names(console) == before
    entry = last(console)
    assert (entry.act, entry.actor) == ("refused", f"a-{below}")
    assert entry.evidence["right"] == right and "ops" in entry.evidence["hint"]


def test_a_stranger_may_nothing(as_: As) -> None:
    with pytest.raises(NotAllowedError, match="eve has no role in production"):
        acts.rollback(as_("eve"), "flights", reason="r")


def test_a_person_through_another_account_has_the_persons_rights(as_: As) -> None:
    acts.rollback(as_("a-approver as quarterdeck"), "flights", reason="r")
    assert last(as_("ops")).actor == "a-approver as quarterdeck"
    with pytest.raises(NotAllowedError):
        acts.rollback(as_("eve as ops"), "flights", reason="r")


def test_the_check_before_a_question_refuses_as_the_act_does_and_changes_nothing(as_: As) -> None:
    with pytest.raises(NotAllowedError):
        check_right(as_("a-viewer"), Right.PROMOTE, act="promote", subject="flights@4")
    assert last(as_("ops")).evidence["wanted"] == "promote"
    check_right(as_("a-approver"), Right.PROMOTE, act="promote", subject="flights@4")
    assert last(as_("ops")).act == "refused"


def test_looking_at_a_new_workspace_makes_nobody_admin_and_the_first_act_does(console: Console) -> None:
    check_right(console, Right.ADMINISTER, act="grant", subject="x")
    with console.database.read() as tx:
        assert rights.is_new(tx)
    acts.acknowledge(console, 1)
    assert last(console, "grant").subject == "ops"


def test_an_admin_of_one_environment_gives_no_role_in_another(as_: As) -> None:
    acts.grant(as_("ops"), "bob", Role.ADMIN, environment=HERE, reason="r")
    acts.grant(as_("bob"), "eve", Role.VIEWER, environment=HERE, reason="r")
    for place in (EVERYWHERE, "staging"):
        with pytest.raises(NotAllowedError):
            acts.grant(as_("bob"), "eve", Role.VIEWER, environment=place, reason="r")
        with pytest.raises(NotAllowedError):
            acts.create_token(as_("bob"), "t", Role.VIEWER, environment=place, days=1, reason="r")


def test_nobody_gets_more_rights_by_rotating_a_greater_token(as_: As) -> None:
    acts.create_token(as_("ops"), "deep", Role.ADMIN, environment=EVERYWHERE, days=1, reason="r")
    acts.grant(as_("ops"), "bob", Role.ADMIN, environment=HERE, reason="r")
    with pytest.raises(NotAllowedError, match="in every environment"):
        acts.rotate_token(as_("bob"), "deep", days=1, reason="r")
    with pytest.raises(NotAllowedError):
        acts.revoke_token(as_("bob"), "deep", reason="r")


def test_a_client_of_an_environment_is_rotated_and_revoked_by_that_environments_admins(as_: As) -> None:
    acts.create_token(as_("ops"), "tower", None, environment="staging", days=1, reason="r", endpoints=["*"])
    acts.grant(as_("ops"), "bob", Role.ADMIN, environment=HERE, reason="r")
    with pytest.raises(NotAllowedError, match="in staging"):
        acts.rotate_token(as_("bob"), "tower", days=1, reason="r")
    with pytest.raises(NotAllowedError, match="in staging"):
        acts.revoke_token(as_("bob"), "tower", reason="r")
    acts.revoke_token(as_("ops"), "tower", reason="r")


def test_a_token_without_a_role_may_change_nothing(as_: As, filled: Path, seed: Any) -> None:
    _, secret = acts.create_token(as_("ops"), "tower", None, environment=HERE, days=1, reason="r", endpoints=["*"])
    with seed.open_console(filled) as program:
        program.act_as(secret)
        with pytest.raises(NotAllowedError, match="token:tower has no role"):
            acts.rollback(program, "flights", reason="r")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "for nothing"),
        ({"endpoints": ["flihgts"]}, "no endpoint 'flihgts'"),
        ({"endpoints": ["flights", "tides"]}, "no endpoint 'tides'"),
        ({"rates": Rates(rows=1)}, "for nothing"),
    ],
)
def test_a_client_for_nothing_or_for_a_misspelt_endpoint_is_refused(as_: As, more: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        acts.create_token(as_("ops"), "t", None, environment=HERE, days=1, reason="r", **more)
    with pytest.raises(UsageError, match="there are none"):
        acts.create_token(as_("ops"), "t", Role.VIEWER, environment=HERE, days=1, reason="r", rates=Rates(rows=1))


def test_a_grace_has_an_end(as_: As) -> None:
    acts.create_token(as_("ops"), "t", Role.VIEWER, environment=HERE, days=1, reason="r")
    with pytest.raises(UsageError, match="31 days more"):
        acts.rotate_token(as_("ops"), "t", days=1, reason="r", grace=timedelta(days=31))


@pytest.mark.parametrize("person", ["", "a b", "x" * 65, "\x1b[2J", "eve as ops"])
def test_what_is_no_name_gets_no_role(as_: As, person: str) -> None:
    with pytest.raises(UsageError):
        acts.grant(as_("ops"), person, Role.VIEWER, environment=HERE, reason="r")


def test_gates_bind_only_an_approver(as_: As) -> None:
    with pytest.raises(UsageError):
        acts.grant(as_("ops"), "bob", Role.OPERATOR, environment=HERE, reason="r", gates=("log_loss",))


def test_over_ssh_the_address_is_kept_as_information(as_: As) -> None:
    console = as_("ops")
    console.client = "192.0.2.7"
    acts.rollback(console, "flights", reason="r")
    assert last(console).evidence["client"] == "192.0.2.7"


def test_a_token_acts_under_its_name_and_stops_the_moment_it_is_revoked(as_: As, filled: Path, seed: Any) -> None:
    _, secret = acts.create_token(as_("ops"), "ci", Role.OPERATOR, environment=HERE, days=1, reason="r")
    with seed.open_console(filled) as program:
        program.act_as(secret)
        assert program.actor == program.person == "token:ci"
        acts.rollback(program, "flights", reason="it is night")
        assert last(program).actor == "token:ci"
        with pytest.raises(NotAllowedError, match="approvals are by people"):
            acts.approve(program, "flights@4", reason="r")
        acts.revoke_token(as_("ops"), "ci", reason="r")
        with pytest.raises(NotAllowedError, match="revoked"):
            acts.rollback(program, "flights", reason="r")
    assert last(as_("ops")).act == "refused"


def test_a_wrong_token_is_refused_and_never_taken_for_the_person(as_: As, filled: Path, seed: Any) -> None:
    as_("ops")
    with seed.open_console(filled) as program:
        with pytest.raises(NotAllowedError, match="not known"):
            program.act_as("guessed")
        assert program.token is None
    entry = last(as_("ops"))
    assert (entry.act, entry.subject) == ("refused", "token")
    assert "guessed" not in repr(entry)
