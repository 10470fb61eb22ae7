"""Going about: views, history, filters, commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from textual import events, work

from quarterdeck.console.queries.values import VersionRow
from quarterdeck.console.tui import commands
from quarterdeck.console.tui.base import Frame
from quarterdeck.console.tui.history import Place
from quarterdeck.console.tui.screens.audit import AuditView
from quarterdeck.console.tui.screens.duel import DuelView
from quarterdeck.console.tui.screens.live import LiveView
from quarterdeck.console.tui.screens.overview import OverviewView
from quarterdeck.console.tui.screens.pipelines import PipelinesView
from quarterdeck.console.tui.screens.registry import RegistryView
from quarterdeck.console.tui.screens.review import ReviewView
from quarterdeck.console.tui.screens.schedule import ScheduleView
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.prompt import Prompt
from quarterdeck.core.errors import QuarterdeckError, UsageError
from quarterdeck.core.values import RunStatus

VIEWS: dict[str, type[View]] = {
    view.NAME: view
    for view in (
        OverviewView,
        PipelinesView,
        RegistryView,
        LiveView,
        DuelView,
        ReviewView,
        ScheduleView,
        AuditView,
    )
}


class Going(Frame):
    """Moves between views and narrows what they show."""

    async def bring(self, name: str) -> View:
        """Put a view in front; it is made when it is first needed."""
        found = [view for view in self.screen_stack[0].query(View) if name == view.NAME]
        if found:
            view = found[0]
        else:
            view = VIEWS[name](self.symbols)
            await self.screen_stack[0].query_one("#views").mount(view)
        for other in self.screen_stack[0].query(View):
            other.display = other is view
        self._view = view
        return view

    async def visit(self, name: str, **scope: Any) -> None:
        """Go to a view, and within it to what `scope` names; the way back is kept."""
        self.history.leave(self.view.place())
        view = await self.bring(name)
        if scope:
            view.show(**scope)
        if not scope.get("pane") and not scope.get("run"):
            view.tables()[0].focus()
        self._arrived()

    def _arrived(self) -> None:
        self.ask()
        self.show_frame()

    async def on_view_visit(self, event: View.Visit) -> None:
        await self.visit(event.view, **event.scope)

    async def action_go(self, name: str) -> None:
        if name != self.view.NAME:
            self.history.leave(self.view.place())
            view = await self.bring(name)
            view.focus_first()
            self._arrived()

    async def _return(self, place: Place | None, nothing: str) -> None:
        if place is None:
            self.say(nothing, "dim")
            return
        view = await self.bring(place.view)
        view.restore(place)
        self._arrived()

    async def action_back(self) -> None:
        await self._return(self.history.back(self.view.place()), "this is where you began")

    async def action_forward(self) -> None:
        await self._return(self.history.forward(self.view.place()), "there is nothing ahead")

    async def action_last(self) -> None:
        await self._return(self.history.last(self.view.place()), "there is no last screen yet")

    def action_out(self) -> None:
        """Out of a zoom, then of marks, a filter, a level; never out of the console."""
        view = self.view
        if view.has_class("zoomed"):
            view.zoom(False)
            view.focus_first()
        elif view.active_table.unmark():
            pass
        elif view.active_table.filter.terms:
            view.active_table.set_filter("")
        elif not view.out():
            self.say("ctrl+q or :q leaves", "dim")
        self._arrived()

    # Filter and command line

    async def action_filter(self) -> None:
        table = self.view.active_table
        self._filtered = table.filter.text
        self.screen_stack[0].set_focus(table)
        await self._prompt("/", table.filter.text, lambda _: [])

    async def action_command(self) -> None:
        columns = [column.key for column in self.view.active_table.columns]
        await self._prompt(":", "", partial(self._complete, columns=columns))

    def _complete(self, text: str, columns: list[str]) -> list[str]:
        return commands.complete(text, models=self.models(), columns=columns)

    def models(self) -> list[str]:
        """The models that any view has shown."""
        first = self.screen_stack[0].query_one(OverviewView)
        return [row.id for row in first.table("models").all_rows]

    async def _prompt(self, mark: str, text: str, complete: Callable[[str], list[str]]) -> None:
        self._came_from = self.view.active_pane
        prompt = Prompt(mark, text, complete)
        await self.screen_stack[0].mount(prompt, before="#hints")
        # at once, not when the prompt gets round to it: what was typed meanwhile belongs to it
        self.screen_stack[0].set_focus(prompt.field)

    def on_key(self, event: events.Key) -> None:
        """What was typed in one go with the key that opened a field came too early for it: the field gets it
        now.
        """
        from textual.widgets import Input  # start-up time

        if event.character and event.is_printable and isinstance(self.focused, Input):
            event.prevent_default()
            self.focused.insert_text_at_cursor(event.character)

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        if event.mark == "/":
            self._prompted_table.set_filter(event.text)

    async def on_prompt_entered(self, event: Prompt.Entered) -> None:
        table = self._prompted_table
        await self.screen_stack[0].query(Prompt).remove()
        self.screen_stack[0].set_focus(self._came_from)
        if event.mark == "/" and not event.kept:
            table.set_filter(self._filtered)
        if event.mark == ":" and event.kept and event.text.strip():
            await self.run_command(event.text)
        self.show_frame()

    @property
    def _prompted_table(self) -> Any:
        from quarterdeck.console.tui.widgets.table import Table

        return self._came_from if isinstance(self._came_from, Table) else self.view.tables()[0]

    async def run_command(self, text: str) -> None:
        """Do what was typed behind the colon; what cannot be read is said."""
        try:
            command = commands.parse_command(text)
            await self._command(command.name, command.argument)
        except QuarterdeckError as error:
            self.say(str(error), "bad")

    async def _command(self, name: str, argument: str) -> None:
        match name:
            case "overview" | "schedule":
                await self.action_go(name)
            case "pipelines" | "registry" | "live" | "duel" | "review" | "audit":
                await self.visit(name, **({"model": self._known(argument)} if argument else {}))
            case "runs":
                await self.visit("pipelines", status=_status(argument), everywhere=True, pane="runs")
                self.view.table("runs").focus()
            case "run":
                await self.visit("pipelines", run=_number(argument))
            case "alerts":
                await self.visit("live", pane="alerts")
            case "model":
                self._open_version(argument)
            case "filter":
                self.view.active_table.set_filter(argument)
            case "q" | "quit":
                self.exit()
            case _:
                await self.run_action(_ACTIONS[name].format(argument.replace("'", "")))

    def _known(self, model: str) -> str:
        known = self.models()
        if model not in known:
            raise UsageError(f"there is no model or pipeline {model!r}", hint=f"there are {', '.join(known) or 'none'}")
        return model

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _open_version(self, reference: str) -> None:
        """A model's versions, or with a number or an alias that very version."""
        if "@" not in reference:
            await self.run_command(f"registry {reference}")
            return
        if (found := await self.find_version(reference)) is not None:
            await self.visit("registry", model=found.model, version=found.number)

    async def find_version(self, reference: str) -> VersionRow | None:
        """Ask the store in a thread; what is not there is said."""
        try:
            return await asyncio.to_thread(self._find, reference)
        except QuarterdeckError as error:
            self.say(str(error), "bad")
            return None

    def _find(self, reference: str) -> VersionRow:
        from quarterdeck.console.queries.find import find_version  # start-up time

        with self.console_.database.read() as tx:
            return find_version(tx, self.console_.environment, reference)


_ACTIONS = {
    "sort": "sort_by('{}')",
    "promote": "promote_version('{}')",
    "rollback": "rollback_model('{}')",
    "train": "train('{}')",
    "export": "export('{}')",
    "refresh": "refresh_now",
    "keys": "help",
    "help": "help",
}


def _number(text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"{text!r} is not a run's number")
    return int(text)


def _status(text: str) -> RunStatus | None:
    if not text:
        return None
    if text not in tuple(RunStatus):
        raise UsageError(f"{text!r} is not a run's status", hint=f"one of {', '.join(RunStatus)}")
    return RunStatus(text)
