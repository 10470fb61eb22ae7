"""The lines around a view: header, tabs and hints, as spans."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.console.queries.values import NO_ROLE, Status
from quarterdeck.console.tui.keymap import Key
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, line, span, width_of
from quarterdeck.core.rights import person_of

LEAST = (80, 24)  # columns and rows that everything is made for
WIDE = 120  # columns from which on the account stands beside the person
TABS = (
    ("1", "overview", "Overview"),
    ("2", "pipelines", "Pipelines"),
    ("3", "registry", "Registry"),
    ("4", "live", "Live"),
    ("5", "duel", "Duel"),
    ("6", "review", "Review"),
    ("7", "schedule", "Schedule"),
    ("8", "audit", "Audit"),
)
_SHORT = {"schedule": "Sched."}  # in a narrow window


def too_small(width: int, height: int) -> Line | None:
    """What stands at the right of the header in a window that cuts things off."""
    if width >= LEAST[0] and height >= LEAST[1]:
        return None
    return line(span(f"{width}x{height}: wants {LEAST[0]}x{LEAST[1]} ", "warn"))


def header_left(environment: str, actor: str, role: str, read_only: bool, width: int) -> Line:
    """Where, who and as what. In a narrow window the badge takes the program's place, and the account is left out."""
    wide = width >= WIDE
    who = actor if wide else person_of(actor)
    return line(
        span(" quarterdeck  " if wide or not read_only else " ", "strong"),
        span(environment, "accent" if environment == "production" else "info"),
        span("  READ-ONLY", "warn") if read_only else span(""),
        span(f"  {who}", "dim"),
        span(f" {role}", "bad" if role == NO_ROLE else "info") if role else span(""),
    )


def header_right(status: Status, loaded: bool, stale: bool, trouble: bool, symbols: Symbols) -> Line:
    parts: list[Span] = []
    if loaded:
        for name, word, tone in (
            ("daemon", status.daemon, status.daemon_tone),
            ("server", status.server, status.server_tone),
        ):
            parts += [span(f"{name} ", "dim"), span(word, tone), span("  ")]
    if stale:
        parts.append(span(f"{symbols.glyph('alert')} STALE ", "bad"))
    elif trouble:
        parts.append(span("data late ", "warn"))
    else:
        parts.append(span("data live " if loaded else "opening the store ", "dim"))
    return line(*parts)


def tab_line(current: str, status: Status, width: int, symbols: Symbols) -> Line:
    """The screens; beside Live the open alerts."""
    return tuple(part for tab in _tabs(current, status, width, symbols) for part in tab)


def tab_actions(current: str, status: Status, width: int, symbols: Symbols) -> tuple[tuple[int, int, str], ...]:
    """Where the mouse finds each tab."""
    actions, start = [], 0
    for (_, name, _), tab in zip(TABS, _tabs(current, status, width, symbols), strict=True):
        end = start + width_of(tab)
        actions.append((start, end, f"go('{name}')"))
        start = end
    return tuple(actions)


def _tabs(current: str, status: Status, width: int, symbols: Symbols) -> list[Line]:
    wide = width >= WIDE
    pad = " " if wide else ""
    found = []
    for number, name, title in TABS:
        chosen = name == current
        shown = title if wide else _SHORT.get(name, title)
        mark = _mark(name, status, symbols)
        found.append(
            line(
                span(f"{pad}{number} ", "accent" if chosen else "dim"),
                span(shown, "head" if chosen else ""),
                span(mark, "bad"),
                span(f"{pad} "),
            )
        )
    return found


def _mark(name: str, status: Status, symbols: Symbols) -> str:
    """What waits for a person behind a tab."""
    if name == "live" and status.open_alerts:
        return f"{symbols.glyph('alert')}{few(status.open_alerts)}"
    if name == "review" and status.reviews:
        return f"({few(status.reviews)})"
    return ""


def few(number: int) -> str:
    """At most two characters: there is no room for more."""
    return str(number) if number < 100 else "9+"


def tab_right(status: Status, filtered: str, width: int, symbols: Symbols) -> Line:
    """The filter of the table in use, and in a wide window the open alerts in words."""
    parts: list[Span] = []
    if filtered and width >= WIDE:
        parts.append(span(f"/{filtered[:16]}  ", "accent"))
    if status.open_alerts and width >= WIDE:
        word = "alert" if status.open_alerts == 1 else "alerts"
        parts.append(span(f"{symbols.glyph('alert')} {status.open_alerts} open {word} ", "bad"))
    return line(*parts)


def hint_line(keys: Sequence[Key], width: int, *, filtered: str = "", marked: int = 0) -> Line:
    """As many as fit, the most useful first; help is always there. In a narrow window the filter stands before them."""
    help_ = (span("?", "accent"), span(" help", "dim"))
    parts: list[Span] = [span(" ")]
    if marked:
        parts.append(span(f"{marked} marked  ", "accent"))
    if filtered and width < WIDE:
        parts += [span(f"/{filtered[:16]}", "accent"), span("  esc", "accent"), span(" clears it  ", "dim")]
    for key in keys:
        if key.id == "find.help":
            continue
        more = (span(key.shown, "accent"), span(f" {key.short}  ", "dim"))
        if width_of((*parts, *more, *help_)) > width:
            break
        parts += more
    return line(*parts, *help_)
