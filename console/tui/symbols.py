"""Glyphs beside words, never instead of them: Unicode where the terminal has it, plain ASCII otherwise."""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass

from quarterdeck.console.tui.text import Span, span

# word -> (glyph, ASCII glyph, tone)
_STATES: dict[str, tuple[str, str, str]] = {
    "ok": ("●", "*", "ok"),
    "watch": ("◆", "~", "warn"),
    "alert": ("▲", "!", "bad"),
    "failed": ("✗", "x", "bad"),
    "idle": ("○", "o", "dim"),
    "queued": ("◌", ".", "dim"),
    "running": ("▶", ">", "info"),
    "succeeded": ("✓", "+", "ok"),
    "cancelled": ("⊘", "-", "warn"),
    "cancelling": ("⊘", "-", "warn"),
    "pending": ("◌", ".", "dim"),
    "cached": ("≡", "=", "ok"),
    "skipped": ("·", "-", "dim"),
    "champion": ("★", "#", "accent"),
    "challenger": ("◆", "^", "info"),
    "previous": ("◁", "<", ""),
    "candidate": ("◌", ".", "dim"),
    "accepted": ("✓", "+", "ok"),
    "rejected": ("✗", "x", "bad"),
    "retired": ("·", "-", "dim"),
    "pass": ("✓", "+", "ok"),
    "fail": ("✗", "x", "bad"),
    "hold": ("◌", "?", "warn"),
    "promote": ("▲", "^", "ok"),
    "reject": ("▼", "v", "bad"),
    "open": ("▲", "!", "bad"),
    "acknowledged": ("◆", "~", "warn"),
    "silenced": ("◌", "z", "dim"),
    "resolved": ("✓", "+", "dim"),
    "info": ("●", "i", "info"),
    "warning": ("◆", "~", "warn"),
    "critical": ("▲", "!", "bad"),
    "paused": ("‖", "=", "warn"),
    "waiting": ("◌", "?", "warn"),
    "baking": ("◆", "~", "info"),
    "promoted": ("★", "#", "ok"),
    "rolled_back": ("▼", "v", "bad"),
    "aborted": ("⊘", "-", "warn"),
    "active": ("●", "*", "ok"),
    "drifted": ("▲", "!", "warn"),
    "differ": ("◆", "~", "warn"),
    "stable": ("●", "*", "ok"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbols:
    """One set of glyphs. `spark` are the levels of a sparkline, lowest first."""

    ascii: bool
    spark: str
    full: str
    empty: str
    arrow: str
    ellipsis: str
    rule: str
    lanes: Mapping[str, str]

    def glyph(self, word: str) -> str:
        found = _STATES.get(word)
        return " " if found is None else found[1 if self.ascii else 0]

    def state(self, word: str) -> Span:
        """Glyph and word, with their tone."""
        found = _STATES.get(word)
        return span(word) if found is None else span(f"{self.glyph(word)} {word}", found[2])

    def tone(self, word: str) -> str:
        found = _STATES.get(word)
        return "" if found is None else found[2]


_LINES = {
    "pass": "│",
    "across": "─",
    "cross": "┼",
    "ends": "╯",
    "ends_mid": "┴",
    "right": "├",
    "left": "┤",
    "starts": "╮",
}
_PLAIN = {
    "pass": "|",
    "across": "-",
    "cross": "+",
    "ends": "'",
    "ends_mid": "'",
    "right": "+",
    "left": "+",
    "starts": ".",
}

UNICODE = Symbols(ascii=False, spark="▁▂▃▄▅▆▇█", full="█", empty="░", arrow="→", ellipsis="…", rule="─", lanes=_LINES)
ASCII = Symbols(ascii=True, spark="_.:-=+*#", full="#", empty=".", arrow="->", ellipsis="~", rule="-", lanes=_PLAIN)


def choose(plain: bool | None) -> Symbols:
    """ASCII if asked for, or where the locale's encoding is not UTF-8."""
    if plain is None:
        plain = "utf" not in locale.getpreferredencoding(False).lower()
    return ASCII if plain else UNICODE
