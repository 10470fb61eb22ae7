"""How much the prediction log holds, and what retention will do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.field_checks import nearest
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.store import registry
from quarterdeck.store.traffic_holds import holds
from quarterdeck.store.traffic_log import Share, has_endpoint, label_counts, older_than, shares
from quarterdeck.store.traffic_removal import Hold, Removed, removed
from quarterdeck.store.traffic_space import space_of
from quarterdeck.store.traffic_writers import lost_rows

MB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What retention does by the settings of now."""

    keep_days: float | None  # None: whatever their age
    max_bytes: int | None  # None: whatever the size
    older: int  # rows beyond the age, which go unless they are needed
    over_bytes: int  # beyond the size: the oldest rows go until it is within
    needed: tuple[Hold, ...]  # rows that stay whatever their age and the size


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """The whole log."""

    rows: int
    first: datetime | None
    last: datetime | None
    used_bytes: int
    free_bytes: int  # of the file: pages that the next rows fill, or that go back to the disk
    shares: tuple[Share, ...]
    labels: dict[str, int]
    retention: Plan
    removed: tuple[Removed, ...]  # by retention, ever
    lost: int  # answers of every endpoint that killed processes had not logged, ever


def holding(console: Console, now: datetime, endpoint: str | None = None) -> Holding:
    """Count it all, or one endpoint's rows of it; a second or so for a few million rows."""
    settings = console.settings
    space = space_of(console.traffic)
    bound = settings.max_mb * MB or None
    with console.database.read() as database, console.traffic.read() as tx:
        found = [share for share in shares(tx) if endpoint in (None, share.endpoint)]
        plan = Plan(
            keep_days=settings.keep_days or None,
            max_bytes=bound,
            older=older_than(tx, now - timedelta(days=settings.keep_days)) if settings.keep_days else 0,
            over_bytes=max(0, space.used - bound) if bound else 0,
            needed=tuple(holds(database, tx, console.environment)),
        )
        return Holding(
            rows=sum(share.rows for share in found),
            first=min((share.first for share in found), default=None),
            last=max((share.last for share in found), default=None),
            used_bytes=space.used,
            free_bytes=space.free,
            shares=tuple(found),
            labels={name: rows for name, rows in label_counts(tx).items() if endpoint in (None, name)},
            retention=plan,
            removed=tuple(item for item in removed(tx) if endpoint in (None, item.endpoint)),
            lost=lost_rows(tx),
        )


def check_endpoint(console: Console, endpoint: str) -> None:
    """NotFoundError where there is no such model, nor an answer of one; it names the one that is spelt most alike."""
    with console.database.read() as database, console.traffic.read() as tx:
        known = registry.models(database)
        if endpoint in known or has_endpoint(tx, endpoint):
            return
    near = nearest(endpoint, known)
    hint = f"did you mean {near}?" if near else "`quarterdeck traffic show` lists them"
    raise NotFoundError(f"there is no endpoint {endpoint}", hint=hint)


def signatures_of(console: Console, endpoint: str) -> list[Signature]:
    """Of every version of the model, the newest first; NotFoundError where there is none."""
    with console.database.read() as tx:
        found = [version.signature for version in registry.versions(tx, model=endpoint, limit=100_000)]
    if not found:
        raise NotFoundError(f"there is no endpoint {endpoint}", hint="`quarterdeck traffic show` lists them")
    return found


def check_confidence(console: Console, endpoint: str | None) -> None:
    """UsageError where a bound on confidence means nothing: a value has none, and endpoints differ."""
    if endpoint is None:
        raise UsageError("--confidence-below needs one endpoint", hint="give --endpoint NAME")
    if signatures_of(console, endpoint)[0].task is Task.REGRESSION:
        raise UsageError(f"{endpoint} gives values, which have no confidence", hint="leave --confidence-below out")


def columns_of(signatures: list[Signature]) -> tuple[dict[str, str], str]:
    """The kinds of the inputs by name, and of the answers: wide enough for every version."""
    fields: dict[str, str] = {}
    for signature in signatures:
        for field in signature.fields:
            fields[field.name] = _wider(fields.get(field.name), field.kind)
    return fields, _outcome(signatures)


def _wider(known: str | None, kind: FieldKind) -> str:
    if known is None or known == kind:
        return kind.value
    numbers = (FieldKind.NUMBER.value, FieldKind.INTEGER.value)
    return FieldKind.NUMBER.value if known in numbers and kind in numbers else FieldKind.STRING.value


def _outcome(signatures: list[Signature]) -> str:
    if all(signature.task is Task.REGRESSION for signature in signatures):
        return FieldKind.NUMBER.value
    labels = [label for signature in signatures for label in signature.classes or ("",)]
    return (FieldKind.INTEGER if all(isinstance(label, int) for label in labels) else FieldKind.STRING).value
