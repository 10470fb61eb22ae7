"""The lines around a view: header, tabs and hints, as spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quarterdeck.console import formats
from quarterdeck.console.queries.values import NO_ROLE, Status
from quarterdeck.console.tui.keymap import Key
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, line, span, width_of
from quarterdeck.core.rights import person_of

ROOMY = 100  # columns from which on the tabs stand apart and alerts are written out
WIDE = 120  # columns from which on the account stands beside the person
TABS = (
    ("1", "overview", "Overview"),
    ("2", "pipelines", "Pipelines"),
    ("3", "registry", "Registry"),
    ("4", "live", "Live"),
    ("5", "duel", "Duel"),
    ("6", "review", "Review"),
)


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


def tab_line(current: str, counts: Mapping[str, int], width: int) -> Line:
    """The views by number; `counts` says how much waits in some."""
    gap = _gap(width)
    parts: list[Span] = [] if gap else [span(" ")]
    for number, name, title in _tabs(counts):
        chosen = name == current
        parts += [
            span(gap),
            span(f"{gap}{number} ", "accent" if chosen else "dim"),
            span(f"{title} ", "head" if chosen else ""),
        ]
    return line(*parts)


def tab_actions(counts: Mapping[str, int], width: int) -> tuple[tuple[int, int, str], ...]:
    """Where the mouse finds each tab."""
    gap = len(_gap(width))
    actions, start = [], 0 if gap else 1
    for _, name, title in _tabs(counts):
        end = start + len(title) + 3 + 2 * gap
        actions.append((start, end, f"go('{name}')"))
        start = end
    return tuple(actions)


def _tabs(counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    return [
        (number, name, f"{title}({formats.count(counts[name])})" if counts.get(name) else title)
        for number, name, title in TABS
    ]


def _gap(width: int) -> str:
    """Around each tab, where there is room for it."""
    return " " if width >= ROOMY else ""


def tab_right(status: Status, filtered: str, symbols: Symbols, width: int) -> Line:
    """The filter of the table in use, and the open alerts."""
    parts: list[Span] = []
    if filtered:
        parts.append(span(f"/{filtered[:16]}  ", "accent"))
    if status.open_alerts:
        word = "open" if width < ROOMY else "open alert" if status.open_alerts == 1 else "open alerts"
        parts.append(span(f"{symbols.glyph('alert')} {status.open_alerts} {word} ", "bad"))
    return line(*parts)


def hint_line(keys: Sequence[Key], width: int) -> Line:
    """As many as fit, the most useful first; help is always there."""
    help_ = (span("?", "accent"), span(" help", "dim"))
    parts: list[Span] = [span(" ")]
    for key in keys:
        if key.id == "find.help":
            continue
        more = (span(key.shown, "accent"), span(f" {key.short}  ", "dim"))
        if width_of((*parts, *more, *help_)) > width:
            break
        parts += more
    return line(*parts, *help_)
