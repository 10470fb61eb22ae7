"""What the loop was worth: the champion's error after the first promotion, beside that of the one it replaced.

Both are measured on the same logged rows: the answers that clients got, and what the first champion, frozen, says to
the same inputs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from quarterdeck.core.ledger import Entry
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.metrics.losses import DEFAULT_LOSS, row_losses
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.predictors import SklearnPredictor
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Task
from quarterdeck.scheduler.replay.player import Tally
from quarterdeck.scheduler.results import Results
from quarterdeck.scheduler.state import State
from quarterdeck.store import duels, ledger, registry, traffic_queries, triggers
from quarterdeck.store.artifacts import ArtifactStore

METRIC_OF = {
    Task.BINARY: "brier_score_loss",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "mean_absolute_error",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """One pipeline's line of the closing table. Errors are mean row losses: lower is better."""

    champion_before: int
    champion_after: int
    triggered_by: str | None
    verdict: str | None
    metric: str
    frozen_error: float | None  # the first champion's, had it stayed
    after_error: float | None  # of the answers that clients got
    rows: int  # labelled rows behind the two errors
    requests: int
    failures: int
    refused: int
    p50_ms: float | None
    p99_ms: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def close(state: State, manifest: Manifest, first: int, tally: Tally) -> Closing:
    """Measure a pipeline at the end of its replay. `first` is the champion it began with."""
    with state.database.read() as tx:
        champion = registry.aliases(tx, manifest.name, state.environment)[Alias.CHAMPION]
        frozen = registry.get(tx, manifest.name, first)
        promotions = [e for e in ledger.entries(tx, subject=manifest.name, act="promote", limit=1000) if e.before]
        fired = [firing for firing in triggers.firings(tx, pipeline=manifest.name, limit=1000) if firing.fired]
        met = duels.latest(tx, state.environment, manifest.name)
        names = {trigger.id: trigger.kind.value for trigger in triggers.every(tx, manifest.name)}
    errors = _errors(state, frozen, _since(promotions))
    return Closing(
        champion_before=first,
        champion_after=champion,
        triggered_by=names.get(fired[-1].trigger_id) if fired else None,
        verdict=_verdict(met, promotions),
        metric=METRIC_OF[manifest.task],
        frozen_error=errors[0],
        after_error=errors[1],
        rows=errors[2],
        requests=tally.requests,
        failures=tally.failures,
        refused=tally.refused,
        p50_ms=tally.quantile(0.5),
        p99_ms=tally.quantile(0.99),
    )


def _since(promotions: list[Entry]) -> int:
    """The wall clock, in microseconds, of the first promotion over a champion; 0 if there was none."""
    return int(promotions[-1].at.timestamp() * 1e6) if promotions else 0


def _verdict(met: list[duels.Duel], promotions: list[Entry]) -> str | None:
    """The verdict that promoted, or else the newest one."""
    if promotions:
        return "promote"
    return met[0].decision.value if met else None


def _errors(state: State, frozen: Version, since: int) -> tuple[float | None, float | None, int]:
    """(frozen, served, rows) on the labelled answers given after `since`."""
    with state.traffic.read() as tx:
        rows = traffic_queries.labelled_answers(tx, frozen.model, since=since)
    if not rows:
        return None, None, 0
    model = Results(state.database, ArtifactStore(state.workspace.artifacts)).load(frozen.artifact)
    assert isinstance(model, FittedModel)
    inputs = [json.loads(row.inputs) for row in rows]
    columns = {name: [item[name] for item in inputs] for name in frozen.signature.names}
    answers = SklearnPredictor(model.estimator, frozen.signature).predict(columns)
    labels = [json.loads(row.label) for row in rows]
    multiclass = frozen.signature.task is Task.MULTICLASS
    served: list[Any] = [json.loads(row.probabilities) if multiclass else row.score for row in rows]
    would_be = answers.probabilities if multiclass else answers.scores
    assert would_be is not None
    return _loss(frozen, labels, would_be), _loss(frozen, labels, served), len(rows)


def _loss(version: Version, labels: list[Any], scores: Any) -> float:
    task, classes = version.signature.task, version.signature.classes
    return float(row_losses(task, labels, scores, classes=classes, loss=DEFAULT_LOSS[task]).mean())
