"""Changing something: planned, confirmed, done by console/acts.py in a thread, and said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from textual import work

from quarterdeck.console.tui import plans
from quarterdeck.console.tui.looking import Looking
from quarterdeck.console.tui.plans import Plan, Refusal
from quarterdeck.console.tui.screens.registry import version_subject
from quarterdeck.console.tui.subject import Kind
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.core.errors import ConflictError, QuarterdeckError


class Changing(Looking):
    """Every act that a key or a command starts."""

    @work(group="act", exit_on_error=False)
    async def action_act(self, name: str) -> None:
        await self.carry_out(plans.plan(name, self.view.subject()))

    @work(group="act", exit_on_error=False)
    async def action_undo(self) -> None:
        """The inverse of the last change, as a new event that is confirmed like any other."""
        found = self.last_change
        if found is None:
            self.say("you have changed nothing yet", "dim")
        elif isinstance(found, str):
            self.say(found, "warn")
        else:
            await self.carry_out(replace(found, confirmed=True))

    @work(group="act", exit_on_error=False)
    async def action_promote_version(self, reference: str) -> None:
        if (found := await self.find_version(reference)) is not None:
            await self.carry_out(plans.plan("promote", version_subject(found)))

    @work(group="act", exit_on_error=False)
    async def action_rollback_model(self, model: str) -> None:
        if (found := await self.find_version(f"{model}@champion")) is not None:
            await self.carry_out(plans.plan("rollback", replace(version_subject(found), kind=Kind.MODEL)))

    @work(group="act", exit_on_error=False)
    async def action_train(self, pipeline: str) -> None:
        if pipeline not in self.models():
            self.say(f"there is no pipeline {pipeline!r}", "bad")
            return
        await self.carry_out(plans.starting(pipeline, None))

    async def carry_out(self, found: Plan | Refusal) -> None:
        """Ask if need be, do it, and say what came of it."""
        from quarterdeck.console.tui.screens.confirm import Confirm  # start-up time

        if isinstance(found, Refusal):
            self.say(found.why, "dim")
            return
        reason: str | None = ""
        if found.confirmed:
            reason = await self.push_screen_wait(Confirm(found, self.console_.environment, self.symbols))
        if reason is None:
            self.say("cancelled: nothing has changed", "dim")
            return
        try:
            result = await asyncio.to_thread(found.do, self.console_, reason)
        except QuarterdeckError as error:
            self._refused(found, error)
            return
        self.last_change = found.undo(result) if found.undo is not None else f"{found.title}: it has no inverse"
        undo = "   u undoes it" if isinstance(self.last_change, Plan) else ""
        self.say(f"{found.done}{undo}", "ok")
        self.refresher.poke()

    def _refused(self, found: Plan, error: QuarterdeckError) -> None:
        """What stood in the way, where it cannot be overlooked."""
        from quarterdeck.console.tui.screens.reader import Reader  # start-up time

        self.refresher.poke()
        self.push_screen(Reader("Refused: nothing has changed", refusal_lines(found, error), small=True))


def refusal_lines(found: Plan, error: QuarterdeckError) -> list[Line]:
    lines = [line(span(found.title, "strong")), line("")]
    if isinstance(error, ConflictError):
        lines.append(line(span("It changed since you looked:", "warn")))
    lines.append(line(span(f"{error.where}: {error.message}" if error.where else error.message, "bad")))
    return [*lines, line(""), line(span(error.hint, "dim"))] if error.hint else lines
