"""The demonstration as text: a timeline while it unfolds, and a closing table."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from quarterdeck.console.demo.loop import Moment, Outcome
from quarterdeck.scheduler.replay.closing import Closing
from quarterdeck.scheduler.replay.story import Line

GLYPHS = {
    "promote": "^",
    "rollback": "v",
    "register": "+",
    "challenge": "?",
    "verdict": "=",
    "fired": "*",
    "drift": "!",
    "decay": "!",
}
MONTH = 30  # without a terminal, progress is a line for so many days


class Report:
    """Prints to the terminal, or to the standard error where the standard output is for JSON."""

    def __init__(self, *, as_json: bool, story_file: Path | None = None) -> None:
        self._terminal = Terminal(file=sys.stderr if as_json else sys.stdout, highlight=False)
        self._as_json = as_json
        self._story_file = story_file
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("day {task.completed:.0f} of {task.total:.0f}"),
            TimeElapsedColumn(),
            console=self._terminal,
            disable=not self._terminal.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("replay", total=None, visible=False)

    def __enter__(self) -> Report:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def tell(self, line: Line, at: datetime | None) -> None:
        """One line of the timeline."""
        date = f"{at:%Y-%m-%d}" if at else "          "
        glyph = GLYPHS.get(line.kind, "-")
        style = "bold" if line.kind in ("promote", "rollback", "fired") else ""
        grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
        for width in (10, 1, 7):
            grid.add_column(width=width)
        grid.add_column(ratio=1, overflow="fold")
        grid.add_row(date, glyph, Text(line.pipeline), Text(line.text), style=style)
        self._terminal.print(grid)
        if self._story_file is not None:
            self._story_file.write_text(f"{date.strip()} {line.pipeline}: {line.text}\n".lstrip())

    def show(self, moment: Moment) -> None:
        """How far it is."""
        self._progress.update(self._task, completed=moment.day, total=moment.days, visible=True)
        if not self._terminal.is_terminal and moment.day % MONTH == 0:
            self._terminal.print(Text(f"            day {moment.day} of {moment.days}"))

    def close(self, outcome: Outcome, seconds: float) -> None:
        """The closing table, or the same as one JSON object."""
        if self._as_json:
            json.dump(to_json(outcome), sys.stdout, indent=2)
            sys.stdout.write("\n")
            return
        self._terminal.print(closing_table(outcome))
        audit = f"audit {'verified' if outcome.audit_ok else 'BROKEN'}: {outcome.entries} entries of the ledger"
        closed = "the loop closed" if outcome.closed else "THE LOOP DID NOT CLOSE"
        self._terminal.print(Text(f"{audit}; {closed} in {seconds:.0f} s"))

    def last_word(self, outcome: Outcome) -> None:
        """What is left to do, where the console shows the story."""
        if self._story_file is None:
            return
        waiting = [name for name, closing in outcome.pipelines.items() if waits(closing)]
        ask = "".join(f"; {name} waits for you: 5 shows the evidence, P promotes" for name in waiting)
        self._story_file.write_text(f"the replay is over{ask}\n")


def waits(closing: Closing) -> bool:
    """Whether a challenger has won, and its manifest leaves the promotion to a person."""
    return closing.verdict == "promote" and closing.champion_after == closing.champion_before


def to_json(outcome: Outcome) -> dict[str, object]:
    """What `--json` prints."""
    pipelines = {name: closing.to_json() for name, closing in outcome.pipelines.items()}
    return {"pipelines": pipelines, "audit_ok": outcome.audit_ok}


def closing_table(outcome: Outcome) -> Table:
    """One column a pipeline, so that it fits 80 characters."""
    table = Table(title="What the loop did", title_justify="left", show_edge=False)
    table.add_column("")
    for name in outcome.pipelines:
        table.add_column(name, justify="right")
    for label, row in _ROWS:
        table.add_row(label, *(row(closing) for closing in outcome.pipelines.values()))
    return table


_ROWS: tuple[tuple[str, Callable[[Closing], str]], ...] = (
    ("champion before", lambda c: f"version {c.champion_before}"),
    ("champion after", lambda c: f"version {c.champion_after}"),
    ("triggered by", lambda c: c.triggered_by or "nothing"),
    ("verdict", lambda c: (c.verdict or "none").upper() + (", waits for a person" if waits(c) else "")),
    ("measured by", lambda c: c.metric),
    ("error, had the first champion stayed", lambda c: _number(c.frozen_error)),
    ("error as answered", lambda c: _number(c.after_error)),
    ("labelled rows behind both", lambda c: f"{c.rows:,}"),
    ("requests", lambda c: f"{c.requests:,}"),
    ("failed", lambda c: f"{c.failures:,}"),
    ("refused as unknown to the model", lambda c: f"{c.refused:,}"),
    ("p50, p99 seen by the client", lambda c: f"{_number(c.p50_ms)}, {_number(c.p99_ms)} ms"),
)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
