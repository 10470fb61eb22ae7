"""8 Audit: the ledger of everything that changed what is live, one entry whole, and what was live then."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult

from quarterdeck.console import formats
from quarterdeck.console.queries.questions import PAGE, Answer, AskAudit
from quarterdeck.console.queries.values_audit import EntryDetail, EntryRow, Ledger, LiveThen
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table

ENTRIES = (
    Column(key="seq", title="ENTRY", width=6, least=5, right=True),
    Column(key="at", title="TIME UTC", width=11, least=8),
    Column(key="act", title="ACT", width=15, least=13),
    Column(key="subject", title="ABOUT", width=16, least=10, flex=1),
    Column(key="by", title="BY", width=18, least=8),
    Column(key="moved", title="WHAT MOVED", width=22, least=16, drop=1),
    Column(key="environment", title="WHERE", width=11, least=10, drop=2),
    Column(key="reason", title="REASON", width=24, least=14, flex=2),
)


def entry_row(row: EntryRow, now: datetime) -> Row:
    cells: dict[str, Line] = {
        "seq": line(span(str(row.seq), "dim")),
        "at": line(span(formats.clock(row.at, now), "dim")),
        "act": line(span(row.act.replace("_", " "), row.tone)),
        "subject": line(row.subject),
        "by": line(row.actor),
        "moved": line(row.moved),
        "environment": line(span(row.environment or "all", "dim")),
        "reason": line(span(row.reason or "-", "" if row.reason else "dim")),
    }
    return Row(id=str(row.seq), cells=cells, values={"seq": row.seq, "at": row.at.timestamp()})


def entry_lines(detail: EntryDetail, live: tuple[LiveThen, ...], symbols: Symbols) -> list[Line]:
    """Who, why, on what evidence, before and after; what was live then; and the hashes."""
    row = detail.row
    lines = [
        _named("act", span(f"{row.act.replace('_', ' ')} {row.subject}", "strong")),
        _named("by", row.actor),
        _named("at", f"{row.at:%Y-%m-%d %H:%M:%S} UTC"),
        _named("where", row.environment or "every environment"),
        _named("reason", row.reason or "none given"),
    ]
    if detail.changes:
        lines += [line(""), line(span("before and after", "head"))]
        for name, before, after in detail.changes:
            change = line(span(before, "dim"), span(f" {symbols.arrow} ", "dim"), span(after, "accent"))
            lines.append(line(span(f"{name:<12}", "dim"), *change))
    if detail.evidence:
        lines += [line(""), line(span("evidence", "head"))]
        width = max(12, *(len(name) + 2 for name, _ in detail.evidence))
        lines += [line(span(name.ljust(width), "dim"), value) for name, value in detail.evidence]
    lines += [line(""), line(span("live from then on", "head"))]
    lines += [_then(item) for item in live] or [line(span("nothing", "dim"))]
    undo = "u takes it back, as a new entry" if not detail.undoes else detail.undoes
    lines += [line(""), _named("undo", span(undo, "dim" if detail.undoes else ""))]
    lines += [_named("hash", span(_short(detail.hash), "dim"))]
    return [*lines, _named("before it", span(_short(detail.previous_hash), "dim"))]


def _short(digest: str) -> str:
    """Enough to compare by eye; `y` shows the whole of it."""
    return f"{digest[:20]}..." if len(digest) > 20 else digest or "none: the first"


def _then(item: LiveThen) -> Line:
    names = [f"challenger {item.challenger}"] if item.challenger is not None else []
    names += [f"previous {item.previous}"] if item.previous is not None else []
    champion = "nobody" if item.champion is None else f"{item.model}@{item.champion}"
    since = f"  since {formats.minute(item.since)} by {item.by}, entry {item.seq}"
    return line(
        span(f"{item.environment:<12}", "dim"),
        span(champion, "accent"),
        span(f"  {', '.join(names)}" if names else "", ""),
        span(since, "dim"),
    )


def _named(name: str, said: str | tuple[str, str]) -> Line:
    return line(span(f"{name:<12}", "dim"), said)


class AuditView(View):
    NAME = "audit"
    HINTS: ClassVar[tuple[str, ...]] = (
        "change.undo",
        "look.describe",
        "look.raw",
        "look.export",
        "find.filter",
        "find.sort",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        entries = Table(
            ENTRIES, id="entries", empty="the ledger is empty: what changes what is live will stand here",
            follows_top=True,
        )  # fmt: skip
        entries.add_class("pane")
        entry = Lines(id="entry", indent=12)
        entry.add_class("pane", "ruled")
        yield entries
        yield entry

    def on_mount(self) -> None:
        self._model: str | None = None
        self._limit = PAGE
        self._rows: dict[str, EntryRow] = {}
        self._detail: EntryDetail | None = None

    def question(self) -> AskAudit:
        key = self.table("entries").cursor_id
        return AskAudit(model=self._model, selected=None if key is None else int(key), limit=self._limit)

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Ledger):
            return
        self._rows = {str(row.seq): row for row in answer.entries}
        table = self.table("entries")
        table.set_rows([entry_row(row, now) for row in answer.entries])
        self._detail = answer.detail
        if answer.detail is not None:
            self.lines("entry").set_title(f"entry {answer.detail.row.seq}")
            self.lines("entry").set_lines(entry_lines(answer.detail, answer.live, self.symbols))

    def selected(self, table: Table) -> None:
        if len(table.rows) == self._limit and table.current is table.rows[-1]:
            self._limit += PAGE
        self.lines("entry").scroll_to(y=0, animate=False)

    def opened(self, table: Table, row: Row) -> None:
        self.lines("entry").focus()
        self.zoom(True)

    def show(self, **scope: Any) -> None:
        """`model` narrows the list to what is about it."""
        self._model = scope.get("model")
        if scope.get("entry") is not None:
            self.table("entries").select(str(scope["entry"]))

    def scope(self) -> dict[str, Any]:
        return {"model": self._model}

    def out(self) -> bool:
        if self._model is None:
            return False
        self._model = None
        return True

    def subject(self) -> Subject | None:
        row = self._rows.get(self.table("entries").cursor_id or "")
        if row is None or self.table("entries").current is None:
            return None
        return Subject(kind=Kind.ENTRY, key=f"ledger-{row.seq}", label=f"entry {row.seq}", entry=row.seq)

    def describe(self) -> tuple[str, list[Line]]:
        if self._detail is None or str(self._detail.row.seq) != self.table("entries").cursor_id:
            return super().describe()
        return f"entry {self._detail.row.seq}", list(self.lines("entry").source)
