"""Why there is a run or a version, and what came of it: alert, trigger, firing, run, version, verdicts, rollouts,
promotions, and what the version caused in its turn, as one tree. The command and the screen show the same.

A link that is not there is a node that says so: a chain is never made whole by leaving out where it is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.common import last_line
from quarterdeck.console.queries.evidence import in_words
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.ledger import ALIAS_ACTS, Entry
from quarterdeck.core.operations import Alert, Firing
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rollout import Rollout, step_text
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Outcome, RunStatus
from quarterdeck.store import alerts, ledger, registry, rollouts, runs, triggers

_SHOWN = 50  # entries, rollouts and alerts of one version
_ACTS = (*ALIAS_ACTS, "approve", "unapprove", "retire", "unretire")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One thing that happened. `asked`: the one that was asked about; `missing`: it ought to be there, and is not."""

    kind: str
    key: str
    at: datetime | None
    text: str
    asked: bool = False
    missing: bool = False
    led_to: tuple[Link, ...] = ()


def why(tx: Connection, environment: str, reference: str) -> Link:
    """The tree of a run ("12") or a version ("flights@3", "flights@champion"), from its first cause on."""
    number = reference.removeprefix("run ").strip()
    if number.isdigit() and len(number) < 12:
        run = runs.get(tx, int(number))
        return _caused(tx, run, replace(_of_run(tx, environment, run), asked=True))
    version = registry.resolve(tx, parse_reference(reference), environment)
    link = replace(_of_version(tx, environment, version), asked=True)
    if version.run_id is None:
        kind = str((version.origin or {}).get("kind", "a file"))
        return Link(
            kind="import", key="-", at=version.created, text=f"no run: it was imported from {kind}", led_to=(link,)
        )
    found = _run(tx, version.run_id)
    if found is None:
        lost = f"run {version.run_id}, which made it, is not in the store"
        return Link(kind="run", key=str(version.run_id), at=None, text=lost, missing=True, led_to=(link,))
    return _caused(tx, found, _run_link(found, (link,)))


def lines(link: Link) -> Iterator[tuple[str, Link]]:
    """Each link with what is drawn before it."""
    yield "", link
    yield from _below(link, "")


def _below(link: Link, indent: str) -> Iterator[tuple[str, Link]]:
    for position, child in enumerate(link.led_to, 1):
        last = position == len(link.led_to)
        yield f"{indent}{'└─ ' if last else '├─ '}", child
        yield from _below(child, indent + ("   " if last else "│  "))


def _caused(tx: Connection, run: Run, link: Link) -> Link:
    """What led to a run, above it."""
    cause = run.cause
    if cause.get("trigger") is None:
        reason = f": {cause['reason']}" if cause.get("reason") else ""
        return Link(
            kind="asked", key=run.requested_by, at=run.requested_at, text=f"{run.requested_by} asked for it{reason}",
            led_to=(link,),
        )  # fmt: skip
    firing = next(iter(triggers.firings(tx, run_id=run.id, limit=1)), None)
    name = f"{run.pipeline}/{cause['trigger']}"
    if firing is None:
        text = f"trigger {name} started it; the firing is not in the store"
        return Link(kind="firing", key=name, at=run.requested_at, text=text, missing=True, led_to=(link,))
    fired = Link(kind="firing", key=str(firing.id), at=firing.at, text=_fired(name, run, firing), led_to=(link,))
    number = firing.alert_id if firing.alert_id is not None else cause.get("alert")
    if number is None:
        return fired
    try:
        return _of_alert(alerts.get(tx, int(number)), (fired,))
    except NotFoundError:
        text = f"alert {number} is not in the store"
        return Link(kind="alert", key=str(number), at=None, text=text, missing=True, led_to=(fired,))


def _fired(name: str, run: Run, firing: Firing) -> str:
    if run.cause.get("by_hand"):
        reason = f": {firing.reason}" if firing.reason else ""
        return f"{run.requested_by} fired trigger {name} by hand{reason}"
    words = in_words(firing)
    return f"trigger {name} ({run.cause.get('kind')}) fired" + (f": {words}" if words else "")


def _of_alert(alert: Alert, led_to: tuple[Link, ...]) -> Link:
    version = alert.evidence.get("version")
    about = f" of {alert.model}@{version}" if version is not None else f" of {alert.model}"
    seen = f", seen {alert.count} times" if alert.count > 1 else ""
    event = f", in data of {alert.event_at:%Y-%m-%d %H:%M}" if alert.event_at is not None else ""
    text = f"{alert.kind}{about}: {alert.message}{event} [{alert.state}{seen}]"
    return Link(kind="alert", key=str(alert.id), at=alert.opened_at, text=text, led_to=led_to)


def _of_run(tx: Connection, environment: str, run: Run) -> Link:
    """A run with what it led to."""
    if run.version is None:
        return _run_link(run, ())
    try:
        version = registry.get(tx, run.pipeline, run.version)
    except NotFoundError:
        text = f"{run.pipeline}@{run.version} is not in the store"
        lost = Link(kind="version", key=f"{run.pipeline}@{run.version}", at=None, text=text, missing=True)
        return _run_link(run, (lost,))
    if version.run_id == run.id:
        return _run_link(run, (_of_version(tx, environment, version),))
    text = f"the same model again, byte for byte: {version.reference}, made by run {version.run_id}"
    return _run_link(run, (Link(kind="version", key=version.reference, at=version.created, text=text),))


def _run_link(run: Run, led_to: tuple[Link, ...]) -> Link:
    sha = run.provenance.get("commit")
    code = f", code at {str(sha)[:10]}{' and changed' if run.provenance.get('dirty') else ''}" if sha else ""
    words = {RunStatus.QUEUED: "waits for a worker", RunStatus.RUNNING: f"is at {run.progress:.0%}"}
    said = words.get(run.status, run.status.value)
    if run.error:
        said += f": {last_line(run.error)}"
    elif run.status is RunStatus.SUCCEEDED and not led_to:
        said += ", and made no version"
    at = run.started_at or run.requested_at
    return Link(kind="run", key=str(run.id), at=at, text=f"of {run.pipeline} {said}{code}", led_to=led_to)


def _of_version(tx: Connection, environment: str, version: Version) -> Link:
    """A version with its verdicts, its rollouts, the acts on it, and what was found out while it answered."""
    passed = sum(result.outcome is Outcome.PASS for result in version.verdicts)
    gates = f"{passed} of {len(version.verdicts)} gates passed" if version.verdicts else "no gates"
    led_to = (
        *(
            Link(kind="gate", key=item.gate, at=None, text=f"{item.outcome}: {item.reason}")
            for item in version.verdicts
        ),
        *_history(tx, environment, version),
    )
    text = f"registered, {gates}; it is {version.state} now"
    return Link(kind="version", key=version.reference, at=version.created, text=text, led_to=led_to)


def _history(tx: Connection, environment: str, version: Version) -> list[Link]:
    known = rollouts.page(tx, environment, model=version.model, limit=10 * _SHOWN)
    found = [_of_rollout(item) for item in known if item.version == version.number][:_SHOWN]
    entries = ledger.entries(tx, subject=version.reference, limit=_SHOWN)
    found += [_of_entry(entry) for entry in entries if entry.act in _ACTS]
    for alert in alerts.page(tx, model=version.model, limit=10 * _SHOWN):
        if alert.evidence.get("version") == version.number:
            found.append(_of_alert(alert, _runs_of(tx, alert)))
    return sorted(found, key=lambda link: (link.at or version.created, link.kind, link.key))


def _runs_of(tx: Connection, alert: Alert) -> tuple[Link, ...]:
    """The trainings that an alert led to; each is asked about by itself."""
    fired = reversed(triggers.firings(tx, alert_id=alert.id, fired=True, limit=_SHOWN))
    return tuple(
        Link(kind="run", key=str(item.run_id), at=item.at, text=f"was started for it: `quarterdeck why {item.run_id}`")
        for item in fired
        if item.run_id is not None
    )


def _of_rollout(rollout: Rollout) -> Link:
    where = step_text(rollout) if rollout.open else f"ended {rollout.ended_at:%Y-%m-%d %H:%M}"
    reason = f": {rollout.reason}" if rollout.reason else ""
    text = f"in {rollout.environment}, {rollout.spec.strategy}, {rollout.state.replace('_', ' ')}, {where}{reason}"
    return Link(kind="rollout", key=str(rollout.id), at=rollout.started_at, text=text)


def _of_entry(entry: Entry) -> Link:
    names: Any = entry.after if isinstance(entry.after, dict) else {}
    live = f", champion is {names['champion']}" if names.get("champion") else ""
    place = f" in {entry.environment}" if entry.environment else ""
    reason = f": {entry.reason}" if entry.reason else ""
    text = f"{entry.act} by {entry.actor}{place}{live}{reason}"
    return Link(kind="ledger", key=str(entry.seq), at=entry.at, text=text)


def _run(tx: Connection, number: int) -> Run | None:
    try:
        return runs.get(tx, number)
    except NotFoundError:
        return None
