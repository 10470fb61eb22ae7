"""Every model on one line, with what happened lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from quarterdeck.console.queries import timeline
from quarterdeck.console.queries.common import aliases_of, monitored
from quarterdeck.console.queries.rollouts import row_of
from quarterdeck.console.queries.values import Aliases, Health, ModelRow, Monitored, Overview, Traffic
from quarterdeck.core.operations import Alert
from quarterdeck.core.runs import Run, StepRun
from quarterdeck.core.values import AlertState, RunStatus, Severity, StepStatus
from quarterdeck.store import alerts, pipelines, registry, rollouts, runs, steps


def overview(tx: Connection, environment: str, traffic: Mapping[str, Traffic], on_disk: Iterable[str] = ()) -> Overview:
    """All pipelines and models. `traffic` is what the prediction log says, by endpoint; `on_disk` names the
    workspace's pipelines, which the store knows only once something has run.
    """
    names = sorted({pipeline.name for pipeline in pipelines.every(tx)} | set(registry.models(tx)) | set(on_disk))
    unresolved = alerts.page(tx, unresolved=True, limit=1_000)
    return Overview(
        models=tuple(
            _row(
                tx,
                name,
                environment,
                traffic.get(name, Traffic()),
                [a for a in unresolved if a.model == name],
            )
            for name in names
        ),
        events=timeline.latest(tx, environment),
    )


def _row(tx: Connection, model: str, environment: str, traffic: Traffic, unresolved: list[Alert]) -> ModelRow:
    aliases = aliases_of(tx, model, environment)
    champion = None if aliases.champion is None else registry.get(tx, model, aliases.champion)
    seen, _ = monitored(tx, champion)
    newest = registry.versions(tx, model=model, limit=1)
    work, progress, run = _work(tx, model, environment)
    health, why = _health(aliases, seen, unresolved, run)
    return ModelRow(
        model=model,
        health=health,
        why=why,
        aliases=aliases,
        traffic=traffic,
        monitored=seen,
        open_alerts=sum(alert.state is AlertState.OPEN for alert in unresolved),
        work=work,
        progress=progress,
        run_id=None if run is None else run.id,
        versions=newest[0].number if newest else 0,
    )


def _work(tx: Connection, model: str, environment: str) -> tuple[str, float | None, Run | None]:
    """What runs for the model now: words and progress; else its rollout, and the last run."""
    unfinished = runs.unfinished(tx, model)
    running = next((run for run in unfinished if run.status is RunStatus.RUNNING), None)
    if running is not None:
        return (
            f"run {running.id} {_step_at_work(steps.of_run(tx, running.id))}".strip(),
            running.progress,
            running,
        )
    if unfinished:
        return f"run {unfinished[0].id} queued", None, unfinished[0]
    last = runs.page(tx, pipeline=model, limit=1)
    rollout = rollouts.open_of(tx, environment, model)
    work = "" if rollout is None else row_of(tx, rollout).work
    return work, None, last[0] if last else None


def _step_at_work(found: list[StepRun]) -> str:
    return next((step.name for step in found if step.status is StepStatus.RUNNING), "")


def _health(aliases: Aliases, seen: Monitored, unresolved: list[Alert], run: Run | None) -> tuple[Health, str]:
    """The worst of what is known, and why."""
    worst = sorted(unresolved, key=lambda alert: -alert.severity.rank)
    opened = [alert for alert in worst if alert.state is AlertState.OPEN]
    if opened and opened[0].severity is not Severity.INFO:
        return Health.ALERT, opened[0].message
    if run is not None and run.status is RunStatus.FAILED:
        return Health.FAILED, f"run {run.id} failed"
    if aliases.champion is None:
        return Health.IDLE, "no champion: promote a version" if run else "no version yet: start a run with T"
    if worst:
        first = (opened or [alert for alert in worst if alert.state is AlertState.ACKNOWLEDGED] or worst)[0]
        return Health.WATCH, first.message if opened else f"{first.state}: {first.message}"
    if seen.drifted:
        return Health.WATCH, f"{seen.drifted} of {seen.watched} features drifted"
    if aliases.challenger is not None:
        return Health.OK, f"version {aliases.challenger} challenges the champion"
    return Health.OK, "nothing to report"
