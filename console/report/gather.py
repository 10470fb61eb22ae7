"""What the report says, read from the store: values only, the same for the page and for --json."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.console.queries.monitoring import ErrorDrift, error_drift, known_model
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.operations import Alert, Window
from quarterdeck.core.profile_values import BinCounts, Counts, FeatureProfile, Profile
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias
from quarterdeck.store import alerts, duels, registry, traffic_queries, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.live_at import live_at
from quarterdeck.store.traffic import micros

log = logging.getLogger(__name__)

WINDOWS = 120
ALERTS = 30
MOST_BARS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One feature's shares in the reference and in the window, over the same bins."""

    feature: str
    bins: tuple[str, ...]
    reference: tuple[float, ...]
    window: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything about one model at one time. `last` is the newest judged window of the champion."""

    model: str
    environment: str
    made_at: datetime
    champion: Version | None
    live_since: datetime | None
    challenger: int | None
    windows: tuple[Window, ...]
    last: Window | None
    distributions: tuple[Distribution, ...]
    error_drift: tuple[ErrorDrift, ...]
    alerts: tuple[Alert, ...]
    duels: tuple[duels.Duel, ...]


def gather(console: Console, model: str, now: datetime) -> Report:
    """NotFoundError where there is no such model."""
    with console.database.read() as tx:
        known_model(tx, model)
        names = registry.aliases(tx, model, console.environment)
        number = names.get(Alias.CHAMPION)
        champion = None if number is None else registry.get(tx, model, number)
        found = [] if number is None else windows.last(tx, model, version=number, limit=WINDOWS)
        judged = [window for window in found if window.drift]
        last = judged[-1] if judged else None
        return Report(
            model=model,
            environment=console.environment,
            made_at=now,
            champion=champion,
            live_since=_since(tx, console.environment, model, now),
            challenger=names.get(Alias.CHALLENGER),
            windows=tuple(found),
            last=last,
            distributions=_distributions(console, champion, last),
            error_drift=() if number is None else tuple(error_drift(tx, console.traffic, model, number)),
            alerts=tuple(alerts.page(tx, model=model, limit=ALERTS)),
            duels=tuple(duels.latest(tx, console.environment, model, limit=3)),
        )


def _since(tx: Connection, environment: str, model: str, now: datetime) -> datetime | None:
    """When the champion became it, by the ledger."""
    found = (live for live in live_at(tx, now) if (live.environment, live.model) == (environment, model))
    return next((live.entry.at for live in found if live.champion is not None), None)


def _distributions(console: Console, champion: Version | None, last: Window | None) -> tuple[Distribution, ...]:
    """None where profile or counts are gone or cannot be read: the report then has its numbers without the plots."""
    if champion is None or last is None or champion.profile is None:
        return ()
    place = console.settings.artifacts_url or console.workspace.artifacts
    try:
        profile = Profile.from_json(json.loads(ArtifactStore(place).get(champion.profile)))
        with console.traffic.read() as tx:
            _, text = traffic_queries.counted(tx, last.model, last.version, micros(last.start))
        counts = Counts.from_json(json.loads(text)) if text else None
    except (QuarterdeckError, ValueError, KeyError) as error:
        log.error("the report shows no distributions: %s", error)
        return ()
    if counts is None:
        return ()
    return tuple(
        distribution(feature, counts.features[feature.name])
        for feature in profile.features
        if feature.name in counts.features
    )


def distribution(feature: FeatureProfile, window: BinCounts) -> Distribution:
    """Shares over at most some twenty bins: neighbouring bins of a number, and all but the first categories, are put
    together.
    """
    groups = _groups(feature)
    both = [_shares(side.with_missing, groups) for side in (feature.reference, window)]
    names = [_name(feature, group) for group in groups]
    used = [at for at in range(len(groups)) if both[0][at] or both[1][at]]
    return Distribution(
        feature=feature.name,
        bins=tuple(names[at] for at in used),
        reference=tuple(both[0][at] for at in used),
        window=tuple(both[1][at] for at in used),
    )


def _groups(feature: FeatureProfile) -> list[range]:
    """Which bins are shown as one; missing rows are the last."""
    bins = len(feature.reference.counts)
    if not feature.is_number:
        shown = min(len(feature.categories), MOST_BARS - 2)
        groups = [*(range(at, at + 1) for at in range(shown)), range(shown, bins)]
    else:
        step = max(1, -(-bins // MOST_BARS))
        groups = [range(at, min(at + step, bins)) for at in range(0, bins, step)]
    return [*groups, range(bins, bins + 1)]


def _shares(counts: Sequence[int], groups: Sequence[range]) -> list[float]:
    total = sum(counts)
    return [sum(counts[at] for at in group) / total if total else 0.0 for group in groups]


def _name(feature: FeatureProfile, group: range) -> str:
    if group.start == len(feature.reference.counts):
        return "missing"
    if not feature.is_number:
        return feature.categories[group.start] if group.stop <= len(feature.categories) else "others"
    edges: list[Any] = [None, *feature.edges, None]
    low, high = edges[group.start], edges[group.stop]
    if low is None and high is None:
        return "all"
    if low is None:
        return f"below {high:.4g}"
    return f"{low:.4g} to {high:.4g}" if high is not None else f"{low:.4g} and more"
