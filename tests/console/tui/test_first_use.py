"""A new workspace, before anything has run: its pipelines are there, and one can be started."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.queries.answer import Reader
from quarterdeck.console.tui.screens.confirm import Confirm
from quarterdeck.console.tui.widgets.table import READING
from quarterdeck.core.rights import Role
from quarterdeck.core.settings import read_settings
from quarterdeck.core.values import RunStatus
from quarterdeck.store import rights, runs
from quarterdeck.store.workspace import create_workspace


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Console]:
    workspace = create_workspace(tmp_path / "new", data=False)
    with Console(workspace, read_settings(workspace.settings_file), actor="ops") as console:
        yield console


async def test_the_pipelines_of_a_new_workspace_are_shown_and_can_be_run(fresh: Console, opened: Any) -> None:
    async with opened(fresh) as deck:
        assert deck.app.models() == ["flights", "fuel"]
        await deck.open("2", "pipelines", "fuel")
        assert deck.app.view.table("pipelines").current.texts()["task"] == "regression"
        await deck.press("T")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        assert "No daemon runs" in str(deck.app.screen.plan.notes)
        await deck.pilot.click("#confirm")
        await deck.until(lambda: "a run of fuel is queued" in deck.bar("hints"), "the word about it")
    with fresh.database.read() as tx:
        (run,) = runs.page(tx)
        assert (run.pipeline, run.status) == ("fuel", RunStatus.QUEUED)
        grant = rights.grant_of(tx, "ops", "production")
    assert grant is not None and grant.role is Role.ADMIN  # the first who acted


async def test_before_the_first_answer_the_screens_say_that_they_read(
    fresh: Console, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    look = Reader.look

    def slow(self: Reader, *arguments: Any) -> Any:
        if arguments[0].__class__.__name__ == "AskRegistry":
            answered.wait(30)
        return look(self, *arguments)

    monkeypatch.setattr(Reader, "look", slow)
    async with opened(fresh) as deck:
        await deck.press("3")
        await deck.until(lambda: deck.app.view.NAME == "registry", "the registry")
        table = deck.app.view.table("versions")
        assert table.says == READING
        answered.set()
        await deck.until(lambda: table.says.startswith("no versions yet"), "the answer")


def test_a_manifest_that_changes_is_read_again_and_a_broken_one_left_out(fresh: Console) -> None:
    from quarterdeck.console.queries.questions import AskPipelines
    from quarterdeck.core.clock import utc_now

    reader = Reader(fresh)
    assert [row.name for row in reader.look(AskPipelines(), utc_now()).answer.pipelines] == ["flights", "fuel"]
    (fresh.workspace.pipelines_folder / "fuel" / "pipeline.toml").write_text("task = ")
    assert [row.name for row in reader.look(AskPipelines(), utc_now()).answer.pipelines] == ["flights"]
