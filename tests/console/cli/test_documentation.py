"""docs/commands.md names every command, says what its help says, and its examples are accepted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console.cli.app import COMMANDS, load
from quarterdeck.console.cli.noun import first_sentence

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
ROW = re.compile(r"\| `quarterdeck ([a-z -]+)` \| (.+) \| `quarterdeck (.+)` \|")


def every_command() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        found = load(name)
        nested = getattr(found, "commands", None)
        if nested is None:
            yield name, found
        else:
            yield from ((f"{name} {inner}", command) for inner, command in nested.items())


ALL = dict(every_command())
DOCUMENTED = {name: (says, example) for name, says, example in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def test_every_command_is_documented_and_nothing_else() -> None:
    assert sorted(DOCUMENTED) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_page_says_what_the_help_says(name: str) -> None:
    assert DOCUMENTED[name][0] == first_sentence(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_the_example_is_accepted(name: str) -> None:
    words = shlex.split(DOCUMENTED[name][1])
    depth = len(name.split())
    assert words[:depth] == name.split()
    ALL[name].make_context(name, words[depth:])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_help_page_says_what_the_noun_says_of_itself(name: str) -> None:
    assert first_sentence(load(name)).startswith(COMMANDS[name].rstrip("."))
