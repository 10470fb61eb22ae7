"""Looking closer: describe, raw record, logs, sorting, zoom, copy, export, menu, help, editor."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections.abc import Iterable
from functools import partial

from textual import work
from textual.app import SuspendNotSupported, SystemCommand
from textual.screen import Screen

from quarterdeck.console.tui import export
from quarterdeck.console.tui.going import Going
from quarterdeck.console.tui.keymap import MOVE
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.text import Line, line
from quarterdeck.console.tui.view import View
from quarterdeck.core.card import Card
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError


class Looking(Going):
    """Dialogs are loaded when they are first opened: the first frame does not wait for them."""

    def on_view_describe(self, event: View.Describe) -> None:
        event.stop()
        self.action_describe()

    def action_describe(self) -> None:
        from quarterdeck.console.tui.screens.reader import Reader

        self.push_screen(Reader(*self.view.describe()))

    @work(group="raw", exclusive=True, exit_on_error=False)
    async def action_raw(self) -> None:
        from quarterdeck.console.tui.screens.reader import Reader

        subject = self.view.subject()
        if subject is None:
            self.say("nothing is selected", "dim")
            return
        kind = "run" if subject.kind == "step" else subject.kind.value
        try:
            text = await asyncio.to_thread(self._record, kind, subject.key)
        except QuarterdeckError as error:
            self.say(str(error), "bad")
            return
        self.push_screen(Reader(subject.label, [line(part) for part in text.splitlines()]))

    def _record(self, kind: str, key: str) -> str:
        from quarterdeck.console.queries.raw import record  # start-up time

        with self.console_.database.read() as tx:
            return record(tx, self.console_.environment, kind, key)

    @work(group="raw", exclusive=True, exit_on_error=False)
    async def action_card(self) -> None:
        """The model card of the selected version, else of the selected model's champion."""
        from quarterdeck.console.tui.screens.card import CardScreen

        subject = self.view.subject()
        if subject is None or subject.model is None:
            self.say("select a model or a version to read its card", "dim")
            return
        reference = subject.model if subject.version is None else f"{subject.model}@{subject.version}"
        try:
            card = await asyncio.to_thread(self._card, reference)
        except QuarterdeckError as error:
            self.say(str(error), "bad")
            return
        self.push_screen(CardScreen(card, self.view.symbols, reference, self._save_card))

    def _card(self, reference: str) -> Card:
        from quarterdeck.console.queries.card import card_of  # start-up time

        return card_of(self.console_, reference)[1]

    def _save_card(self, name: str, text: str) -> None:
        self._write(name, "md", text)

    @work(group="raw", exclusive=True, exit_on_error=False)
    async def action_why(self) -> None:
        """The chain around the selected run or version."""
        from quarterdeck.console.tui.screens.reader import Reader

        subject = self.view.subject()
        reference = None if subject is None else why_reference(subject)
        if reference is None:
            self.say("select a run or a version to see what led to it", "dim")
            return
        try:
            lines = await asyncio.to_thread(self._why, reference)
        except QuarterdeckError as error:
            self.say(str(error), "bad")
            return
        self.push_screen(Reader(f"why {reference}", lines))

    def _why(self, reference: str) -> list[Line]:
        from quarterdeck.console.queries.why import why  # start-up time
        from quarterdeck.console.tui.screens.why_text import why_lines

        with self.console_.database.read() as tx:
            return why_lines(why(tx, self.console_.environment, reference))

    def action_logs(self) -> None:
        from quarterdeck.console.tui.screens.log import LogScreen

        subject = self.view.subject()
        if subject is None or subject.run_id is None:
            self.say("no run is behind this row", "dim")
            return
        path = self.console_.workspace.logs / f"run-{subject.run_id}.log"
        self.push_screen(LogScreen(f"log of run {subject.run_id}", path, self._save_text))

    def _save_text(self, name: str, text: str) -> None:
        self._write(name, "log", text)

    @work(group="dialog", exclusive=True)
    async def action_sort(self) -> None:
        from quarterdeck.console.tui.screens.choose import Choose

        table = self.view.active_table
        choices = [
            (column.key, _mark(column.key, table.sort_key, table.reverse), column.title.lower() or column.key)
            for column in table.columns
        ]
        chosen = await self.push_screen_wait(Choose("Sort by", choices, selected=table.sort_key))
        if chosen is not None:
            self.action_sort_by(chosen)

    def action_sort_by(self, key: str) -> None:
        table = self.view.active_table
        if key not in {column.key for column in table.columns}:
            self.say(f"there is no column {key!r} here", "bad")
            return
        table.set_sort(key, not table.reverse if key == table.sort_key else False)

    def action_zoom(self) -> None:
        self.view.zoom()

    def action_refresh_now(self) -> None:
        self.refresher.poke()
        self.say("looked at the store", "dim")

    def action_copy(self) -> None:
        subject = self.view.subject()
        if subject is not None:
            self.copy_to_clipboard(subject.label)

    @work(group="dialog", exclusive=True)
    async def action_export(self, kind: str = "") -> None:
        from quarterdeck.console.tui.commands import FORMATS
        from quarterdeck.console.tui.screens.choose import Choose

        says = {
            "csv": "the table, for a spreadsheet",
            "json": "the table, for a program",
            "svg": "the screen, as a picture",
        }
        if not kind:
            chosen = await self.push_screen_wait(Choose("Export", [(name, name, says[name]) for name in FORMATS]))
            if chosen is None:
                return
            kind = chosen
        if kind not in FORMATS:
            self.say(f"{kind!r} is not one of {', '.join(FORMATS)}", "bad")
            return
        self._export(kind)

    def _export(self, kind: str) -> None:
        table = self.view.active_table
        if kind == "svg":
            text = self.export_screenshot(title="quarterdeck")
        else:
            text = (export.as_csv if kind == "csv" else export.as_json)(table.columns, table.rows)
        self._write(f"{self.view.NAME}-{table.id}", kind, text)

    def _write(self, name: str, kind: str, text: str) -> None:
        root = self.console_.workspace.root
        try:
            path = export.write(root, name, kind, text, utc_now())
        except OSError as error:
            self.say(f"cannot be written: {error.strerror}", "bad")
            return
        self.say(f"written: {path.relative_to(root)}", "ok")

    async def action_compare(self) -> None:
        subject = self.view.subject()
        if subject is None or subject.model is None:
            self.say("select a model to compare its versions", "dim")
            return
        await self.visit("duel", model=subject.model)

    @work(group="dialog", exclusive=True)
    async def action_menu(self) -> None:
        from quarterdeck.console.tui.screens.choose import Choose

        keys = [key for key in self.key_table if self.possible(key) and key.group != MOVE and key.id != "look.menu"]
        keys.sort(key=lambda key: key.group != "Act")
        subject = self.view.subject()
        title = f"Actions: {subject.label}" if subject is not None else "Actions"
        choices = [(key.action, key.shown, key.says) for key in keys]
        chosen = await self.push_screen_wait(Choose(title, [*self.extra_choices(), *choices]))
        if chosen is not None:
            await self.run_action(chosen)

    def extra_choices(self) -> list[tuple[str, str, str]]:
        """More for the menu: (action, key, words)."""
        return []

    async def action_help(self) -> None:
        from quarterdeck.console.tui.screens.help import Help

        keys = [key for key in self.key_table if self.has_right(key)]
        help_ = Help(keys)
        await self.push_screen(help_)
        help_.set_focus(help_.query_one("#help-filter"))  # at once: what was typed meanwhile is the filter

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what can be done here, and every model."""
        for key in self.key_table:
            if self.possible(key) and key.group != MOVE and key.id != "find.palette":
                yield SystemCommand(key.says, f"key {key.shown}", partial(self._run_later, key.action))
        for model in self.models():
            yield SystemCommand(
                f"versions of {model}", f":model {model}", partial(self._command_later, f"model {model}")
            )

    def _run_later(self, action: str) -> None:
        self.call_later(self.run_action, action)

    def _command_later(self, text: str) -> None:
        self.call_later(self.run_command, text)

    def action_edit(self) -> None:
        """Hand the terminal to the user's editor; the daemon sees the change by itself."""
        subject = self.view.subject()
        if subject is None or subject.model is None:
            self.say("select a pipeline to edit it", "dim")
            return
        path = self.console_.workspace.pipelines_folder / subject.model / "pipeline.toml"
        if not path.is_file():
            self.say(f"there is no {path.relative_to(self.console_.workspace.root)}", "bad")
            return
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        try:
            with self.suspend():
                subprocess.run([*editor, str(path)], check=False)  # noqa: S603 - the user's own editor
        except (OSError, SuspendNotSupported) as error:
            self.say(f"the editor cannot be started: {error}", "bad")
            return
        self.refresh()
        self.say(f"edited {path.relative_to(self.console_.workspace.root)}", "ok")


def _mark(key: str, sorted_by: str | None, reverse: bool) -> str:
    if key != sorted_by:
        return ""
    return "down" if reverse else "up"


def why_reference(subject: Subject) -> str | None:
    """A run by its number, a version by its name; a model's champion; None for what has no chain."""
    if subject.kind in (Kind.RUN, Kind.STEP, Kind.PIPELINE):
        return None if subject.run_id is None else str(subject.run_id)
    if subject.kind in (Kind.VERSION, Kind.MODEL, Kind.DUEL) and subject.model is not None:
        return subject.model if subject.version is None else f"{subject.model}@{subject.version}"
    return None
