"""`quarterdeck monitor`: what the monitor saw in the traffic. Alerts are in monitor_alerts.py and monitor_rules.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quarterdeck.console.cli import monitor_alerts, monitor_drift, monitor_report, monitor_rules
from quarterdeck.console.cli.monitor_performance import performance
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, Limit, opened
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


def _windows(ctx: typer.Context, model: str, version: int | None, limit: int) -> list[Window]:
    with opened(ctx) as console, console.database.read() as tx:
        known = registry.models(tx)
        if model not in known:
            raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, known))
        return windows.last(tx, model, version=version, limit=limit)


# In the order of the help page.
app.command()(performance)
for module in (monitor_drift, monitor_report, monitor_alerts, monitor_rules):
    for name, command in module.COMMANDS.items():
        app.command(name)(command)
