"""5 Duel: champion and challenger side by side, the evidence over time, and the verdict with its reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult

from quarterdeck.console import formats
from quarterdeck.console.queries.questions import Answer, AskDuels
from quarterdeck.console.queries.values_duel import DuelDetail, DuelRow, Duels
from quarterdeck.console.tui.screens.duel_evidence import evidence_of
from quarterdeck.console.tui.screens.duel_text import decision_lines, duel_lines, figure_lines
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table

DUELS = (
    Column(key="model", title="DUEL", width=20, least=10, flex=1),
    Column(key="champion", title="CHAMP", width=6, least=5, right=True),
    Column(key="challenger", title="CHAL", width=5, least=4, right=True),
    Column(key="n", title="LABELS", width=8, least=6, right=True),
    Column(key="evidence", title="EVIDENCE", width=18, least=14),
    Column(key="verdict", title="VERDICT", width=10, least=10),
    Column(key="state", title="STATE", width=9, least=9),
    Column(key="age", title="SINCE", width=5, least=5, right=True),
)


def duel_row(row: DuelRow, symbols: Symbols, now: datetime) -> Row:
    cells: dict[str, Line] = {
        "model": line(span(row.model, "strong")),
        "champion": line(span(str(row.champion), "accent")),
        "challenger": line(span(str(row.challenger), "info")),
        "n": line(formats.count(row.n)),
        "evidence": line(evidence_of(row)),
        "verdict": line(symbols.state(row.decision.value)),
        "state": line(span("running", "info") if row.running else span("ended", "dim")),
        "age": line(span(formats.age(now - row.started_at), "dim")),
    }
    values = {"n": row.n, "evidence": row.e_value, "age": -row.started_at.timestamp()}
    return Row(id=row.id, cells=cells, values=values)


class DuelView(View):
    NAME = "duel"
    HINTS: ClassVar[tuple[str, ...]] = (
        "model.promote",
        "model.keep",
        "model.rollback",
        "look.zoom",
        "look.export",
        "look.describe",
        "find.filter",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        table = Table(
            DUELS,
            id="duels",
            empty='no duels: [rollout] strategy = "shadow" in pipeline.toml lets versions duel',
        )
        table.add_class("pane")
        text = Lines(id="duel-text", indent=4)
        text.add_class("pane", "ruled")
        figures = Lines(id="duel-figures", indent=4)  # beside the text where there is room, else part of it
        figures.add_class("pane", "ruled")
        yield table
        yield text
        yield figures

    def on_mount(self) -> None:
        self._rows: dict[str, DuelRow] = {}
        self._detail: DuelDetail | None = None
        self._model: str | None = None

    def question(self) -> AskDuels:
        return AskDuels(selected=None if self._model else self.table("duels").cursor_id, model=self._model)

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Duels):
            return
        self._rows = {row.id: row for row in answer.duels}
        self._detail = answer.detail
        if self._model is not None and answer.detail is not None:
            self.table("duels").select(answer.detail.row.id)
            self._model = None
        self.table("duels").set_rows([duel_row(row, self.symbols, now) for row in answer.duels])
        self._write()

    def _write(self) -> None:
        pane, figures = self.lines("duel-text"), self.lines("duel-figures")
        if self._detail is None:
            pane.set_title("")
            pane.set_lines([])
            figures.set_lines([])
            return
        row = self._detail.row
        pane.set_title(f"{row.model}: champion {row.champion}, challenger {row.challenger}")
        width, height = max(30, pane.scrollable_content_region.width), pane.size.height
        write = decision_lines if figures.display else duel_lines
        pane.set_lines(write(self._detail, width, height, self.symbols))
        figures.set_title("both, on live rows")
        figures.set_lines(figure_lines(self._detail))

    def on_resize(self) -> None:
        self.call_after_refresh(self._write)

    def opened(self, table: Table, row: Row) -> None:
        self.lines("duel-text").focus()
        self.zoom(True)

    def show(self, **scope: Any) -> None:
        """`model` shows that model's newest duel."""
        self._model = scope.get("model")

    def subject(self) -> Subject | None:
        row = self._rows.get(self.table("duels").cursor_id or "")
        if row is None or self.table("duels").current is None:
            return None
        return Subject(
            kind=Kind.DUEL,
            key=row.id,
            label=f"{row.model} {row.champion} / {row.challenger}",
            model=row.model,
            aliases=row.aliases,
        )

    def describe(self) -> tuple[str, list[Line]]:
        pane = self.lines("duel-text")
        if self._detail is None:
            return str(pane.border_title or "Duel"), []
        return str(pane.border_title or "Duel"), duel_lines(self._detail, 70, 24, self.symbols)
