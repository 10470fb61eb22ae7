"""A person's own commands, from their console.toml: behind a key, in the menu and in the palette."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from functools import partial

from textual import work
from textual.app import SuspendNotSupported, SystemCommand
from textual.screen import Screen

from quarterdeck.console.preferences import UserCommand
from quarterdeck.console.tui.reviewing import Reviewing
from quarterdeck.console.tui.text import Line, line, span

PATIENCE_S = 300.0  # for a program whose output is shown; with `terminal = true` it has all the time it likes
SHOWN = 2_000  # lines of it


class Own(Reviewing):
    """Programs run as the person who started the console, with the words of the file: no shell reads them."""

    def on_mount(self) -> None:
        for command in self.preferences.commands:
            if command.key is not None:
                self.bind(command.key, f"own('{command.name}')", description=command.says, show=False)

    def extra_choices(self) -> list[tuple[str, str, str]]:
        """For the menu: those that the selected row has everything for."""
        return [
            (f"own('{command.name}')", command.key or "", command.says)
            for command in self.preferences.commands
            if self._facts_lack(command) is None
        ]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for command in self.preferences.commands:
            action = f"own('{command.name}')"
            yield SystemCommand(command.says, f"your command {command.name}", partial(self._run_later, action))

    @work(group="own", exit_on_error=False)
    async def action_own(self, name: str) -> None:
        from quarterdeck.console.tui.screens.choose import Choose  # start-up time

        command = next(item for item in self.preferences.commands if item.name == name)
        lacking = self._facts_lack(command)
        if lacking is not None:
            self.say(lacking, "dim")
            return
        words = command.words(self._facts())
        if command.confirm:
            choices = [("no", "", "no, leave it"), ("yes", "", f"yes, run: {' '.join(words)}")]
            if await self.push_screen_wait(Choose(command.says, choices, selected="no")) != "yes":
                self.say("cancelled: nothing was run", "dim")
                return
        await (self._handed_over(words) if command.terminal else self._shown(command, words))

    def _facts_lack(self, command: UserCommand) -> str | None:
        if command.changes and self.read_only:
            return f"{command.name} changes something, and this console is read-only"
        missing = [place for place in command.places if place not in self._facts()]
        return f"{command.name} needs a row with: {missing[0]}" if missing else None

    def _facts(self) -> dict[str, str]:
        """What the places in a command's words stand for, of the selected row."""
        facts = {"workspace": str(self.console_.workspace.root), "environment": self.console_.environment}
        subject = self.view.subject()
        if subject is None:
            return facts
        known = {
            "model": subject.model,
            "version": subject.version,
            "run": subject.run_id,
            "alert": subject.alert_id,
            "trigger": subject.trigger,
        }
        facts |= {name: str(value) for name, value in known.items() if value is not None}
        if subject.model is not None and subject.version is not None:
            facts["reference"] = f"{subject.model}@{subject.version}"
        return facts

    async def _handed_over(self, words: list[str]) -> None:
        try:
            with self.suspend():
                done = subprocess.run(words, check=False, cwd=self.console_.workspace.root)  # noqa: S603 - the person's own
        except (OSError, SuspendNotSupported) as error:
            self.say(f"{words[0]} cannot be run: {error}", "bad")
            return
        self.refresh()
        self.say(f"{words[0]} has ended with {done.returncode}", "ok" if done.returncode == 0 else "bad")

    async def _shown(self, command: UserCommand, words: list[str]) -> None:
        from quarterdeck.console.tui.screens.reader import Reader  # start-up time

        self.say(f"{command.name} runs", "dim")
        try:
            done = await asyncio.to_thread(self._run_program, words)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.say(f"{command.name}: {error}", "bad")
            return
        text = done.stdout.decode(errors="replace").splitlines()[:SHOWN]
        ended: Line = line(span(f"ended with {done.returncode}", "ok" if done.returncode == 0 else "bad"))
        self.push_screen(Reader(command.says, [ended, line(""), *(line(part) for part in text)]))

    def _run_program(self, words: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - the person's own program, and no shell
            words,
            check=False,
            cwd=self.console_.workspace.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
        )
