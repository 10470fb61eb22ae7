"""Versions with their gates, and one version in full: verdicts, signature, lineage, run and cause."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.console.queries import timeline
from quarterdeck.console.queries.common import aliases_of, cause_in_words, main_metric
from quarterdeck.console.queries.questions import AskRegistry
from quarterdeck.console.queries.values import Aliases, MetricRow, Registry, VersionDetail, VersionRow
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.gates import overall
from quarterdeck.core.models.signature import Field
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Outcome, VersionState
from quarterdeck.store import ledger, registry, runs, steps


def screen(tx: Connection, environment: str, asked: AskRegistry) -> Registry:
    found = registry.versions(tx, model=asked.model, limit=asked.limit)
    aliases = {name: aliases_of(tx, name, environment) for name in {version.model for version in found}}
    rows = tuple(version_row(tx, version, aliases[version.model]) for version in found)
    selected = asked.selected or ((rows[0].model, rows[0].number) if rows else None)
    return Registry(versions=rows, detail=detail(tx, environment, *selected) if selected else None)


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


def detail(tx: Connection, environment: str, model: str, number: int) -> VersionDetail | None:
    """None for a version that is not there."""
    try:
        version = registry.get(tx, model, number)
    except NotFoundError:
        return None
    aliases = aliases_of(tx, model, environment)
    run = _run(tx, version)
    return VersionDetail(
        row=version_row(tx, version, aliases, run),
        verdicts=version.verdicts,
        metrics=_metrics(tx, version, aliases),
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
    )


def _metrics(tx: Connection, version: Version, aliases: Aliases) -> tuple[MetricRow, ...]:
    """Each metric beside the champion's, that of the first gate first."""
    other = aliases.champion if aliases.champion not in (None, version.number) else None
    champion = registry.get(tx, version.model, other).metrics if other is not None else {}
    main = main_metric(version)
    names = sorted(version.metrics, key=lambda name: (name != main, name))
    return tuple(MetricRow(name=name, value=version.metrics[name], champion=champion.get(name)) for name in names)


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
    """Plain values only; what is nested is for the raw record."""
    plain = {key: value for key, value in run.provenance.items() if isinstance(value, str | int | float | bool)}
    return tuple((key.replace("_", " "), str(value)) for key, value in plain.items())
