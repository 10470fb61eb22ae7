"""A log file on the terminal: its end, or as it grows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from quarterdeck.console.cli.output import clean

POLL_S = 0.2

Show = Callable[[str], str]


def print_log(
    path: Path, *, tail: int | None, until: Callable[[], bool] | None, empty: str, show: Show | None = None
) -> None:
    """Print a file's lines; with `until` go on as it grows until that says yes, or ctrl+c.

    `show` makes of a line what is printed; else it is printed as it is.
    """
    if until is not None:
        while not path.exists() and not until():
            time.sleep(POLL_S)
    if not path.exists():
        if empty:
            print(empty)
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=tail):
            _print(line, show)
        if until is not None:
            _grow(file, until, show)


def _grow(file: TextIO, until: Callable[[], bool], show: Show | None) -> None:
    while True:
        over = until()  # asked before reading: what was written before it ended is still read
        for line in file:
            _print(line, show)
        if over:
            return
        time.sleep(POLL_S)


def _print(line: str, show: Show | None) -> None:
    text = clean(line.rstrip("\n").replace("\t", "    "))
    print(text if show is None else show(text), flush=True)
