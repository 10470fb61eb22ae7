"""The least that Textual can show: what any program on it pays."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("ready for it")


if __name__ == "__main__":
    Bare().run()
