"""Entries of the ledger as events."""

from __future__ import annotations

import pytest

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.queries import timeline
from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.rights import Role


def test_roles_and_refusals_are_told(console: Console) -> None:
    acts.grant(console, "bob", Role.VIEWER, environment="production", reason="new here")
    acts.revoke(console, "bob", environment="production", reason="left")
    console.actor = "eve"
    with pytest.raises(NotAllowedError):
        acts.rollback(console, "flights", reason="r")
    with console.database.read() as tx:
        events = timeline.latest(tx, "production", 100)
    told = {event.kind: event for event in events if event.subject == "bob" or event.kind == "refused"}
    assert told["grant"].text == "role none -> viewer by ops: new here"
    assert told["revoke"].text == "role viewer -> none by ops: left"
    assert (told["refused"].subject, told["refused"].tone) == ("flights", "bad")
    assert told["refused"].text.startswith("by eve: eve has no role in production")
