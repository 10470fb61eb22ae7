"""A log file on the terminal: its end, or as it grows, also while it is put aside for a new one."""

from __future__ import annotations

import os
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

    `show` makes of a line what is printed; else it is printed as it is. Where a new file has fewer lines than are
    asked for, the one that was put aside last has the rest.
    """
    if until is not None:
        while not path.exists() and not until():
            time.sleep(POLL_S)
    if not path.exists():
        if empty:
            print(empty)
        return
    file = _opened(path)
    try:
        end = deque(file, maxlen=tail)
        if tail is not None and len(end) < tail:
            end.extendleft(reversed(_end_of_older(path, tail - len(end))))
        for line in end:
            _print(line, show)
        if until is not None:
            file = _grow(path, file, until, show)
    finally:
        file.close()


def _end_of_older(path: Path, lines: int) -> list[str]:
    older = path.with_name(f"{path.name}.1")
    if not older.exists():
        return []
    with _opened(older) as file:
        return list(deque(file, maxlen=lines))


def _grow(path: Path, file: TextIO, until: Callable[[], bool], show: Show | None) -> TextIO:
    while True:
        over = until()  # asked before reading: what was written before it ended is still read
        for line in file:
            _print(line, show)
        if over:
            return file
        current = _current(path, file)
        if current is file:
            time.sleep(POLL_S)
            continue
        for line in file:  # what came between the last look and the moment it was put aside
            _print(line, show)
        file.close()
        file = current


def _current(path: Path, file: TextIO) -> TextIO:
    """The same file; the new one where it was put aside; its beginning where it was cut."""
    try:
        now = path.stat()
    except FileNotFoundError:  # between the old and the new one
        return file
    if not os.path.samestat(now, os.fstat(file.fileno())):
        return _opened(path)
    if now.st_size < file.tell():
        file.seek(0)
    return file


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace")


def _print(line: str, show: Show | None) -> None:
    text = clean(line.rstrip("\n").replace("\t", "    "))
    print(text if show is None else show(text), flush=True)
