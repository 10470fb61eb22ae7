"""The command line behind `:`: what can be typed, how it is read, and how it is completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.core.errors import UsageError
from quarterdeck.core.values import RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandKind:
    """A command: what follows it ("model", "run", "status" ...; "" for nothing), and what it does."""

    name: str
    argument: str
    says: str
    optional: bool = True

    @property
    def usage(self) -> str:
        if not self.argument:
            return f":{self.name}"
        word = self.argument.upper()
        return f":{self.name} [{word}]" if self.optional else f":{self.name} {word}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command as typed."""

    name: str
    argument: str = ""


COMMANDS: tuple[CommandKind, ...] = (
    CommandKind(name="overview", argument="", says="every model on one line"),
    CommandKind(name="pipelines", argument="model", says="a pipeline with its runs and triggers"),
    CommandKind(name="runs", argument="status", says="runs, or only the failed ..."),
    CommandKind(name="run", argument="number", says="one run and its steps", optional=False),
    CommandKind(name="registry", argument="model", says="versions, of all models or of one"),
    CommandKind(
        name="model",
        argument="reference",
        says="a model's versions, or one: flights@champion",
        optional=False,
    ),
    CommandKind(name="live", argument="model", says="traffic, windows, drift, alerts"),
    CommandKind(name="alerts", argument="", says="the alerts of every model"),
    CommandKind(name="duel", argument="model", says="champion and challenger"),
    CommandKind(name="review", argument="model", says="predictions that wait for a person"),
    CommandKind(name="schedule", argument="", says="triggers, rollouts and the processes"),
    CommandKind(name="audit", argument="model", says="the ledger, of everything or of one model"),
    CommandKind(name="filter", argument="text", says="as / does; nothing behind it clears the filter"),
    CommandKind(name="sort", argument="column", says="sort by a column; the same again reverses", optional=False),
    CommandKind(name="promote", argument="reference", says="make a version the champion", optional=False),
    CommandKind(name="rollback", argument="model", says="make the previous version the champion", optional=False),
    CommandKind(name="train", argument="model", says="start a run of the pipeline", optional=False),
    CommandKind(name="export", argument="format", says="the table as csv or json, or the screen as svg"),
    CommandKind(name="refresh", argument="", says="look at the store now"),
    CommandKind(name="keys", argument="", says="every key"),
    CommandKind(name="help", argument="", says="every key"),
    CommandKind(name="q", argument="", says="leave"),
    CommandKind(name="quit", argument="", says="leave"),
)
_BY_NAME = {kind.name: kind for kind in COMMANDS}
FORMATS = ("csv", "json", "svg")


def parse_command(text: str) -> Command:
    """Read a command line with or without its colon. Raises UsageError, which names the nearest, on anything
    else.
    """
    name, _, argument = text.strip().removeprefix(":").strip().partition(" ")
    argument = argument.strip()
    kind = _BY_NAME.get(name)
    if kind is None:
        near = [item.name for item in COMMANDS if item.name.startswith(name)] if name else []
        if len(near) != 1:
            hint = f"did you mean :{near[0]}?" if near else "type : and tab to see the commands"
            raise UsageError(f"there is no command {name!r}", hint=hint)
        kind = _BY_NAME[near[0]]
    if argument and not kind.argument:
        raise UsageError(f":{kind.name} takes nothing behind it")
    if not argument and kind.argument and not kind.optional:
        raise UsageError(f"{kind.usage} needs its {kind.argument}")
    return Command(name=kind.name, argument=argument)


def complete(text: str, *, models: Sequence[str], columns: Sequence[str] = ()) -> list[str]:
    """Every way to go on with the last word, as whole lines, in order."""
    text = text.removeprefix(":").lstrip()
    name, space, argument = text.partition(" ")
    if not space:
        return [kind.name for kind in COMMANDS if kind.name.startswith(name)]
    kind = _BY_NAME.get(name)
    if kind is None:
        return []
    return [f"{name} {word}" for word in _words(kind.argument, models, columns) if word.startswith(argument.lstrip())]


def _words(argument: str, models: Sequence[str], columns: Sequence[str]) -> list[str]:
    match argument:
        case "model":
            return list(models)
        case "reference":
            aliases = [f"{model}@{alias}" for model in models for alias in ("champion", "challenger", "previous")]
            return [*models, *aliases]
        case "status":
            return [status.value for status in RunStatus]
        case "column":
            return list(columns)
        case "format":
            return list(FORMATS)
        case _:
            return []
