"""A person's console.toml: read whole, or refused with every mistake at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.console.preferences import Look, Preferences, preferences_file, read_preferences
from quarterdeck.core.errors import ManifestError

KNOWN = {"model.promote": "P", "model.rollback": "B", "move.down": "j,down", "find.filter": "slash"}


def _read(folder: Path, text: str) -> Preferences:
    path = folder / "console.toml"
    path.write_text(text)
    return read_preferences(path, KNOWN)


def _mistakes(folder: Path, text: str) -> str:
    with pytest.raises(ManifestError) as refused:
        _read(folder, text)
    return str(refused.value)


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    assert read_preferences(tmp_path / "console.toml", KNOWN) == Preferences()


def test_everything_that_can_be_set_is_read(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        """
theme = "light"
ascii = true
[keys]
"model.rollback" = "ctrl+b"
"move.down" = "n,down"
[[commands]]
name = "blame"
says = "who changed the pipeline"
run = ["git", "log", "--oneline", "pipelines/{model}"]
key = "f6"
confirm = false
changes = false
""",
    )
    assert (found.look, found.ascii) == (Look.LIGHT, True)
    assert found.keys == {"model.rollback": "ctrl+b", "move.down": "n,down"}
    command = found.commands[0]
    assert (command.name, command.key, command.confirm, command.changes) == ("blame", "f6", False, False)
    assert command.places == ("model",)
    assert command.words({"model": "a b; rm -rf /"})[-1] == "pipelines/a b; rm -rf /"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('theme = "drak"', "did you mean `dark`"),
        ("colour = 1", "colour"),
        ('[keys]\n"model.promot" = "x"', "model.promote"),
        ('[keys]\n"model.promote" = "/"', "expected a key such as"),
        ('[keys]\n"model.promote" = "B"', 'both behind "B"'),
        ('[[commands]]\nname = "x"\nrun = ["x"]\nkey = "P"', 'both behind "P"'),
        ('[[commands]]\nname = "x"\nrun = "ls -l"', "expected the program and its words"),
        ('[[commands]]\nname = "x"\nrun = ["x", "{modell}"]', "model"),
        ('[[commands]]\nname = "x"', "run"),
        ('[[commands]]\nname = "x"\nrun = ["x"]\n[[commands]]\nname = "x"\nrun = ["y"]', "another command has"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    assert says in _mistakes(tmp_path, text)


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    told = _mistakes(tmp_path, 'theme = "drak"\nascii = 1\n')
    assert "console.toml:1" in told
    assert "console.toml:2" in told


def test_two_keys_that_change_places_do_not_collide(tmp_path: Path) -> None:
    found = _read(tmp_path, '[keys]\n"model.promote" = "B"\n"model.rollback" = "P"\n')
    assert found.keys == {"model.promote": "B", "model.rollback": "P"}


def test_it_lies_where_the_system_keeps_what_is_one_persons() -> None:
    assert preferences_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/quarterdeck/console.toml")
    assert preferences_file({}) == Path("~/.config/quarterdeck/console.toml").expanduser()
    assert preferences_file({"QUARTERDECK_CONSOLE": "/y.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y.toml")
