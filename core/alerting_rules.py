"""What a model's closed windows say to the rules of alerts. Pure: windows in, judgements out; loads without numpy.

A rule holds where its last so many windows in a row are bad, and is over where the newest that was measured is good.
Between the two it is undecided, and an open alert stays. What was not measured proves nothing, in either direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.alerting_spec import OF_METRICS, OF_MODEL, OF_WINDOWS, AlertOn, AlertSpec, rule_for, rules_of
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Window
from quarterdeck.core.values import Severity, TriggerKind

_FIGURES = ("value", "lower", "upper", "n", "low", "high")
FEATURES = "features"  # what drift and quality are about
SHOWN = 3  # features that a message names
MEASURED_AS = {AlertOn.PERFORMANCE: "labelled", AlertOn.ESTIMATE: "estimated", AlertOn.KPI: "kpi"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What a rule says of one cause: it holds, or it is over."""

    on: AlertOn
    subject: str
    holds: bool
    message: str = ""
    severity: Severity = Severity.WARNING
    at: datetime | None = None  # event time
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """One window, as a rule sees it."""

    start: datetime
    bad: bool
    size: float  # by which it may be critical
    message: str
    evidence: Mapping[str, Any]


def rules_for(manifest: Manifest) -> tuple[AlertSpec, ...]:
    """The rules of a pipeline: its own, and the defaults."""
    return rules_of(manifest.alerts, OF_MODEL)


def is_triggers(manifest: Manifest, on: AlertOn, metric: str | None = None) -> bool:
    """Whether a trigger of the manifest watches this: then its alert is the one, and the rule raises none."""
    if on is AlertOn.DRIFT:
        return any(spec.kind is TriggerKind.DRIFT for spec in manifest.triggers)
    decay = [spec.metric for spec in manifest.triggers if spec.kind is TriggerKind.DECAY]
    return on is AlertOn.PERFORMANCE and metric is not None and metric in decay


def judge_windows(manifest: Manifest, closed: Sequence[Window]) -> list[Judged]:
    """All that can be said of a model from its champion's closed windows, the oldest first."""
    rules, width = rules_for(manifest), manifest.monitoring.window
    found: list[Judged] = []
    for kind in (AlertOn.DRIFT, AlertOn.QUALITY):
        rule = rule_for(rules, kind)
        if not rule.off and not is_triggers(manifest, kind):
            found += _judge(rule, FEATURES, closed, _LOOKS[kind], width)
    for kind in OF_METRICS:
        for metric, part in _measured(closed, MEASURED_AS[kind]):
            rule = rule_for(rules, kind, metric)
            if rule.off or is_triggers(manifest, kind, metric) or (part is not None and not rule.slices):
                continue
            subject = metric if part is None else f"{metric}[{part}]"
            found += _judge(rule, subject, closed, _metric_look(kind, metric, part), width)
    return found


def is_watched(manifest: Manifest, kind: str, subject: str) -> bool:
    """Whether a rule or a trigger of the manifest may still raise the alert of this kind and subject."""
    if kind in (TriggerKind.DRIFT, TriggerKind.DECAY) and subject in [spec.name for spec in manifest.triggers]:
        return True
    if kind not in OF_WINDOWS:
        return kind != TriggerKind.DECAY
    on, metric = AlertOn(kind), subject.partition("[")[0]
    if on in _LOOKS and subject != FEATURES:
        return False
    metric_or_none = metric if on in OF_METRICS else None
    rule = rule_for(rules_for(manifest), on, metric_or_none)
    return not (rule.off or is_triggers(manifest, on, metric_or_none) or ("[" in subject and not rule.slices))


Look = Callable[[AlertSpec, Window], _Seen | None]


def _judge(rule: AlertSpec, subject: str, closed: Sequence[Window], look: Look, width: timedelta) -> Iterator[Judged]:
    """Holds, over, or (nothing given) undecided."""
    seen = [found for window in closed if (found := look(rule, window)) is not None]
    if not seen:
        return
    last = seen[-1]
    if not last.bad:
        yield Judged(on=rule.on, subject=subject, holds=False)
        return
    row = _in_a_row(seen, width)
    if len(row) < rule.windows:
        return
    size = min(item.size for item in row[-rule.windows :])
    yield Judged(
        on=rule.on,
        subject=subject,
        holds=True,
        message=last.message,
        severity=severity_of(rule, size),
        at=last.start,
        evidence=dict(last.evidence) | {"window": last.start.isoformat(), "windows": len(row)},
    )


def severity_of(rule: AlertSpec, size: float) -> Severity:
    """Critical from the rule's second threshold on."""
    return Severity.CRITICAL if rule.critical is not None and size >= rule.critical else rule.severity


def _in_a_row(seen: Sequence[_Seen], width: timedelta) -> list[_Seen]:
    """The newest bad windows without a good one, or a gap, between them."""
    row: list[_Seen] = []
    for item in reversed(seen):
        if not item.bad or (row and row[0].start - item.start > width):
            break
        row.insert(0, item)
    return row


def _drift(rule: AlertSpec, window: Window) -> _Seen | None:
    if window.drifted is None:
        return None
    values = {item["feature"]: item.get("value") for item in window.drift if item.get("drifted")}
    farthest = sorted(values, key=lambda name: -(values[name] or 0.0))
    return _Seen(
        start=window.start,
        bad=len(values) >= rule.threshold,
        size=len(values),
        message=f"{_many(len(values), 'feature')} drifted: {_named(farthest)}",
        evidence={"version": window.version, "distances": values},
    )


def _quality(rule: AlertSpec, window: Window) -> _Seen | None:
    checked = _found(window, "quality")
    if not checked:
        return None
    bad = [item for item in checked if item.get("bad")]
    features = list(dict.fromkeys(str(item.get("feature") or "rows") for item in bad))
    said = [f"{item.get('feature') or 'rows'} {str(item.get('check', '')).replace('_', ' ')}" for item in bad]
    return _Seen(
        start=window.start,
        bad=len(features) >= rule.threshold,
        size=len(features),
        message=f"{_many(len(bad), 'check')} of the data failed: {_named(said)}",
        evidence={"version": window.version, "checks": bad},
    )


_LOOKS: dict[AlertOn, Look] = {AlertOn.DRIFT: _drift, AlertOn.QUALITY: _quality}


def _measured(closed: Sequence[Window], kind: str) -> list[tuple[str, str | None]]:
    """Every metric, and slice of it, that any of the windows has a value of this kind of."""
    items = [item for window in closed for item in _found(window, "performance") if item.get("kind") == kind]
    return list(dict.fromkeys((str(item["metric"]), item.get("slice")) for item in items))


def _metric_look(kind: AlertOn, metric: str, part: str | None) -> Look:
    def look(rule: AlertSpec, window: Window) -> _Seen | None:
        item = _item(window, MEASURED_AS[kind], metric, part)
        value = None if item is None else item.get("value")
        if item is None or value is None:
            return None
        bad, limit = _beyond(rule, item, value)
        marked = " (an estimate)" if kind is AlertOn.ESTIMATE else ""
        place = "" if part is None else f" where {part}"
        evidence: dict[str, Any] = {
            name: item.get(name) for name in ("value", "lower", "upper", "n", "low", "high") if name in item
        }
        return _Seen(
            start=window.start,
            bad=bad,
            size=0.0,
            message=f"{metric} is {value:.4g}{place}{limit}{marked}",
            evidence={"version": window.version, "metric": metric, **evidence},
        )

    return look


def _item(window: Window, kind: str, metric: str, part: str | None) -> dict[str, Any] | None:
    measured = _found(window, "performance")
    same = (item for item in measured if item.get("kind") == kind and item.get("metric") == metric)
    return next((item for item in same if item.get("slice") == part), None)


def _beyond(rule: AlertSpec, item: Mapping[str, Any], value: float) -> tuple[bool, str]:
    """Whether a value is beyond the rule's own limits, else whether its measure says so; and the limit in words."""
    own = rule.minimum is not None or rule.maximum is not None
    low, high = (rule.minimum, rule.maximum) if own else (item.get("low"), item.get("high"))
    if low is not None and value < low:
        return own or bool(item.get("alert")), f", below {low:.4g}"
    if high is not None and value > high:
        return own or bool(item.get("alert")), f", above {high:.4g}"
    return not own and bool(item.get("alert")), ""


def _found(window: Window, what: str) -> list[dict[str, Any]]:
    """What was found of a window; nothing where that was not measured."""
    found: list[dict[str, Any]] = getattr(window, what)
    return found


def _named(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _many(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"
