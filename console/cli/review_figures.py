"""What `quarterdeck review stats` prints."""

from __future__ import annotations

from typing import Any

from quarterdeck.console.cli.output import print_fields, print_table
from quarterdeck.console.queries.review_stats import ReviewStats
from quarterdeck.core.review import OPEN, State
from quarterdeck.core.review_estimates import MetricEstimate


def stats_json(found: ReviewStats) -> dict[str, Any]:
    agreed = found.agreement
    return {
        "model": found.model, "version": found.version, "enabled": found.queue.enabled,
        "spec": found.queue.spec.to_json(), "rate": found.queue.rate, "thinned": found.queue.thinned,
        "states": found.states, "skips": found.skips, "reviewers": found.reviewers, "reasons": found.reasons,
        "agreement": agreed, "chosen": found.chosen, "labelled": found.labelled, "trained_at": found.trained_at,
        "labels_since_training": found.labels_since,
        "metrics": [
            {"name": metric.name, "weighted": metric.weighted, "interval": metric.interval,
             "naive": metric.naive, "why": metric.why}
            for metric in found.metrics
        ],
    }  # fmt: skip


def print_stats(found: ReviewStats) -> None:
    open_, done = sum(found.states[state] for state in OPEN), found.states[State.USED] + found.states[State.DECIDED]
    answered, expired = found.states[State.ANSWERED], found.states[State.EXPIRED]
    agreed = found.agreement
    kappa = (
        "" if agreed is None or agreed.kappa is None else f", kappa {agreed.kappa:.2f} +- {agreed.standard_error:.2f}"
    )
    print_fields([
        ("model", f"{found.model}@{found.version}" + ("" if found.queue.enabled else ", [review] was taken out")),
        ("waiting", f"{open_} ({found.states[State.CONFLICT]} in conflict, {found.skips} skips)"),
        ("decided", f"{done} by people, {answered} by feedback, {expired} expired"),
        ("chosen", _shares(found)),
        ("rate", f"{found.queue.rate:g}" + (f", {found.queue.thinned} gave way" if found.queue.thinned else "")),
        ("agreement", "-" if agreed is None else f"{agreed.share:.1%} of {agreed.n} judged by two{kappa}"),
        ("reasons", ", ".join(f"{name} {count}" for name, count in found.reasons.items()) or None),
        ("new labels", f"{found.labels_since} since the last training"),
    ])  # fmt: skip
    print()
    people = [(one.person, one.decided, one.accepted, one.corrected, one.last_at) for one in found.reviewers]
    print_table(
        ("reviewer", "decided", "accepted", "corrected", "last"), people, empty="Nobody has decided anything yet."
    )
    print()
    rows = [(m.name, *_weighted(m), m.naive, m.why) for m in found.metrics]
    columns = ("on all predictions", "estimate", "std. error", "95 % interval", "reviewed rows alone", "note")
    print_table(columns, rows, empty="No metrics.")


def _shares(found: ReviewStats) -> str:
    parts = [
        f"{name} {found.labelled.get(name, 0)} of {count} labelled" for name, count in sorted(found.chosen.items())
    ]
    return ", ".join(parts) or "nothing of this version yet"


def _weighted(metric: MetricEstimate) -> tuple[float | None, float | None, str | None]:
    if metric.weighted is None or metric.interval is None:
        return None, None, None
    low, high = metric.interval
    return metric.weighted.value, metric.weighted.standard_error, f"{low:.4f} .. {high:.4f}"
