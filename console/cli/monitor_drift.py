"""`quarterdeck monitor drift` and `quality`: one window, feature by feature."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.live import parse_time
from quarterdeck.console.cli.output import Cell, jsonable, print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.queries.monitoring import ErrorDrift, error_drift, farness, judged_window
from quarterdeck.core.operations import Window

Model = Annotated[str, typer.Argument(help="The model's name.")]
Number = Annotated[int | None, typer.Option("--version", "-v", min=1, help="Only this version's.")]
At = Annotated[
    str | None,
    typer.Option("--window", "-w", metavar="TIME", help="The window that holds this time; default: the last."),
]

_NONE = "No window of {model} has enough rows to be judged."


def drift(ctx: typer.Context, model: Model, version: Number = None, window: At = None, as_json: AsJson = False) -> None:
    """One judged window by feature, the farthest from training first; where the errors rose."""
    at = _time(window)
    with opened(ctx) as console, console.database.read() as tx:
        found = judged_window(tx, model, version, at)
        rises = [] if found is None else error_drift(tx, console.traffic, model, found.version)
    if as_json:
        print_json(None if found is None else jsonable(found) | {"error_drift": rises})
    elif found is None:
        print(_NONE.format(model=model))
    else:
        _print_drift(found, rises)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _print_drift(window: Window, rises: list[ErrorDrift]) -> None:
    print(f"{_title(window)}{_dataset(window)}\n")
    columns = ("feature", "method", "value", "noise", "p adjusted", "drifts from", "verdict", "psi")
    features = sorted(window.drift, key=farness)
    print_table(columns, [_row(item) for item in features], empty="No feature was judged.")
    beside = [window.dataset_drift.get(name) for name in ("prediction", "answer", "target")]
    others = [item for item in beside if item is not None]
    if others:
        print()
        print_table(("of the model", *columns[1:]), [_row(item) for item in others], empty="")
    _print_multivariate(window.dataset_drift.get("multivariate") or [])
    if rises:
        print()
        points = [(rise.method, rise.at, rise.label, rise.before, rise.after) for rise in rises]
        print_table(("errors rose by", "at", "label", "mean before", "mean after"), points, empty="")
    for note in window.dataset_drift.get("notes") or []:
        print(f"\nnote: {text_of(note)}")


def _title(window: Window) -> str:
    return f"{window.model}@{window.version}, {text_of(window.start)} to {text_of(window.end)}, {window.rows} rows"


def _dataset(window: Window) -> str:
    share = window.dataset_drift.get("share")
    if share is None:
        return ""
    verdict = "the data set DRIFTED" if window.dataset_drift["drifted"] else "the data set has not drifted"
    return f"\n{share:.0%} of the features drifted: {verdict} (from {window.dataset_drift['threshold']:.0%} on)"


def _row(item: dict[str, Any]) -> tuple[Cell, ...]:
    test = item.get("kind") == "test"
    verdict = "DRIFTED" if item["drifted"] else "not measured" if item["value"] is None else "ok"
    limit = f"p <= {item['threshold']:g}" if test else f"> {item['threshold']:g}"
    psi = item.get("psi", item["value"] if item["method"] == "psi" else None)
    return (
        item["feature"], item["method"], item["value"], item.get("noise"), item.get("q_value"), limit, verdict, psi,
    )  # fmt: skip


def _print_multivariate(found: list[dict[str, Any]]) -> None:
    if not found:
        return
    print()
    rows = [
        (item["method"], item["value"], item["lower"], item["upper"], item["threshold"], item["n_window"],
         item["problem"] or ("DRIFTED" if item["drifted"] else "ok"))
        for item in found
    ]  # fmt: skip
    columns = ("all features by", "value", "lower", "upper", "drifts above", "rows", "verdict")
    print_table(columns, rows, empty="")


def quality(
    ctx: typer.Context, model: Model, version: Number = None, window: At = None, as_json: AsJson = False
) -> None:
    """The data quality of one judged window: missing, out of range, unknown, constant, volume; the bad first."""
    at = _time(window)
    with opened(ctx) as console, console.database.read() as tx:
        found = judged_window(tx, model, version, at)
    if as_json:
        print_json(None if found is None else _quality_json(found))
    elif found is None:
        print(_NONE.format(model=model))
    else:
        _print_quality(found)


def _quality_json(window: Window) -> dict[str, Any]:
    named = ("model", "version", "start", "end", "closed", "rows", "quality")
    return {name: getattr(window, name) for name in named}


def _print_quality(window: Window) -> None:
    print(f"{_title(window)}\n")
    rows = [
        (item["feature"] or "(all rows)", item["check"], item["value"], item["expected"], item["low"], item["high"],
         item["p_value"], "BAD" if item["bad"] else "ok")
        for item in sorted(window.quality, key=lambda item: not item["bad"])
    ]  # fmt: skip
    columns = ("feature", "check", "value", "expected", "from", "to", "p", "verdict")
    print_table(columns, rows, empty="The window was judged before quality was looked at.")


COMMANDS = {"drift": drift, "quality": quality}
