"""Changing something: planned, confirmed, done by console/acts.py in a thread, and said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from textual import work

from quarterdeck.console.tui import plans
from quarterdeck.console.tui.looking import Looking
from quarterdeck.console.tui.model_plans import undoing
from quarterdeck.console.tui.plan import Plan, Refusal
from quarterdeck.console.tui.run_plans import starting
from quarterdeck.console.tui.screens.registry import version_subject
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.core.errors import ConflictError, QuarterdeckError


class Changing(Looking):
    """Every act that a key or a command starts."""

    @work(group="act", exit_on_error=False)
    async def action_act(self, name: str) -> None:
        """On the selected row, or on all that are marked."""
        marked = self.view.marked_subjects()
        if marked:
            await self._carry_out_all(name, marked)
        else:
            await self.carry_out(plans.plan(name, self.view.subject()))

    async def _carry_out_all(self, name: str, subjects: list[Subject]) -> None:
        """The same act on several rows. What changes who answers is done one by one, each with its own dialog."""
        found = [plans.plan(name, subject) for subject in subjects]
        able = [item for item in found if isinstance(item, Plan)]
        refused = [item.why for item in found if isinstance(item, Refusal)]
        if not able:
            self.say(refused[0], "dim")
        elif any(item.live or item.needs_reason for item in able):
            self.say(f"{name} is done one by one: esc takes the marks away", "warn")
        elif await self._agreed(able):
            refused += await asyncio.to_thread(self._do_all, able)
            done = len(found) - len(refused)
            self.last_change = f"{done} things were changed at once: undo them one by one"
            self.view.active_table.unmark()
            rest = f"; {len(refused)} not: {refused[0]}" if refused else ""
            self.say(f"{able[0].verb.lower()}: {done} of {len(found)} done{rest}", "warn" if refused else "ok")
            self.refresher.poke()
        else:
            self.say("cancelled: nothing has changed", "dim")

    async def _agreed(self, found: list[Plan]) -> bool:
        from quarterdeck.console.tui.screens.choose import Choose  # start-up time

        choices = [("no", "", "no, leave them"), ("yes", "", f"yes, {len(found)} times: {found[0].verb.lower()}")]
        choices += [(f"of-{place}", "", item.title) for place, item in enumerate(found)]
        title = f"{found[0].verb}: {len(found)} in {self.console_.environment}"
        return await self.push_screen_wait(Choose(title, choices, selected="no")) == "yes"

    def _do_all(self, found: list[Plan]) -> list[str]:
        """Each by itself; what is refused does not keep the others back."""
        refused = []
        for item in found:
            try:
                item.do(self.console_, "")
            except QuarterdeckError as error:
                refused.append(str(error))
        return refused

    @work(group="act", exit_on_error=False)
    async def action_undo(self) -> None:
        """The inverse of the last change, as a new event that is confirmed like any other.

        The selected entry of the ledger; else what the person did last in this console, and otherwise the last act on
        the selected model, by the ledger.
        """
        found, subject = self.last_change, self.view.subject()
        model = None if subject is None else subject.model
        if isinstance(found, str):
            self.last_change = None
            self.say(found, "warn")
        elif subject is not None and subject.entry is not None:
            await self.carry_out(await asyncio.to_thread(self._of_entry, subject.entry))
        elif found is not None and model in (None, found.model):
            if await self.carry_out(replace(found, confirmed=True)):
                self.last_change = None
        elif model is not None:
            await self.carry_out(await asyncio.to_thread(self._last_act, model))
        else:
            self.say("select a model to undo its last change", "dim")

    def _last_act(self, model: str) -> Plan | Refusal:
        from quarterdeck.console.queries.undoing import last_undoable, taken_back  # start-up time

        environment = self.console_.environment
        with self.console_.database.read() as tx:
            entry = last_undoable(tx, environment, model)
            if entry is None:
                return Refusal(why=f"nothing of {model} in {environment} can be undone")
            return undoing(entry, taken_back(tx, environment, entry))

    def _of_entry(self, seq: int) -> Plan | Refusal:
        """Taking back one entry of the ledger, whenever it was written."""
        from quarterdeck.console.queries.undoing import taken_back  # start-up time
        from quarterdeck.store import ledger

        environment = self.console_.environment
        with self.console_.database.read() as tx:
            try:
                entry = ledger.get(tx, seq)
                return undoing(entry, taken_back(tx, environment, entry))
            except QuarterdeckError as error:
                return Refusal(why=str(error))

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
        await self.carry_out(starting(pipeline, None))

    async def carry_out(self, found: Plan | Refusal) -> bool:
        """Ask if need be, do it, and say what came of it; gives whether it was done."""
        if isinstance(found, Refusal):
            self.say(found.why, "dim")
            return False
        try:
            reason: str | None = ""
            if found.choose is not None:
                found = await asyncio.to_thread(self._looked_up, found)
                picked = await self._picked(found)
                if picked is None or found.choose is None:
                    self.say("cancelled: nothing has changed", "dim")
                    return False
                found = found.choose(picked)
            if found.confirmed:
                found = await asyncio.to_thread(self._looked_up, found)
                reason = await self._asked(found)
            if reason is None:
                self.say("cancelled: nothing has changed", "dim")
                return False
            result = await asyncio.to_thread(found.do, self.console_, reason)
        except QuarterdeckError as error:
            self._refused(found, error)
            return False
        self._done(found, result)
        return True

    def _looked_up(self, found: Plan) -> Plan:
        """With what only the store knows; NotAllowedError, before anything is asked, for one who may not."""
        from quarterdeck.console.acts.guard import check_right  # start-up time

        check_right(self.console_, found.right, act=found.action, subject=found.subject)
        return found if found.look is None else found.look(self.console_)

    async def _picked(self, found: Plan) -> str | None:
        from quarterdeck.console.tui.screens.choose import Choose  # start-up time

        return await self.push_screen_wait(Choose(found.title, found.choices))

    async def _asked(self, found: Plan) -> str | None:
        from quarterdeck.console.tui.screens.confirm import Confirm  # start-up time

        return await self.push_screen_wait(Confirm(found, self.console_.environment, self.symbols))

    def _done(self, found: Plan, result: object) -> None:
        """Say it, and how it is taken back."""
        if found.in_ledger:
            self.last_change = None
        else:
            self.last_change = found.undo(result) if found.undo is not None else f"{found.title}: it has no inverse"
        undo = "   u undoes it" if found.in_ledger or isinstance(self.last_change, Plan) else ""
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
