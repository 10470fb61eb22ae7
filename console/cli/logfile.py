"""A log file on the terminal: its end, or as it grows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from quarterdeck.console.cli.output import clean

POLL_S = 0.2


def print_log(path: Path, *, tail: int | None, until: Callable[[], bool] | None, empty: str) -> None:
    """Print a file's lines; with `until` go on as it grows until that says yes, or ctrl+c."""
    if until is not None:
        while not path.exists() and not until():
            time.sleep(POLL_S)
    if not path.exists():
        print(empty)
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=tail):
            _print(line)
        if until is not None:
            _grow(file, until)


def _grow(file: TextIO, until: Callable[[], bool]) -> None:
    while True:
        over = until()  # asked before reading: what was written before it ended is still read
        for line in file:
            _print(line)
        if over:
            return
        time.sleep(POLL_S)


def _print(line: str) -> None:
    print(clean(line.rstrip("\n").replace("\t", "    ")), flush=True)
