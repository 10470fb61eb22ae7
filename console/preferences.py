"""A person's own console.toml: colours, keys, and commands of their own. Every key is optional and checked.

    theme = "dark"                     # dark | light | terminal (the terminal's own colours)
    ascii = false                      # draw with ASCII characters only

    [keys]                             # by the ids that `quarterdeck keys` prints
    "model.rollback" = "f8"

    [[commands]]                       # in the menu (m), in the palette, and behind a key if it has one
    name = "on-call"
    says = "page whoever is on call"
    run = ["page", "--about", "{model}@{version}"]
    key = "f6"

It lies where the system keeps what is one person's: it changes nothing for anybody else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from quarterdeck.core.toml_lines import read_toml
from quarterdeck.core.toml_table import Problems, Table, expected_names, shown

FILE_NAME = "console.toml"
VARIABLE = "QUARTERDECK_CONSOLE"  # names another file

# What a command's words may hold in braces: facts of the selected row, and of where the console stands.
PLACES = ("model", "version", "reference", "run", "alert", "trigger", "workspace", "environment")

_COMMAND_KEYS = ("name", "says", "run", "key", "confirm", "terminal", "changes")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEY = re.compile(r"(?:(?:ctrl|shift|alt)\+)*(?:[A-Za-z0-9]|[a-z][a-z0-9_]+)")
_PLACE = re.compile(r"\{([^{}]*)\}")


class Look(StrEnum):
    """The colours."""

    DARK = "dark"
    LIGHT = "light"
    TERMINAL = "terminal"  # sixteen, as the terminal has them


@dataclass(frozen=True, kw_only=True, slots=True)
class UserCommand:
    """A program of the person's own. `run` is its words, run as they are: no shell reads them.

    `confirm` asks first, `terminal` hands the terminal over instead of showing what it printed, and `changes` keeps
    it out of a read-only console.
    """

    name: str
    says: str
    run: tuple[str, ...]
    key: str | None = None
    confirm: bool = True
    terminal: bool = False
    changes: bool = True

    @property
    def places(self) -> tuple[str, ...]:
        """What the selected row must have."""
        return tuple(dict.fromkeys(place for word in self.run for place in _PLACE.findall(word)))

    def words(self, facts: Mapping[str, str]) -> list[str]:
        """The words with the facts in their places. KeyError for a fact that there is not."""
        return [_PLACE.sub(lambda found: facts[found[1]], word) for word in self.run]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """What a person has set; `keys` are other keys by the id of what they do."""

    look: Look = Look.DARK
    ascii: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[UserCommand, ...] = ()


def preferences_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where it lies; it need not be there."""
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "quarterdeck" / FILE_NAME


def read_preferences(path: Path, known: Mapping[str, str]) -> Preferences:
    """The file's preferences, or none without it. `known` are the keys that there are, by id, as bindings name them.

    ManifestError with all that is wrong in it, line by line.
    """
    if not path.is_file():
        return Preferences()
    document = read_toml(path)
    problems = Problems(document)
    root = Table(problems, (), document.data)
    root.only(("theme", "ascii", "keys", "commands"))
    look, plain = _look(root), root.flag("ascii", False)
    keys = _keys(root.table("keys"), known)
    commands = _commands(root.tables("commands"))
    _collisions(root, known, keys, commands)
    problems.refuse()
    return Preferences(look=look, ascii=plain, keys=keys, commands=commands)


def _look(root: Table) -> Look:
    found = root.values.get("theme", Look.DARK.value)
    if found not in list(Look):
        root.wrong("theme", f"is {shown(found)}; {expected_names(found, [look.value for look in Look])}")
        return Look.DARK
    return Look(found)


def _keys(table: Table, known: Mapping[str, str]) -> dict[str, str]:
    table.only(known)
    found = {name: table.text(name, "", expected=_A_KEY, check=_is_key) for name in table.values if name in known}
    return {name: key for name, key in found.items() if key}


_A_KEY = 'a key such as "f6", "ctrl+b", "slash", or several: "j,down"'


def _is_key(text: str) -> bool:
    return all(_KEY.fullmatch(part) for part in text.split(","))


def _commands(tables: Iterable[Table]) -> tuple[UserCommand, ...]:
    found: list[UserCommand] = []
    for table in tables:
        table.only(_COMMAND_KEYS)
        table.require("name", "run")
        name = table.text(
            "name", "", expected="small letters, digits, - and _", check=lambda text: bool(_NAME.fullmatch(text))
        )
        if name and name in {command.name for command in found}:
            table.wrong("name", f'is "{name}", which another command has')
        run = _words(table)
        found.append(
            UserCommand(
                name=name,
                says=table.text("says", name),
                run=run,
                key=table.text("key", None, expected=_A_KEY, check=_is_key),
                confirm=table.flag("confirm", True),
                terminal=table.flag("terminal", False),
                changes=table.flag("changes", True),
            )
        )  # fmt: skip
    return tuple(found)


def _words(table: Table) -> tuple[str, ...]:
    found = table.values.get("run")
    if found is None:
        return ()
    if not isinstance(found, list) or not found or not all(isinstance(word, str) and word for word in found):
        table.wrong("run", f'is {shown(found)}; expected the program and its words, such as ["git", "log"]')
        return ()
    for place in (place for word in found for place in _PLACE.findall(word)):
        if place not in PLACES:
            table.wrong("run", f"has {{{place}}}; {expected_names(place, PLACES)}")
    return tuple(found)


def _collisions(
    root: Table, known: Mapping[str, str], keys: Mapping[str, str], commands: tuple[UserCommand, ...]
) -> None:
    """Two things behind one key: nobody would know which of them happens."""
    owners: dict[str, str] = {}
    wanted = {**known, **keys, **{f"command {item.name}": item.key for item in commands if item.key}}
    for name, text in wanted.items():
        for key in text.split(","):
            if key in owners and (name in keys or name.startswith("command ") or owners[key] in keys):
                root.wrong("keys", f'{name} and {owners[key]} are both behind "{key}"; give one of them another key')
            owners.setdefault(key, name)
