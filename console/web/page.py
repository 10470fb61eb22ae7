"""One browser's console: a process of its own, drawn by the driver that textual-serve asks for."""

from __future__ import annotations

import argparse
from pathlib import Path

from quarterdeck.console.context import Console
from quarterdeck.console.tui.app import run


def main() -> None:
    """`python -m quarterdeck.console.web.page --workspace DIR [--read-only]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    with Console.open(asked.workspace, read_only=asked.read_only) as console:
        run(console, plain=False)


if __name__ == "__main__":
    main()
