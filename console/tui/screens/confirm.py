"""The dialog before a change: what changes, where, and why.

The reason has the focus, so that what is typed at once is kept. Enter goes on; alone it never confirms.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from quarterdeck.console.tui.plan import Plan
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span, wrap
from quarterdeck.console.tui.widgets.lines import Lines

LONGEST_REASON = 2_000  # characters, as console/acts/guard.py has it, which the first frame does not wait for
_INDENT = 12  # where a value begins, and wrapped lines go on
_WIDTH = 72  # of the dialog, as in dialogs.tcss
_AROUND = 4  # its border and padding
_BELOW = 12  # rows of everything but the changes: the buttons must stay on the screen


class Confirm(ModalScreen[str | None]):
    """Gives the reason that was typed ("" for none), or None where it was cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel"),
        Binding("left,right", "app.focus_next", "to the other button", show=False),
    ]

    def __init__(self, plan: Plan, environment: str, symbols: Symbols) -> None:
        super().__init__()
        self.plan = plan
        self._environment = environment
        self._symbols = symbols
        self._name = plan.typed_name(environment)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="live" if self._name else "") as box:
            box.border_title = self.plan.title
            text = Lines(id="changes", indent=_INDENT)
            text.can_focus = False
            yield text
            yield Label("Reason, kept in the ledger" + (" (needed)" if self.plan.needs_reason else ""), markup=False)
            yield _plain_input("reason")
            if self._name is not None:
                yield Label(f"Type {self._name} to change {self._environment}", markup=False)
                yield _plain_input("typed")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self.plan.verb, id="confirm", variant="warning")

    def on_mount(self) -> None:
        lines = change_lines(self.plan, self._environment, self._symbols)
        pane = self.query_one("#changes", Lines)
        room = min(_WIDTH, self.app.size.width) - _AROUND
        height = sum(len(wrap(text, room, indent=_INDENT)) for text in lines)
        pane.styles.height = min(height, max(1, self.app.size.height - _BELOW))
        pane.set_lines(lines)
        self.set_focus(self.query_one("#reason"))  # at once: Widget.focus() waits a turn
        self._judge()

    @on(Input.Changed)
    def _judge(self) -> None:
        """The button works once all that is asked for is there."""
        typed = self._name is None or self.query_one("#typed", Input).value.strip() == self._name
        reasoned = not self.plan.needs_reason or bool(self._reason())
        self.query_one("#confirm", Button).disabled = bool(self.plan.blocked) or not (typed and reasoned)

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter in a field goes on to the next one, from the last to the button if it works, and confirms nothing.

        Where nothing was typed it goes on to Cancel: Enter again and again does nothing.
        """
        if event.input is not self.query(Input).last():
            self.focus_next()
        elif not any(field.value for field in self.query(Input)):
            self.query_one("#cancel").focus()
        elif not self.query_one("#confirm", Button).disabled:
            self.query_one("#confirm").focus()

    def on_key(self, event: Key) -> None:
        """What is typed while a button has the focus is meant for the first field that waits.

        A field keeps what it takes, so what arrives here was aimed at a button, if only because the focus moves more
        slowly than fast typing.
        """
        if event.character and event.is_printable:
            self._take(event.character)
            event.stop()

    def on_paste(self, event: Paste) -> None:
        """The same for what is pasted."""
        self._take(_one_line(event.text))
        event.stop()

    def _take(self, text: str) -> None:
        fields = list(self.query(Input))
        waiting = next((field for field in fields if not field.value), fields[-1])
        field = self.focused if isinstance(self.focused, Input) else waiting
        self.set_focus(field)
        field.insert_text_at_cursor(text)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        self.dismiss(self._reason())

    def _reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()


def change_lines(plan: Plan, environment: str, symbols: Symbols) -> list[Line]:
    """Model, environment, and each thing that changes: before -> after."""
    lines = [
        line(span("model       ", "dim"), span(plan.model, "strong")),
        line(span("environment ", "dim"), span(environment, "warn" if plan.live else "")),
    ]
    for what, before, after in plan.changes:
        arrow = f" {symbols.arrow} " if before else ""
        lines.append(line(span(f"{what:<11} ", "dim"), before, span(arrow, "dim"), span(after, "strong")))
    return lines + [line(span(text, tone)) for text, tone in plan.notes]


class _Field(Input):
    """Takes all lines of what is pasted, as one."""

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.replace(_one_line(event.text), *self.selection)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain_input(name: str) -> Input:
    """A blinking cursor sends bytes for ever."""
    field = _Field(id=name, max_length=LONGEST_REASON, compact=True, select_on_focus=False)
    field.cursor_blink = False
    return field
