"""Versions with their gates, and one version in full: verdicts, signature, lineage, run and cause."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import Connection

from quarterdeck.console.queries import timeline
from quarterdeck.console.queries.common import aliases_of, cause_in_words, main_metric
from quarterdeck.console.queries.questions import AskRegistry
from quarterdeck.console.queries.values import Aliases, MetricRow, Registry, VersionDetail, VersionRow
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.evaluation import Evaluation, Interval, Measured
from quarterdeck.core.gates import overall
from quarterdeck.core.models.signature import Field
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout import step_text
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Outcome, VersionState
from quarterdeck.store import approvals, ledger, registry, rollouts, runs, splits, steps

Evaluations = Callable[[str], Evaluation | None]  # by the artifact's hash; None: it cannot be read


def _no_evaluation(sha256: str) -> None:
    """Where no artifacts are at hand."""


def screen(tx: Connection, environment: str, asked: AskRegistry, evaluations: Evaluations = _no_evaluation) -> Registry:
    found = registry.versions(tx, model=asked.model, limit=asked.limit)
    aliases = {name: aliases_of(tx, name, environment) for name in {version.model for version in found}}
    rows = tuple(version_row(tx, version, aliases[version.model]) for version in found)
    selected = asked.selected or ((rows[0].model, rows[0].number) if rows else None)
    return Registry(versions=rows, detail=detail(tx, environment, *selected, evaluations) if selected else None)


def version_row(tx: Connection, version: Version, aliases: Aliases, run: Run | None = None) -> VersionRow:
    metric = main_metric(version)
    asked = run or _run(tx, version)
    return VersionRow(
        model=version.model,
        number=version.number,
        state=version.state,
        aliases=aliases,
        metric=metric,
        value=version.metrics.get(metric) if metric else None,
        created=version.created,
        passed=sum(result.outcome is Outcome.PASS for result in version.verdicts),
        gates=len(version.verdicts),
        outcome=_outcome(version),
        engine=version.engine.value,
        rows=version.rows,
        size_bytes=version.size_bytes,
        run_id=version.run_id,
        by=asked.requested_by if asked is not None else "import",
    )


def _outcome(version: Version) -> Outcome:
    """A candidate without verdicts has not been asked yet."""
    silent = not version.verdicts and version.state is VersionState.CANDIDATE
    return Outcome.HOLD if silent else overall(version.verdicts)


def _run(tx: Connection, version: Version) -> Run | None:
    return None if version.run_id is None else runs.get(tx, version.run_id)


def detail(
    tx: Connection, environment: str, model: str, number: int, evaluations: Evaluations = _no_evaluation
) -> VersionDetail | None:
    """None for a version that is not there."""
    try:
        version = registry.get(tx, model, number)
    except NotFoundError:
        return None
    aliases = aliases_of(tx, model, environment)
    run = _run(tx, version)
    evaluation = None if version.evaluation is None else evaluations(version.evaluation)
    rollout = rollouts.open_of(tx, environment, model)
    split = splits.find(tx, environment, model)
    return VersionDetail(
        row=version_row(tx, version, aliases, run),
        verdicts=version.verdicts,
        metrics=_metrics(tx, version, aliases, evaluation),
        fields=tuple((field.name, _field(field)) for field in version.signature.fields),
        target=version.signature.target,
        engine_reason=version.engine_reason,
        max_difference=version.max_difference,
        artifact=version.artifact,
        onnx=version.onnx,
        trained_from=version.trained_from,
        trained_to=version.trained_to,
        cause="imported" if run is None else cause_in_words(run.cause),
        provenance=() if run is None else _provenance(run),
        lineage=() if run is None else tuple(steps.lineage_of(tx, run.id)),
        history=tuple(timeline.from_entry(entry) for entry in ledger.entries(tx, subject=version.reference, limit=20)),
        kind=version.kind.value,
        origin=_origin(version),
        gate_set=version.gate_set,
        approvals=tuple(item.person for item in approvals.valid(tx, model, number, environment)),
        rollout=step_text(rollout) if rollout is not None and rollout.version == number else "",
        weight=split.weight if split is not None and split.version == number == aliases.challenger else None,
        held_out=None if evaluation is None else evaluation.rows,
        beside=None if evaluation is None else evaluation.champion,
        weak=_weak(evaluation),
    )


_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _origin(version: Version) -> tuple[tuple[str, str], ...]:
    """Plain values only, as of provenance."""
    known = version.origin or {}
    plain = {key: value for key, value in known.items() if isinstance(value, str | int)}
    return tuple((key.replace("_", " "), _short(str(value))) for key, value in plain.items())


def _weak(evaluation: Evaluation | None) -> tuple[str, ...]:
    if evaluation is None or evaluation.slices is None:
        return ()
    return tuple(item.name for item in evaluation.slices.worst[:3])


def _metrics(
    tx: Connection, version: Version, aliases: Aliases, evaluation: Evaluation | None
) -> tuple[MetricRow, ...]:
    """Each metric beside the champion's, that of the first gate first."""
    other = aliases.champion if aliases.champion not in (None, version.number) else None
    champion = registry.get(tx, version.model, other).metrics if other is not None else {}
    main = main_metric(version)
    names = sorted(version.metrics, key=lambda name: (name != main, name))
    return tuple(
        _metric(
            name, version.metrics[name], champion.get(name), None if evaluation is None else evaluation.measured(name)
        )
        for name in names
    )


def _metric(name: str, value: float, champion: float | None, measured: Measured | None) -> MetricRow:
    if measured is None:
        return MetricRow(name=name, value=value, champion=champion)
    return MetricRow(
        name=name,
        value=value,
        champion=champion,
        interval=_bounds(measured.interval),
        beside=measured.champion,
        difference=_bounds(measured.difference),
    )


def _bounds(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def _field(field: Field) -> str:
    words = [field.kind.value]
    if field.minimum is not None and field.maximum is not None:
        words.append(f"{field.minimum:g} .. {field.maximum:g}")
    if field.categories:
        words.append(f"{len(field.categories)} categories: {', '.join(field.categories[:8])}")
    if field.nullable:
        words.append("may be missing")
    return ", ".join(words)


def _provenance(run: Run) -> tuple[tuple[str, str], ...]:
    """Plain values only; what is nested, and all of a digest, is for the raw record."""
    plain = {key: value for key, value in run.provenance.items() if isinstance(value, str | int | float | bool)}
    dirty = plain.pop("dirty", False)
    found = {key: _short(str(value)) for key, value in plain.items()}
    if dirty and "commit" in found:
        found["commit"] += " and changes that are not committed"
    return tuple((key.replace("_", " "), value) for key, value in found.items())


def _short(value: str) -> str:
    """A digest by its first twelve digits, which is how it is named everywhere."""
    return value[:12] if _DIGEST.fullmatch(value) else value
