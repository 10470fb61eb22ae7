"""What each role sees of the keys, and what the header says of the person."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.tui.screens.choose import Choose
from quarterdeck.console.tui.screens.reader import Reader
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.core.rights import Role
from quarterdeck.store import ledger

HERE = "production"


def _be(console: Console, person: str, role: Role | None) -> None:
    acts.acknowledge(console, 1)  # whoever acts first is admin
    if role is not None:
        acts.grant(console, person, role, environment=HERE, reason="for the test")
    console.actor = person


def _last(console: Console) -> Any:
    with console.database.read() as tx:
        return ledger.entries(tx, limit=1)[0]


async def test_the_header_names_the_person_and_the_role(console: Console, opened: Any) -> None:
    _be(console, "alice", Role.OPERATOR)
    console.actor = "alice as quarterdeck"
    async with opened(console) as deck:
        assert "alice operator" in deck.bar("header") and "quarterdeck operator" not in deck.bar("header")
        assert "READ-ONLY" not in deck.bar("header")
    async with opened(console, size=(140, 40)) as deck:
        assert "alice as quarterdeck operator" in deck.bar("header")


@pytest.mark.parametrize("role", [Role.VIEWER, None])
async def test_who_may_change_nothing_has_no_keys_that_do(console: Console, opened: Any, role: Role | None) -> None:
    _be(console, "eve", role)
    seen = _last(console)
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        header = deck.bar("header")
        assert "READ-ONLY" in header and (role or "no role") in header
        assert "promote" not in deck.bar("hints")
        for key in ("P", "B", "D", "A", "x", "T", "e", "u"):
            await deck.press(key)
            await deck.pilot.pause()
            assert len(deck.app.screen_stack) == 1, key
    assert _last(console) == seen


async def test_an_approver_promotes_and_demotes_and_runs_nothing(console: Console, opened: Any) -> None:
    _be(console, "ann", Role.APPROVER)
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("m")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the menu")
        offered = {row.id for row in deck.app.screen.query_one("#choices").all_rows}
    assert {"act('promote')", "act('rollback')", "act('demote')", "act('approve')", "undo"} <= offered
    assert not {"act('start')", "edit"} & offered


async def test_an_approver_who_would_force_is_told_who_could(console: Console, opened: Any) -> None:
    _be(console, "ann", Role.APPROVER)
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@3")
        assert "promote" not in deck.bar("hints")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Reader), "the refusal")
        said = deck.app.screen.query_one("#text", Lines).text()
    assert "promote past a gate" in said and "ops" in said
    assert (_last(console).act, _last(console).subject) == ("refused", "flights@3")
