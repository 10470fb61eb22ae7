"""The command line behind `:`."""

from __future__ import annotations

import pytest

from quarterdeck.console.tui.commands import COMMANDS, Command, complete, parse_command
from quarterdeck.core.errors import UsageError

MODELS = ["flights", "fuel"]


def test_a_command_is_read_with_and_without_its_colon() -> None:
    assert parse_command(":model flights@champion") == Command(name="model", argument="flights@champion")
    assert parse_command("  runs   failed ") == Command(name="runs", argument="failed")
    assert parse_command("q") == Command(name="q")


def test_a_beginning_that_is_clear_is_enough() -> None:
    assert parse_command("over").name == "overview"


@pytest.mark.parametrize("text", ["", "nosuch", "r", "model", "q now", "promote"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_command(text)


def test_tab_completes_names_models_aliases_and_states() -> None:
    assert complete("ru", models=MODELS) == ["runs", "run"]
    assert complete("live f", models=MODELS) == ["live flights", "live fuel"]
    assert "model fuel@champion" in complete("model fuel@c", models=MODELS)
    assert complete("runs fa", models=MODELS) == ["runs failed"]
    assert complete("sort v", models=MODELS, columns=["value", "age"]) == ["sort value"]
    assert complete("nosuch x", models=MODELS) == []


def test_every_command_can_be_read() -> None:
    for kind in COMMANDS:
        assert parse_command(f"{kind.name} x" if kind.argument else kind.name).name == kind.name
