"""The steps of a run as a graph of lanes, one step a line, as version control shows branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quarterdeck.console.tui.symbols import Symbols


def lanes(steps: Sequence[tuple[str, Sequence[str]]], symbols: Symbols) -> dict[str, tuple[str, int]]:
    """For each step, in an order in which inputs come first: its line of lanes ("@" where the step is) and
    the number of its own lane. A step's result keeps a lane until the last step that takes it."""
    last_use = {source: name for name, inputs in steps for source in inputs}
    open_: list[str | None] = []  # lane -> the step whose result runs in it
    drawn: dict[str, tuple[str, int]] = {}
    for name, inputs in steps:
        joined = [index for index, source in enumerate(open_) if source in set(inputs)]
        ending = [index for index in joined if last_use[open_[index] or ""] == name]
        own = ending[0] if ending else _free(open_)
        drawn[name] = (_line(open_, joined, ending, own, symbols.lanes), own)
        for index in ending:
            open_[index] = None
        while len(open_) <= own:
            open_.append(None)
        open_[own] = name if name in last_use else None
        while open_ and open_[-1] is None:
            open_.pop()
    return drawn


def _free(open_: list[str | None]) -> int:
    return next((index for index, source in enumerate(open_) if source is None), len(open_))


def _line(open_: list[str | None], joined: list[int], ending: list[int], own: int, marks: Mapping[str, str]) -> str:
    touched = [*joined, own]
    first, last = min(touched), max(touched)
    cells = []
    for index in range(max(len(open_), last + 1)):
        inside = first <= index <= last
        cells.append(_cell(index, open_, joined, ending, own, first, last, marks, inside))
        cells.append(marks["across"] if first <= index < last else " ")
    return "".join(cells).rstrip()


def _cell(
    index: int,
    open_: list[str | None],
    joined: list[int],
    ending: list[int],
    own: int,
    first: int,
    last: int,
    marks: Mapping[str, str],
    inside: bool,
) -> str:
    if index == own:
        return "@"
    running = index < len(open_) and open_[index] is not None
    if index in ending:
        return marks["ends"] if index == last else marks["ends_mid"]
    if index in joined:
        return marks["right"] if index == first else marks["left"] if index == last else marks["cross"]
    if running:
        return marks["cross"] if inside else marks["pass"]
    return marks["across"] if inside else " "
