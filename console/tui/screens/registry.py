"""3 Registry: versions with their gates, and one of them in full."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult

from quarterdeck.console import formats
from quarterdeck.console.queries.questions import PAGE, Answer, AskRegistry
from quarterdeck.console.queries.values import Registry, VersionDetail, VersionRow
from quarterdeck.console.tui.screens.version_text import version_lines
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table
from quarterdeck.core.values import Outcome

VERSIONS = (
    Column(key="model", title="MODEL", width=16, least=9, flex=1),
    Column(key="version", title="VER", width=5, least=4, right=True),
    Column(key="state", title="STATE", width=12, least=12),
    Column(key="metric", title="METRIC", width=18, least=10, drop=2, flex=1),
    Column(key="value", title="VALUE", width=7, least=7, right=True),
    Column(key="age", title="AGE", width=4, least=4, right=True),
    Column(key="gates", title="GATES", width=7, least=7),
    Column(key="engine", title="ENGINE", width=12, least=12, drop=3),
    Column(key="rows", title="ROWS", width=6, least=5, right=True, drop=4),
    Column(key="size", title="SIZE", width=7, least=6, right=True, drop=5),
    Column(key="by", title="BY", width=14, least=6, drop=1, flex=1),
)


def version_row(row: VersionRow, symbols: Symbols, now: datetime) -> Row:
    alias = row.aliases.of(row.number)
    champion = alias == "champion"
    cells: dict[str, Line] = {
        "model": line(span(row.model, "strong" if champion else "")),
        "version": line(span(str(row.number), "accent" if champion else "")),
        "state": line(symbols.state(alias or row.state.value)),
        "metric": line(span(row.metric or "-", "dim")),
        "value": line(formats.number(row.value)),
        "age": line(span(formats.age(now - row.created), "dim")),
        "gates": _gates(row, symbols),
        "engine": line(row.engine),
        "rows": line(formats.count(row.rows)),
        "size": line(formats.size(row.size_bytes)),
        "by": line(span(row.by, "dim")),
    }
    values = {
        "version": row.number,
        "value": row.value,
        "age": -row.created.timestamp(),
        "gates": row.passed / row.gates if row.gates else None,
        "rows": row.rows,
        "size": row.size_bytes,
    }
    return Row(id=row.reference, cells=cells, values=values)


def _gates(row: VersionRow, symbols: Symbols) -> Line:
    if not row.gates:
        return line(span("none", "dim"))
    tone = {Outcome.PASS: "ok", Outcome.FAIL: "bad", Outcome.HOLD: "warn"}[row.outcome]
    return line(span(f"{symbols.glyph(row.outcome.value)} {row.passed}/{row.gates}", tone))


class RegistryView(View):
    NAME = "registry"
    HINTS: ClassVar[tuple[str, ...]] = (
        "model.promote",
        "model.rollback",
        "model.keep",
        "look.card",
        "look.compare",
        "look.describe",
        "look.logs",
        "find.filter",
        "find.sort",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        table = Table(VERSIONS, id="versions", empty="no versions yet: T on the overview (1) starts a run")
        table.add_class("pane")
        detail = Lines(id="version", indent=12)
        detail.add_class("pane", "ruled")
        yield table
        yield detail

    def on_mount(self) -> None:
        self._model: str | None = None
        self._limit = PAGE
        self._rows: dict[str, VersionRow] = {}
        self._detail: VersionDetail | None = None

    def question(self) -> AskRegistry:
        return AskRegistry(model=self._model, selected=self._selected(), limit=self._limit)

    def _selected(self) -> tuple[str, int] | None:
        model, at, number = (self.table("versions").cursor_id or "").rpartition("@")
        return (model, int(number)) if at else None

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Registry):
            return
        self._rows = {row.reference: row for row in answer.versions}
        table = self.table("versions")
        table.set_rows([version_row(row, self.symbols, now) for row in answer.versions])
        if answer.detail is not None and answer.detail.row.reference == table.cursor_id:
            self._detail = answer.detail
            self._show_detail(now)

    def _show_detail(self, now: datetime) -> None:
        if self._detail is not None:
            self.lines("version").set_title(self._detail.row.reference)
            self.lines("version").set_lines(version_lines(self._detail, self.symbols, now))

    def selected(self, table: Table) -> None:
        if len(table.rows) == self._limit and table.current is table.rows[-1]:
            self._limit += PAGE
        if self._detail is not None and self._detail.row.reference != table.cursor_id:
            self.lines("version").scroll_to(y=0, animate=False)

    def show(self, **scope: Any) -> None:
        """`model` narrows the list; `version` is put under the cursor."""
        self._model = scope.get("model")
        if scope.get("model") and scope.get("version"):
            self.table("versions").select(f"{scope['model']}@{scope['version']}")

    def scope(self) -> dict[str, Any]:
        return {"model": self._model}

    def out(self) -> bool:
        if self._model is None:
            return False
        self._model = None
        return True

    def opened(self, table: Table, row: Row) -> None:
        self.lines("version").focus()
        self.zoom(True)

    def subject(self) -> Subject | None:
        row = self._rows.get(self.table("versions").cursor_id or "")
        return None if row is None or self.table("versions").current is None else version_subject(row)

    def describe(self) -> tuple[str, list[Line]]:
        if self._detail is None or self._detail.row.reference != self.table("versions").cursor_id:
            return super().describe()
        return self._detail.row.reference, list(self.lines("version").source)


def version_subject(row: VersionRow) -> Subject:
    return Subject(
        kind=Kind.VERSION,
        key=row.reference,
        label=row.reference,
        model=row.model,
        aliases=row.aliases,
        version=row.number,
        state=row.state,
        outcome=row.outcome,
        passed=row.passed,
        gates=row.gates,
        run_id=row.run_id,
    )
