"""`quarterdeck monitor`: what the monitor saw in the traffic."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.monitor_performance import performance
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, Limit, Offset, opened
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Window
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import AlertState, Alias
from quarterdeck.store import alerts, registry, windows

app = noun("What the monitor saw: windows, drift, alerts.")
Model = Annotated[str, typer.Argument(help="The model's name.")]
Number = Annotated[int | None, typer.Option("--version", "-v", min=1, help="Only this version's.")]


@app.command()
def show(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Every model's champion with its last judged window and its open alerts."""
    with opened(ctx) as console, console.database.read() as tx:
        found = [_summary(tx, console.environment, model) for model in registry.models(tx)]
    if as_json:
        print_json(found)
        return
    rows = [
        (item["model"], item["champion"], *_last(item["window"]), item["open_alerts"])
        for item in found
    ]  # fmt: skip
    columns = (
        "model",
        "champion",
        "last window",
        "rows",
        "labelled",
        "drifted",
        "metrics",
        "p99 ms",
        "alerts",
    )
    print_table(columns, rows, empty="No models yet: `quarterdeck pipeline run NAME` makes one.")


def _summary(tx: Any, environment: str, model: str) -> dict[str, Any]:
    champion = registry.aliases(tx, model, environment).get(Alias.CHAMPION)
    found = [] if champion is None else windows.last(tx, model, version=champion, limit=50)
    judged = [window for window in found if window.drifted is not None]
    unresolved = alerts.page(tx, model=model, unresolved=True, limit=10_000)
    return {
        "model": model,
        "champion": champion,
        "window": (judged or found)[-1] if found else None,
        "open_alerts": sum(alert.state is AlertState.OPEN for alert in unresolved),
    }


def _last(window: Window | None) -> tuple[Any, ...]:
    if window is None:
        return (None,) * 6
    return window.start, window.rows, window.labelled, _drifted(window), _metrics(window), window.p99_ms


def _drifted(window: Window) -> str | None:
    return None if window.drifted is None else f"{window.drifted} of {len(window.drift)}"


def _metrics(window: Window) -> str:
    return ", ".join(f"{name} {text_of(value)}" for name, value in window.metrics.items())


@app.command("windows")
def windows_(
    ctx: typer.Context, model: Model, version: Number = None, limit: Limit = 30, as_json: AsJson = False
) -> None:
    """The windows of a model's predictions by event time, the oldest first."""
    found = _windows(ctx, model, version, limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (window.start, window.end, window.version, "closed" if window.closed else "open", window.rows,
         window.labelled, _drifted(window), _metrics(window), window.p50_ms, window.p99_ms)
        for window in found
    ]  # fmt: skip
    columns = ("from", "to", "version", "state", "rows", "labelled", "drifted", "metrics", "p50 ms", "p99 ms")
    print_table(columns, rows, empty=f"No window of {model}: it has answered nothing, or no daemon watches.")


@app.command()
def drift(ctx: typer.Context, model: Model, version: Number = None, as_json: AsJson = False) -> None:
    """The last judged window by feature, the farthest from training first."""
    judged = [window for window in _windows(ctx, model, version, 500) if window.drifted is not None]
    last = judged[-1] if judged else None
    if as_json:
        print_json(last)
        return
    if last is None:
        print(f"No window of {model} has enough rows to be judged.")
        return
    print(f"{model}@{last.version}, {text_of(last.start)} to {text_of(last.end)}, {last.rows} rows\n")
    features = sorted(last.drift, key=lambda item: item["value"] if item["value"] is not None else -1.0, reverse=True)
    rows = [
        (
            item["feature"],
            item["method"],
            item["value"],
            item["threshold"],
            "DRIFTED" if item["drifted"] else "ok",
        )
        for item in features
    ]
    print_table(("feature", "method", "distance", "threshold", "verdict"), rows, empty="No feature was watched.")


def _windows(ctx: typer.Context, model: str, version: int | None, limit: int) -> list[Window]:
    with opened(ctx) as console, console.database.read() as tx:
        known = registry.models(tx)
        if model not in known:
            raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, known))
        return windows.last(tx, model, version=version, limit=limit)


app.command()(performance)


@app.command("alerts")
def alerts_(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("--model", help="Only this one's.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Also those whose cause has gone.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """Alerts, the newest first; exit 0 whether there are any or not."""
    with opened(ctx) as console, console.database.read() as tx:
        found = alerts.page(tx, model=model, unresolved=not every, limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            item.id,
            item.state,
            item.model,
            item.kind,
            item.subject,
            item.count,
            item.opened_at,
            item.last_at,
            item.message,
        )
        for item in found
    ]
    columns = ("alert", "state", "model", "kind", "about", "seen", "since", "last", "message")
    print_table(columns, rows, empty="No alerts.")


@app.command()
def ack(
    ctx: typer.Context, alert_id: Annotated[int, typer.Argument(metavar="ID", min=1)], as_json: AsJson = False
) -> None:
    """Say that a person has seen an alert."""
    with opened(ctx) as console:
        alert = acts.acknowledge(console, alert_id)
    if as_json:
        print_json(alert)
    else:
        print(f"alert {alert.id} is {alert.state} by {alert.acknowledged_by}")
