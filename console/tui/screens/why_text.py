"""The chain around a run or a version, as lines to read."""

from __future__ import annotations

from quarterdeck.console.queries.why import Link, lines
from quarterdeck.console.tui.text import Line, line, span

_TONES = {"alert": "warn", "firing": "info", "rollout": "info", "ledger": "accent"}


def why_lines(link: Link) -> list[Line]:
    """One line for each link; what was asked about stands out, what is missing as well."""
    return [_line(indent, item) for indent, item in lines(link)]


def _line(indent: str, link: Link) -> Line:
    tone = "strong" if link.asked else "bad" if link.missing else _TONES.get(link.kind, "")
    name = "" if link.kind in ("asked", "import") else f"{link.kind} {link.key}: "
    at = f"{link.at:%m-%d %H:%M} " if link.at is not None else ""
    return line(span(indent, "dim"), span(at, "dim"), span(name, tone or "head"), span(link.text, tone))
