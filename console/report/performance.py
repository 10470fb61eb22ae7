"""How good the answers are over time: measured where the truth has come, estimated where it has not, said apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quarterdeck.console.cli.output import moment
from quarterdeck.console.formats import number
from quarterdeck.console.report.gather import Report
from quarterdeck.console.report.html import Html, table, tag
from quarterdeck.console.report.svg import Series, lines
from quarterdeck.core.operations import Window

MOST = 6  # metrics that get a plot


def section(report: Report) -> Html:
    """A plot for each metric; the band is the interval that the monitor kept with it."""
    head = tag("h2", "How good are its answers?")
    names = _names(report)
    if not names:
        return tag("section", head, tag("p", "No label has come, and nothing was estimated.", class_="quiet"))
    return tag("section", head, *(_plot(report, name) for name in names[:MOST]), _latest(report, names))


def _names(report: Report) -> list[str]:
    """Every metric that any window has, those the version was judged by first."""
    found = [name for window in report.windows for name in (*window.metrics, *(i["metric"] for i in _items(window)))]
    judged = [item.metric for item in (report.champion.verdicts if report.champion else ())]
    known = dict.fromkeys(found)
    return [*(name for name in dict.fromkeys(judged) if name in known), *(name for name in known if name not in judged)]


def _items(window: Window) -> list[dict[str, Any]]:
    """The window's performance, where this release's monitor kept any: of all rows, not of a slice."""
    kept: Sequence[dict[str, Any]] = getattr(window, "performance", None) or ()
    return [item for item in kept if item.get("slice") is None and "metric" in item]


def _item(window: Window, name: str, kind: str) -> dict[str, Any]:
    return next((item for item in _items(window) if item["metric"] == name and item.get("kind") == kind), {})


def _plot(report: Report, name: str) -> Html:
    windows = report.windows
    measured = [_measured(window, name) for window in windows]
    estimated = [_item(window, name, "estimated") for window in windows]
    series = [
        Series(
            name="labelled",
            tone="two",
            values=[item.get("value") for item in measured],
            low=[item.get("lower") for item in measured],
            high=[item.get("upper") for item in measured],
        )
    ]
    if any(item.get("value") is not None for item in estimated):
        series.append(
            Series(
                name="estimated, without labels",
                tone="three",
                values=[item.get("value") for item in estimated],
                low=[item.get("lower") for item in estimated],
                high=[item.get("upper") for item in estimated],
            )
        )
    trained = None if report.champion is None else report.champion.metrics.get(name)
    if trained is not None:
        series.append(Series(name="at training", tone="one", values=[trained] * len(windows)))
    return tag(
        "div", tag("h3", name), lines([moment(window.start) for window in windows], series, title=f"{name} by window")
    )


def _measured(window: Window, name: str) -> dict[str, Any]:
    """The interval with the value where there is one, or the plain metric."""
    for kind in ("labelled", "kpi"):
        found = _item(window, name, kind)
        if found:
            return found
    return {"value": window.metrics.get(name)}


def _latest(report: Report, names: Sequence[str]) -> Html:
    """The last window that has labels, beside training."""
    labelled = [window for window in report.windows if window.labelled and window.metrics]
    if not labelled:
        return Html("")
    window = labelled[-1]
    trained = report.champion.metrics if report.champion else {}
    rows = [(name, number(trained.get(name)), number(_measured(window, name).get("value"))) for name in names]
    said = f"The window from {moment(window.start)}: {window.labelled:,} of {window.rows:,} rows have labels."
    return tag(
        "div", tag("p", said, class_="quiet"), table(("", "At training", "There"), rows, empty="", numbers=(1, 2))
    )
