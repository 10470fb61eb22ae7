"""The sections of the report but the performance's."""

from __future__ import annotations

from typing import Any

from quarterdeck.console.cli.output import moment
from quarterdeck.console.formats import number
from quarterdeck.console.queries.monitoring import farness
from quarterdeck.console.report.gather import Distribution, Report
from quarterdeck.console.report.html import Html, Part, badge, table, tag
from quarterdeck.console.report.svg import bars, pair
from quarterdeck.core.operations import Window
from quarterdeck.core.registry import Version
from quarterdeck.core.values import AlertState, Decision, Outcome

_TONES = {Outcome.PASS: "good", Outcome.FAIL: "bad", Outcome.HOLD: "watch"}
_DECISIONS = {Decision.PROMOTE.value: "good", Decision.REJECT.value: "bad", Decision.HOLD.value: "watch"}
_ALERTS = {AlertState.OPEN: "bad", AlertState.ACKNOWLEDGED: "watch", AlertState.RESOLVED: "good"}
_METHODS = {
    "psi": "PSI", "jensen_shannon": "Jensen-Shannon distance", "hellinger": "Hellinger distance",
    "wasserstein": "Wasserstein distance", "kolmogorov_smirnov": "Kolmogorov-Smirnov test",
    "chi_square": "chi-square test", "proportions": "test of proportions", "pca": "reconstruction by PCA",
    "domain_classifier": "domain classifier", "adwin": "ADWIN", "page_hinkley": "Page-Hinkley",
}  # fmt: skip
_CHECKS = {
    "missing": "missing values", "out_of_range": "out of the range that training saw",
    "unknown_category": "a category that training did not have", "constant": "one value only",
    "volume": "number of rows",
}  # fmt: skip


def live(report: Report) -> Html:
    """What answers, since when, what it was made of, and how many rows it gets."""
    version = report.champion
    if version is None:
        return tag("section", tag("h2", "What is live"), tag("p", "Nothing answers for this model.", class_="quiet"))
    rows: list[tuple[Part, Part]] = [
        ("Version", version.reference),
        ("Live since", None if report.live_since is None else moment(report.live_since)),
        ("Predicts", f"{version.signature.target} ({version.signature.task})"),
        ("Learned from", _learned(version)),
        ("Takes", f"{len(version.signature.fields)} features"),
        ("Being tried against it", "nothing" if report.challenger is None else f"version {report.challenger}"),
    ]
    traffic = bars(
        [moment(window.start) for window in report.windows],
        [float(window.rows) for window in report.windows],
        title="rows by window",
        tones=["two" if window.closed else "one" for window in report.windows],
    )
    return tag(
        "section", tag("h2", "What is live"), table(("", ""), rows, empty=""), tag("h3", "Rows by window"),
        traffic or tag("p", "No row has been counted yet.", class_="quiet"),
    )  # fmt: skip


def _learned(version: Version) -> str:
    period = "" if version.trained_from is None or version.trained_to is None else (
        f" from {moment(version.trained_from)} to {moment(version.trained_to)}"
    )  # fmt: skip
    return f"{version.rows:,} rows{period}"


def drift(report: Report) -> Html:
    """Feature by feature, the farthest first, each with its two distributions."""
    window = report.last
    head = tag("h2", "Does the data still look like what the model learned from?")
    if window is None:
        return tag("section", head, tag("p", "No window has had enough rows to be judged.", class_="quiet"))
    features = sorted(window.drift, key=farness)
    plots = {item.feature: item for item in report.distributions}
    return tag(
        "section",
        head,
        tag("p", _about(window), class_="quiet"),
        tag("p", *_dataset(window)),
        table(
            ("Feature", "Verdict", "Method", "Value", "Drifts", "PSI"),
            [_drift_row(item) for item in features],
            empty="No feature was judged.",
            numbers=(3, 5),
        ),
        _of_the_model(window),
        _error_drift(report),
        *(_plot(item, plots[item["feature"]]) for item in features if item["feature"] in plots),
    )


def _about(window: Window) -> str:
    period = f"{moment(window.start)} to {moment(window.end)}"
    return f"The window from {period}: {window.rows:,} rows of version {window.version}."


def _dataset(window: Window) -> list[Part]:
    found = window.dataset_drift
    if found.get("share") is None:
        return []
    word = badge("drifted", "bad") if found["drifted"] else badge("not drifted", "good")
    return [
        "The data as a whole: ",
        word,
        f" {found['share']:.0%} of the features drifted; it counts from {found['threshold']:.0%} on.",
    ]


def _drift_row(item: dict[str, Any]) -> tuple[Part, ...]:
    if item["value"] is None:
        verdict = badge("not measured", "quiet")
    else:
        verdict = badge("drifted", "bad") if item["drifted"] else badge("as before", "good")
    method, threshold = _METHODS.get(item["method"], item["method"]), number(item["threshold"])
    if item.get("kind") == "test":
        return (
            item["feature"],
            verdict,
            method,
            f"p = {number(item.get('q_value'))}",
            f"p up to {threshold}",
            _psi(item),
        )
    chance = item.get("noise")
    limit = f"above {threshold}" + (
        f" (chance reaches {number(chance)})" if chance is not None and chance > item["threshold"] else ""
    )
    return item["feature"], verdict, method, number(item["value"]), limit, _psi(item)


def _psi(item: dict[str, Any]) -> str:
    return number(item.get("psi", item["value"] if item["method"] == "psi" else None))


def _of_the_model(window: Window) -> Html:
    """What the model says and was to say, and all features together."""
    found = window.dataset_drift
    titles = (("prediction", "the model's score"), ("answer", "the model's answer"), ("target", "the truth"))
    rows = [(title, *_drift_row(found[name])[1:]) for name, title in titles if found.get(name)]
    rows += [_multivariate_row(item) for item in found.get("multivariate") or []]
    if not rows:
        return Html("")
    columns = ("Beyond single features", "Verdict", "Method", "Value", "Drifts", "PSI")
    return tag(
        "div", tag("h3", "Answers, truth, and all features together"), table(columns, rows, empty="", numbers=(3, 5))
    )


def _multivariate_row(item: dict[str, Any]) -> tuple[Part, ...]:
    method = _METHODS.get(item["method"], item["method"])
    if item["value"] is None:
        return "all features together", badge("not measured", "quiet"), method, None, item["problem"], None
    verdict = badge("drifted", "bad") if item["drifted"] else badge("as before", "good")
    return "all features together", verdict, method, number(item["value"]), f"above {number(item['threshold'])}", None


def _error_drift(report: Report) -> Html:
    if not report.error_drift:
        return Html("")
    rows = [
        (_METHODS.get(rise.method, rise.method), moment(rise.at), number(rise.before), number(rise.after))
        for rise in report.error_drift
    ]
    columns = ("Found by", "At", "Mean error before", "and after")
    return tag(
        "div", tag("h3", "Where the errors rose, label by label"), table(columns, rows, empty="", numbers=(2, 3))
    )


def _plot(item: dict[str, Any], shares: Distribution) -> Html:
    name = item["feature"]
    drawn = pair(shares.bins, shares.reference, shares.window, title=f"{name}: training and this window")
    legend = tag(
        "p", tag("span", "rows of training", class_="key one"), tag("span", "rows of this window", class_="key two"),
        class_="legend",
    )  # fmt: skip
    word = badge("drifted", "bad") if item["drifted"] else ""
    figure = tag("div", tag("h3", name, " " if word else "", word or Html("")), drawn, legend)
    return figure if item["drifted"] else tag("details", tag("summary", name), figure)


def quality(report: Report) -> Html:
    """What is wrong with the rows of the last judged window."""
    head = tag("h2", "Are the rows well made?")
    window = report.last
    if window is None or not window.quality:
        return tag("section", head, tag("p", "No window was checked yet.", class_="quiet"))
    faults = [item for item in window.quality if item["bad"]]
    if not faults:
        return tag(
            "section", head, tag("p", badge("well", "good"), f" {len(window.quality)} checks, none of them failed.")
        )
    rows = [
        (
            item["feature"] or "all rows",
            _CHECKS.get(item["check"], item["check"]),
            _share(item, "value"),
            _share(item, "expected"),
        )
        for item in faults
    ]
    said = tag("p", badge("faults", "bad"), f" {len(faults)} of {len(window.quality)} checks failed.")
    return tag("section", head, said, table(("Feature", "What", "Found", "Usual"), rows, empty="", numbers=(2, 3)))


def _share(item: dict[str, Any], key: str) -> str:
    if item["check"] == "volume":
        return f"{item[key]:,.0f}"
    if item["check"] == "constant":
        return "yes" if item[key] else "no"
    return f"{item[key]:.1%}"


def alerts(report: Report) -> Html:
    rows: list[tuple[Part, ...]] = [
        (badge(alert.state.value, _ALERTS.get(alert.state, "quiet")), alert.message, moment(alert.opened_at),
         moment(alert.last_at), str(alert.count), alert.acknowledged_by)
        for alert in report.alerts
    ]  # fmt: skip
    columns = ("State", "What", "Since", "Last seen", "Times", "Seen by")
    return tag("section", tag("h2", "Alerts"), table(columns, rows, empty="There has been no alert.", numbers=(4,)))


def verdicts(report: Report) -> Html:
    """What the live version was let in by, and what comparisons said."""
    version = report.champion
    gates: list[tuple[Part, ...]] = [
        (
            badge(item.outcome.value, _TONES.get(item.outcome, "quiet")),
            item.gate,
            number(item.statistic),
            f"{item.n:,}",
            item.reason,
        )
        for item in (version.verdicts if version else ())
    ]
    compared: list[tuple[Part, ...]] = [
        (badge(duel.decision.value, _DECISIONS.get(duel.decision.value, "quiet")),
         f"version {duel.challenger} against version {duel.champion}", f"{duel.verdict.get('n', 0):,}",
         "; ".join(duel.verdict.get("reasons") or ()), moment(duel.updated_at))
        for duel in report.duels
    ]  # fmt: skip
    return tag(
        "section",
        tag("h2", "Verdicts"),
        tag("h3", "What the live version had to pass"),
        table(("Verdict", "Asked", "Found", "Rows", "Why"), gates, empty="No gate was asked.", numbers=(2, 3)),
        tag("h3", "Comparisons"),
        table(("Verdict", "Of", "Rows", "Why", "As of"), compared, empty="No version was compared.", numbers=(2,)),
    )
