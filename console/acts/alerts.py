"""Acts on alerts: seen, silenced, resolved by hand. Who did it, when and why is in the ledger, under "alert N"."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from quarterdeck.console.acts.guard import audit_of, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.alerting import WORKSPACE
from quarterdeck.core.alerting_spec import AlertOn
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.operations import Alert, Silence
from quarterdeck.core.rights import Right
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import TriggerKind
from quarterdeck.store import alerts, ledger, pipelines, registry, silences
from quarterdeck.store.workspace import pipelines as pipeline_files

LONGEST = timedelta(days=366)  # a silence
# What alerts are raised about: the rules', those of triggers, and of files that cannot be used.
KINDS = (*(kind.value for kind in AlertOn), TriggerKind.DECAY.value, "trigger", "manifest")


def acknowledge(console: Console, alert_id: int, *, reason: str = "") -> Alert:
    """A person has seen it, and looks after it."""
    with permitted(console, Right.OPERATE, act="acknowledge", subject=f"alert {alert_id}") as tx:
        audit = audit_of(console, reason)
        before = alerts.get(tx, alert_id)
        after = alerts.acknowledge(tx, alert_id, by=console.actor, now=audit.at)
        ledger.append(tx, audit, act="acknowledge", subject=f"alert {alert_id}", **_states(before, after))
        return after


def resolve_alert(console: Console, alert_id: int, *, reason: str = "") -> Alert:
    """Its cause has gone, a person says; where it has not, it opens again when it is next seen."""
    with permitted(console, Right.OPERATE, act="resolve_alert", subject=f"alert {alert_id}") as tx:
        audit = audit_of(console, reason)
        before = alerts.get(tx, alert_id)
        after = alerts.resolve_by_hand(tx, alert_id, by=console.actor, now=audit.at)
        ledger.append(tx, audit, act="resolve_alert", subject=f"alert {alert_id}", **_states(before, after))
        return after


def silence_alert(console: Console, alert_id: int, *, lasting: timedelta | None, reason: str = "") -> Silence:
    """Hear no more of an alert for so long, or (None) until it is resolved."""
    _checked(lasting)
    with permitted(console, Right.OPERATE, act="silence", subject=f"alert {alert_id}") as tx:
        audit = audit_of(console, reason)
        before = alerts.get(tx, alert_id)
        until = None if lasting is None else audit.at + lasting
        after, made = alerts.silence(tx, alert_id, until=until, reason=reason, by=console.actor, now=audit.at)
        states = _states(before, after)
        states["after"] |= {"silence": made.id, "until": until}
        ledger.append(tx, audit, act="silence", subject=f"alert {alert_id}", **states)
        return made


def silence_cause(console: Console, cause: str, *, lasting: timedelta, reason: str = "") -> tuple[Silence, list[Alert]]:
    """Hear nothing of MODEL/KIND or MODEL/KIND/ABOUT for so long, also of what is not there yet; "*" is every kind."""
    model, kind, subject = parse_cause(cause)
    _checked(lasting)
    if kind not in (silences.ANY, *KINDS):
        hint = expected_names(kind, (silences.ANY, *KINDS))
        raise NotFoundError(f"there are no alerts of the kind {kind!r}", hint=hint)
    with permitted(console, Right.OPERATE, act="silence", subject=cause) as tx:
        _known(tx, console, model)
        audit = audit_of(console, reason)
        about = {"reason": reason, "by": console.actor}
        silenced, made = alerts.silence_cause(
            tx, model=model, kind=kind, subject=subject, until=audit.at + lasting, now=audit.at, **about
        )
        after = {"silence": made.id, "until": made.until, "alerts": [alert.id for alert in silenced]}
        ledger.append(tx, audit, act="silence", subject=cause, after=after)
        return made, silenced


def end_silence(console: Console, silence_id: int, *, reason: str = "") -> Silence:
    """A silence holds no more: what it silenced and still goes on is open again."""
    with permitted(console, Right.OPERATE, act="end_silence", subject=f"silence {silence_id}") as tx:
        audit = audit_of(console, reason)
        ended = silences.end(tx, silence_id, by=console.actor, now=audit.at)
        opened = [alert.id for alert in alerts.keep_silences(tx, audit.at)]
        before = {"silence": silence_id, "until": ended.until}
        subject = ended.target
        ledger.append(tx, audit, act="end_silence", subject=subject, before=before, after={"alerts": opened})
        return ended


def unsilence_alert(console: Console, alert_id: int, *, reason: str = "") -> Alert:
    """End whatever silences an alert: its own silence, and that of its cause."""
    with permitted(console, Right.OPERATE, act="end_silence", subject=f"alert {alert_id}") as tx:
        audit = audit_of(console, reason)
        before = alerts.get(tx, alert_id)
        cause = {"model": before.model, "kind": before.kind, "subject": before.subject}
        ended = []
        while (found := silences.holding(tx, **cause, alert_id=alert_id, now=audit.at)) is not None:
            ended.append(silences.end(tx, found.id, by=console.actor, now=audit.at).id)
        alerts.keep_silences(tx, audit.at)
        states = _states(before, alerts.get(tx, alert_id))
        states["before"] |= {"silences": ended}
        ledger.append(tx, audit, act="end_silence", subject=f"alert {alert_id}", **states)
        return alerts.get(tx, alert_id)


def parse_cause(text: str) -> tuple[str, str, str | None]:
    """MODEL/KIND, or MODEL/KIND/ABOUT."""
    model, _, rest = text.partition("/")
    kind, slash, subject = rest.partition("/")
    if not model or not kind or (slash and not subject):
        hint = "write MODEL/KIND, as flights/drift or flights/*, or MODEL/KIND/ABOUT, as `monitor alerts` shows them"
        raise UsageError(f"{text!r} names no cause of alerts", hint=hint)
    return model, kind, subject or None


def _known(tx: Connection, console: Console, model: str) -> None:
    """A slip of the pen must not be a silence that silences nothing."""
    on_disk = [name for name, _ in pipeline_files(console.workspace)]
    names = sorted({*registry.models(tx), *(item.name for item in pipelines.every(tx)), *on_disk, WORKSPACE})
    if model not in names:
        raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, names))


def _checked(lasting: timedelta | None) -> None:
    if lasting is not None and not timedelta(0) < lasting <= LONGEST:
        raise UsageError("a silence lasts longer than nothing, and at most 366 days", hint='say "4h", or "2d"')


def _states(before: Alert, after: Alert) -> dict[str, dict[str, object]]:
    cause = {"model": after.model, "kind": after.kind, "about": after.subject}
    return {"before": {"state": before.state.value}, "after": {"state": after.state.value, **cause}}
