"""The pipelines, the runs and triggers of one of them, and the steps of one run."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from quarterdeck.console.formats import trigger_condition
from quarterdeck.console.queries.common import cause_in_words
from quarterdeck.console.queries.questions import AskPipelines
from quarterdeck.console.queries.values import PipelineRow, Pipelines, RunRow, StepRow, TriggerRow
from quarterdeck.core.operations import Trigger
from quarterdeck.core.runs import Run
from quarterdeck.store import pipelines, runs, steps, triggers
from quarterdeck.store.pipelines import Pipeline


def screen(tx: Connection, asked: AskPipelines, on_disk: Iterable[Pipeline] = ()) -> Pipelines:
    """A run that is asked for by number shows its own pipeline. Of the workspace's own files (`on_disk`) those are
    shown that the store has not seen yet.
    """
    stored = {pipeline.name: pipeline for pipeline in pipelines.every(tx)}
    both = {pipeline.name: pipeline for pipeline in on_disk} | stored
    found = [both[name] for name in sorted(both)]
    names = [pipeline.name for pipeline in found]
    wanted = runs.get(tx, asked.run_id) if asked.run_id is not None else None
    name = asked.pipeline or (wanted.pipeline if wanted else None) or (names[0] if names else None)
    of = None if asked.everywhere else name
    listed = runs.page(tx, pipeline=of, status=asked.status, limit=asked.limit) if name else []
    mine = wanted is not None and (asked.everywhere or wanted.pipeline == name)
    run = wanted if mine else next(iter(listed), None)
    return Pipelines(
        pipelines=tuple(_pipeline(tx, pipeline) for pipeline in found),
        pipeline=name,
        runs=tuple(run_row(item) for item in listed),
        triggers=trigger_rows(tx, name) if name else (),
        run=None if run is None else run_row(run),
        steps=step_rows(tx, run.id) if run is not None else (),
    )


def _pipeline(tx: Connection, pipeline: Pipeline) -> PipelineRow:
    last = next(iter(runs.page(tx, pipeline=pipeline.name, limit=1)), None)
    found = triggers.every(tx, pipeline.name)
    fires = [trigger.next_fire_at for trigger in found if trigger.next_fire_at is not None and not trigger.paused]
    return PipelineRow(
        name=pipeline.name,
        task=pipeline.task,
        owner=pipeline.owner,
        description=pipeline.description,
        last_run=None if last is None else last.id,
        last_status=None if last is None else last.status,
        last_at=None if last is None else last.finished_at or last.started_at or last.requested_at,
        unfinished=len(runs.unfinished(tx, pipeline.name)),
        triggers=len(found),
        paused=sum(trigger.paused for trigger in found),
        next_fire=min(fires, default=None),
    )


def run_row(run: Run) -> RunRow:
    return RunRow(
        id=run.id,
        pipeline=run.pipeline,
        status=run.status,
        progress=run.progress,
        message=run.message,
        cause=cause_in_words(run.cause),
        by=run.requested_by,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        attempt=run.attempt,
        cancelling=run.cancel_requested,
        error=run.error,
        version=run.version,
    )


def step_rows(tx: Connection, run_id: int) -> tuple[StepRow, ...]:
    """In the order of the graph."""
    return tuple(
        StepRow(
            name=step.name,
            uses=step.uses,
            inputs=step.inputs,
            status=step.status,
            progress=step.progress,
            message=step.message,
            error=step.error,
            attempt=step.attempt,
            started_at=step.started_at,
            finished_at=step.finished_at,
        )
        for step in steps.of_run(tx, run_id)
    )


def trigger_rows(tx: Connection, pipeline: str) -> tuple[TriggerRow, ...]:
    return tuple(trigger_row(tx, trigger) for trigger in triggers.every(tx, pipeline))


def trigger_row(tx: Connection, trigger: Trigger) -> TriggerRow:
    last = triggers.last_firing(tx, trigger.id)
    word = "" if last is None else (f"run {last.run_id}" if last.fired else last.reason)
    return TriggerRow(
        id=trigger.id,
        pipeline=trigger.pipeline,
        name=trigger.name,
        kind=trigger.kind,
        condition=trigger_condition(trigger.kind, trigger.spec),
        paused=trigger.paused,
        last_fired=trigger.last_fired_at,
        next_fire=trigger.next_fire_at,
        last_word=word,
    )
