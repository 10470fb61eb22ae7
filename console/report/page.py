"""The report as one HTML page: what is live, whether it is well, and why, in words for people who did not make it."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.console.cli.output import moment
from quarterdeck.console.formats import counted
from quarterdeck.console.report import performance, sections
from quarterdeck.console.report.gather import Report
from quarterdeck.console.report.html import Html, badge, h, joined, tag
from quarterdeck.console.report.style import CSS
from quarterdeck.core.values import AlertState

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # nothing is fetched, no script runs

_WORDS = (
    ("drift", "The rows that come in no longer look like those that the model learned from."),
    ("reference", "The rows that the model learned from; every window is compared with them."),
    ("window", "A stretch of time; its rows are judged together when it has passed."),
    ("labelled", "Measured: the truth has arrived and was compared with what the model had said."),
    ("estimated", "Computed without the truth, from how sure the model was. It does not hold where the relation "
     "between rows and truth itself has changed."),
    ("PSI", "Population stability index: 0.1 is worth watching, 0.25 worth acting on."),
    ("champion, challenger", "The version that answers, and one that is being tried against it."),
)  # fmt: skip


def render(report: Report) -> str:
    """The whole document; it opens without a network."""
    title = f"{report.model}: report of {moment(report.made_at)}"
    body = tag(
        "body",
        tag("header", tag("h1", report.model), tag("p", _subtitle(report), class_="quiet")),
        _glance(report),
        sections.live(report),
        sections.drift(report),
        sections.quality(report),
        performance.section(report),
        sections.alerts(report),
        sections.verdicts(report),
        _glossary(),
    )
    head = tag(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        tag("style", Html(CSS)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _subtitle(report: Report) -> str:
    return f"What the monitor saw in {report.environment}, as of {moment(report.made_at)}"


def _glance(report: Report) -> Html:
    """The answer in one line, and four cards."""
    tone, words, why = _health(report)
    open_alerts = sum(alert.state is AlertState.OPEN for alert in report.alerts)
    last = report.last
    cards = [
        ("Live", "nothing" if report.champion is None else f"version {report.champion.number}"),
        ("Rows in the last judged window", "–" if last is None else f"{last.rows:,}"),  # noqa: RUF001
        ("Features that drifted", "–" if last is None else f"{last.drifted or 0} of {len(last.drift)}"),  # noqa: RUF001
        ("Open alerts", str(open_alerts)),
    ]
    shown = (tag("div", tag("span", name, class_="quiet"), tag("b", value), class_="card") for name, value in cards)
    return tag(
        "section", tag("p", badge(words, tone), " ", joined(map(h, why), "; ")), tag("div", *shown, class_="cards")
    )


def _health(report: Report) -> tuple[str, str, Sequence[str]]:
    """(tone, word, reasons): bad with open alerts or a data set that drifted, watch with anything else amiss."""
    open_alerts = [alert for alert in report.alerts if alert.state is AlertState.OPEN]
    last = report.last
    if report.champion is None:
        return "quiet", "nothing live", ["no version answers in this environment"]
    if last is None:
        return "quiet", "not judged yet", ["no window has had enough rows"]
    reasons = [f"{counted(len(open_alerts), 'open alert')}"] if open_alerts else []
    if last.dataset_drift.get("drifted"):
        reasons.append("the data as a whole has moved away from what the model learned from")
    if reasons:
        return "bad", "needs attention", reasons
    amiss = [f"{counted(last.drifted, 'feature')} drifted"] if last.drifted else []
    faults = sum(item["bad"] for item in last.quality)
    amiss += [f"{counted(faults, 'check')} of data quality failed"] if faults else []
    return (
        ("watch", "worth a look", amiss) if amiss else ("good", "well", ["no open alert, and the data looks as usual"])
    )


def _glossary() -> Html:
    terms = [part for term, says in _WORDS for part in (tag("dt", term), tag("dd", says))]
    return tag("section", tag("details", tag("summary", "What the words mean"), tag("dl", *terms)))
