"""Every key of the console, once. The bindings, the help, the hints and `quarterdeck keys` are made from
this table.

Capital letters change what is in production. Every key has an id by which it can be given another key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from textual.binding import Binding


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key, or several that do the same, separated by commas as Textual names them."""

    id: str
    keys: str
    shown: str  # as people write it
    action: str
    says: str
    group: str
    changes: bool = False  # hidden in a read-only console
    short: str = ""  # for the line of hints
    view: str = ""  # where alone it works, there in place of another key's action; "" everywhere


def _key(
    id: str,
    keys: str,
    shown: str,
    action: str,
    says: str,
    group: str,
    short: str = "",
    changes: bool = False,
    view: str = "",
) -> Key:
    return Key(
        id=id, keys=keys, shown=shown, action=action, says=says, group=group, changes=changes, short=short, view=view
    )


GO, FIND, LOOK, ACT, MOVE = "Go", "Find", "Look", "Act", "Move"

# Work anywhere in the console.
KEYS: tuple[Key, ...] = (
    _key("go.overview", "1", "1", "go('overview')", "Overview: every model on one line", GO),
    _key("go.pipelines", "2", "2", "go('pipelines')", "Pipelines: runs, steps, triggers", GO),
    _key("go.registry", "3", "3", "go('registry')", "Registry: versions, gates, lineage", GO),
    _key("go.live", "4", "4", "go('live')", "Live: traffic, windows, drift, alerts", GO),
    _key("go.duel", "5", "5", "go('duel')", "Duel: champion and challenger", GO),
    _key("go.review", "6", "6", "go('review')", "Review: predictions that wait for a person", GO),
    _key("go.schedule", "7", "7", "go('schedule')", "Schedule: triggers, rollouts, processes", GO),
    _key("go.audit", "8", "8", "go('audit')", "Audit: the ledger, and what was live when", GO),
    _key("go.back", "left_square_bracket", "[", "back", "back to where you were", GO),
    _key("go.forward", "right_square_bracket", "]", "forward", "forward again", GO),
    _key("go.last", "minus", "-", "last", "to the last screen and back", GO),
    _key("go.out", "escape", "esc", "out", "out of a zoom, a filter, a level", GO, "out"),
    _key("find.filter", "slash", "/", "filter", "filter: word, key:value, key:>1, !not", FIND, "filter"),
    _key("find.command", "colon", ":", "command", "a command, with completion by tab", FIND, "command"),
    _key("find.palette", "ctrl+p", "ctrl+p", "command_palette", "the palette of commands", FIND),
    _key("find.sort", "s", "s", "sort", "sort by a column; the same again reverses", FIND, "sort"),
    _key("find.help", "question_mark", "?", "help", "this help; type to filter it", FIND, "help"),
    _key("look.describe", "d", "d", "describe", "describe the selected row", LOOK, "describe"),
    _key("look.raw", "y", "y", "raw", "the whole record as JSON", LOOK, "raw"),
    _key("look.card", "i", "i", "card", "the model card: all that is known of a version, in plain words", LOOK, "card"),
    _key("look.why", "o", "o", "why", "the origin of a run or version: what led to it, what came of it", LOOK, "why"),
    _key("look.logs", "l", "l", "logs", "the log of the run, as it grows", LOOK, "logs"),
    _key("look.zoom", "z", "z", "zoom", "zoom the pane in or out", LOOK, "zoom"),
    _key("look.refresh", "r", "r", "refresh_now", "look at the store now", LOOK),
    _key("look.copy", "c", "c", "copy", "copy the selected name", LOOK),
    _key("look.export", "E", "E", "export", "export the table (CSV, JSON) or the screen (SVG)", LOOK, "export"),
    _key("look.compare", "C", "C", "compare", "compare champion and challenger: the duel", LOOK, "compare"),
    _key("look.menu", "m", "m", "menu", "every action here", LOOK, "menu"),
    _key("model.promote", "P", "P", "act('promote')", "promote the version to champion", ACT, "promote", True),
    _key(
        "model.rollback",
        "B",
        "B",
        "act('rollback')",
        "roll back to the previous champion",
        ACT,
        "rollback",
        True,
    ),
    _key("model.demote", "D", "D", "act('demote')", "demote the champion for cause", ACT, "demote", True),
    _key("model.approve", "A", "A", "act('approve')", "approve the version, or take it back", ACT, "approve", True),
    _key(
        "model.keep",
        "x",
        "x",
        "act('keep')",
        "keep the champion: withdraw the challenger",
        ACT,
        "keep champion",
        True,
    ),
    _key(
        "run.start",
        "T",
        "T",
        "act('start')",
        "train now: start a run, or fire the trigger",
        ACT,
        "run now",
        True,
    ),
    _key("run.cancel", "K", "K", "act('cancel')", "cancel the run, or end the rollout", ACT, "cancel", True),
    _key("trigger.pause", "p", "p", "act('pause')", "pause or resume the trigger or rollout", ACT, "pause", True),
    _key("alert.acknowledge", "a", "a", "act('acknowledge')", "acknowledge the alert", ACT, "acknowledge", True),
    _key("alert.silence", "S", "S", "act('silence')", "silence the alert, or end its silence", ACT, "silence", True),
    _key("alert.resolve", "R", "R", "act('resolve')", "resolve the alert: its cause has gone", ACT, "resolve", True),
    _key("pipeline.edit", "e", "e", "edit", "edit pipeline.toml in $EDITOR", ACT, "edit", True),
    _key("change.undo", "u", "u", "undo", "undo the last change here, as a new confirmed event", ACT, "undo", True),
    _key("review.accept", "a", "a", "review('accept')", "Review: the model was right", ACT, "right", True, "review"),
    _key("review.correct", "x", "x", "review('correct')", "Review: say what is right", ACT, "wrong", True, "review"),
    _key(
        "review.skip",
        "n",
        "n",
        "review('skip')",
        "Review: not now, to the end of the queue",
        ACT,
        "later",
        True,
        "review",
    ),
    _key(
        "review.undo", "u", "u", "review('undo')", "Review: take your last decision back", ACT, "undo", True, "review"
    ),
    _key("quit", "ctrl+q", "ctrl+q", "quit", "leave (or :q)", GO),
)

# Work in a table or a text.
MOVES: tuple[Key, ...] = (
    _key("move.down", "j,down", "j down", "down", "down", MOVE),
    _key("move.up", "k,up", "k up", "up", "up", MOVE),
    _key("move.first", "g,home", "g", "first", "to the first row", MOVE),
    _key("move.last", "G,end", "G", "final", "to the last row", MOVE),
    _key("move.page_down", "pagedown,ctrl+f", "pgdn", "page_down", "a page down", MOVE),
    _key("move.page_up", "pageup,ctrl+b", "pgup", "page_up", "a page up", MOVE),
    _key("move.enter", "enter", "enter", "open", "into the selected row", MOVE, "open"),
    _key("move.wide", "w", "w", "wide", "the columns that did not fit, and back", MOVE, "wide"),
    _key(
        "mark.row",
        "space",
        "space",
        "mark",
        "mark the row, or take the mark back: what follows acts on all of them",
        MOVE,
    ),
    _key("mark.range", "v", "v", "mark_range", "mark from here to where you go next; again: end it", MOVE),
    _key("mark.all", "asterisk", "*", "mark_all", "mark all that the filter shows", MOVE),
    _key("move.pane", "tab", "tab", "app.focus_next", "to the next pane (shift+tab: back)", MOVE, "pane"),
)

BY_ID = {key.id: key for key in (*KEYS, *MOVES)}


_SIGNS = {
    "left_square_bracket": "[", "right_square_bracket": "]", "slash": "/", "colon": ":", "minus": "-", "escape": "esc",
    "question_mark": "?", "asterisk": "*", "pagedown": "pgdn", "pageup": "pgup",
}  # fmt: skip


def remapped(keys: Sequence[Key], other: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys with a person's own in their places, as they are then written."""
    return tuple(
        replace(key, keys=other[key.id], shown=written(other[key.id])) if key.id in other else key for key in keys
    )


def written(keys: str) -> str:
    """As people write keys: "[" for left_square_bracket."""
    return " ".join(_SIGNS.get(part, part) for part in keys.split(","))


def works(key: Key, view: str, keys: Sequence[Key] = KEYS) -> bool:
    """Whether a key means its own action in a view: another one of `keys` may have it there."""
    if key.view:
        return key.view == view
    return not any(other.view == view and other.keys == key.keys for other in keys)


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """As Textual wants them; the line of hints is ours, so none is shown by itself."""
    return [Binding(key.keys, key.action, key.says, show=False, id=key.id) for key in keys]
