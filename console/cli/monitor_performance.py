"""`quarterdeck monitor performance MODEL`: what was measured of each window beside what was estimated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.formats import minute, number
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.metrics.families import MAIN_METRIC
from quarterdeck.core.operations import Window
from quarterdeck.core.performance.finding import Finding, Kind
from quarterdeck.core.performance.validity import NOT_VALID
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import registry, windows

Model = Annotated[str, typer.Argument(help="The model's name.")]
MEASURED = (Kind.LABELLED, Kind.KPI, Kind.SERVED)
WARNING = (
    "Estimated: without labels, from what the held-out rows taught. It holds while the same inputs lead to the same "
    "outcomes;\nit does not hold where what is to be predicted has changed (concept drift)."
)


def performance(
    ctx: typer.Context,
    model: Model,
    metric: Annotated[
        str | None, typer.Option("--metric", help="This metric or KPI; else the model's main one.")
    ] = None,
    last: Annotated[int, typer.Option("--windows", min=1, max=10_000, help="The last so many windows.")] = 12,
    version: Annotated[int | None, typer.Option("--version", "-v", min=1, help="Only this version's.")] = None,
    by_slice: Annotated[bool, typer.Option("--by-slice", help="The slices of [evaluation], one by one.")] = False,
    as_json: AsJson = False,
) -> None:
    """A metric over the windows: measured on the labels that came, estimated without, and where each should lie."""
    with opened(ctx) as console, console.database.read() as tx:
        known = registry.models(tx)
        if model not in known:
            raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, known))
        found = windows.last(tx, model, version=version, limit=last)
        newest = registry.versions(tx, model=model, limit=1)[0]
    chosen = metric or MAIN_METRIC[newest.signature.task]
    judged = [(window, [Finding.from_json(item) for item in window.performance]) for window in found]
    if metric is not None:
        _check_metric(metric, judged)
    if as_json:
        print_json(_plain(model, chosen, judged, by_slice))
    else:
        _print(model, chosen, judged, by_slice)


Seen = Sequence[tuple[Window, list[Finding]]]


def _check_metric(metric: str, judged: Seen) -> None:
    """A metric that no window has is a mistake, unless no window has any."""
    names = list(dict.fromkeys(item.metric for _, findings in judged for item in findings))
    if names and metric not in names:
        raise NotFoundError(f"no window has a metric {metric!r}", hint=expected_names(metric, names))


def _plain(model: str, metric: str, judged: Seen, by_slice: bool) -> dict[str, Any]:
    return {
        "model": model,
        "metric": metric,
        "windows": [
            {
                "version": window.version,
                "start": window.start,
                "end": window.end,
                "closed": window.closed,
                "rows": window.rows,
                "labelled": window.labelled,
                "findings": [item.to_json() for item in findings if _is_shown(item, metric, by_slice)],
            }
            for window, findings in judged
        ],
    }


def _is_shown(item: Finding, metric: str, by_slice: bool) -> bool:
    return item.metric == metric and (by_slice or item.slice is None)


def _print(model: str, metric: str, judged: Seen, by_slice: bool) -> None:
    rows = [row for window, findings in judged for row in _rows(window, findings, metric, by_slice)]
    names = ["from", "version", "rows", "slice", "labels", "measured", "95 %", "estimated", "95 %", "held out",
             "should lie in", "says"]  # fmt: skip
    if not by_slice:
        rows = [row[:3] + row[4:] for row in rows]
        names.remove("slice")
    print(f"{metric} of {model}\n")
    print_table(names, rows, empty=f"No window of {model}: it has answered nothing, or no daemon watches.")
    for line in _below(metric, judged):
        print(line)


def _rows(window: Window, findings: list[Finding], metric: str, by_slice: bool) -> list[tuple[Any, ...]]:
    asked = [item for item in findings if item.metric == metric]
    slices = list(dict.fromkeys(item.slice for item in asked)) if by_slice else [None]
    return [_row(window, [item for item in asked if item.slice == name], name) for name in slices or [None]]


def _row(window: Window, findings: list[Finding], name: str | None) -> tuple[Any, ...]:
    measured = next((item for item in findings if item.kind in MEASURED), None)
    estimated = next((item for item in findings if item.kind is Kind.ESTIMATED), None)
    some = measured or estimated
    return (
        minute(window.start) + ("" if window.closed else " (open)"),
        window.version,
        window.rows,
        name or "(all)",
        _of(measured, lambda item: item.n),
        _of(measured, lambda item: number(item.value)),
        _of(measured, _interval),
        _of(estimated, lambda item: number(item.value)),
        _of(estimated, _interval),
        _of(some, lambda item: number(item.reference)),
        _of(some, _limits),
        _says(measured, estimated),
    )


def _of(item: Finding | None, what: Callable[[Finding], Any]) -> Any:
    return None if item is None else what(item)


def _interval(item: Finding) -> str:
    return "-" if item.lower is None else f"{number(item.lower)} .. {number(item.upper)}"


def _limits(item: Finding) -> str:
    if item.threshold_low is None and item.threshold_high is None:
        return "-"
    return f"{_end(item.threshold_low)} .. {_end(item.threshold_high)}"


def _end(value: float | None) -> str:
    return "" if value is None else number(value)


def _says(measured: Finding | None, estimated: Finding | None) -> str:
    said = []
    if measured is not None and measured.alert:
        said.append("ALERT measured")
    if estimated is not None and estimated.alert:
        said.append("ALERT estimated")
    if estimated is not None and not estimated.valid:
        said.append("estimate not valid")
    elif estimated is not None and estimated.agrees is False:
        said.append("estimate disagrees")
    if measured is None and estimated is not None and estimated.value is None:
        said.append("nothing to tell")
    return ", ".join(said) or ("-" if measured is None and estimated is None else "ok")


def _below(metric: str, judged: Seen) -> list[str]:
    """What the figures mean, why some are missing, and what else there is."""
    every = [item for _, findings in judged for item in findings]
    own = [item for item in every if item.metric == metric and item.slice is None]
    lines = []
    if any(item.kind is Kind.ESTIMATED and item.value is not None for item in own):
        lines += ["", WARNING]
    invalid = next((item.note for item in reversed(own) if NOT_VALID in item.note), "")
    notes = [item.note for item in own if item.note and (item.kind is not Kind.ESTIMATED or item.value is None)]
    if invalid:
        notes.append("the estimate is " + invalid[invalid.index(NOT_VALID) :])
    lines += [f"- {note}" for note in dict.fromkeys(notes[-3:])]
    others = [name for name in dict.fromkeys(item.metric for item in every) if name != metric]
    return [*lines, *([f"also: {', '.join(others)}"] if others else [])]
